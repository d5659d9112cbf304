// What each type of layer computes, forward and backward, for one image. Maps are Float32Arrays [C,H,W], row by
// row; sums are made in double precision.
//
// `values` of a layer: {input, shortcut, sum, output, winners}; `gradients`: {output, sum, input, shortcut,
// parameters}. forward() gives the sum, before the activation function. backward() gets the gradient of the
// sum and gives that of the input, and fills in those of the parameters.

/** Adds weight * input to the sums of one output map, for one tap of a kernel. Maps are given by where they begin. */
function addTapForward(layer, tap, weight, input, inputMap, sums, outputMap) {
  const width = layer.outputShape[2];
  const step = layer.columnStep;
  for (let oy = tap.firstRow; oy < tap.endRow; ++oy) {
    let i = inputMap + oy * layer.rowStep + tap.firstColumn * step + tap.shift;
    const row = outputMap + oy * width;
    for (let ox = tap.firstColumn; ox < tap.endColumn; ++ox, i += step) sums[row + ox] += weight * input[i];
  }
}

/** Adds weight * dz to the gradients of one input map: the other way along the same connections. */
function addTapBackward(layer, tap, weight, dz, outputMap, inputGradient, inputMap) {
  const width = layer.outputShape[2];
  const step = layer.columnStep;
  for (let oy = tap.firstRow; oy < tap.endRow; ++oy) {
    let i = inputMap + oy * layer.rowStep + tap.firstColumn * step + tap.shift;
    const row = outputMap + oy * width;
    for (let ox = tap.firstColumn; ox < tap.endColumn; ++ox, i += step) inputGradient[i] += weight * dz[row + ox];
  }
}

/** The gradient of one kernel weight: the sum of dz * input over every output pixel that it touched. */
function tapGradient(layer, tap, dz, outputMap, input, inputMap) {
  const width = layer.outputShape[2];
  const step = layer.columnStep;
  let sum = 0;
  for (let oy = tap.firstRow; oy < tap.endRow; ++oy) {
    let i = inputMap + oy * layer.rowStep + tap.firstColumn * step + tap.shift;
    const row = outputMap + oy * width;
    for (let ox = tap.firstColumn; ox < tap.endColumn; ++ox, i += step) sum += dz[row + ox] * input[i];
  }
  return sum;
}

/** Calls visit(weight index, tap, output map, input map) for every weight [OC, IC/groups, KH, KW]. */
function forEachKernelWeight(layer, visit) {
  const [outputs, inputsOfGroup] = layer.parameters.weight.shape;
  const outputsOfGroup = outputs / layer.groups;
  let index = 0;
  for (let oc = 0; oc < outputs; ++oc) {
    const firstInput = Math.floor(oc / outputsOfGroup) * inputsOfGroup;
    for (let ic = 0; ic < inputsOfGroup; ++ic)
      for (const tap of layer.taps) visit(index++, tap, oc, firstInput + ic);
  }
}

/** The sum of each map of dz: what all outputs that a bias touched send to it. */
function sumOfMaps(dz, count) {
  const size = dz.length / count;
  return Float32Array.from({ length: count }, (_, map) => {
    let sum = 0;
    for (let i = map * size; i < (map + 1) * size; ++i) sum += dz[i];
    return sum;
  });
}

const convolution = {
  forward(layer, { input }) {
    const { weight, bias } = layer.parameters;
    const sums = new Float64Array(countOf(layer.outputShape));
    const [, inputSize, outputSize] = mapSizes(layer);
    if (bias) bias.values.forEach((value, oc) => sums.fill(value, oc * outputSize, (oc + 1) * outputSize));
    forEachKernelWeight(layer, (index, tap, oc, ic) =>
      addTapForward(layer, tap, weight.values[index], input, ic * inputSize, sums, oc * outputSize));
    return Float32Array.from(sums);
  },

  backward(layer, { input }, dz, parameters) {
    const { weight, bias } = layer.parameters;
    const [, inputSize, outputSize] = mapSizes(layer);
    const inputGradient = new Float64Array(input.length);
    parameters.weight = new Float32Array(weight.values.length);
    forEachKernelWeight(layer, (index, tap, oc, ic) => {
      parameters.weight[index] = tapGradient(layer, tap, dz, oc * outputSize, input, ic * inputSize);
      addTapBackward(layer, tap, weight.values[index], dz, oc * outputSize, inputGradient, ic * inputSize);
    });
    if (bias) parameters.bias = sumOfMaps(dz, bias.values.length);
    return Float32Array.from(inputGradient);
  },
};

const dense = {
  forward(layer, { input }) {
    const { weight, bias } = layer.parameters;
    return Float32Array.from({ length: weight.shape[0] }, (_, o) => {
      let sum = bias ? bias.values[o] : 0;
      for (let i = 0, k = o * input.length; i < input.length; ++i, ++k) sum += weight.values[k] * input[i];
      return sum;
    });
  },

  backward(layer, { input }, dz, parameters) {
    const { weight, bias } = layer.parameters;
    const inputGradient = new Float64Array(input.length);
    parameters.weight = new Float32Array(weight.values.length);
    for (let o = 0, k = 0; o < dz.length; ++o)
      for (let i = 0; i < input.length; ++i, ++k) {
        parameters.weight[k] = dz[o] * input[i];
        inputGradient[i] += dz[o] * weight.values[k];
      }
    if (bias) parameters.bias = Float32Array.from(dz);
    return Float32Array.from(inputGradient);
  },
};

/** [channels, values of an input map, values of an output map]. */
function mapSizes({ inputShape, outputShape }) {
  return [outputShape[0], inputShape[1] * inputShape[2], outputShape[1] * outputShape[2]];
}

const maxPooling = {
  /** Also notes the winner of each window, as an index into the input: the first of equal values. */
  forward(layer, values) {
    const { input } = values;
    const [channels, inputSize, outputSize] = mapSizes(layer);
    const sum = new Float32Array(channels * outputSize).fill(-Infinity);
    values.winners = new Int32Array(sum.length).fill(-1);
    for (let c = 0; c < channels; ++c)
      for (const tap of layer.taps)
        forEachPair(layer, tap, (output, i) => {
          const from = c * inputSize + i;
          const to = c * outputSize + output;
          if (values.winners[to] >= 0 && input[from] <= sum[to]) return;
          sum[to] = input[from];
          values.winners[to] = from;
        });
    return sum;
  },

  /** Each window sends its gradient to the winner. */
  backward(layer, { input, winners }, dz) {
    const inputGradient = new Float64Array(input.length);
    dz.forEach((gradient, o) => { inputGradient[winners[o]] += gradient; });
    return Float32Array.from(inputGradient);
  },
};

/** By what the sum over a window is divided, for each output of a map. */
function divisorsOf(layer) {
  const { kernel, countIncludePad } = layer.window;
  const divisors = new Float64Array(layer.outputShape[1] * layer.outputShape[2]);
  if (countIncludePad) return divisors.fill(kernel[0] * kernel[1]);
  for (const tap of layer.taps) forEachPair(layer, tap, (output) => { divisors[output] += 1; });
  return divisors;
}

const averagePooling = {
  forward(layer, { input }) {
    const [channels, inputSize, outputSize] = mapSizes(layer);
    const sums = new Float64Array(channels * outputSize);
    for (let c = 0; c < channels; ++c)
      for (const tap of layer.taps)
        forEachPair(layer, tap, (output, i) => { sums[c * outputSize + output] += input[c * inputSize + i]; });
    return Float32Array.from(sums, (sum, o) => sum / layer.divisors[o % outputSize]);
  },

  /** Each window spreads its gradient evenly. */
  backward(layer, { input }, dz) {
    const [channels, inputSize, outputSize] = mapSizes(layer);
    const inputGradient = new Float64Array(input.length);
    for (let c = 0; c < channels; ++c)
      for (const tap of layer.taps)
        forEachPair(layer, tap, (output, i) => {
          inputGradient[c * inputSize + i] += dz[c * outputSize + output] / layer.divisors[output];
        });
    return Float32Array.from(inputGradient);
  },
};

/**
 * A batch norm with its running statistics is a straight line for each channel:
 * sum = factor * input + term, with factor = gamma / sqrt(var + eps) and term = beta - factor * mean.
 */
function normLine(layer, channel) {
  const { weight, bias, running_mean: mean, running_var: variance } = layer.parameters;
  const inverseDeviation = 1 / Math.sqrt(variance.values[channel] + layer.eps);
  const factor = (weight ? weight.values[channel] : 1) * inverseDeviation;
  return {
    factor, inverseDeviation, mean: mean.values[channel],
    term: (bias ? bias.values[channel] : 0) - factor * mean.values[channel],
  };
}

const batchNorm = {
  forward(layer, { input }) {
    const [channels, size] = mapSizes(layer);
    const lines = Array.from({ length: channels }, (_, c) => normLine(layer, c));
    return input.map((value, i) => {
      const { factor, term } = lines[Math.floor(i / size)];
      return factor * value + term;
    });
  },

  backward(layer, { input }, dz, parameters) {
    const [channels, size] = mapSizes(layer);
    const lines = Array.from({ length: channels }, (_, c) => normLine(layer, c));
    if (layer.parameters.bias) parameters.bias = sumOfMaps(dz, channels);
    if (layer.parameters.weight) {
      const normalized = input.map((value, i) => {
        const { mean, inverseDeviation } = lines[Math.floor(i / size)];
        return dz[i] * (value - mean) * inverseDeviation;
      });
      parameters.weight = sumOfMaps(normalized, channels);
    }
    return dz.map((gradient, i) => gradient * lines[Math.floor(i / size)].factor);
  },
};

/** Values in another shape, or as they are: flatten, dropout in evaluation, an activation by itself. */
const identity = {
  forward: (layer, { input }) => input,
  backward: (layer, values, dz) => dz,
};

const scale = {
  forward: (layer, { input }) => input.map((value) => layer.factor * value),
  backward: (layer, values, dz) => dz.map((gradient) => layer.factor * gradient),
};

/** The sum of two ways: the gradient goes back both of them. */
const residualSum = {
  forward: (layer, { input, shortcut }) => input.map((value, i) => value + shortcut[i]),
  backward: (layer, values, dz) => dz,
  shortcutGradient: (layer, values, dz) => dz,
};

/** Each map times its value of the shortcut. */
const excitation = {
  forward(layer, { input, shortcut }) {
    const [, size] = mapSizes(layer);
    return input.map((value, i) => value * shortcut[Math.floor(i / size)]);
  },
  backward(layer, { shortcut }, dz) {
    const [, size] = mapSizes(layer);
    return dz.map((gradient, i) => gradient * shortcut[Math.floor(i / size)]);
  },
  shortcutGradient: (layer, { input, shortcut }, dz) =>
    sumOfMaps(dz.map((gradient, i) => gradient * input[i]), shortcut.length),
};

/** By the type of a layer in the config. */
const LAYER_TYPES = {
  conv: convolution,
  dense,
  max_pool: maxPooling,
  avg_pool: averagePooling,
  global_avg_pool: averagePooling,
  batch_norm: batchNorm,
  flatten: identity,
  dropout: identity,
  activation: identity,
  scale,
  squeeze_excite: excitation,
  residual: residualSum,
};

/** The values of one layer, from those it reads. */
function forwardLayer(layer, input, shortcut) {
  const values = shortcut ? { input, shortcut } : { input };
  values.sum = LAYER_TYPES[layer.type].forward(layer, values);
  values.output = layer.activation === 'none' ? values.sum
    : values.sum.map((z) => activate(layer.activation, layer.negativeSlope, z));
  return values;
}

/** The gradients of one layer, from that of its output. */
function backwardLayer(layer, values, output) {
  const gradients = { output, parameters: {} };
  gradients.sum = layer.activation === 'none' ? output
    : output.map((dy, i) => dy * activationSlope(layer.activation, layer.negativeSlope, values.sum[i]));
  gradients.input = LAYER_TYPES[layer.type].backward(layer, values, gradients.sum, gradients.parameters);
  if (values.shortcut) gradients.shortcut = LAYER_TYPES[layer.type].shortcutGradient(layer, values, gradients.sum);
  return gradients;
}

