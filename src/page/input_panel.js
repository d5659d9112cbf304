/** What the program calls an example that it has generated, because it was given no image. */
const GENERATED_NAME = 'a generated image';

/** The input: the drawing board, its tools, and the example images. */
class InputPanel {
  /**
   * @param {HTMLElement} root  gets the drawing board
   * @param {HTMLElement} tools  gets examples and buttons
   * @param {CnnNetwork} network
   * @param {{onImage: function(Float32Array, number|null), onDraw: function(Float32Array), onStrokeEnd: function()}}
   *     listeners  onImage: another image with its class, if it is known
   */
  constructor(root, tools, network, listeners) {
    Object.assign(this, { network, onImage: listeners.onImage });
    this.board = new DrawingBoard(network.inputShape, this.#ink(), {
      onDraw: (image) => this.#drawn(image, listeners),
      onStrokeEnd: listeners.onStrokeEnd,
    });
    this.message = paragraph('', 'quiet message');
    this.message.setAttribute('role', 'status');
    this.picker = element('input', { type: 'file', accept: 'image/*', hidden: true, onchange: () => this.#picked() });
    root.append(this.board.node);
    tools.append(this.#examples(), this.#tools(), this.message);
    acceptDroppedFiles((file) => this.open(file));
  }

  /** The image at the start: the first example, or a blank one. */
  start() {
    if (this.network.data.examples.length > 0) this.#choose(0);
    else this.clear();
  }

  show(image) {
    this.board.show(image);
  }

  clear() {
    this.#mark(-1);
    this.onImage(this.board.blank(), null);
  }

  /** Opens an image file. @param {File} file */
  async open(file) {
    try {
      const image = await readImageFile(file, this.network.data.input);
      this.#mark(-1);
      this.onImage(image, null);
      this.message.textContent = '';
    } catch (error) {
      this.message.textContent = error.message;
    }
  }

  /** A stroke is dark on light images, and light on dark ones. */
  #ink() {
    const { examples } = this.network.data, [, height, width] = this.network.inputShape;
    if (examples.length === 0) return 1;
    const image = this.network.example(0);
    let border = 0;
    for (let x = 0; x < width; ++x) border += image[x] + image[(height - 1) * width + x];
    return border / (2 * width) > 0.5 ? 0 : 1;
  }

  #tools() {
    const open = element('button', { type: 'button', onclick: () => this.picker.click() }, 'Open an image');
    if (!this.board.canDraw) return element('div', { class: 'tools' }, open, this.picker);
    const clear = element('button', { type: 'button', onclick: () => this.clear() }, 'Clear');
    const eraser = element('button', { type: 'button', 'aria-pressed': 'false' }, 'Eraser');
    eraser.addEventListener('click', () => {
      this.board.isErasing = !this.board.isErasing;
      eraser.setAttribute('aria-pressed', String(this.board.isErasing));
    });
    return element('div', { class: 'tools' }, clear, eraser, open, this.picker);
  }

  #examples() {
    this.buttons = this.network.data.examples.map(({ name, label }, i) => {
      const title = label === null ? name : `${name}, class ${this.network.classes[label]}`;
      const [, height, width] = this.network.inputShape, canvas = element('canvas', { width, height });
      paintImage(canvas, this.network.example(i));
      const attributes = { class: 'example', title, 'aria-label': `Example ${title}`, 'aria-pressed': 'false' };
      return element('button', { type: 'button', ...attributes, onclick: () => this.#choose(i) }, canvas);
    });
    return element('div', { class: 'examples', role: 'group', 'aria-label': 'Examples' }, ...this.buttons,
      ...this.#generatedNote());
  }

  /** Examples that are no image files have this name. */
  #generatedNote() {
    if (!this.network.data.examples.some(({ name }) => name === GENERATED_NAME)) return [];
    return [element('span', { class: 'quiet generated' },
      'Generated patterns, not from your data; cnn-inspect --image FILE puts your own images here.')];
  }

  #choose(example) {
    this.#mark(example);
    this.onImage(this.network.example(example), this.network.data.examples[example].label);
  }

  #mark(example) {
    this.buttons.forEach((button, i) => button.setAttribute('aria-pressed', String(i === example)));
  }

  #drawn(image, { onDraw }) {
    this.#mark(-1);
    onDraw(image);
  }

  #picked() {
    if (this.picker.files.length > 0) this.open(this.picker.files[0]);
    this.picker.value = '';
  }
}
