/**
 * The whole page: keeps what is shown (network, image, direction, pointed value), and lets its parts show it.
 *
 * Changes are collected and shown once in a frame of the browser, so a fast pointer never piles up work.
 */
class NetworkPage {
  /** @param {object} data  of the page, see CnnNetwork */
  constructor(data) {
    this.original = this.network = new CnnNetwork(data);
    Object.assign(this, { mode: 'forward', label: 0, isLabelAssumed: true, isHeld: false, back: null });
    Object.assign(this, { steps: null, stepsOfAll: 0 });
    this.colors = new ValueColors();
    this.#tellAbout(data);
    this.#buildStrip();
    this.#buildDetails();
    this.answer = new AnswerPanel(byId('answer-panel'), this.network.classes);
    this.controls = new StepControls(byId('controls'), this.network, {
      onMode: (mode) => this.#turn(mode),
      onLabel: (label) => this.#change('image', { label, isLabelAssumed: false, steps: null }),
      onRate: () => this.#change('pointed', {}),
      onStep: () => this.#step(),
      onReset: () => this.#change('image', { network: this.original, steps: null, stepsOfAll: 0 }),
    });
    this.input = new InputPanel(byId('input-panel'), byId('input-tools'), this.network, {
      onImage: (image, label) => this.#setImage(image, label),
      onDraw: (image) => this.#change('image', { image, steps: null }),
      onStrokeEnd: () => this.#arrange(),
    });
    this.#followColorScheme();
    this.input.start();
  }

  #tellAbout(data) {
    byId('title').textContent = data.title || data.name;
    const isGray = this.network.inputShape[0] === 1;
    byId('summary').textContent = `${counted(this.network.layers.length, 'layer')}, ` +
      `${counted(data.parameters, 'parameter')}, ${counted(data.macs, 'multiply-add')} for an image. ` +
      `${isGray ? 'Draw, choose' : 'Choose'} or drop an image, then point at any value to see how it is computed.`;
    byId('limits').hidden = this.network.canGoBack;
    byId('limits').textContent = `This network takes ${counted(data.macs, 'multiply-add')} for an image. That is too ` +
      'much for the backward pass in a browser, so this page shows the forward pass only.';
  }

  #buildStrip() {
    const listeners = {
      onPoint: (layer, index, isKey = false) => this.#point(layer, index, isKey),
      onHold: (layer, index) => this.#hold(layer, index),
      onMore: () => this.#change('pointed', {}),
      pointedIn: (layer) => (this.pointed?.layer === layer ? this.pointed.index : -1),
    };
    const input = { index: -1, name: 'input', shape: this.network.inputShape, facts: inputFacts(this.network) };
    const layers = this.network.layers.map((layer) => ({
      index: layer.index, name: layer.name, shape: layer.outputShape, facts: layerFacts(this.network, layer),
    }));
    layers.at(-1).labels = this.network.classes;
    this.columns = [input, ...layers].map((layer) => new LayerColumn(layer, this.colors, listeners));
    byId('strip').append(...this.columns.map(({ node }) => node));
    new ResizeObserver(() => this.#tellAboutStrip()).observe(byId('strip'));
  }

  /** Above the layers: that there are more of them than one sees, and how a value is held. */
  #tellAboutStrip() {
    const strip = byId('strip'), isWider = strip.scrollWidth > strip.clientWidth;
    setText(byId('strip-note'), 'Point at a value, click to hold it.' +
      (isWider ? ` Scroll the strip sideways for all ${counted(this.network.layers.length, 'layer')} →` : ''));
  }

  #buildDetails() {
    this.slide = new SlideControl((index) => this.#point(this.pointed.layer, index, true));
    this.forward = new ForwardDetail(byId('forward'), this.colors, this.slide);
    this.backward = new BackwardDetail(byId('backward'), (layer, index) => this.#follow(layer, index));
    this.parameter = new ParameterDetail(byId('parameter'), this.colors, {
      onTerms: (layer, sum, term) => this.#mark(marksOfParameter(this.network, layer, sum, term)),
      onHold: () => {
        this.isHeld = true;
        this.#tellPointed();
      },
    });
    document.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') this.#release();
    });
  }

  #column(layer) {
    return this.columns[layer + 1];
  }

  /** Another image, with its class if it is known. */
  #setImage(image, label) {
    this.#change('image', { image, label: label ?? 0, isLabelAssumed: label === null, steps: null });
    this.#arrange();
  }

  /** Sorts the maps by activity; not while somebody draws, so that no map jumps away. */
  #arrange() {
    const { input, layers } = this.#forward();
    for (const column of this.columns) column.arrange(column.index < 0 ? input : layers[column.index].output);
    this.#change('image', {});
  }

  /** The forward pass of this image by this network, computed once. */
  #forward() {
    if (this.pass?.image !== this.image || this.passedThrough !== this.network) {
      this.pass = this.network.forward(this.image);
      this.passedThrough = this.network;
    }
    return this.pass;
  }

  /** As long as nobody has said which class is right, it is the answer to this image by the weights of now. */
  #assumeLabel() {
    if (!this.isLabelAssumed || this.assumedFor === this.image) return;
    this.label = orderBySize(this.#forward().probabilities)[0];
    this.assumedFor = this.image;
  }

  /** Changes the direction. The way back begins at the loss, unless a value is held. */
  #turn(mode) {
    this.slide.stop();
    this.#assumeLabel();
    const atTheLoss = { layer: this.network.layers.length - 1, index: this.label };
    const goesToTheLoss = mode === 'backward' && !this.isHeld;
    this.#change('image', { mode, pointed: goesToTheLoss ? atTheLoss : this.pointed });
    if (goesToTheLoss) this.#scrollTo(atTheLoss.layer);
  }

  /** Goes to a value of another layer, and scrolls to it. */
  #follow(layer, index) {
    this.#point(layer, index, true);
    this.#scrollTo(layer);
  }

  /** Scrolls the layers sideways until this one is in the middle, as far as that goes. */
  #scrollTo(layer) {
    const strip = byId('strip'), { node } = this.#column(layer);
    strip.scrollLeft = node.offsetLeft - (strip.clientWidth - node.clientWidth) / 2;
  }

  /** One step against the gradient of this image, on this page only. */
  #step() {
    if (this.isImageNew) this.#show(); // Pressed again within a frame: the gradient is still that before the last step.
    const { count, lossBefore } = this.steps ?? { count: 0, lossBefore: this.back.loss };
    const network = this.network.withStep(this.back, this.controls.learningRate);
    const stepsOfAll = this.stepsOfAll + 1;
    this.#change('image', { network, steps: { count: count + 1, lossBefore }, stepsOfAll });
  }

  #point(layer, index, isForced) {
    if (this.isHeld && !isForced) return;
    if (this.pointed?.layer === layer && this.pointed.index === index) return;
    if (!isForced || layer !== this.pointed?.layer) this.slide.stop();
    this.#change('pointed', { pointed: { layer, index } });
  }

  /** Holds a value, or lets it go if it is held, and with it the parameter that is held. */
  #hold(layer, index) {
    this.slide.stop();
    const isSame = this.pointed.layer === layer && this.pointed.index === index;
    if (this.isHeld && isSame) return this.#release();
    this.#change('pointed', { pointed: { layer, index }, isHeld: true });
  }

  #release() {
    this.slide.stop();
    this.parameter.release();
    this.#change('pointed', { isHeld: false });
  }

  /** Notes a change and shows it with the next frame. @param {'image'|'pointed'} what  an image changes everything */
  #change(what, changes) {
    Object.assign(this, changes);
    this.isImageNew ||= what === 'image';
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#show();
    });
  }

  #show() {
    if (this.isImageNew) this.#compute();
    this.isImageNew = false;
    this.pointed ??= { layer: 0, index: this.#column(0).strongest() };
    this.#showPointed();
  }

  /** Both passes, and what they put out in every layer. */
  #compute() {
    this.#forward();
    this.#assumeLabel();
    this.back = this.mode === 'backward' ? this.network.backward(this.pass, this.label) : null;
    this.input.show(this.image);
    this.answer.show(this.pass.probabilities, this.back ? this.label : null);
    this.controls.show(this.mode, this.back, this.isLabelAssumed, this.steps, this.stepsOfAll);
    for (const column of this.columns) {
      const symbol = column.index < 0 ? 'x' : 'y';
      column.show(this.#valuesOf(column.index), this.back ? `d${symbol}` : symbol);
    }
    document.body.dataset.mode = this.mode;
  }

  /** What the pictures of a layer show: its outputs, or their gradients on the way back. */
  #valuesOf(layer) {
    if (this.back) return layer < 0 ? this.back.input : this.back.layers[layer].output;
    return layer < 0 ? this.pass.input : this.pass.layers[layer].output;
  }

  #showPointed() {
    const { network, pass, back, pointed } = this;
    const layer = network.layers[pointed.layer];
    this.#tellPointed();
    byId('forward').hidden = back !== null;
    byId('backward').hidden = back === null;
    if (back) {
      this.backward.show(network, pass, back, pointed);
      this.#mark(marksOfGradient(network, back, pass, pointed.layer, pointed.index));
      this.parameter.show(network, pass, back, pointed, this.controls.learningRate);
      return;
    }
    byId('parameter').hidden = true;
    if (layer) this.slide.show(layer, pointed.index);
    this.forward.show(network, pass, pointed);
    const marks = layer ? marksOfOutput(network, layer, network.outputTerms(layer, pass, pointed.index)) : new Map();
    this.#mark(marks);
  }

  #tellPointed() {
    const { layer, index } = this.pointed, name = layer < 0 ? 'input' : this.network.layers[layer].name;
    byId('readout').textContent = `${name}, ${valueText(this.network, layer, index)}: ` +
      `${this.back ? 'gradient ' : ''}${shortNumber(this.#valuesOf(layer)[index])}` +
      `${this.isHeld ? '. Held: click it again to let it go.' : ''}`;
  }

  /** @param {Map<number, object>} marks  see marks.js */
  #mark(marks) {
    for (const column of this.columns) {
      const mark = marks.get(column.index);
      column.light(mark?.lit ?? null);
      const pointed = column.index === this.pointed.layer ? this.pointed.index : -1;
      column.frame(mark?.framed ?? pointed, mark?.window ?? null);
    }
  }

  /** Draws everything again when the page changes between light and dark. */
  #followColorScheme() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.colors.read();
      this.#change('image', {});
    });
  }
}

new NetworkPage(JSON.parse(byId('network-data').textContent));
