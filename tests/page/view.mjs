// Goes through a network's page as a person would, with mouse and keyboard: node view.mjs BROWSER PAGE.html PROFILE
// IMAGE RESIDUAL.html. PAGE is that of LeNet-5 with an example of each digit, IMAGE shows a digit that is not 0,
// RESIDUAL is the page of a network conv1, conv2, residual1, flatten1, dense1 with generated examples. Each failed check
// is a line; then the exit status is 1.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { BrowserPage } from './browser.mjs';

const browser = process.argv[2];
const [file, profile, image, residualFile] = process.argv.slice(3).map((path) => resolve(path));
const failures = [];
const check = (holds, what) => {
  if (!holds) failures.push(what);
};
/** Checks that an element's text begins with `start`. */
const checkStart = async (selector, start) => {
  const found = await text(selector);
  check(found.startsWith(start), `${selector} is "${found}", not "${start}..."`);
};
const count = (selector) => page.value(`document.querySelectorAll(${JSON.stringify(selector)}).length`);

/** The maps of a layer; the input is the first. */
const mapOf = (layer, map = 1) => `.layer:nth-child(${layer + 2}) .tile:nth-child(${map}) .picture`;
const INPUT = -1, CONV1 = 0, MAX_POOL1 = 1, CONV2 = 2, FLATTEN1 = 4, DENSE1 = 5, DENSE3 = 7;

const KEYS = { Tab: 9, Enter: 13, Escape: 27, ' ': 32, PageDown: 34, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39,
  ArrowDown: 40 };

/** Drops a picture with a white bar in it. */
const DROP_A_PICTURE = `(async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 90, height: 60 });
  const context = canvas.getContext('2d');
  context.fillRect(0, 0, 90, 60);
  context.fillStyle = 'white';
  context.fillRect(40, 8, 9, 44);
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([await new Promise((done) => canvas.toBlob(done))], 'bar.png'));
  document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
})()`;

let page = await BrowserPage.open(browser, profile, file);
const text = (selector) => page.value(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ''`);
const press = (key) => page.key(key, KEYS[key]);

/** The number behind a word: number("z = 1.5", "z = ") is 1.5. */
const number = (line, word) => Number.parseFloat(line.slice(line.lastIndexOf(word) + word.length));
/** Numbers on the page have four significant digits. */
const isNear = (a, b, scale = Math.abs(b)) => Math.abs(a - b) <= 2e-3 * scale + 1e-12;

try {
  await everything();
} catch (error) {
  failures.push(error.stack);
  page.kill();
}
console.log(failures.length === 0 ? 'all is as expected' : failures.join('\n'));
process.exitCode = failures.length === 0 ? 0 : 1;

async function everything() {
  await theStart();
  await anOutputOfAConvolution();
  await otherTypesForward();
  await theSlide();
  await drawing();
  await imageFiles();
  await theKeyboard();
  await backward();
  await writtenSums();
  await aWeight();
  await aHeldParameter();
  await fingers();
  await oneStep();
  await repeatedSteps();
  await twoStepsAtOnce();
  await changedWeights();
  await theAssumedClass();
  await widths();
  await theEnd();
  await aLargeNetwork();
  await aResidual();
}

/** What is written as a sum adds up. */
async function writtenSums() {
  for (const [values, total, written] of [
    [[2.18324, -0.18362], 1.99962, '2.1832 -0.1836 1.9996'],
    [[0.5, 1], 1.5, '0.5 1 1.5'],
    [[1.23456e-5, 2.34567e-5], 3.58023e-5, '1.23456e-5 2.34567e-5 3.58023e-5'],
    [[0.98765, -1], -0.01235, '0.98765 -1.00000 -0.01235'],
    [[0, 0], 0, '0 0 0'],
  ]) {
    const found = await page.value(`sumTexts(${JSON.stringify(values)}, ${total}).join(' ')`);
    check(found === written, `a sum is written ${found}, not ${written}`);
  }
}

/** Closes the page. It has neither complained nor asked for anything but itself. */
async function theEnd() {
  check(page.complaints.length === 0, `the console says: ${page.complaints.join('; ')}`);
  const others = page.requests.filter((address) => address !== page.address);
  check(others.length === 0, `the page asked for ${others.join(', ')}`);
  await page.close();
}

async function theStart() {
  check(await page.becomes('document.querySelector("#detail h2")'), 'the page shows no value at its start');
  const types = '(texts) => Object.keys(LAYER_TYPES).filter((type) => !texts[type]).join(", ")';
  for (const texts of ['FORWARD_TEXTS', 'BACKWARD_TEXTS'])
    check((await page.value(`(${types})(${texts})`)) === '', `${texts} has nothing about a type of layer`);
  check((await count('.layer')) === 9, 'input and eight layers');
  check((await count('.example')) === 10, 'ten examples');
  check((await count('.generated')) === 0, 'image files are called generated');
}

/** Pointing shows window, kernel, products and sum; the printed products add up to the printed sum. */
async function anOutputOfAConvolution() {
  await page.pointAt(mapOf(CONV1, 2), 0.5, 0.5);
  await checkStart('#detail h2', 'conv1: map 1, row 14, column 14');
  const grids = await page.value(`[...document.querySelectorAll('#forward .numbers')].map((table) =>
    [...table.querySelectorAll('td')].map((cell) => Number(cell.innerText)))`);
  check(grids.length === 3 && grids.every((cells) => cells.length === 25), 'three grids of 5x5');
  const sum = grids[2].reduce((total, product) => total + product, 0);
  const lines = await page.value(`[...document.querySelectorAll('#forward .formula')].map((line) => line.innerText)`);
  check(Math.abs(sum - number(lines[0], 'sum ')) < 0.02, `products add up to ${sum}: ${lines[0]}`);
  check(lines.some((line) => line.includes('bias: ')), `no bias in ${lines}`);
  check(lines.some((line) => line.startsWith('y = relu(z) = max(0, z)')), `no activation in ${lines}`);
  check((await count(`${mapOf(INPUT)} .frame.window:not([hidden])`)) === 1,
    'the window is not framed in the input');
  await page.pointAt('#forward .numbers td', 0.5, 0.5);
  check((await text('#forward .formula')).includes(' × '), 'a cell of the grid shows its product');
}

async function otherTypesForward() {
  await page.pointAt(mapOf(CONV2), 0.5, 0.5);
  check((await count('#forward .part')) === 6, 'six input maps of conv2');
  await page.click('#forward .part:nth-of-type(2)');
  check((await page.value('document.activeElement.className')) === 'part', 'the chosen input map keeps the focus');
  await page.pointAt(mapOf(MAX_POOL1), 0.5, 0.5);
  check((await count('#forward .winner')) === 1, 'max pooling shows its winner');
  await page.pointAt(mapOf(FLATTEN1), 0.5, 0.5);
  check((await text('#forward')).includes('of max_pool2'), 'flatten says where its value came from');
  await page.pointAt(mapOf(DENSE1), 0.5, 0.5);
  check((await text('#forward')).includes('sum of 401 terms'), 'dense shows its contributions');
  await page.pointAt(mapOf(DENSE3), 0.5, 0.35);
  check((await text('#forward')).includes('p(3) = '), 'the last layer shows the softmax');
}

async function theSlide() {
  await page.pointAt(mapOf(CONV1), 0.1, 0.1);
  const before = await text('#detail h2');
  await page.click('.slide button');
  const hasMoved = `document.querySelector('#detail h2').innerText !== ${JSON.stringify(before)}`;
  check(await page.becomes(hasMoved), 'the kernel does not move');
  await page.click('.slide button');
  const stopped = await text('#detail h2');
  await new Promise((resolve) => setTimeout(resolve, 200));
  check((await text('#detail h2')) === stopped, 'the slide does not stop');
}

async function drawing() {
  await page.click('.example:nth-child(2)');
  const before = await text('.probabilities');
  await page.drag('.board canvas', [0.2, 0.2], [0.8, 0.2]);
  await page.drag('.board canvas', [0.8, 0.2], [0.4, 0.8]);
  check((await text('.probabilities')) !== before, 'drawing does not change the probabilities');
  const pixels = `document.querySelector('.board canvas').toDataURL()`, drawn = await page.value(pixels);
  await page.value(`document.querySelector('.board canvas').focus()`);
  for (const key of ['ArrowLeft', 'ArrowUp', ' ']) await press(key);
  check((await page.value(pixels)) !== drawn, 'the space bar does not paint');
  const milliseconds = await page.value(`(() => {
    const network = new CnnNetwork(JSON.parse(document.getElementById('network-data').textContent));
    const times = Array.from({ length: 9 }, () => {
      const start = performance.now();
      network.forward(network.example(3));
      return performance.now() - start;
    });
    return times.sort((a, b) => a - b)[4];
  })()`);
  console.log(`a forward pass takes ${milliseconds.toFixed(1)} ms`);
  await page.click('.input-tools .tools button');
  check((await count('.example[aria-pressed=true]')) === 0, 'Clear leaves an example');
}

/** An expression: the probabilities are others than now. */
async function otherProbabilities() {
  const now = JSON.stringify(await text('.probabilities'));
  return `document.querySelector('.probabilities').innerText !== ${now}`;
}

/** A file is opened, resized and classified; what is no image is refused with a sentence. */
async function imageFiles() {
  await page.click('.example:nth-child(1)');
  const opens = await otherProbabilities();
  await page.chooseFile('input[type=file]', image);
  check(await page.becomes(opens), 'an opened image changes nothing');
  await page.chooseFile('input[type=file]', file);
  check(await page.becomes('document.querySelector(".message").innerText.includes("is not an image")'), 'no message');
  const drops = await otherProbabilities();
  await page.value(DROP_A_PICTURE);
  check(await page.becomes(drops), 'a dropped image changes nothing');
  check((await text('.message')) === '', 'the message stays');
}

async function theKeyboard() {
  await page.click('.example:nth-child(4)');
  await page.value(`document.querySelector('.layer:nth-child(2) .maps').focus()`);
  await page.pointAt(mapOf(CONV1), 0.5, 0.5);
  await press('ArrowRight');
  await checkStart('#readout', 'conv1, map 0, row 14, column 15');
  await press('ArrowDown');
  await checkStart('#readout', 'conv1, map 0, row 15, column 15');
  await press('PageDown');
  await checkStart('#readout', 'conv1, map 1, row 15, column 15');
  await press('Enter');
  await page.pointAt(mapOf(CONV2), 0.5, 0.5);
  check((await text('#readout')).includes('conv1'), 'Enter does not hold the value');
  await press('Escape');
  await press('Tab');
  await checkStart('#readout', 'max_pool1');
}

/** The gradient that comes back to a value is the sum of the printed terms. */
async function backward() {
  await page.click('.mode:nth-of-type(2) span');
  await checkStart('#readout', 'dense3, class ');
  const right = (node) => `document.querySelector('${node}').getBoundingClientRect().right`;
  check(await page.value(`${right('.layer:last-child')} <= ${right('#strip')} + 1`),
    'the last layer is out of sight');
  check((await text('#strip-note')).includes('Scroll'), `above the layers: ${await text('#strip-note')}`);
  await page.value(`(() => {
    const label = document.querySelector('.backward-controls select');
    label.value = '5';
    label.dispatchEvent(new Event('change'));
  })()`);
  check(await page.becomes('document.querySelector("#backward h2")'), 'no backward pass');
  await page.pointAt(mapOf(DENSE3), 0.5, 0.55);
  check((await text('#backward')).includes('loss = −ln p(5)'), 'the last layer shows the loss');
  for (const name of ['dense2', 'dense1', 'flatten1', 'max_pool2', 'conv2', 'max_pool1', 'conv1', 'input']) {
    await page.click('.follow button');
    await checkStart('#readout', name);
  }
  await followOnlyWhatIsSent();
  await page.pointAt(mapOf(INPUT), 0.45, 0.45);
  const rows = await tableOf('#backward .terms');
  const total = rows.pop(), sum = rows.reduce((all, value) => all + value, 0), scale = sizeOf(rows);
  check(isNear(sum, total, scale), `terms add up to ${sum}, not to the printed ${total}`);
  check(isNear(number(await text('#backward h2'), '= '), total, scale), 'the sum is not the gradient in the heading');
}

/** The first output of a layer that fulfills a condition on {y, dy, dz, hasWon}: its place. */
function firstValue(layer, condition) {
  return page.value(`(() => {
    const network = new CnnNetwork(JSON.parse(document.getElementById('network-data').textContent));
    const example = [...document.querySelectorAll('.example')].findIndex((node) => node.ariaPressed === 'true');
    const pass = network.forward(network.example(example));
    const back = network.backward(pass, Number(document.querySelector('.backward-controls select').value));
    const { output, sum } = back.layers[${layer}], winners = new Set(pass.layers[${layer} + 1].winners);
    const values = Array.from(pass.layers[${layer}].output, (y, i) =>
      ({ y, dy: output[i], dz: sum[i], hasWon: winners.has(i) }));
    return positionOf(network.layers[${layer}].outputShape, values.findIndex(${condition}));
  })()`);
}

/** Points at a value of 28x28, 14x14 or 10x10 maps. */
async function pointAtValue(layer, [map, row, column], size) {
  const tile = `.layer:nth-child(${layer + 2}) .tile[data-tile="${map}"] .picture`;
  await page.pointAt(tile, (column + 0.5) / size, (row + 0.5) / size);
}

/** A value from which nothing goes back says why; of a max pooling the winner is named, and led to. */
async function followOnlyWhatIsSent() {
  const isDisabled = () => page.value(`document.querySelector('.follow button').disabled`);
  await pointAtValue(CONV1, await firstValue(CONV1, '({ hasWon }) => !hasWon'), 28);
  check(await isDisabled(), 'a loser of max pooling sends something');
  check((await text('.follow')).includes('it was not the winner'), `a loser says: ${await text('.follow')}`);
  await page.click(`.layer:nth-child(${CONV2 + 2}) .more`);
  await pointAtValue(CONV2, await firstValue(CONV2, '({ y, dy }) => y === 0 && dy !== 0'), 10);
  check(await isDisabled(), 'a closed relu sends something');
  check((await text('.follow')).includes('relu is closed here'), `a closed relu says: ${await text('.follow')}`);
  await pointAtValue(MAX_POOL1, await firstValue(MAX_POOL1, '({ y, dz }) => y > 0 && dz !== 0'), 14);
  const winner = (await text('.departure')).match(/winner of the window, (map \d+, row \d+, column \d+) of conv1/)?.[1];
  check(winner !== undefined, `max pooling says: ${await text('.departure')}`);
  const sent = number(await text('.departure'), 'dy = ');
  await page.click('.follow button');
  await checkStart('#readout', `conv1, ${winner}: `);
  check(isNear(number(await text('#backward h2'), '= '), sent), 'the winner has another gradient than was sent');
}

/** The last column of a table of terms. */
function tableOf(selector) {
  const rows = `[...document.querySelectorAll('${selector} tbody tr')]`;
  return page.value(`${rows}.map((row) => Number(row.lastChild.innerText))`);
}

function sizeOf(values) {
  return values.reduce((size, value) => size + Math.abs(value), 0);
}

/** Pointing at a weight shows every term; they add up to the gradient that the backward pass computed. */
async function aWeight() {
  await page.click(mapOf(CONV1, 3), 0.5, 0.5);
  for (const cell of [0, 7, 18]) {
    await page.pointAt(`#parameter .grid-figure:nth-of-type(1) [data-cell="${cell}"]`);
    await checkStart('.working h3', `Weight in row ${Math.floor(cell / 5)}, column ${cell % 5} `);
    await termsAddUp();
  }
  await page.click('#parameter [data-parameter="bias"]'); // Held, so that no weight on the way to its terms is chosen.
  check((await text('.working h3')).startsWith('Bias'), 'the bias is not shown');
  await termsAddUp();
  await page.pointAt('#parameter .picture.large', 0.52, 0.52);
  check((await text('.pointed-term')).includes('dz(14, 14)'), `pointed term: ${await text('.pointed-term')}`);
}

/** A click on a weight or the bias holds it, while the pointer goes to its terms; Escape or a click lets it go. */
async function aHeldParameter() {
  const KERNEL = '#parameter .grid-figure:nth-of-type(1)', BIAS = '#parameter [data-parameter="bias"]';
  const isChosen = (start) => checkStart('.working h3', start);
  await page.click(`${KERNEL} [data-cell="6"]`);
  await page.pointAt(`${KERNEL} [data-cell="9"]`);
  await page.pointAt(BIAS);
  await isChosen('Weight in row 1, column 1 ');
  check((await text('.hold-note')).startsWith('Held'), `a weight is held: ${await text('.hold-note')}`);
  await page.click('#parameter .picture.large', 0.52, 0.52);
  await page.pointAt('#parameter .picture.large', 0.1, 0.1);
  check((await text('.pointed-term')).includes('dz(14, 14)'), `a term is not held: ${await text('.pointed-term')}`);
  await press('Escape');
  check((await text('.hold-note')).includes('click to hold it'), `after Escape: ${await text('.hold-note')}`);
  await page.click(mapOf(CONV1, 3), 0.5, 0.5);
  await page.click(BIAS);
  check((await count(`${KERNEL} .pointed`)) === 0, 'the bias is chosen, and a weight still framed');
  check(await page.value(`document.querySelector('${BIAS}').ariaPressed === 'true'`), 'the bias is not marked');
  await page.pointAt(`${KERNEL} [data-cell="12"]`);
  await isChosen('Bias of ');
  await page.click(BIAS);
  await page.pointAt(`${KERNEL} [data-cell="12"]`);
  await isChosen('Weight in row 2, column 2 ');
}

/** A finger on a narrow screen: a term answers to the tap. */
async function fingers() {
  await page.resize(360, 780);
  await page.tap('#parameter .picture.large', 0.52, 0.52);
  check((await text('.pointed-term')).includes('dz(14, 14)'), `after a tap: ${await text('.pointed-term')}`);
  await page.resize(1280, 900);
}

async function termsAddUp() {
  const rows = await tableOf('#parameter .terms');
  const total = rows.pop(), sum = rows.reduce((all, value) => all + value, 0), scale = sizeOf(rows);
  const computed = number(await text('.working > p:last-child'), 'as a check: ');
  check(isNear(sum, total, scale), `${await text('.working h3')}: terms add up to ${sum}, not to ${total}`);
  check(isNear(total, computed, scale), `${await text('.working h3')}: ${total} is not the gradient ${computed}`);
}

/** A small step makes the loss smaller, and can be undone. */
async function oneStep() {
  await page.value(`(() => {
    const rate = document.querySelector('input[type=range]');
    rate.value = -3;
    rate.dispatchEvent(new Event('input'));
  })()`);
  const before = await text('.loss');
  await page.click('.step');
  const [, from, to] = (await text('.loss')).match(/loss (\S+) → (\S+) after 1 step/) ?? [];
  check(Number(to) < Number(from), `the loss after a step: ${await text('.loss')}`);
  await page.click('.step');
  check((await text('.loss')).endsWith('after 2 steps'), `after another step: ${await text('.loss')}`);
  await page.value(`document.querySelector('.undo').click()`);
  await page.settle();
  check((await text('.loss')) === before, `after undoing: ${await text('.loss')}, not ${before}`);
}

/** Clicks or taps at one place, again and again, all press "One step", and nothing else moves. */
async function repeatedSteps() {
  for (const width of [360, 1280, 1920]) {
    await page.resize(width, 900);
    await page.settle();
    const place = await page.place('.step'), top = `document.querySelector('#strip').getBoundingClientRect().top`;
    const before = await page.value(top);
    for (let i = 1; i <= 3; ++i) {
      await page.mouse('mousePressed', place, true);
      await page.mouse('mouseReleased', place, true);
      await page.settle();
      const changed = await text('.changed');
      check(changed.includes(`by ${i} step`), `${width} pixels, press ${i}: ${changed}`);
    }
    check((await page.value(top)) === before, `${width} pixels: steps move the layers`);
    await page.click('.undo');
    check((await text('.changed')) === '', `after undoing: ${await text('.changed')}`);
  }
  await page.resize(1280, 900);
}

/** Two presses within a frame make the same as one after the other. */
async function twoStepsAtOnce() {
  await page.click('.step');
  await page.click('.step');
  const slowly = await text('.loss');
  await page.click('.undo');
  await page.value(`document.querySelector('.step').click(), document.querySelector('.step').click()`);
  await page.settle();
  check((await text('.loss')) === slowly, `two steps at once: ${await text('.loss')}, not ${slowly}`);
}

/** Changed weights are told about in both directions and with another image, and can be undone there. */
async function changedWeights() {
  await page.click('.mode:nth-of-type(1) span');
  await page.click('.example:nth-child(3)');
  check((await text('.changed')) === 'weights changed by 2 steps', `forward: ${await text('.changed')}`);
  await page.click('.undo');
  check((await count('.steps:not([hidden])')) === 0, 'the steps are undone, and still told about');
}

/** The right class is the answer to the image, until somebody says which it is. */
async function theAssumedClass() {
  const label = `document.querySelector('.backward-controls select').value`;
  const isAssumed = `getComputedStyle(document.querySelector('.assumed')).visibility === 'visible'`;
  await page.click('.mode:nth-of-type(2) span');
  check(!(await page.value(isAssumed)), 'the class of an example is assumed');
  await page.click('.input-tools .tools button');
  await page.drag('.board canvas', [0.25, 0.2], [0.75, 0.2]);
  await page.drag('.board canvas', [0.75, 0.2], [0.45, 0.85]);
  const answer = await text('.best');
  check((await page.value(label)) === answer, `the answer is ${answer}, and not the right class`);
  check(await page.value(isAssumed), 'the class of a drawing is not assumed');
  await page.value(`(() => {
    const select = document.querySelector('.backward-controls select');
    select.value = '2';
    select.dispatchEvent(new Event('change'));
  })()`);
  await page.drag('.board canvas', [0.4, 0.5], [0.7, 0.5]);
  check((await page.value(label)) === '2' && !(await page.value(isAssumed)), 'drawing on changes the chosen class');
  const opens = await otherProbabilities();
  await page.chooseFile('input[type=file]', image);
  check(await page.becomes(opens), 'an opened image changes nothing');
  await page.settle();
  check((await page.value(label)) === (await text('.best')), 'the right class of an opened image is not the answer');
  check(await page.value(isAssumed), 'the class of an opened image is not assumed');
}

/** Nothing is wider than the window. */
async function widths() {
  for (const width of [360, 768, 1280, 3840]) {
    await page.resize(width, 900);
    await page.settle();
    const content = await page.value('document.documentElement.scrollWidth');
    check(content <= width, `the page is ${content} pixels wide in a window of ${width}`);
  }
}

/** Of a network that is too large only the forward pass is offered; without motion, the kernel moves on request. */
async function aLargeNetwork() {
  const large = `${file}.large.html`;
  writeFileSync(large, readFileSync(file, 'utf8').replace(/"macs":416520/, '"macs":100000001'));
  page = await BrowserPage.open(browser, `${profile}-large`, large, { reducedMotion: true });
  check(await page.becomes('document.querySelector("#detail h2")'), 'the page of a large network shows no value');
  check((await text('#limits')).includes('100,000,001 multiply-adds'), 'a large network is not told about');
  check(await page.value('document.querySelector("[value=backward]").disabled'), 'a large network goes backward');
  await page.pointAt(mapOf(CONV1), 0.5, 0.5);
  await page.click('.slide button');
  await checkStart('#readout', 'conv1, map 0, row 14, column 15');
  await theEnd();
}

/** A residual entry leads into both ways, which get the same; generated examples are called so. */
async function aResidual() {
  page = await BrowserPage.open(browser, `${profile}-residual`, residualFile);
  check(await page.becomes('document.querySelector("#detail h2")'), 'the page of a residual shows no value');
  check((await text('.generated')).startsWith('Generated patterns'), 'generated examples are not called so');
  await page.click('.mode:nth-of-type(2) span');
  await page.pointAt(mapOf(2), 0.5, 0.5);
  const [, sent] = (await text('.departure')).match(/^Both conv2 and the shortcut, conv1, get the same dy = (\S+):/) ?? [];
  check(sent !== undefined, `a residual says: ${await text('.departure')}`);
  for (const [way, name] of [[1, 'conv2'], [2, 'conv1']]) {
    await page.pointAt(mapOf(2), 0.5, 0.5);
    await page.click(`.follow button:nth-of-type(${way})`);
    await checkStart('#readout', name);
    if (name === 'conv2') check((await text('#readout')).endsWith(sent), `conv2 gets ${await text('#readout')}`);
    else check((await text('#backward')).includes(`residual1: ${sent}`), `conv1 gets ${await text('#backward')}`);
  }
  await theEnd();
}
