// Runs the scripts of a page under node: node check_page.mjs PAGE.html EXPECTED.json. Exit status 1: something is not as
// expected; each difference is a line.
import { readFileSync } from 'node:fs';
import { createContext, runInContext } from 'node:vm';

const NETWORK_SCRIPTS = ['activations', 'windows', 'layers', 'terms', 'network', 'image_fit'];

const [, , page, expected] = process.argv;
const data = readFileSync(page, 'utf8').match(/<script type="application\/json" id="network-data">(.*?)<\/script>/s)[1];
const context = createContext({ atob, data, expected: readFileSync(expected, 'utf8') });
const run = (file) => runInContext(readFileSync(file, 'utf8'), context, { filename: file.pathname });
for (const name of NETWORK_SCRIPTS) run(new URL(`../../src/page/${name}.js`, import.meta.url));
run(new URL('checks.js', import.meta.url));
const found = runInContext('checks(new CnnNetwork(JSON.parse(data)), JSON.parse(expected))', context);
console.log(found.length === 0 ? 'all is as expected' : found.join('\n'));
process.exitCode = found.length === 0 ? 0 : 1;
