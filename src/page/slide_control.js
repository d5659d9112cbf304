/** Pause between two positions of the kernel, and with how many positions a slide goes through a whole map. */
const SLIDE_PAUSE_MS = 60, SLIDE_POSITIONS = 150;

/**
 * The button that moves the kernel over its map. For people who prefer reduced motion, each press moves it by one
 * position.
 */
class SlideControl {
  /** @param {function(number)} onMove  gets the index of the next output of the same map */
  constructor(onMove) {
    this.onMove = onMove;
    this.timer = null;
    this.isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.button = element('button', { type: 'button', onclick: () => this.#press() });
    this.text = element('span', { class: 'quiet' });
    this.node = element('p', { class: 'slide' }, this.button, this.text);
    this.#label();
  }

  /** Tells which output is shown, so that the slide goes on from there. */
  show(layer, index) {
    Object.assign(this, { layer, index });
    const [, row, column] = positionOf(layer.outputShape, index), [, height, width] = layer.outputShape;
    this.text.textContent = `position ${row * width + column + 1} of ${height * width}; the kernel stays the same`;
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.#label();
  }

  #press() {
    if (this.timer) this.stop();
    else if (this.isStill) this.#move(1);
    else this.#start();
  }

  #start() {
    const area = this.layer.outputShape[1] * this.layer.outputShape[2];
    const step = Math.max(1, Math.round(area / SLIDE_POSITIONS));
    this.timer = setInterval(() => this.#move(step), SLIDE_PAUSE_MS);
    this.#label();
  }

  /** Goes on row by row, and from the last position to the first one. */
  #move(step) {
    const area = this.layer.outputShape[1] * this.layer.outputShape[2], first = this.index - this.index % area;
    this.onMove(first + (this.index % area + step) % area);
  }

  #label() {
    this.button.textContent = this.timer ? 'Stop' : this.isStill ? 'Next position' : 'Slide the kernel';
    this.button.setAttribute('aria-pressed', String(this.timer !== null));
  }
}
