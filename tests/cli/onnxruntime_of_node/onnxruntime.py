"""Stands in for Python's ONNX Runtime where only node's is here (Debian 12): as much of it as README.md's example uses.

Needs python3-onnx, python3-numpy, node, and in CNN_NODE_MODULES a folder in which npm installed onnxruntime-node.
"""

import json
import pathlib
import subprocess
import types

import numpy
import onnx


class InferenceSession:
    def __init__(self, path):
        self.path = path

    def get_modelmeta(self):
        entries = onnx.load(self.path).metadata_props
        return types.SimpleNamespace(custom_metadata_map={entry.key: entry.value for entry in entries})

    def run(self, names, inputs):
        ((name, array),) = inputs.items()
        if array.dtype != numpy.float32:
            raise TypeError(f"input {name} is {array.dtype}, expected float32")
        script = pathlib.Path(__file__).parent / "run_model.mjs"
        result = subprocess.run(["node", script, self.path, name, json.dumps(array.shape)], input=array.tobytes(),
                                stdout=subprocess.PIPE, check=True)
        outputs = json.loads(result.stdout)
        return [numpy.array(outputs[one]["data"], numpy.float32).reshape(outputs[one]["dims"]) for one in names]
