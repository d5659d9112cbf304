#!/usr/bin/python3
"""Runs the examples of README.md that use an exported model: readme_examples.py PROGRAM_DIR SOURCE_DIR.

A LeNet-5 is trained on data/digits and exported, for each rule of resizing. What the examples say of a photo of another
shape must be what cnn-eval says of it, within a grey level. Python's example needs python3-numpy, python3-pil, and
python3-onnxruntime or what onnxruntime_of_node asks for; the browser's needs chromium and, in CNN_NODE_MODULES, a
folder in which npm installed onnxruntime-web. Exit status 77: neither is here.
"""

import csv
import http.server
import os
import pathlib
import queue
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

programs, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
modules = pathlib.Path(os.environ.get("CNN_NODE_MODULES", ".")).resolve() / "node_modules"


def example(name):
    text = (source / "README.md").read_text()
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    if not found:
        sys.exit(f"README.md has no example '{name}'")
    return found[1]


def run(*command, environment=None):
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment)
    if result.returncode != 0:
        sys.exit(f"{command}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def write_png(path, width, height, color_at):
    """color_at(x, y): red, green, blue, from 0 to 1 in both directions."""
    rows = b""
    for y in range(height):
        parts = [part for x in range(width) for part in color_at(x / width, y / height)]
        rows += b"\0" + bytes(min(255, max(0, int(255 * part))) for part in parts)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pathlib.Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) +
                                   chunk(b"IEND", b""))


def seven(x, y):
    """A light 7 of uneven color on a dark ground, in the middle of a wide picture."""
    x = (x - 0.5) * 2 + 0.5
    stroke = (0.25 < x < 0.75 and 0.2 < y < 0.32) or (0.2 < y < 0.85 and abs(x - 0.75 + (y - 0.2) * 0.5) < 0.07)
    return (0.95, 0.6 + 0.3 * y, 0.9 - 0.3 * x) if stroke else (0.1 * y, 0.05, 0.1 * x)


class Model:
    """A model trained for one rule, its exports, and what the engine says of the picture."""

    def __init__(self, rule, channels, short_side=None):
        self.rule = f"{rule}-{short_side}" if short_side else rule
        folder = pathlib.Path(self.rule)
        run(programs / "cnn-train", "--config", source / "configs/digits-lenet5.json", "--run-dir", folder, "--quiet",
            "--set", f"data.image.resize={rule}", "--set", f"data.image.channels={channels}",
            "--set", "training.epochs=2", *(["--set", f"data.image.short_side={short_side}"] if short_side else []))
        export = [programs / "cnn-export", "--model", folder / "best.safetensors", "--onnx"]
        run(*export, folder / "digits.onnx")
        run(*export, folder / "web.onnx", "--uint8", "--json", folder / "web.json")
        run(programs / "cnn-eval", "--model", folder / "best.safetensors", "--images", "picture.png",
            "--predictions", folder / "predictions.csv")
        with open(folder / "predictions.csv") as file:
            row = next(csv.DictReader(file))
        self.answer, self.confidence = row["predicted"], float(row["confidence"])

    def expect(self, answer, name):
        found = re.search(rf"\b{self.answer} (\d(\.\d+)?(e-\d+)?)\b", answer)
        if not found or abs(float(found[1]) - self.confidence) > kGreyLevel:
            sys.exit(f"the {name} example differs from cnn-eval ({self.rule}): expected {self.answer} "
                     f"{self.confidence}, found {answer[-2000:]}")
        print(f"{name}, {self.rule}: {found[0]}, cnn-eval: {self.confidence}")


# A grey level of some pixels changes a probability by less.
kGreyLevel = 0.005


def python_environment():
    """What Python's example runs in, or None."""
    try:
        import numpy, PIL  # noqa: F401, E401
    except ImportError as error:
        return print(f"Python's example is skipped: {error}")
    try:
        import onnxruntime  # noqa: F401
        return dict(os.environ)
    except ImportError:
        pass
    stand_in = dict(os.environ, PYTHONPATH=str(source / "tests/cli/onnxruntime_of_node"))
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        return print(f"Python's example is skipped: there is no onnxruntime, and {error}")
    if not shutil.which("node") or not (modules / "onnxruntime-node").exists():
        return print("Python's example is skipped: there is no onnxruntime, neither Python's nor node's")
    return stand_in


def try_python(models):
    environment = python_environment()
    if not environment:
        return False
    code = example("python")
    for model in models:
        os.chdir(model.rule)
        os.symlink(source / "examples/image_pixels.py", "image_pixels.py")
        for path in ["data/digits/test/7/0000.png", "digits.onnx"]:
            if f'"{path}"' not in code:
                sys.exit(f"Python's example does not name {path}")
        answer = run(sys.executable, "-c", code.replace("data/digits/test/7/0000.png", "../picture.png"),
                     environment=environment)
        os.chdir("..")
        model.expect(answer, "python")
    return True


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map,
                      ".mjs": "text/javascript", ".wasm": "application/wasm"}
    answers = queue.Queue()

    def do_POST(self):
        Handler.answers.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def answer_of_page(browser, url):
    """What the page sends. A browser that dumps the page itself would not wait for what happens beside its script."""
    process = subprocess.Popen([browser, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                                "--user-data-dir=" + os.path.abspath("profile"), url],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return Handler.answers.get(timeout=120)
    except queue.Empty:
        sys.exit(f"the browser's example says nothing: {url}")
    finally:
        process.terminate()
        process.wait()


def try_browser(models):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    parts = modules / "onnxruntime-web/dist"
    if not browser or not parts.exists():
        print("the browser's example is skipped: it needs chromium, and onnxruntime-web in CNN_NODE_MODULES")
        return False
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # What a user does with the file dialog, and the answer to this program.
    send = "await fetch('/', {method: 'POST', body: %s})"
    page = example("browser").replace("file.onchange", f"""try {{
  await classify(await (await fetch('../picture.png')).blob());
  {send % "answer.value"};
}} catch (error) {{
  {send % "String(error)"};
}}
file.onchange""")
    for model in models:
        for path in [parts / "ort.min.js", source / "examples/image_pixels.js", *parts.glob("ort-wasm-simd-threaded*")]:
            os.symlink(path, f"{model.rule}/{path.name}")
        pathlib.Path(f"{model.rule}/index.html").write_text(page)
        model.expect(answer_of_page(browser, f"http://127.0.0.1:{server.server_port}/{model.rule}/index.html"),
                     "browser")
    server.shutdown()
    return True


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    write_png("picture.png", 151, 90, seven)
    models = [Model("stretch", 1), Model("fit", 3), Model("crop", 1), Model("crop", 3, 35)]
    answers = [(model.answer, model.confidence) for model in models]
    for model in models:  # else an example could take one rule for another
        if [abs(model.confidence - confidence) < 4 * kGreyLevel and model.answer == answer
                for answer, confidence in answers].count(True) > 1:
            sys.exit(f"the picture does not tell the rules apart: {answers}")
    ran = try_python(models)
    ran = try_browser(models) or ran
    os.chdir("/")
sys.exit(0 if ran else 77)
