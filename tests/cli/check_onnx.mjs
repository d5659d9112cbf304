// Runs exported models in ONNX Runtime and compares them with the engine: node check_onnx.mjs FOLDER, as check_onnx.py.
// The package onnxruntime-node is looked for in CNN_NODE_MODULES (a folder in which npm installed it), then where node
// looks by itself. Exit status 77: it is not here.
import { createRequire } from 'node:module';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

let ort;
try {
  ort = createRequire(join(process.env.CNN_NODE_MODULES ?? process.cwd(), '/'))('onnxruntime-node');
} catch (error) {
  console.log(`skipped: there is no onnxruntime-node (npm install --ignore-scripts onnxruntime-node): ${error.code}`);
  process.exit(77);
}

function floats(bytes) {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/// Pixels [N, H, W, C] as the model wants them.
function tensor(pixels, n, image) {
  const { channels, height, width } = image;
  if (image.layout === 'NHWC') return new ort.Tensor('uint8', pixels, [n, height, width, channels]);
  const map = height * width;
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < n; ++i)
    for (let c = 0; c < channels; ++c)
      for (let p = 0; p < map; ++p)
        values[(i * channels + c) * map + p] = pixels[(i * map + p) * channels + c] / 255;
  return new ort.Tensor('float32', values, [n, channels, height, width]);
}

async function largestDifference(session, pixels, n, image, expected) {
  const { probabilities, logits } = await session.run({ image: tensor(pixels, n, image) });
  if (logits.dims[0] !== n || probabilities.data.length !== expected.length) throw new Error(`shape ${logits.dims}`);
  return expected.reduce((most, value, i) => Math.max(most, Math.abs(value - probabilities.data[i])), 0);
}

/// Reads the metadata without protobuf: the JSON texts stand in the file as they are.
function imageOf(file) {
  return JSON.parse(/\{"channels":[^}]*\}/.exec(file.toString('latin1'))[0]);
}

let models = 0;
for (const name of readdirSync(process.argv[2]).sort()) {
  const folder = join(process.argv[2], name);
  const pixels = new Uint8Array(readFileSync(join(folder, 'images.bin')));
  const expected = floats(readFileSync(join(folder, 'probabilities.bin')));
  for (const kind of ['floats.onnx', 'bytes.onnx']) {
    const file = readFileSync(join(folder, kind));
    const image = imageOf(file);
    const size = image.channels * image.height * image.width;
    const n = pixels.length / size;
    const session = await ort.InferenceSession.create(file);
    const all = await largestDifference(session, pixels, n, image, expected);
    const one = await largestDifference(session, pixels.slice(0, size), 1, image, expected.slice(0, expected.length / n));
    if (!(Math.max(all, one) < 1e-5)) {
      console.log(`${folder}/${kind}: probabilities differ by ${all}, of one image by ${one}`);
      process.exit(1);
    }
    ++models;
  }
}
console.log(`all ${models} models agree with the engine`);
