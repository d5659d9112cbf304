// Who contributed: the single products behind an output, a gradient of a parameter, a gradient of an input.
// `values` and `gradients` are those of one layer, as forwardLayer() and backwardLayer() give them. The products of
// a list add up to its `sum`, but for rounding.

/** One product of an output: an input times what it is weighted with. input: -1 in the padding. */
function outputTerm(shape, values, position, weight, weightIndex = -1) {
  const input = isInside(shape, position[1], position[2]) ? offsetOf(shape, position) : -1;
  const value = input < 0 ? 0 : values[input];
  return { input, inputPosition: position, value, weight, weightIndex, product: weight * value, role: 'source' };
}

/** Of a convolution's output [oc, oy, ox]: every weight of kernel oc. */
function convolutionTerms(layer, { input }, [oc, oy, ox]) {
  const { weight } = layer.parameters;
  const [outputs, inputsOfGroup] = weight.shape;
  const firstInput = Math.floor(oc / (outputs / layer.groups)) * inputsOfGroup;
  const terms = [];
  for (let ic = 0; ic < inputsOfGroup; ++ic)
    forEachTapAt(layer, oy, ox, (tap, y, x) => {
      const index = offsetOf(weight.shape, [oc, ic, tap.ky, tap.kx]);
      terms.push(outputTerm(layer.inputShape, input, [firstInput + ic, y, x], weight.values[index], index));
    });
  return { terms };
}

/** Of a dense layer's output: every input. */
function denseTerms(layer, { input }, [o]) {
  const { weight } = layer.parameters;
  const terms = Array.from(input, (_, i) => {
    const index = o * input.length + i;
    return outputTerm(layer.inputShape, input, positionOf(layer.inputShape, i), weight.values[index], index);
  });
  return { terms };
}

/** Of a max pooling's output: its window; only the winner counts. */
function maxPoolingTerms(layer, { input, winners }, [c, oy, ox]) {
  const winning = winners[offsetOf(layer.outputShape, [c, oy, ox])];
  const terms = [];
  forEachTapAt(layer, oy, ox, (tap, y, x) => {
    const term = outputTerm(layer.inputShape, input, [c, y, x], 1);
    terms.push(term.input === winning ? term : { ...term, weight: 0, product: 0 });
  });
  return { terms, winner: terms.findIndex((term) => term.input === winning) };
}

/** Of an average pooling's output: its window, each with the same weight. */
function averagePoolingTerms(layer, { input }, [c, oy, ox]) {
  const divisor = layer.divisors[oy * layer.outputShape[2] + ox];
  const terms = [];
  forEachTapAt(layer, oy, ox, (tap, y, x) =>
    terms.push(outputTerm(layer.inputShape, input, [c, y, x], 1 / divisor)));
  return { terms, divisor };
}

/** Of a batch norm's output: its input on the straight line of the channel. */
function batchNormTerms(layer, { input }, position) {
  const { factor, term } = normLine(layer, position[0]);
  return { terms: [outputTerm(layer.inputShape, input, position, factor)], bias: term };
}

/** Of a residual's output: the same value of both ways. */
function residualTerms(layer, { input, shortcut }, position) {
  const ofShortcut = outputTerm(layer.outputShape, shortcut, position, 1);
  return { terms: [outputTerm(layer.outputShape, input, position, 1), { ...ofShortcut, role: 'shortcut' }] };
}

/** Of a squeeze_excite's output: its input times the factor of the map. */
function excitationTerms(layer, { input, shortcut }, position) {
  return { terms: [outputTerm(layer.inputShape, input, position, shortcut[position[0]])] };
}

/** The one value with the same index, times a number. */
function sameIndexTerms(layer, { input }, index, weight) {
  return { terms: [outputTerm(layer.inputShape, input, positionOf(layer.inputShape, index), weight)] };
}

/** By the type of a layer. */
const OUTPUT_TERMS = {
  conv: convolutionTerms,
  dense: denseTerms,
  max_pool: maxPoolingTerms,
  avg_pool: averagePoolingTerms,
  global_avg_pool: averagePoolingTerms,
  batch_norm: batchNormTerms,
  residual: residualTerms,
  squeeze_excite: excitationTerms,
  scale: (layer, values, position, index) => sameIndexTerms(layer, values, index, layer.factor),
  flatten: (layer, values, position, index) => sameIndexTerms(layer, values, index, 1),
  dropout: (layer, values, position, index) => sameIndexTerms(layer, values, index, 1),
  activation: (layer, values, position, index) => sameIndexTerms(layer, values, index, 1),
};

/** Everything that makes one output: output = activation(sum), sum = bias + the products. */
function outputTerms(layer, values, index) {
  const position = positionOf(layer.outputShape, index);
  const { bias } = layer.parameters;
  const learnedBias = bias && layer.type !== 'batch_norm' ? bias.values[position[0]] : null;
  return {
    layer, index, position,
    bias: learnedBias,
    sum: values.sum[index],
    output: values.output[index],
    activation: layer.activation,
    winner: null,
    divisor: null,
    ...OUTPUT_TERMS[layer.type](layer, values, position, index),
  };
}

/** One product of a weight's gradient: dz of an output times the value that the weight was multiplied with there. */
function gradientTerm(layer, gradients, outputPosition, input, inputPosition, value) {
  const output = offsetOf(layer.outputShape, outputPosition);
  const gradient = gradients.sum[output];
  return { output, outputPosition, gradient, input, inputPosition, value, product: gradient * value };
}

/** Of a kernel's weight [oc, ic, ky, kx]: every output pixel of map oc. */
function kernelWeightTerms(layer, { input }, gradients, [oc, ic, ky, kx]) {
  const [outputs, inputsOfGroup] = layer.parameters.weight.shape;
  const channel = Math.floor(oc / (outputs / layer.groups)) * inputsOfGroup + ic;
  const tap = layer.taps[ky * layer.window.kernel[1] + kx];
  const [, rows, columns] = layer.outputShape;
  const terms = [];
  for (let oy = 0; oy < rows; ++oy)
    for (let ox = 0; ox < columns; ++ox) {
      const position = [channel, oy * layer.window.stride[0] + tap.down, ox * layer.window.stride[1] + tap.right];
      const at = isInside(layer.inputShape, position[1], position[2]) ? offsetOf(layer.inputShape, position) : -1;
      terms.push(gradientTerm(layer, gradients, [oc, oy, ox], at, position, at < 0 ? 0 : input[at]));
    }
  return terms;
}

/** Of a dense layer's weight [o, i]: one. */
function denseWeightTerms(layer, { input }, gradients, [o, i]) {
  return [gradientTerm(layer, gradients, [o, 0, 0], i, positionOf(layer.inputShape, i), input[i])];
}

/** Of a batch norm's gamma: every pixel of its channel, with the normalized value. */
function normWeightTerms(layer, { input }, gradients, [channel]) {
  const { mean, inverseDeviation } = normLine(layer, channel);
  return indicesOfMap(layer.outputShape, channel).map((i) => {
    const position = positionOf(layer.outputShape, i);
    return gradientTerm(layer, gradients, position, i, position, (input[i] - mean) * inverseDeviation);
  });
}

/** The indices of all values of one map. */
function indicesOfMap([, height, width], map) {
  return Array.from({ length: height * width }, (_, i) => map * height * width + i);
}

const WEIGHT_TERMS = { conv: kernelWeightTerms, dense: denseWeightTerms, batch_norm: normWeightTerms };

/** Everything that makes the gradient of weight `index`. */
function weightTerms(layer, values, gradients, index) {
  const weightPosition = positionOf(layer.parameters.weight.shape, index);
  const terms = WEIGHT_TERMS[layer.type](layer, values, gradients, weightPosition);
  return { layer, index, weightPosition, sum: gradients.parameters.weight[index], terms };
}

/** Everything that makes the gradient of bias `index`: dz of every output that it was added to. */
function biasTerms(layer, gradients, index) {
  const terms = indicesOfMap(layer.outputShape, index).map((output) => {
    const gradient = gradients.sum[output];
    return { output, outputPosition: positionOf(layer.outputShape, output), gradient, product: gradient };
  });
  return { layer, index, sum: gradients.parameters.bias[index], terms };
}

/** Calls visit(tap, oy, ox) for every output of a map whose window covers input row y and column x. */
function forEachWindowOver(layer, y, x, visit) {
  const [strideY, strideX] = layer.window.stride;
  for (const tap of layer.taps) {
    const oy = (y - tap.down) / strideY;
    const ox = (x - tap.right) / strideX;
    if (!Number.isInteger(oy) || !Number.isInteger(ox)) continue;
    if (isInside(layer.outputShape, oy, ox)) visit(tap, oy, ox);
  }
}

/** Outputs that read input [ic, y, x] of a convolution, as [output position, weight, its index]. */
function readersInConvolution(layer, values, [channel, y, x]) {
  const { weight } = layer.parameters;
  const [outputs, inputsOfGroup] = weight.shape;
  const outputsOfGroup = outputs / layer.groups;
  const group = Math.floor(channel / inputsOfGroup);
  const readers = [];
  for (let oc = group * outputsOfGroup; oc < (group + 1) * outputsOfGroup; ++oc)
    forEachWindowOver(layer, y, x, (tap, oy, ox) => {
      const index = offsetOf(weight.shape, [oc, channel % inputsOfGroup, tap.ky, tap.kx]);
      readers.push([[oc, oy, ox], weight.values[index], index]);
    });
  return readers;
}

/** All outputs of a dense layer read all inputs. */
function readersInDense(layer, values, position, index) {
  const { shape: [outputs, inputs], values: weights } = layer.parameters.weight;
  return Array.from({ length: outputs }, (_, o) => [[o, 0, 0], weights[o * inputs + index], o * inputs + index]);
}

/** Windows of a max pooling over an input: 1 where it won, 0 elsewhere. */
function readersInMaxPooling(layer, { winners }, [c, y, x], index) {
  const readers = [];
  forEachWindowOver(layer, y, x, (tap, oy, ox) => {
    const output = [c, oy, ox];
    readers.push([output, winners[offsetOf(layer.outputShape, output)] === index ? 1 : 0, -1]);
  });
  return readers;
}

/** Windows of an average pooling over an input. */
function readersInAveragePooling(layer, values, [c, y, x]) {
  const readers = [];
  forEachWindowOver(layer, y, x, (tap, oy, ox) =>
    readers.push([[c, oy, ox], 1 / layer.divisors[oy * layer.outputShape[2] + ox], -1]));
  return readers;
}

/** The output with the same index. */
function sameIndexReader(layer, index, weight) {
  return [[positionOf(layer.outputShape, index), weight, -1]];
}

const INPUT_READERS = {
  conv: readersInConvolution,
  dense: readersInDense,
  max_pool: readersInMaxPooling,
  avg_pool: readersInAveragePooling,
  global_avg_pool: readersInAveragePooling,
  batch_norm: (layer, values, [c], index) => sameIndexReader(layer, index, normLine(layer, c).factor),
  scale: (layer, values, position, index) => sameIndexReader(layer, index, layer.factor),
  flatten: (layer, values, position, index) => sameIndexReader(layer, index, 1),
  dropout: (layer, values, position, index) => sameIndexReader(layer, index, 1),
  activation: (layer, values, position, index) => sameIndexReader(layer, index, 1),
  residual: (layer, values, position, index) => sameIndexReader(layer, index, 1),
  squeeze_excite: (layer, { shortcut }, [c], index) => sameIndexReader(layer, index, shortcut[c]),
};

/** The same for a value of the shortcut; others: of the input. All outputs of a map were multiplied by its factor. */
const SHORTCUT_READERS = {
  squeeze_excite: (layer, { input }, position, map) =>
    indicesOfMap(layer.outputShape, map).map((i) => [positionOf(layer.outputShape, i), input[i], -1]),
};

/**
 * Everything that makes the gradient of value `index` of what a layer reads, its input ('source') or its 'shortcut':
 * who sends back to it, and how much.
 */
function inputTerms(layer, values, gradients, index, role = 'source') {
  const ofShortcut = role === 'shortcut' && layer.type in SHORTCUT_READERS;
  const position = ofShortcut ? [index, 0, 0] : positionOf(layer.inputShape, index);
  const readers = (ofShortcut ? SHORTCUT_READERS : INPUT_READERS)[layer.type](layer, values, position, index);
  const terms = readers.map(([outputPosition, weight, weightIndex]) => {
    const output = offsetOf(layer.outputShape, outputPosition);
    const gradient = gradients.sum[output];
    return { output, outputPosition, gradient, weight, weightIndex, product: gradient * weight };
  });
  return { layer, index, position, sum: (ofShortcut ? gradients.shortcut : gradients.input)[index], terms };
}

