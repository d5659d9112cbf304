/** Below this loss, all gradients are almost 0. */
const SMALL_LOSS = 0.01;

/** The layers that read a value: of the input for a negative index. */
function readersOfLayer(network, index) {
  return index < 0 ? network.inputReaders : network.layers[index].readers;
}

/** Which gradient comes back to one value, and from where. */
class BackwardDetail {
  /**
   * @param {HTMLElement} root
   * @param {function(number, number)} onFollow  gets (layer, index) of the value where the gradient goes next
   */
  constructor(root, onFollow) {
    // The buttons stay in their place, so that they keep the focus and the pointer.
    this.workings = element('div', {});
    const button = (role) =>
      element('button', { type: 'button', onclick: () => onFollow(this.next[role].layer, this.next[role].index) });
    this.buttons = { source: button('source'), shortcut: button('shortcut') };
    this.reason = element('span', { class: 'quiet' });
    root.append(element('p', { class: 'follow' }, ...Object.values(this.buttons), this.reason), this.workings);
  }

  /**
   * @param {CnnNetwork} network
   * @param {object} pass
   * @param {object} back
   * @param {{layer: number, index: number}} pointed  layer -1: a value of the input
   */
  show(network, pass, back, pointed) {
    const { layer: index } = pointed, layer = network.layers[index], isLast = index === network.layers.length - 1;
    const gradient = layer ? back.layers[index].output : back.input, symbol = layer ? 'dy' : 'dx';
    const place = valueText(network, index, pointed.index);
    this.workings.replaceChildren(
      detailHeading(layer?.name ?? 'input', place, gradient[pointed.index], symbol),
      paragraph(layer ? OUTPUT_GRADIENT_TEXT : INPUT_GRADIENT_TEXT),
      ...(back.loss < SMALL_LOSS ? [paragraph(SMALL_LOSS_TEXT, 'remark')] : []),
      ...(isLast ? softmaxWorkings(network, pass, back, pointed.index)
        : arrivals(network, pass, back, pointed, symbol)),
      ...(layer ? slopeWorkings(layer, pass, back, pointed.index) : [pixelNote(network, back, pointed.index)]),
      ...(layer ? departures(network, layer, pass, back, pointed.index) : []));
    this.#offerNext(network, pass, back, pointed);
  }

  /** Where the gradient goes next, or why it ends here. */
  #offerNext(network, pass, back, pointed) {
    const layer = network.layers[pointed.layer], { source, shortcut } = this.buttons;
    this.next = layer ? nextOnTheWayBack(network, layer, pass, back, pointed.index)
      : { source: { layer: network.layers.length - 1, index: back.label } };
    const reason = layer ? whyNothingIsSent(network, layer, pass, back, pointed.index) : '';
    setText(source, layer ? `Follow the gradient back to ${nameOfLayer(network, layer.source)}`
      : 'Start again at the loss');
    source.disabled = reason !== '' || !this.next.source;
    shortcut.hidden = !layer || layer.shortcut === null;
    if (!shortcut.hidden) setText(shortcut, `Follow it into the shortcut, to ${nameOfLayer(network, layer.shortcut)}`);
    shortcut.disabled = reason !== '' || !this.next.shortcut;
    setText(this.reason, reason);
  }
}

/**
 * Of the inputs that the pointed output sends something to, the one with the largest gradient, on each way.
 * @returns {{source?: {layer: number, index: number}, shortcut?: {layer: number, index: number}}}
 */
function nextOnTheWayBack(network, layer, pass, back, index) {
  const { terms } = network.outputTerms(layer, pass, index), next = {};
  for (const role of ['source', 'shortcut']) {
    const to = layer[role];
    const inputs = terms.filter((term) => term.input >= 0 && term.role === role && term.weight !== 0)
      .map(({ input }) => input);
    const gradients = to < 0 ? back.input : back.layers[to]?.sum;
    if (inputs.length > 0)
      next[role] = { layer: to, index: inputs[orderBySize(inputs.map((input) => gradients[input]))[0]] };
  }
  return next;
}

/** An empty text if the pointed output sends a gradient back. */
function whyNothingIsSent(network, layer, pass, back, index) {
  const { output, sum } = back.layers[layer.index];
  if (sum[index] !== 0) return '';
  if (output[index] !== 0) return `0 is sent: ${layer.activation} is closed here.`;
  const readers = layer.readers.map((reader) => network.layers[reader.layer]);
  const poolings = readers.filter(({ type }) => type === 'max_pool');
  const hasLost = poolings.length > 0 && poolings.every((pooling) =>
    network.inputTerms(pooling, back, pass, index).terms.every(({ weight }) => weight === 0));
  return hasLost ? '0 is sent: it was not the winner.' : '0 is sent: nothing came back to this value.';
}

const OUTPUT_GRADIENT_TEXT = 'dy is the gradient of the loss with respect to this output: by how much the loss ' +
  'changes per unit of this output; negative: a larger output lowers the loss.';
const INPUT_GRADIENT_TEXT = 'dx is the gradient of the loss with respect to this input: by how much the loss changes ' +
  'per unit of this input; negative: a larger input lowers the loss. Training never changes pixels, but this ' +
  'gradient shows what the network looks at.';
const SMALL_LOSS_TEXT = 'The network is right and sure, so all gradients are close to 0. Choose another right class ' +
  'above to see what the network would learn from a mistake.';

/** The loss and its gradient with respect to one output of the last layer. */
function softmaxWorkings(network, pass, back, index) {
  const target = index === back.label ? 1 : 0;
  const [p, , dy] = sumTexts([pass.probabilities[index], -target], back.logits[index]);
  const right = pass.probabilities[back.label];
  return [
    paragraph(`Softmax turns the ${network.classes.length} outputs into probabilities: p = exp(y) / (sum of exp(y) ` +
      'over all classes). The loss is −ln p of the right class.'),
    paragraph(`loss = −ln p(${network.classes[back.label]}) = −ln ${shortNumber(right)} = ` +
      `${shortNumber(back.loss)}`, 'formula'),
    paragraph('Its gradient with respect to an output is simply the probability minus the target, which is 1 for the ' +
      'right class and 0 for all others:'),
    paragraph(`dy = p(${network.classes[index]}) − ${target} = ${p} − ${target} = ${dy}`,
    'formula'),
  ];
}

/** What all readers of the value send back to it. */
function arrivals(network, pass, back, pointed, symbol) {
  const ways = readersOfLayer(network, pointed.layer), readers = ways.map(({ layer }) => network.layers[layer]);
  const sums = ways.map(({ role }, i) => network.inputTerms(readers[i], back, pass, pointed.index, role));
  const total = sums.reduce((all, { sum }) => all + sum, 0);
  return [
    ...sums.flatMap((sum, i) => arrival(readers[i], sum)),
    ...(sums.length > 1 ? [namedSum(sums.map(({ sum }, i) => [readers[i].name, sum]), symbol, total)] : []),
  ];
}

/** What one reader sends back, as a table. */
function arrival(layer, { terms, sum }) {
  if (terms.length === 0)
    return [paragraph(BACKWARD_TEXTS[layer.type](layer)), paragraph(nothingText(layer), 'formula')];
  const rows = terms.map(({ output, gradient, weight, product }) => ({
    cells: [outputText(layer, output), shortNumber(gradient), shortNumber(weight)], product,
  }));
  const head = [`output of ${layer.name}`, gradientSymbol(layer), factorTitle(layer), '= sends back'];
  return [
    paragraph(BACKWARD_TEXTS[layer.type](layer)),
    termTable(head, rows, { name: `sum of ${counted(terms.length, 'term')}`, value: sum }),
  ];
}

/** "× weight" */
function factorTitle({ type }) {
  return type === 'max_pool' ? FACTOR_NAMES.max_pool : `× ${FACTOR_NAMES[type] ?? 'factor'}`;
}

/** Where the gradient goes from here, for layers that choose or share. */
function departures(network, layer, pass, back, index) {
  const { terms, winner } = network.outputTerms(layer, pass, index), d = gradientSymbol(layer);
  const value = shortNumber(back.layers[layer.index].sum[index]), source = nameOfLayer(network, layer.source);
  const inside = terms.filter(({ input }) => input >= 0).length;
  if (layer.type === 'max_pool') {
    const { input } = terms[winner], others = inside > 1 ? ` The ${counted(inside - 1, 'other value')} of the window ` +
      'get 0.' : '';
    return [paragraph(`${d} = ${value} goes to the winner of the window, ${placeText(layer.inputShape, input)} of ` +
      `${source}.${others}`, 'departure')];
  }
  if (layer.type === 'residual')
    return [paragraph(`Both ${source} and the shortcut, ${nameOfLayer(network, layer.shortcut)}, get the same ` +
      `${d} = ${value}: a sum passes its gradient on unchanged.`, 'departure')];
  return [];
}

/** Why a layer sends nothing back to a value. */
function nothingText(layer) {
  const reason = layer.type === 'max_pool' ? 'This value won in no window' : 'No output read this value';
  return `${reason}, so it gets 0.`;
}

/** From the gradient of the output to that of the sum before the activation function. */
function slopeWorkings(layer, pass, back, index) {
  if (layer.activation === 'none') return [];
  const z = pass.layers[layer.index].sum[index], { output, sum } = back.layers[layer.index];
  const slope = activationSlope(layer.activation, layer.negativeSlope, z);
  return [
    paragraph(`Through the activation function the gradient is multiplied by the slope of ${layer.activation} at ` +
      `z = ${shortNumber(z)}:`),
    paragraph(`dz = dy × slope = ${factorText(output[index])} × ${factorText(slope)} = ` +
      `${shortNumber(sum[index])}`, 'formula'),
  ];
}

/** A pixel counts from 0 to 1; the network reads it normalized. */
function pixelNote(network, back, index) {
  const [channel] = positionOf(network.inputShape, index), std = network.data.input.std[channel];
  return paragraph(`For the pixel itself, from 0 to 1: ${factorText(back.input[index])} / ${shortNumber(std)} = ` +
    `${shortNumber(back.image[index])}, because normalization divides by ${shortNumber(std)}.`, 'quiet');
}
