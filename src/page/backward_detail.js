/** Below this loss, all gradients are almost 0. */
const SMALL_LOSS = 0.01;

/** The layers that read a value: of the input for a negative index. */
function readersOfLayer(network, index) {
  return index < 0 ? network.inputReaders : network.layers[index].readers;
}

/** Which gradient comes back to one value, and from where. */
class BackwardDetail {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  /**
   * @param {CnnNetwork} network
   * @param {object} pass
   * @param {object} back
   * @param {{layer: number, index: number}} pointed  layer -1: a value of the input
   */
  show(network, pass, back, pointed) {
    const isInput = pointed.layer < 0, layer = isInput ? null : network.layers[pointed.layer];
    const name = isInput ? 'input' : layer.name, symbol = isInput ? 'dx' : 'dy';
    const gradient = isInput ? back.input[pointed.index] : back.layers[pointed.layer].output[pointed.index];
    const isLast = pointed.layer === network.layers.length - 1;
    this.root.replaceChildren(
      detailHeading(name, placeText(shapeOfLayer(network, pointed.layer), pointed.index), gradient, symbol),
      paragraph(isInput ? 'The gradient of a pixel says how the loss grows if the pixel does. Nobody changes pixels in ' +
        'training, but it shows what the network looks at.'
        : 'dy is the gradient of the loss with respect to this output: how the loss grows if the output does.'),
      ...(back.loss < SMALL_LOSS ? [paragraph('The network is right and sure, so all gradients are close to 0. Choose ' +
        'another right class above to see what the network would learn from a mistake.', 'remark')] : []),
      ...(isLast ? softmaxWorkings(network, pass, back, pointed.index)
        : readersOfLayer(network, pointed.layer).flatMap((reader) => arrivals(network, pass, back, reader, pointed.index))),
      ...(isInput ? [pixelNote(network, back, pointed.index)] : slopeWorkings(layer, pass, back, pointed.index)));
  }
}

/** The loss and its gradient with respect to one output of the last layer. */
function softmaxWorkings(network, pass, back, index) {
  const target = index === back.label ? 1 : 0, p = pass.probabilities[index];
  const right = pass.probabilities[back.label];
  return [
    paragraph(`Softmax turns the ${network.classes.length} outputs into probabilities: p = exp(y) / (sum of exp(y) over ` +
      `all classes). The loss is −ln p of the right class.`),
    paragraph(`loss = −ln p(${network.classes[back.label]}) = −ln ${shortNumber(right)} = ${shortNumber(back.loss)}`, 'formula'),
    paragraph('Its gradient with respect to an output is simply the probability minus the target, which is 1 for the ' +
      'right class and 0 for all others:'),
    paragraph(`dy = p(${network.classes[index]}) − ${target} = ${shortNumber(p)} − ${target} = ` +
      `${shortNumber(back.logits[index])}`, 'formula'),
  ];
}

/** What one reader of the value sends back to it. */
function arrivals(network, pass, back, { layer: index }, input) {
  const layer = network.layers[index], sent = network.inputTerms(layer, back, pass, input);
  const symbol = layer.activation === 'none' ? 'dy' : 'dz';
  const total = { name: `sum of ${counted(sent.terms.length, 'term')}`, value: sent.sum };
  const rows = sent.terms.map(({ output, gradient, weight, product }) =>
    ({ cells: [placeText(layer.outputShape, output), shortNumber(gradient), shortNumber(weight)], product }));
  if (rows.length === 0) return [paragraph(BACKWARD_TEXTS[layer.type](layer)), paragraph(nothingText(layer), 'formula')];
  return [
    paragraph(BACKWARD_TEXTS[layer.type](layer)),
    termTable([`output of ${layer.name}`, symbol, '× factor', '= sends back'], rows, total),
  ];
}

/** Why a layer sends nothing back to a value. */
function nothingText(layer) {
  return layer.type === 'max_pool' ? 'This value won in no window, so it gets 0.' : 'No output read this value, so it gets 0.';
}

/** From the gradient of the output to that of the sum before the activation function. */
function slopeWorkings(layer, pass, back, index) {
  if (layer.activation === 'none') return [];
  const z = pass.layers[layer.index].sum[index], { output, sum } = back.layers[layer.index];
  const slope = activationSlope(layer.activation, layer.negativeSlope, z);
  return [
    paragraph(`Through the activation function the gradient is multiplied by the slope of ${layer.activation} at ` +
      `z = ${shortNumber(z)}:`),
    paragraph(`dz = dy × slope = ${factorText(output[index])} × ${factorText(slope)} = ${shortNumber(sum[index])}`, 'formula'),
  ];
}

/** A pixel counts from 0 to 1; the network reads it normalized. */
function pixelNote(network, back, index) {
  const [channel] = positionOf(network.inputShape, index), std = network.data.input.std[channel];
  return paragraph(`For the pixel itself, from 0 to 1: ${factorText(back.input[index])} / ${shortNumber(std)} = ` +
    `${shortNumber(back.image[index])}, because normalization divides by ${shortNumber(std)}.`, 'quiet');
}
