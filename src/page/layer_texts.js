// The sentences of the page: what a layer does forward and backward, with the sizes of this network.

/** What the source of a layer is called. @param {CnnNetwork} network @param {number} index  -1: the input */
function nameOfLayer(network, index) {
  return index < 0 ? 'the input' : network.layers[index].name;
}

/** The shape of what a layer puts out. @param {number} index  -1: the input */
function shapeOfLayer(network, index) {
  return index < 0 ? network.inputShape : network.layers[index].outputShape;
}

/** "map 3, row 5, column 17", or "value 17" of a vector. */
function placeText(shape, index) {
  const [channel, row, column] = positionOf(shape, index);
  return shape[1] * shape[2] === 1 ? `value ${channel}` : `map ${channel}, row ${row}, column ${column}`;
}

/** The same for an output of a layer; those of the last layer are called as their classes. */
function outputText(layer, index) {
  return layer.classes ? `class ${layer.classes[index]}` : placeText(layer.outputShape, index);
}

/** The same for any layer. @param {number} layer  -1: the input */
function valueText(network, layer, index) {
  return layer < 0 ? placeText(network.inputShape, index) : outputText(network.layers[layer], index);
}

/** The type and the window of a layer in a few words: "conv 5x5, padding 2, relu". */
function kindText(layer) {
  const parts = [layer.type.replaceAll('_', ' ')];
  const { window } = layer;
  if (window && layer.type !== 'global_avg_pool') {
    parts[0] += ` ${window.kernel.join('x')}`;
    if (window.stride.some((stride) => stride > 1)) parts.push(`stride ${sidesText(window.stride)}`);
    if (window.padding.some((padding) => padding > 0)) parts.push(`padding ${sidesText(window.padding)}`);
    if (window.dilation.some((dilation) => dilation > 1)) parts.push(`dilation ${sidesText(window.dilation)}`);
  }
  if (layer.groups > 1) parts.push(`${layer.groups} groups`);
  if (layer.type === 'dropout') parts.push(`p = ${layer.p}`);
  if (layer.type === 'scale') parts.push(`factor ${shortNumber(layer.factor)}`);
  if (layer.activation !== 'none') parts.push(layer.activation.replaceAll('_', ' '));
  return parts.join(', ');
}

/** "2" if all sides are the same, else "2x1". */
function sidesText(sides) {
  return sides.every((side) => side === sides[0]) ? String(sides[0]) : sides.join('x');
}

/** "(28 - 5 + 2 + 2) / 1 + 1 = 28": how often a window fits along one side, 0: rows, 1: columns. */
function fitText(layer, side) {
  const { kernel, stride, dilation, padding } = layer.window;
  const reach = dilation[side] * (kernel[side] - 1) + 1;
  const padded = [padding[side], padding[side + 2]].filter((size) => size > 0).map((size) => ` + ${size}`).join('');
  const size = layer.inputShape[side + 1];
  return `⌊(${size}${padded} − ${reach}) / ${stride[side]}⌋ + 1 = ${layer.outputShape[side + 1]}`;
}

/** Why the output has its size. */
function sizeText(layer) {
  const rows = fitText(layer, 0), columns = fitText(layer, 1);
  const fits = rows === columns ? `rows and columns: ${rows}` : `rows: ${rows}; columns: ${columns}`;
  const maps = layer.outputShape;
  return `Size of the output, ${fits}; ${maps.join(' x ')} = ${counted(countOf(maps), 'value')}.`;
}

/** Inputs that one output of a convolution reads. */
function inputsOfOutput(layer) {
  return countOf(layer.parameters.weight.shape.slice(1));
}

/** Learned numbers of this layer alone: a residual's projection counts for itself. */
function parametersOf({ parameters: { weight, bias } }) {
  return (weight ? countOf(weight.shape) : 0) + (bias ? countOf(bias.shape) : 0);
}

/** Parameters of a dense layer between the same maps. */
function denseParametersOf({ inputShape, outputShape, parameters }) {
  return countOf(outputShape) * (countOf(inputShape) + (parameters.bias ? 1 : 0));
}

/** Parameter sharing and sparse connections, with the numbers of a dense layer beside it. */
function sharingText(layer) {
  const positions = layer.outputShape[1] * layer.outputShape[2], inputs = inputsOfOutput(layer);
  return `Parameter sharing: the same ${counted(inputs, 'weight')} make all ${counted(positions, 'value')} of ` +
    `this output map. Sparse connections: one output reads ${withCommas(inputs)} of ` +
    `${counted(countOf(layer.inputShape), 'input')}. A dense layer between the same maps would need ` +
    `${counted(denseParametersOf(layer), 'parameter')}; ${layer.name} has ${withCommas(parametersOf(layer))}.`;
}

/** "of one map", "in each of 6 maps" */
function mapsText(count) {
  return count === 1 ? 'of one map' : `in each of ${count} maps`;
}

/** What a layer does with its input, in a sentence. */
const FORWARD_TEXTS = {
  conv: (layer) => `The kernel lies on a window of ${layer.window.kernel.join('x')} inputs ` +
    `${mapsText(layer.parameters.weight.shape[1])}. Every input is multiplied by the weight on top of it, and all ` +
    `products are added up${layer.parameters.bias ? ', then the bias' : ''}.`,
  max_pool: (layer) => `Max pooling keeps the largest of the ${layer.window.kernel.join('x')} values in the window. ` +
    'It has no parameters.',
  avg_pool: (layer) => `Average pooling takes the mean of the ${layer.window.kernel.join('x')} values in the window. ` +
    'It has no parameters.',
  global_avg_pool: () => 'Global average pooling takes the mean of a whole map, so every map becomes one value.',
  flatten: () => 'Flatten computes nothing: it lays all maps one after the other into one vector, row by row.',
  dense: (layer) => `Every one of the ${counted(countOf(layer.inputShape), 'input')} has a weight of its own for ` +
    `every output. Each input is multiplied by its weight, and all products are added up` +
    `${layer.parameters.bias ? ', then the bias' : ''}.`,
  batch_norm: () => 'Batch norm moves a map to mean 0 and variance 1, then gives it a learned scale and a learned ' +
    'shift. This page uses the running statistics, which were gathered in training; in training itself, a batch ' +
    'is normalized with its own mean and variance.',
  dropout: (layer) => `In training, dropout sets each value to 0 with probability ${layer.p} and divides the rest by ` +
    `${shortNumber(1 - layer.p)}. After training, and on this page, every value passes.`,
  activation: (layer) => 'The activation function acts on each value alone: ' +
    `y = ${ACTIVATION_FORMULAS[layer.activation]}.`,
  scale: (layer) => `Every value is multiplied by the fixed number ${shortNumber(layer.factor)}.`,
  squeeze_excite: () => 'Each map is multiplied by a factor of its own. Squeeze (the means of all maps), fc1 and fc2 ' +
    'made these factors.',
  residual: () => 'A residual entry adds the output of its last layer and the shortcut, value by value.',
};

/** What a layer multiplies a gradient with, as a title of a column; others: "factor". */
const FACTOR_NAMES = { conv: 'weight', dense: 'weight', max_pool: 'won? 1/0', avg_pool: 'share',
  global_avg_pool: 'share' };

/** How a layer sends a gradient back to its input, in a sentence. */
const BACKWARD_TEXTS = {
  conv: (layer) => `Each output of ${layer.name} whose window held this value sends back its gradient times the ` +
    'weight that the value met there.',
  max_pool: (layer) => `${layer.name} sends the gradient of an output to the winner of its window; all others get 0.`,
  avg_pool: (layer) => `${layer.name} spreads the gradient of an output evenly over its window.`,
  global_avg_pool: (layer) => `${layer.name} spreads the gradient of an output evenly over the whole map.`,
  flatten: (layer) => `${layer.name} puts the gradient of every value of the vector back in the place that the ` +
    'value came from.',
  dense: (layer) => `Every output of ${layer.name} read this value. Each sends back its gradient times the weight ` +
    'between the two.',
  batch_norm: (layer) => `${layer.name} multiplied this value by a fixed factor, so its gradient is multiplied by ` +
    'the same factor. The running statistics count as constants here; in training, the mean and the variance of the ' +
    'batch send gradients back as well.',
  dropout: (layer) => `${layer.name} passes the gradient as it is, as it passed the value.`,
  activation: (layer) => `${layer.name} multiplies the gradient by the slope of its function at this value.`,
  scale: (layer) => `${layer.name} multiplies the gradient by ${shortNumber(layer.factor)}, as it did with the value.`,
  squeeze_excite: (layer) => `${layer.name} multiplied maps by factors: a value gets the gradient of its product ` +
    'times the factor, and a factor those of all products of its map times the values.',
  residual: (layer) => `${layer.name} added this value to another one, and a sum passes its gradient to both.`,
};
