/** The slider's ends and start as powers of ten. */
const LEAST_RATE_POWER = -4, MOST_RATE_POWER = 0, FIRST_RATE_POWER = -2;

/** The bar above the layers: direction, right class, loss, learning rate, and one step of training. */
class StepControls {
  /**
   * @param {HTMLElement} root
   * @param {CnnNetwork} network
   * @param {{onMode: function(string), onLabel: function(number), onRate: function(), onStep: function(),
   *     onReset: function()}} listeners  a mode is 'forward' or 'backward'
   */
  constructor(root, network, listeners) {
    Object.assign(this, listeners);
    this.label = element('select', { onchange: () => this.onLabel(Number(this.label.value)) },
      ...network.classes.map((name, k) => element('option', { value: k }, name)));
    this.slider = element('input', { type: 'range', min: LEAST_RATE_POWER, max: MOST_RATE_POWER, step: 0.25,
      value: FIRST_RATE_POWER, oninput: () => this.#rateChanged() });
    this.rateText = element('output', {});
    this.assumed = element('span', { class: 'assumed', title: 'the answer of the network; choose the right class' },
      ' assumed');
    this.loss = element('output', { class: 'loss' });
    this.changed = element('span', { class: 'changed', role: 'status' });
    this.reset = element('button', { type: 'button', class: 'undo', onclick: () => this.onReset() }, 'Undo');
    this.backward = element('div', { class: 'backward-controls' }, ...this.#backwardParts());
    // What changes with each step has its own lines below the button, so that the button stays under the pointer.
    this.steps = element('p', { class: 'steps' }, this.changed, this.reset);
    root.append(this.#modes(network.canGoBack), this.backward, this.loss, this.steps);
    root.addEventListener('submit', (event) => event.preventDefault());
    this.#rateChanged();
  }

  get learningRate() {
    return 10 ** Number(this.slider.value);
  }

  /**
   * @param {string} mode
   * @param {object|null} back  of the backward pass
   * @param {boolean} isAssumed  whether nobody has said which class is right
   * @param {{count: number, lossBefore: number}|null} steps  taken with this image and this class
   * @param {number} stepsOfAll  taken with any image: they have changed the weights
   */
  show(mode, back, isAssumed, steps, stepsOfAll) {
    this.backward.hidden = this.loss.hidden = mode !== 'backward';
    this.steps.hidden = mode !== 'backward' && stepsOfAll === 0;
    this.reset.hidden = stepsOfAll === 0;
    setText(this.changed, stepsOfAll === 0 ? '' : `weights changed by ${counted(stepsOfAll, 'step')}`);
    if (!back) return;
    this.label.value = back.label;
    this.assumed.classList.toggle('said', !isAssumed);
    this.assumed.setAttribute('aria-hidden', String(!isAssumed));
    setText(this.loss, steps === null ? `loss ${shortNumber(back.loss)}`
      : `loss ${shortNumber(steps.lossBefore)} → ${shortNumber(back.loss)} after ${counted(steps.count, 'step')}`);
  }

  #modes(canGoBack) {
    const radio = (mode, text) => element('label', { class: 'mode' },
      element('input', { type: 'radio', name: 'mode', value: mode, checked: mode === 'forward',
        disabled: mode === 'backward' && !canGoBack, onchange: () => this.onMode(mode) }), element('span', {}, text));
    return element('fieldset', { class: 'modes' }, element('legend', { class: 'unseen' }, 'Direction'),
      radio('forward', 'Forward'), radio('backward', 'Backward'));
  }

  #backwardParts() {
    return [
      element('label', { class: 'field' }, 'right class ', this.label, this.assumed),
      element('label', { class: 'field' }, 'learning rate ', this.slider, this.rateText),
      element('button', { type: 'button', class: 'step', onclick: () => this.onStep() }, 'One step'),
    ];
  }

  #rateChanged() {
    this.rateText.textContent = shortNumber(this.learningRate);
    this.onRate();
  }
}
