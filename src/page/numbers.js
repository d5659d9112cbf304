/** A number in running text, with four significant digits. @param {number} value @returns {string} */
function shortNumber(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e7) return value.toExponential(3);
  return String(Number(value.toPrecision(4)));
}

/** The same as a factor or a summand: negative numbers stand in parentheses. */
function factorText(value) {
  return inParentheses(shortNumber(value));
}

/** A written number between signs: a negative one stands in parentheses. @param {string} text */
function inParentheses(text) {
  return text.startsWith('-') ? `(${text})` : text;
}

/** Digits of the largest number of a sum: at first, if the total is much smaller; and at most, all that 32 bits have. */
const FIRST_DIGITS = 6, MOST_DIGITS = 7;

/**
 * The numbers of a sum, with as many digits as make what is written add up: "2.1832", "-0.1836" and "1.9996".
 * @param {number[]} values
 * @param {number} total  their sum
 * @returns {string[]}  of the values, then of the total
 */
function sumTexts(values, total) {
  const numbers = [...values, total], largest = largestSize(numbers);
  let texts = numbers.map(shortNumber);
  if (disagreement(texts) <= 1e-9 * largest) return texts;
  const smaller = total === 0 ? 0 : powerOf(largest) - powerOf(total);
  for (let digits = Math.min(FIRST_DIGITS, 4 + smaller); digits <= MOST_DIGITS; ++digits) {
    const decimals = digits - 1 - powerOf(largest);
    texts = numbers.map((value) => decimalText(value, decimals));
    if (disagreement(texts) < 0.5 * 10 ** -decimals) break;
  }
  return texts;
}

/** A number before and after a small change, with as many digits as show it. @returns {[string, string]} */
function changeTexts(before, change) {
  if (change === 0) return [shortNumber(before), shortNumber(before)];
  const decimals = Math.min(10, Math.max(3 - powerOf(before || change), 2 - powerOf(change), 0));
  return [before.toFixed(decimals), (before + change).toFixed(decimals)];
}

/** By how much written numbers do not add up to the last of them. @param {string[]} texts */
function disagreement(texts) {
  const numbers = texts.map(Number), total = numbers.pop();
  return Math.abs(numbers.reduce((sum, value) => sum + value, 0) - total);
}

/** With this many decimals; numbers that would have fewer than two digits then, and tiny ones, as elsewhere. */
function decimalText(value, decimals) {
  if (Math.abs(value) < 10 ** (1 - decimals)) return shortNumber(value);
  if (Math.abs(value) < 1e-4) return value.toExponential(Math.max(3, decimals + powerOf(value)));
  return value.toFixed(Math.max(0, decimals));
}

/** The power of ten of the first digit. */
function powerOf(value) {
  return Math.floor(Math.log10(Math.abs(value)));
}

/** A number in a cell of a grid: at most six characters. @param {number} value @returns {string} */
function cellNumber(value) {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 5e-4 || size >= 1e5) return value.toExponential(0);
  return value.toFixed(size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0);
}

/** One formatter for all: making one takes longer than a whole layer. */
const COUNT_FORMAT = new Intl.NumberFormat('en-US');

/** "4,704" @param {number} count @returns {string} */
function withCommas(count) {
  return COUNT_FORMAT.format(count);
}

/** "1 map", "6 maps" @param {number} count @param {string} noun */
function counted(count, noun) {
  return `${withCommas(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** "6x28x28", or "400" for a vector. @param {number[]} shape [C, H, W] */
function shapeText(shape) {
  const [channels, height, width] = shape;
  return height * width === 1 ? withCommas(channels) : `${channels}x${height}x${width}`;
}

/** "98.2 %" @param {number} share between 0 and 1 */
function percentText(share) {
  const percent = 100 * share;
  return `${percent >= 99.95 ? percent.toFixed(percent === 100 ? 0 : 2) : percent.toFixed(1)} %`;
}

/** The largest size of a value, or of a part of the values. @param {Float32Array} values */
function largestSize(values, first = 0, count = values.length) {
  let largest = 0;
  for (let i = first; i < first + count; ++i) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}

/** "-0.58 to 1.7": two significant digits. @param {Float32Array} values */
function rangeText(values) {
  const rounded = (value) => shortNumber(Number(value.toPrecision(2))).replace(/0+e/, 'e').replace('.e', 'e');
  let least = Infinity, most = -Infinity;
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return least === most ? `all ${rounded(least)}` : `${rounded(least)} to ${rounded(most)}`;
}

/** Indices of `items`, the largest size first. @param {number[]|Float32Array} items */
function orderBySize(items) {
  return Array.from(items, (_, i) => i).sort((a, b) => Math.abs(items[b]) - Math.abs(items[a]) || a - b);
}
