#!/usr/bin/python3
"""Checks exported models with ONNX's own checker and, where it is installed, with ONNX Runtime: check_onnx.py FOLDER.

FOLDER has a folder for each network: floats.onnx, bytes.onnx, images.bin (uint8 [N, H, W, C]) and probabilities.bin
(float32 [N, classes], the engine's). Exit status 77: the Python package onnx is not here.
"""

import json
import pathlib
import sys

try:
    import numpy
    import onnx
except ImportError as error:
    print(f"skipped: {error} (python3-onnx, python3-numpy)")
    sys.exit(77)
try:
    import onnxruntime
except ImportError:
    onnxruntime = None


def check(path, folder):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8 and model.opset_import[0].version == 17
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    image = json.loads(metadata["image"])
    classes = json.loads(metadata["classes"])
    assert set(image) >= {"channels", "height", "width", "resize"} and metadata["producer"].startswith("cnn-export")
    assert [output.name for output in model.graph.output] == ["probabilities", "logits"]
    shape = model.graph.input[0].type.tensor_type.shape
    assert model.graph.input[0].name == "image" and shape.dim[0].dim_param == "N"
    if onnxruntime is None:
        return
    pixels = numpy.fromfile(folder / "images.bin", numpy.uint8)
    pixels = pixels.reshape(-1, image["height"], image["width"], image["channels"])
    expected = numpy.fromfile(folder / "probabilities.bin", numpy.float32).reshape(-1, len(classes))
    if image["layout"] == "NCHW":
        pixels = (pixels.transpose(0, 3, 1, 2) / numpy.float32(255)).astype(numpy.float32)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    probabilities, logits = session.run(None, {"image": pixels})
    assert logits.shape == expected.shape
    difference = numpy.abs(probabilities - expected).max()
    assert difference < 1e-5, f"{path}: probabilities differ by {difference}"
    one = session.run(["probabilities"], {"image": pixels[:1]})[0]
    assert numpy.abs(one - expected[:1]).max() < 1e-5


models = sorted(pathlib.Path(sys.argv[1]).glob("*/*.onnx"))
for path in models:
    try:
        check(path, path.parent)
    except Exception as error:
        sys.exit(f"{path}: {error!r}")
print(f"all {len(models)} models pass the checker" + (" and ONNX Runtime" if onnxruntime else ""))
