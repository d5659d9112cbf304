// Runs a model once: node run_model.mjs MODEL INPUT SHAPE, float32 numbers on standard input; the outputs are JSON.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ort = createRequire(join(process.env.CNN_NODE_MODULES, '/'))('onnxruntime-node');
const [model, name, shape] = process.argv.slice(2);
const bytes = readFileSync(0);
const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
const session = await ort.InferenceSession.create(model);
const outputs = await session.run({ [name]: new ort.Tensor('float32', numbers, JSON.parse(shape)) });
const plain = Object.entries(outputs).map(([key, { dims, data }]) => [key, { dims, data: [...data] }]);
console.log(JSON.stringify(Object.fromEntries(plain)));
