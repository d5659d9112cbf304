/**
 * The gradients of the parameters behind the pointed output: choose a weight or a bias, and see every output pixel
 * that it touched, with its term of the sum.
 */
class ParameterDetail {
  /**
   * @param {HTMLElement} root
   * @param {ValueColors} colors
   * @param {{onTerms: function(object, object, object=), onHold: function()}} listeners  onTerms gets (layer, sum of
   *     terms, pointed term) to light them up; onHold: a parameter is held, so the value behind it should be, too
   */
  constructor(root, colors, listeners) {
    Object.assign(this, { root, colors, ...listeners, inputMap: null, place: null, isHeld: false, held: null });
    this.note = paragraph('', 'quiet hold-note');
    this.choice = element('div', { class: 'choice' });
    this.working = element('div', { class: 'working' });
    root.append(this.choice, this.working);
  }

  /**
   * Shows the parameters that made the pointed output; none for layers without.
   * @param {number} learningRate  of the next step
   */
  show(network, pass, back, pointed, learningRate) {
    const layer = network.layers[pointed.layer];
    const hasParameters = layer && Object.keys(back.layers[layer.index].parameters).length > 0;
    this.root.hidden = !hasParameters;
    if (!hasParameters) return;
    if (this.layer?.index !== layer.index) Object.assign(this, { inputMap: null, place: null, isHeld: false });
    const [channel] = positionOf(layer.outputShape, pointed.index);
    const shown = { network, pass, back, layer, learningRate, channel };
    const isSame = Object.entries(shown).every(([name, value]) => this[name] === value);
    Object.assign(this, shown);
    // What is there already stays, and with it the focus.
    if (!isSame) this.refresh();
    else if (this.isHeld) this.onTerms(layer, this.#terms());
  }

  /** After a choice within the same output. */
  refresh() {
    this.#showChoice();
    this.#showChosen();
  }

  #showChoice() {
    const { layer } = this;
    this.markers = [];
    this.choice.replaceChildren(
      element('h2', {}, `${layer.name}: parameters of ${madeText(layer, this.channel)}`),
      paragraph(layer.type === 'dense'
        ? 'Every weight of a dense layer met one input only, so its gradient is a single term.'
        : 'The gradient of a parameter is the sum over every output pixel it touched. Point at a parameter to see it.'),
      ...PARAMETER_CHOICES[layer.type](this), this.note);
  }

  /** Shows the terms of another parameter. @param {'weight'|'bias'} kind @param {number} index */
  choose(kind, index) {
    this.place = { kind, index };
    if (this.isHeld) this.held = this.place;
    this.#mark();
    this.onTerms(this.layer, this.#showTerms());
  }

  /** Holds a parameter that is then chosen, or lets it go if it is the one that is held. */
  press(kind, index) {
    const isSame = this.held?.kind === kind && this.held.index === index;
    this.isHeld = !(this.isHeld && isSame);
    if (this.isHeld) this.onHold();
  }

  release() {
    this.isHeld = false;
    this.#mark();
  }

  /** Frames the chosen parameter, and says whether it is held. */
  #mark() {
    if (this.root.hidden || !this.layer) return;
    for (const mark of this.markers) mark(this.chosen());
    setText(this.note, this.isHeld ? 'Held: click it again or press Escape to let it go.'
      : 'Point at a parameter; click to hold it.');
  }

  /** The terms light up in the layers only for a held parameter; else the pointed value has its own marks. */
  #showChosen() {
    if (this.isHeld) this.held = this.chosen();
    this.#mark();
    const sum = this.#showTerms();
    if (this.isHeld) this.onTerms(this.layer, sum);
  }

  /** The terms of the chosen parameter's gradient. */
  #terms() {
    const { layer, network, pass, back } = this, { kind, index } = this.chosen();
    return kind === 'bias' ? network.biasTerms(layer, back, index) : network.weightTerms(layer, pass, back, index);
  }

  /** The chosen parameter: at the same place of its kernel as the one before, at first the largest gradient. */
  chosen() {
    if (!this.layer.parameters.weight || this.place?.kind === 'bias') return { kind: 'bias', index: this.channel };
    const { first, count } = this.weightsShown();
    const place = this.place ? this.place.index % count : orderBySize(this.gradients('weight', first, count))[0];
    return { kind: 'weight', index: first + place };
  }

  /** The weights to choose from: a kernel from one input map, or all weights of the output. */
  weightsShown() {
    const { shape } = this.layer.parameters.weight, count = countOf(shape.slice(1));
    if (this.layer.type !== 'conv') return { first: this.channel * count, count };
    const area = count / shape[1];
    return { first: this.channel * count + this.inputMap * area, count: area };
  }

  /** Part of the gradients of the layer's weights or biases. */
  gradients(kind, first, count) {
    return this.back.layers[this.layer.index].parameters[kind].subarray(first, first + count);
  }

  /** Shows the sum that makes the gradient of the chosen parameter, and gives it. */
  #showTerms() {
    const { layer, back } = this, { kind, index } = this.chosen(), sum = this.#terms();
    const gradient = back.layers[layer.index].parameters[kind][index];
    this.working.replaceChildren(
      element('h3', {}, parameterName(layer, kind, index)),
      paragraph(gradientFormula(layer, kind, index), 'formula'),
      ...(sum.terms.length > 1 ? this.#pictures(sum) : []),
      gradientTable(layer, kind, sum),
      paragraph(`The same number from the backward pass, as a check: ${shortNumber(gradient)}. ` +
        this.#stepText(kind, index, gradient)));
    return sum;
  }

  /** The terms as pictures, one cell for each output pixel that the parameter touched. */
  #pictures(sum) {
    const line = paragraph('Point at a cell to see its term; click to hold it.', 'formula pointed-term');
    const grids = termGrids(this.layer, sum.terms, this.colors);
    const row = linkedGrids(grids, ['×', '='], 'Terms of the gradient', (place) => {
      line.textContent = this.#termText(sum.terms[place]);
      this.onTerms(this.layer, sum, sum.terms[place]);
    });
    return [row, line];
  }

  /** One term, and what it does to the parameter. */
  #termText(term) {
    const rate = this.learningRate, change = shortNumber(-rate * term.product);
    return `${termText(this.layer, term)}. In one step, this term alone changes the parameter by ` +
      `−${shortNumber(rate)} × ${factorText(term.product)} = ${change}.`;
  }

  /** How one step changes the parameter. */
  #stepText(kind, index, gradient) {
    const before = this.layer.parameters[kind].values[index], rate = this.learningRate;
    const name = this.layer.type === 'batch_norm' ? { weight: 'scale', bias: 'shift' }[kind] : kind;
    const [from, to] = changeTexts(before, -rate * gradient);
    return `One step with learning rate ${shortNumber(rate)} changes the ${name} from ${from} to ` +
      `${from} − ${shortNumber(rate)} × ${factorText(gradient)} = ${to}; ` +
      `each term moves the ${name} by −${shortNumber(rate)} × term.`;
  }
}

/** The gradients at all output pixels, the inputs that the parameter met there, and the products. */
function termGrids(layer, terms, colors) {
  const d = gradientSymbol(layer), isBias = terms[0].value === undefined;
  const map = terms[0].outputPosition[0];
  const shown = isBias ? [[`${d} of map ${map}: all added up; places with ${d} = 0 add nothing`, 'gradient']]
    : [[`${d} there`, 'gradient'], ['input it met', 'value'], ['term', 'product']];
  return shown.map(([caption, key]) =>
    new PictureGrid(caption, layer.outputShape[2], terms.map((term) => ({ value: term[key] })), colors));
}
