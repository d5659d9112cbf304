/** More classes are behind a sentence: the most probable ones are shown. */
const CLASSES_SHOWN = 12;

/** The probabilities of the classes as bars. With many classes, the most probable ones. */
class AnswerPanel {
  /** @param {HTMLElement} root @param {string[]} classes */
  constructor(root, classes) {
    this.classes = classes;
    this.isComplete = classes.length <= CLASSES_SHOWN;
    this.rows = classes.slice(0, CLASSES_SHOWN).map(() => new ProbabilityRow());
    this.list = element('ol', { class: 'probabilities', 'aria-label': 'Probabilities' },
      ...this.rows.map(({ node }) => node));
    this.best = element('b', { class: 'best' });
    root.append(element('h2', {}, 'Answer'), this.best, this.list);
    if (!this.isComplete)
      root.append(paragraph(`The ${CLASSES_SHOWN} most probable of ${classes.length} classes.`, 'quiet'));
  }

  /** @param {Float32Array} probabilities @param {number|null} label  the right class, if it is chosen */
  show(probabilities, label) {
    const order = orderBySize(probabilities);
    setText(this.best, this.classes[order[0]]);
    this.rows.forEach((row, i) => {
      const k = this.isComplete ? i : order[i];
      row.show(this.classes[k], probabilities[k], k === order[0], k === label);
    });
  }
}

/** One bar. Its elements stay while its numbers change, so that nothing flickers. */
class ProbabilityRow {
  constructor() {
    this.name = element('span', { class: 'name' });
    this.fill = element('i');
    this.percent = element('span', { class: 'n' });
    this.node = element('li', {}, this.name, element('span', { class: 'bar' }, this.fill), this.percent);
  }

  show(name, probability, isBest, isRight) {
    setText(this.name, name);
    this.name.title = name;
    this.fill.style.width = `${100 * probability}%`;
    setText(this.percent, percentText(probability));
    this.node.classList.toggle('likeliest', isBest);
    this.node.classList.toggle('right', isRight);
  }
}
