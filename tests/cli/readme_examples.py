#!/usr/bin/python3
"""Runs the examples of README.md that use an exported model: readme_examples.py PROGRAM_DIR SOURCE_DIR.

A LeNet-5 is trained on data/digits and exported. Python's example needs python3-onnxruntime, python3-numpy
and python3-pil; the browser's needs chromium and, in CNN_NODE_MODULES, a folder in which npm installed onnxruntime-web.
Exit status 77: neither is here.
"""

import functools
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

programs, source = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()


def example(name):
    text = (source / "README.md").read_text()
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    if not found:
        sys.exit(f"README.md has no example '{name}'")
    return found[1]


def run(*command):
    result = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"{command}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def expect_seven(answer, name):
    found = re.search(r"7 (0\.\d+|1(\.0)?)\b", answer)
    if not found or float(found[1]) < 0.5:
        sys.exit(f"the {name} example does not find the 7: {answer[-2000:]}")
    print(f"{name}: {found[0]}")


def try_python():
    try:
        import numpy, onnxruntime, PIL  # noqa: F401, E401
    except ImportError as error:
        return print(f"Python's example is skipped: {error}")
    expect_seven(run(sys.executable, "-c", example("python")), "python")
    return True


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map,
                      ".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *_):
        pass


def try_browser():
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    parts = pathlib.Path(os.environ.get("CNN_NODE_MODULES", ".")) / "node_modules/onnxruntime-web/dist"
    if not browser or not parts.exists():
        return print("the browser's example is skipped: it needs chromium, and onnxruntime-web in CNN_NODE_MODULES")
    for name in ["ort.min.js", *[path.name for path in parts.glob("ort-wasm-simd-threaded*")]]:
        shutil.copy(parts / name, name)
    shutil.copy(source / "data/digits/test/7/0000.png", "seven.png")
    # What a user does with the file dialog.
    choose = "await classify(await (await fetch('seven.png')).blob());"
    pathlib.Path("index.html").write_text(example("browser").replace("file.onchange", choose + "\nfile.onchange"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = run(browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + os.path.abspath("profile"),
               "--virtual-time-budget=60000", "--timeout=60000", "--dump-dom",
               f"http://127.0.0.1:{server.server_port}/index.html")
    server.shutdown()
    expect_seven(page, "browser")
    return True


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.symlink(source / "data", "data")
    run(programs / "cnn-train", "--config", source / "configs/digits-lenet5.json", "--run-dir", "run", "--quiet")
    export = [programs / "cnn-export", "--model", "run/best.safetensors", "--onnx"]
    run(*export, "digits.onnx")
    ran = try_python()
    run(*export, "web.onnx", "--uint8", "--json", "web.json")
    ran = try_browser() or ran
    os.chdir("/")
sys.exit(0 if ran else 77)
