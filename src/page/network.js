// A network in the browser: forward and backward for one image, with the weights of the page.

/** Beyond these multiply-adds for an image, only the forward pass is offered. */
const MOST_MACS_BACKWARD = 100e6;

/** The bytes of base64 text. */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** p_k = e^z_k / Σ e^z_j, without overflow. */
function softmax(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = Array.from(logits, (z) => Math.exp(z - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return Float32Array.from(powers, (power) => power / sum);
}

/** −ln p of the right class, from the logits: exact where p is all but 0. */
function crossEntropy(logits, label) {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, z) => total + Math.exp(z - most), 0);
  return Math.log(sum) + most - logits[label];
}

/** d loss / d logits = p − (1 for the right class); there as minus the sum of the others, because p may be all but 1. */
function lossGradient(probabilities, label) {
  const gradient = probabilities.slice();
  gradient[label] = 0;
  gradient[label] = -gradient.reduce((a, b) => a + b, 0);
  return gradient;
}

/** Value + value; `a` may be missing. */
function added(a, b) {
  return a ? a.map((value, i) => value + b[i]) : b;
}

/**
 * Made of the page's data (see network_data.h). Never changes: a step makes a new one.
 *
 * `layers` are in the order of computation; layer.source and layer.shortcut are the layers it reads, -1 the
 * input; layer.readers are those that read it. The last layer has layer.classes, the names of its outputs.
 */
class CnnNetwork {
  /** @param {Float32Array} weights all tensors one after the other; default: those of the data */
  constructor(data, weights = new Float32Array(bytesOf(data.weights).buffer)) {
    this.data = data;
    this.weights = weights;
    this.classes = data.classes;
    this.inputShape = [data.input.channels, data.input.height, data.input.width];
    this.canGoBack = data.macs <= MOST_MACS_BACKWARD;
    this.layers = data.layers.map((layer, index) => this.#prepared(layer, index));
    this.inputReaders = this.#readersOf(-1);
    for (const layer of this.layers) layer.readers = this.#readersOf(layer.index);
    this.layers.at(-1).classes = data.classes;
  }

  /** A layer with its tensors, and where the windows that it has lie. */
  #prepared(description, index) {
    const layer = { ...description, index, parameters: {} };
    for (const [name, { shape, offset }] of Object.entries(description.parameters))
      layer.parameters[name] = { shape, offset, values: this.weights.subarray(offset, offset + countOf(shape)) };
    if (!layer.window) return layer;
    layer.rowStep = layer.window.stride[0] * layer.inputShape[2];
    layer.columnStep = layer.window.stride[1];
    layer.taps = tapsOf(layer);
    if (layer.type === 'avg_pool' || layer.type === 'global_avg_pool') layer.divisors = divisorsOf(layer);
    return layer;
  }

  #readersOf(index) {
    const readers = [];
    for (const layer of this.layers) {
      if (layer.source === index) readers.push({ layer: layer.index, role: 'source' });
      if (layer.shortcut === index) readers.push({ layer: layer.index, role: 'shortcut' });
    }
    return readers;
  }

  /** The pixels of an example, [C,H,W] in 0..1. */
  example(number) {
    return Float32Array.from(bytesOf(this.data.examples[number].pixels), (byte) => byte / 255);
  }

  /** (image - mean) / std, per channel. */
  #normalized(image) {
    const { mean, std } = this.data.input;
    const size = image.length / mean.length;
    return image.map((value, i) => (value - mean[Math.floor(i / size)]) / std[Math.floor(i / size)]);
  }

  /**
   * The forward pass.
   * @param {Float32Array} image [C,H,W] in 0..1
   * @returns {{image, input, layers: {input, shortcut, sum, output, winners}[], logits, probabilities}}
   */
  forward(image) {
    const input = this.#normalized(image);
    const layers = [];
    const read = (index) => (index < 0 ? input : layers[index].output);
    for (const layer of this.layers)
      layers.push(forwardLayer(layer, read(layer.source), layer.shortcut === null ? undefined : read(layer.shortcut)));
    const logits = layers[layers.length - 1].output;
    return { image, input, layers, logits, probabilities: softmax(logits) };
  }

  /** The loss if `label` is the right class. */
  lossOf(pass, label) {
    return crossEntropy(pass.logits, label);
  }

  /**
   * The backward pass: the gradients of the loss, if `label` is the right class.
   * @returns {{label, loss, logits, input, image, layers: {output, sum, input, shortcut, parameters}[]}}
   */
  backward(pass, label) {
    const logits = lossGradient(pass.probabilities, label);
    const layers = new Array(this.layers.length);
    const arrived = new Map([[this.layers.length - 1, logits]]); // gradients of outputs, so far
    const send = (to, gradient) => arrived.set(to, added(arrived.get(to), gradient));
    for (let i = this.layers.length - 1; i >= 0; --i) {
      const layer = this.layers[i];
      layers[i] = backwardLayer(layer, pass.layers[i], arrived.get(i));
      send(layer.source, layers[i].input);
      if (layer.shortcut !== null) send(layer.shortcut, layers[i].shortcut);
    }
    const input = arrived.get(-1);
    return { label, loss: this.lossOf(pass, label), logits, layers, input, image: this.#imageGradient(input) };
  }

  /** d loss / d pixel: back through the normalization. */
  #imageGradient(input) {
    const { std } = this.data.input;
    const size = input.length / std.length;
    return input.map((gradient, i) => gradient / std[Math.floor(i / size)]);
  }

  /** A network with p - learningRate * gradient for every parameter p; running statistics stay. */
  withStep(back, learningRate) {
    const weights = this.weights.slice();
    this.layers.forEach(({ parameters }, i) => {
      for (const [name, gradient] of Object.entries(back.layers[i].parameters))
        gradient.forEach((dw, k) => { weights[parameters[name].offset + k] -= learningRate * dw; });
    });
    return new CnnNetwork(this.data, weights);
  }

  /** What makes one output of a layer; see terms.js. */
  outputTerms(layer, pass, index) {
    return outputTerms(layer, pass.layers[layer.index], index);
  }

  /** What makes the gradient of one weight. */
  weightTerms(layer, pass, back, index) {
    return weightTerms(layer, pass.layers[layer.index], back.layers[layer.index], index);
  }

  /** What makes the gradient of one bias. */
  biasTerms(layer, back, index) {
    return biasTerms(layer, back.layers[layer.index], index);
  }

  /** Who among a layer's outputs sends a gradient to one value of its input ('source') or 'shortcut'. */
  inputTerms(layer, back, pass, index, role = 'source') {
    return inputTerms(layer, pass.layers[layer.index], back.layers[layer.index], index, role);
  }
}

