/** More input maps of a convolution are added up in one row. */
const PARTS_SHOWN = 8;

/** "y = relu(z) = max(0, z) = 6.22", or an empty text if there is no activation function. */
function activationText({ activation, output }) {
  if (activation === 'none') return '';
  const name = `${activation}(z)`, formula = ACTIVATION_FORMULAS[activation];
  return `y = ${name}${formula === name ? '' : ` = ${formula}`} = ${shortNumber(output)}`;
}

/** How one output value is computed, with its numbers. */
class ForwardDetail {
  /**
   * @param {HTMLElement} root
   * @param {ValueColors} colors
   * @param {SlideControl} slide  moves the kernel over the map
   */
  constructor(root, colors, slide) {
    Object.assign(this, { root, colors, slide, inputMap: null });
    // The button of the slide stays in its place, so that it keeps the focus and the pointer.
    this.workings = element('div', {});
    this.notes = element('div', {});
    root.append(slide.node, this.workings, this.notes);
  }

  /**
   * @param {CnnNetwork} network
   * @param {object} pass
   * @param {{layer: number, index: number}} pointed  layer -1: a value of the input
   */
  show(network, pass, pointed) {
    Object.assign(this, { network, pass, pointed });
    const layer = network.layers[pointed.layer];
    this.slide.node.hidden = layer?.type !== 'conv';
    this.notes.replaceChildren(...(layer ? notesOf(layer) : []));
    if (!layer) return this.#showInput();
    const terms = network.outputTerms(layer, pass, pointed.index);
    this.workings.replaceChildren(
      detailHeading(layer.name, outputText(layer, pointed.index), terms.output),
      paragraph(FORWARD_TEXTS[layer.type](layer)),
      ...(WORKINGS[layer.type] ?? oneTermWorkings)(layer, terms, this),
      ...(layer.index === network.layers.length - 1 ? [softmaxNote(network, pass, pointed.index)] : []));
  }

  /** Shows the window of another input map. */
  chooseInputMap(map) {
    this.inputMap = map;
    this.show(this.network, this.pass, this.pointed);
    this.workings.querySelector('[aria-pressed="true"]').focus();
  }

  #showInput() {
    const { network, pass, pointed } = this, { mean, std } = network.data.input;
    const [channel] = positionOf(network.inputShape, pointed.index);
    const value = pass.input[pointed.index];
    this.workings.replaceChildren(
      detailHeading('input', placeText(network.inputShape, pointed.index), value, 'x'),
      paragraph('Pixels are normalized before the first layer: the mean of the training images is subtracted, and ' +
        'the rest is divided by their standard deviation.'),
      paragraph(`x = (${shortNumber(pass.image[pointed.index])} − ${factorText(mean[channel])}) / ` +
        `${shortNumber(std[channel])} = ${shortNumber(value)}`, 'formula'));
  }
}

/** "conv1: map 3, row 5, column 17 y = 6.22" */
function detailHeading(layer, place, value, symbol = 'y') {
  const text = ` ${symbol} = ${shortNumber(value)}`;
  return element('h2', {}, `${layer}: ${place}`, element('span', { class: 'value' }, text));
}

/** How an output of the last layer becomes a probability. */
function softmaxNote(network, pass, index) {
  return paragraph('The outputs of the last layer are the logits, one for each class. Softmax turns them into ' +
    `probabilities, which add up to 1: p(${network.classes[index]}) = exp(y) / (sum of exp(y) over all classes) = ` +
    `${shortNumber(pass.probabilities[index])}.`);
}

/** What is true for all outputs of a layer: sharing, size, and the warning about its size. */
function notesOf(layer) {
  return [
    ...(layer.type === 'conv' ? [paragraph(sharingText(layer))] : []),
    ...(layer.window && layer.type !== 'global_avg_pool' ? [paragraph(sizeText(layer), 'quiet')] : []),
    ...(layer.warning ? [paragraph(layer.warning, 'remark')] : []),
  ];
}

/** What the types of layers show below the sentence. Each gives elements from (layer, terms, detail). */
const WORKINGS = {
  conv: convWorkings,
  dense: denseWorkings,
  max_pool: poolWorkings,
  avg_pool: poolWorkings,
  global_avg_pool: poolWorkings,
  flatten: flattenWorkings,
  batch_norm: normWorkings,
  residual: residualWorkings,
};

/** The terms of a convolution's output, by input map: {channel, terms, sum}. */
function partsOfSum(layer, terms) {
  const area = layer.window.kernel[0] * layer.window.kernel[1], parts = [];
  for (let first = 0; first < terms.terms.length; first += area) {
    const ofMap = terms.terms.slice(first, first + area);
    const sum = ofMap.reduce((total, { product }) => total + product, 0);
    parts.push({ channel: ofMap[0].inputPosition[0], terms: ofMap, sum });
  }
  return parts;
}

function convWorkings(layer, terms, detail) {
  const parts = partsOfSum(layer, terms), order = orderBySize(parts.map(({ sum }) => sum));
  const chosen = parts.find(({ channel }) => channel === detail.inputMap) ?? parts[order[0]];
  return [
    element('div', { class: 'beside' }, windowProducts(layer, terms, chosen, detail.colors),
      ...(parts.length > 1 ? [partsList(parts, order, chosen, detail)] : [])),
    paddingNote(chosen),
    ...convSums(terms, parts, order),
  ].filter(Boolean);
}

/** The window of one input map, the kernel on top of it, and their products. */
function windowProducts(layer, terms, part, colors) {
  const columns = layer.window.kernel[1], outputMap = terms.position[0];
  const cells = (value) => part.terms.map((term) => ({ value: value(term), padding: term.input < 0 }));
  const products = counted(part.terms.length, 'product');
  const caption = paragraph(`map ${part.channel}: ${products}, sum ${shortNumber(part.sum)}`, 'formula');
  const weights = part.terms.map(({ weight }) => ({ value: weight }));
  const grids = [
    valueGrid(`inputs, map ${part.channel}`, columns, cells(({ value }) => value), colors),
    valueGrid(`kernel, map ${part.channel} to ${outputMap}`, columns, weights, colors),
    valueGrid('products', columns, cells(({ product }) => product), colors),
  ];
  const explain = (cell) => {
    const { value, weight, product } = part.terms[cell];
    caption.textContent = `${factorText(value)} × ${factorText(weight)} = ${shortNumber(product)}`;
  };
  return element('div', {}, linkedGrids(grids, ['×', '='], 'Inputs under the kernel', explain), caption);
}

/** What each input map adds to the sum; one of them shows its window. */
function partsList(parts, order, chosen, detail) {
  const largest = Math.abs(parts[order[0]].sum);
  const buttons = order.slice(0, PARTS_SHOWN).map((i) => {
    const { channel, sum } = parts[i], width = largest > 0 ? 100 * Math.abs(sum) / largest : 0;
    const fill = element('i', { style: `width: ${width}%`, class: sum < 0 ? 'negative' : null });
    const choose = () => detail.chooseInputMap(channel);
    const attributes = { type: 'button', class: 'part', 'aria-pressed': String(channel === chosen.channel) };
    return element('button', { ...attributes, onclick: choose }, element('span', {}, `map ${channel}`),
      element('span', { class: 'bar' }, fill), element('span', { class: 'n' }, shortNumber(sum)));
  });
  const rest = order.length - buttons.length;
  const label = 'Input maps, the largest part of the sum first';
  return element('div', { class: 'parts', role: 'group', 'aria-label': label },
    element('h3', {}, 'The sum, by input map'), ...buttons,
    ...(rest > 0 ? [paragraph(`and ${counted(rest, 'smaller part')}`, 'quiet')] : []));
}

function paddingNote(part) {
  const count = part.terms.filter(({ input }) => input < 0).length;
  if (count === 0) return null;
  return paragraph(`${count} of the ${part.terms.length} places of the window lie in the padding. ` +
    'They count as 0, so the weights that meet them add nothing.');
}

/** "map 0: 6.154, bias: 0.066; together z = 6.22", and the activation. */
function convSums(terms, parts, order) {
  const summands = order.slice(0, PARTS_SHOWN).map((i) => [`map ${parts[i].channel}`, parts[i].sum]);
  const others = order.slice(PARTS_SHOWN).reduce((sum, i) => sum + parts[i].sum, 0);
  if (order.length > PARTS_SHOWN) summands.push([`${order.length - PARTS_SHOWN} other maps`, others]);
  if (terms.bias !== null) summands.push(['bias', terms.bias]);
  return sumLines(summands, terms);
}

/** The sum with its result, and a line for the activation function. @param {[string, number][]} summands */
function sumLines(summands, terms) {
  const activation = activationText(terms);
  return [namedSum(summands, sumSymbol(terms), terms.sum), ...(activation ? [paragraph(activation, 'formula')] : [])];
}

/** What the sum is called: it is the output if there is no activation function. */
function sumSymbol({ activation }) {
  return activation === 'none' ? 'y' : 'z';
}

/** "map 0: 6.154, bias: 0.066; together z = 6.22" @param {[string, number][]} summands */
function namedSum(summands, symbol, total) {
  const texts = sumTexts(summands.map(([, value]) => value), total);
  const written = summands.map(([name], i) => `${name}: ${texts[i]}`).join(', ');
  return paragraph(`${written}; ${summands.length > 1 ? 'together ' : ''}${symbol} = ${texts.at(-1)}`, 'formula');
}

function denseWorkings(layer, terms) {
  const rows = terms.terms.map(({ input, value, weight, product }) =>
    ({ cells: [`input ${input}`, shortNumber(value), shortNumber(weight)], product }));
  if (terms.bias !== null) rows.push({ cells: ['bias', '', ''], product: terms.bias });
  const activation = activationText(terms), inputs = countOf(layer.inputShape);
  return [
    termTable(['largest contributions', 'value', '× weight', '= product'], rows,
      { name: `sum of ${counted(rows.length, 'term')}`, value: terms.sum }),
    ...(activation ? [paragraph(activation, 'formula')] : []),
    paragraph(`Nothing is shared: ${layer.outputShape[0]} x ${withCommas(inputs)}` +
      `${layer.parameters.bias ? ` + ${layer.outputShape[0]}` : ''} = ${counted(parametersOf(layer), 'parameter')}, ` +
      'and every output reads every input.'),
  ];
}

function poolWorkings(layer, terms, detail) {
  const columns = layer.window.kernel[1], inside = terms.terms.filter(({ input }) => input >= 0);
  const cells = terms.terms.map(({ value, input }, i) => ({ value, padding: input < 0, winner: i === terms.winner }));
  const sum = shortNumber(terms.sum), { divisor } = terms;
  const result = terms.winner !== null ? `y = max of ${counted(inside.length, 'value')} = ${sum}`
    : `y = sum / ${divisor} = ${shortNumber(terms.sum * divisor)} / ${divisor} = ${sum}`;
  return [
    valueGrid('window', columns, cells, detail.colors).node,
    paragraph(result, 'formula'),
    ...(terms.activation === 'none' ? [] : [paragraph(activationText(terms), 'formula')]),
    terms.winner === null ? null : winnerNote(layer, terms),
  ].filter(Boolean);
}

function winnerNote(layer, terms) {
  const winner = placeText(layer.inputShape, terms.terms[terms.winner].input);
  return paragraph(`The winner is ${winner}. On the way back, it alone gets the gradient.`);
}

function flattenWorkings(layer, terms, detail) {
  const [channels, height, width] = layer.inputShape, [channel, row, column] = terms.terms[0].inputPosition;
  const source = nameOfLayer(detail.network, layer.source);
  return [
    paragraph(`Value ${terms.index} is map ${channel}, row ${row}, column ${column} of ${source}.`),
    paragraph(`index = (${channel} × ${height} + ${row}) × ${width} + ${column} = ${terms.index}`, 'formula'),
    paragraph(`${counted(channels, 'map')} of ${height}x${width} make a vector of ` +
      `${counted(countOf(layer.outputShape), 'value')}.`, 'quiet'),
  ];
}

function normWorkings(layer, terms) {
  const [channel] = terms.position, at = (name, none) => layer.parameters[name]?.values[channel] ?? none;
  const [{ value }] = terms.terms, activation = activationText(terms);
  const gamma = at('weight', 1), beta = at('bias', 0), mean = at('running_mean'), variance = at('running_var');
  return [
    paragraph(`${activation ? 'z' : 'y'} = γ · (x − mean) / √(variance + ε) + β`, 'formula'),
    paragraph(`= ${factorText(gamma)} × (${shortNumber(value)} − ${factorText(mean)}) / ` +
      `√(${shortNumber(variance)} + ${shortNumber(layer.eps)}) + ${factorText(beta)} = ` +
      `${shortNumber(terms.sum)}`, 'formula'),
    ...(activation ? [paragraph(activation, 'formula')] : []),
    paragraph(`Map ${channel} has its own four numbers: γ and β are learned, mean and variance are the running ` +
      'statistics.', 'quiet'),
  ];
}

function residualWorkings(layer, terms, detail) {
  const name = ({ role }) => nameOfLayer(detail.network, role === 'shortcut' ? layer.shortcut : layer.source);
  return sumLines(terms.terms.map((term) => [name(term), term.value]), terms);
}

/** Layers that make every output of one input. */
function oneTermWorkings(layer, terms) {
  const [{ value, weight }] = terms.terms;
  if (layer.type === 'activation')
    return [paragraph(`z = x = ${shortNumber(value)}`, 'formula'), paragraph(activationText(terms), 'formula')];
  const activation = activationText(terms), made = weight === 1 ? 'x' : `${factorText(weight)} × ${factorText(value)}`;
  return [paragraph(`${sumSymbol(terms)} = ${made} = ${shortNumber(terms.sum)}`, 'formula'),
    ...(activation ? [paragraph(activation, 'formula')] : [])];
}
