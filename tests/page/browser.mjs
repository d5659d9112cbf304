// A headless Chromium that opens one page, driven by the DevTools protocol over a pipe: no port, no package.
import { spawn } from 'node:child_process';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--remote-debugging-pipe'];

/** The protocol: messages in JSON, each ended by a zero byte. */
class Pipe {
  constructor(browser, profile) {
    this.process = spawn(browser, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    Object.assign(this, { received: '', sent: 0, waiting: new Map(), onEvent: () => {} });
    this.process.stdio[4].setEncoding('utf8').on('data', (text) => this.#receive(text));
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.sent;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  #receive(text) {
    const messages = (this.received + text).split('\0');
    this.received = messages.pop();
    for (const { id, result, error, method, params } of messages.map((message) => JSON.parse(message))) {
      if (id === undefined) this.onEvent(method, params);
      else if (error) this.waiting.get(id).reject(new Error(error.message));
      else this.waiting.get(id).resolve(result);
    }
  }
}

/** A page in the browser. `complaints` are console messages and exceptions, `requests` all addresses asked for. */
export class BrowserPage {
  /** @param {string} browser  program @param {string} profile  empty folder @param {string} file  an HTML file */
  static async open(browser, profile, file, { width = 1280, height = 900, reducedMotion = false } = {}) {
    const page = new BrowserPage();
    page.pipe = new Pipe(browser, profile);
    page.complaints = [];
    page.requests = [];
    page.pipe.onEvent = (method, params) => page.#note(method, params);
    const { targetId } = await page.pipe.send('Target.createTarget', { url: 'about:blank' });
    page.session = (await page.pipe.send('Target.attachToTarget', { targetId, flatten: true })).sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
    await page.resize(width, height);
    const motion = { name: 'prefers-reduced-motion', value: reducedMotion ? 'reduce' : 'no-preference' };
    await page.send('Emulation.setEmulatedMedia', { features: [motion] });
    page.address = `file://${file}`;
    await page.send('Page.navigate', { url: page.address });
    return page;
  }

  send(method, params) {
    return this.pipe.send(method, params, this.session);
  }

  async resize(width, height) {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const { result, exceptionDetails } =
      await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception.description}`);
    return result.value;
  }

  /** Waits until an expression is true; false after ten seconds. */
  async becomes(expression) {
    for (let tries = 0; tries < 200; ++tries) {
      if (await this.value(`Boolean(${expression})`)) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  /** Waits for what the page draws in its next frames. */
  async settle() {
    await this.value('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))');
  }

  /** Scrolls to an element and gives the place at these shares of its width and height. */
  place(selector, x = 0.5, y = 0.5) {
    return this.value(`(() => {
      const node = document.querySelector(${JSON.stringify(selector)});
      node.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
      const { left, top, width, height } = node.getBoundingClientRect();
      return { x: left + width * ${x}, y: top + height * ${y} };
    })()`);
  }

  async mouse(type, { x, y }, pressed = false) {
    const button = pressed ? { button: 'left', buttons: 1, clickCount: 1 } : {};
    await this.send('Input.dispatchMouseEvent', { type, x, y, ...button });
  }

  /** Moves the mouse to a share of an element. */
  async pointAt(selector, x, y) {
    await this.mouse('mouseMoved', await this.place(selector, x, y));
    await this.settle();
  }

  async click(selector, x, y) {
    const place = await this.place(selector, x, y);
    await this.mouse('mousePressed', place, true);
    await this.mouse('mouseReleased', place, true);
    await this.settle();
  }

  /** Touches a share of an element with a finger, which does not move. */
  async tap(selector, x, y) {
    const place = await this.place(selector, x, y);
    await this.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [place] });
    await this.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await this.settle();
  }

  /** Draws a line over an element, from one share of it to another. */
  async drag(selector, from, to) {
    const start = await this.place(selector, ...from), end = await this.place(selector, ...to);
    await this.mouse('mousePressed', start, true);
    for (let i = 1; i <= 8; ++i) {
      const at = { x: start.x + (end.x - start.x) * i / 8, y: start.y + (end.y - start.y) * i / 8 };
      await this.mouse('mouseMoved', at, true);
    }
    await this.mouse('mouseReleased', end, true);
    await this.settle();
  }

  /** Chooses a file in an input element, as a dialog would. */
  async chooseFile(selector, path) {
    const { root } = await this.send('DOM.getDocument');
    const { nodeId } = await this.send('DOM.querySelector', { nodeId: root.nodeId, selector });
    await this.send('DOM.setFileInputFiles', { nodeId, files: [path] });
  }

  async key(key, code) {
    for (const type of ['keyDown', 'keyUp'])
      await this.send('Input.dispatchKeyEvent', { type, key, code: key, windowsVirtualKeyCode: code });
    await this.settle();
  }

  async close() {
    const ended = new Promise((resolve) => this.pipe.process.once('exit', resolve));
    await this.pipe.send('Browser.close');
    await ended;
  }

  /** Ends the browser after a failure. */
  kill() {
    this.pipe.process.kill();
  }

  #note(method, params) {
    if (method === 'Runtime.exceptionThrown') this.complaints.push(params.exceptionDetails.exception.description);
    if (method === 'Runtime.consoleAPICalled') this.complaints.push(params.args.map(({ value }) => value).join(' '));
    if (method === 'Log.entryAdded') this.complaints.push(params.entry.text);
    if (method === 'Network.requestWillBeSent') this.requests.push(params.request.url);
  }
}
