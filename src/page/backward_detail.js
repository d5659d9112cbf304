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
    // The button stays in its place, so that it keeps the focus and the pointer.
    this.workings = element('div', {});
    this.button = element('button', { type: 'button', onclick: () => onFollow(this.next.layer, this.next.index) });
    root.append(element('p', { class: 'follow' }, this.button), this.workings);
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
    const place = placeText(shapeOfLayer(network, index), pointed.index);
    this.workings.replaceChildren(
      detailHeading(layer?.name ?? 'input', place, gradient[pointed.index], symbol),
      paragraph(layer ? OUTPUT_GRADIENT_TEXT : INPUT_GRADIENT_TEXT),
      ...(back.loss < SMALL_LOSS ? [paragraph(SMALL_LOSS_TEXT, 'remark')] : []),
      ...(isLast ? softmaxWorkings(network, pass, back, pointed.index)
        : arrivals(network, pass, back, pointed, symbol)),
      ...(layer ? slopeWorkings(layer, pass, back, pointed.index) : [pixelNote(network, back, pointed.index)]));
    this.next = nextOnTheWayBack(network, pass, back, pointed);
    this.button.textContent = layer ? `Follow the gradient back to ${nameOfLayer(network, layer.source)}`
      : 'Start again at the loss';
  }
}

/** Of the inputs of the pointed value, the one with the largest gradient; from the input, back to the loss. */
function nextOnTheWayBack(network, pass, back, pointed) {
  const layer = network.layers[pointed.layer];
  if (!layer) return { layer: network.layers.length - 1, index: back.label };
  const { terms } = network.outputTerms(layer, pass, pointed.index);
  const inputs = terms.filter(({ input, role }) => input >= 0 && role === 'source').map(({ input }) => input);
  const gradients = layer.source < 0 ? back.input : back.layers[layer.source].output;
  return { layer: layer.source, index: inputs[orderBySize(inputs.map((input) => gradients[input]))[0]] };
}

const OUTPUT_GRADIENT_TEXT = 'dy is the gradient of the loss with respect to this output: how the loss grows if the ' +
  'output does.';
const INPUT_GRADIENT_TEXT = 'dx is the gradient of the loss with respect to this input: how the loss grows if the ' +
  'pixel does. Training never changes pixels, but this gradient shows what the network looks at.';
const SMALL_LOSS_TEXT = 'The network is right and sure, so all gradients are close to 0. Choose another right class ' +
  'above to see what the network would learn from a mistake.';

/** The loss and its gradient with respect to one output of the last layer. */
function softmaxWorkings(network, pass, back, index) {
  const target = index === back.label ? 1 : 0, p = pass.probabilities[index];
  const right = pass.probabilities[back.label];
  return [
    paragraph(`Softmax turns the ${network.classes.length} outputs into probabilities: p = exp(y) / (sum of exp(y) ` +
      'over all classes). The loss is −ln p of the right class.'),
    paragraph(`loss = −ln p(${network.classes[back.label]}) = −ln ${shortNumber(right)} = ` +
      `${shortNumber(back.loss)}`, 'formula'),
    paragraph('Its gradient with respect to an output is simply the probability minus the target, which is 1 for the ' +
      'right class and 0 for all others:'),
    paragraph(`dy = p(${network.classes[index]}) − ${target} = ${shortNumber(p)} − ${target} = ` +
      `${shortNumber(back.logits[index])}`, 'formula'),
  ];
}

/** What all readers of the value send back to it. */
function arrivals(network, pass, back, pointed, symbol) {
  const readers = readersOfLayer(network, pointed.layer).map(({ layer }) => network.layers[layer]);
  const sums = readers.map((layer) => network.inputTerms(layer, back, pass, pointed.index));
  const total = sums.reduce((all, { sum }) => all + sum, 0);
  const written = sums.map(({ sum }, i) => `${factorText(sum)} (${readers[i].name})`).join(' + ');
  return [
    ...sums.flatMap((sum, i) => arrival(readers[i], sum)),
    ...(sums.length > 1 ? [paragraph(`${symbol} = ${written} = ${shortNumber(total)}`, 'formula')] : []),
  ];
}

/** What one reader sends back, as a table. */
function arrival(layer, { terms, sum }) {
  if (terms.length === 0)
    return [paragraph(BACKWARD_TEXTS[layer.type](layer)), paragraph(nothingText(layer), 'formula')];
  const rows = terms.map(({ output, gradient, weight, product }) => ({
    cells: [placeText(layer.outputShape, output), shortNumber(gradient), shortNumber(weight)], product,
  }));
  const head = [`output of ${layer.name}`, gradientSymbol(layer), '× factor', '= sends back'];
  return [
    paragraph(BACKWARD_TEXTS[layer.type](layer)),
    termTable(head, rows, { name: `sum of ${counted(terms.length, 'term')}`, value: sum }),
  ];
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
