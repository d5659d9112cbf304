// What the script of a network's page computes, against what the engine says: checks(network, expected) gives a list of
// differences in words. A classic script, as the page's own: it runs behind them, under node or in a browser.

/** The largest difference of two lists. */
function largestDifference(found, expected) {
  if (found.length !== expected.length) return Infinity;
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i])), 0);
}

/** Length of the difference of two lists as vectors, as a part of the length of the second. */
function relativeDistance(found, expected) {
  if (found.length !== expected.length) return Infinity;
  const length = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const distance = length(expected.map((value, i) => value - found[i]));
  return distance === 0 ? 0 : distance / length(expected);
}

/** The sum of the products is the number that stands below them. */
function checkSum(what, { sum, bias, terms }, report) {
  let total = bias ?? 0;
  let size = Math.abs(total);
  for (const { product } of terms) {
    total += product;
    size += Math.abs(product);
  }
  if (!(Math.abs(total - sum) <= 1e-6 * size + 1e-30)) report(`${what}: the terms add up to ${total}, not to ${sum}`);
}

/** A few places among `count`, the same ones every time. */
function somePlaces(count, most) {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.floor(((i * 0.6180339887 + 0.1) % 1) * count));
}

/** The terms of ten values of each kind add up, for every layer. */
function checkTerms(network, pass, back, report) {
  for (const layer of network.layers) {
    for (const i of somePlaces(countOf(layer.outputShape), 10))
      checkSum(`${layer.name}: output ${i}`, network.outputTerms(layer, pass, i), report);
    for (const i of somePlaces(countOf(layer.inputShape), 10))
      checkSum(`${layer.name}: input ${i}`, network.inputTerms(layer, back, pass, i), report);
    if (layer.type === 'squeeze_excite')
      for (const i of somePlaces(layer.inputShape[0], 10))
        checkSum(`${layer.name}: factor ${i}`, network.inputTerms(layer, back, pass, i, 'shortcut'), report);
    const { weight, bias } = layer.parameters;
    if (weight)
      for (const i of somePlaces(weight.values.length, 10))
        checkSum(`${layer.name}: weight ${i}`, network.weightTerms(layer, pass, back, i), report);
    if (bias)
      for (const i of somePlaces(bias.values.length, 10))
        checkSum(`${layer.name}: bias ${i}`, network.biasTerms(layer, back, i), report);
  }
}

/** What the readers of a value send back is its gradient. */
function checkReaders(network, pass, back, report) {
  for (const i of somePlaces(countOf(network.inputShape), 10)) {
    let total = 0;
    for (const { layer, role } of network.inputReaders)
      total += role === 'shortcut' ? back.layers[layer].shortcut[i]
        : network.inputTerms(network.layers[layer], back, pass, i).sum;
    if (!(Math.abs(total - back.input[i]) <= 1e-6 * Math.abs(total) + 1e-30))
      report(`input ${i}: its readers send ${total}, its gradient is ${back.input[i]}`);
  }
}

/** Every gradient is the engine's within 1e-4 of its length. */
function checkGradients(network, pass, back, { loss, gradients, image }, report) {
  if (!(Math.abs(back.loss - loss) <= 1e-4)) report(`the loss is ${back.loss}, not ${loss}`);
  for (const layer of network.layers)
    for (const [name, found] of Object.entries(back.layers[layer.index].parameters)) {
      const tensor = `${layer.name}.${name}`;
      if (!(tensor in gradients)) report(`the engine has no gradient of ${tensor}`);
      const distance = relativeDistance(Array.from(found), gradients[tensor] ?? []);
      if (!(distance <= 1e-4)) report(`the gradient of ${tensor} differs by ${distance} of its length`);
    }
  const count = network.layers.reduce((sum, layer) => sum + Object.keys(back.layers[layer.index].parameters).length, 0);
  if (count !== Object.keys(gradients).length) report(`${count} tensors have a gradient`);
  const distance = relativeDistance(Array.from(back.image), image);
  if (!(distance <= 1e-4)) report(`the gradient of the image differs by ${distance} of its length`);
}

/** A small step against the gradient lowers the loss by learning rate * |gradient|². */
function checkStep(network, pass, back, report) {
  let squares = 0;
  for (const { parameters } of back.layers)
    for (const gradient of Object.values(parameters)) squares += gradient.reduce((sum, v) => sum + v * v, 0);
  const rate = 1e-3 / squares;
  const after = network.withStep(back, rate);
  const fall = back.loss - after.lossOf(after.forward(pass.image), back.label);
  if (!(Math.abs(fall - 1e-3) <= 1e-4)) report(`a step lowers the loss by ${fall}, not by 0.001`);
  const again = network.forward(pass.image);
  if (network.lossOf(again, back.label) !== back.loss) report('a step changes the network it starts from');
}

/** Everything about one example. */
function checkExample(network, number, expected, wantsStep, report) {
  const say = (text) => report(`example ${number}: ${text}`);
  const pass = network.forward(network.example(number));
  const difference = largestDifference(Array.from(pass.logits), expected.logits);
  if (!(difference <= 1e-4)) say(`the logits differ by ${difference}`);
  if (expected.probabilities) {
    const off = largestDifference(Array.from(pass.probabilities), expected.probabilities);
    if (!(off <= 1e-4)) say(`the probabilities differ by ${off}`);
  }
  if (!expected.gradients) return;
  const back = network.backward(pass, expected.label);
  checkGradients(network, pass, back, expected, say);
  checkTerms(network, pass, back, say);
  checkReaders(network, pass, back, say);
  if (wantsStep) checkStep(network, pass, back, say);
}

/** The activation functions, to 1e-7. */
function checkActivation({ function: name, z, y, slope }, report) {
  const difference = Math.max(Math.abs(activate(name, 0.2, z) - y), Math.abs(activationSlope(name, 0.2, z) - slope));
  if (!(difference <= 1e-7)) report(`${name}(${z}) or its slope differs by ${difference}`);
}

/** An opened image becomes the same bytes as in the programs. */
function checkFit({ width, height, rgba, target, bytes }, report) {
  const found = fitImage({ data: bytesOf(rgba), width, height }, target);
  const foundBytes = Array.from(found, (value) => Math.round(255 * value));
  const difference = largestDifference(foundBytes, Array.from(bytesOf(bytes)));
  if (difference !== 0) report(`${height}x${width} to ${JSON.stringify(target)} differs by ${difference}`);
}

/** All differences. */
function checks(network, expected) {
  const found = [];
  const report = (text) => found.push(text);
  if (network.data.examples.length !== expected.images.length) report(`${network.data.examples.length} examples`);
  expected.images.forEach((image, i) => checkExample(network, i, image, expected.step, report));
  (expected.activations ?? []).forEach((one) => checkActivation(one, report));
  (expected.fits ?? []).forEach((one) => checkFit(one, report));
  return found;
}

