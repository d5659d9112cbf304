#!/usr/bin/env python3
"""Images per second of PyTorch for the networks of the benchmark table.

A training step is forward, loss, backward and SGD with Nesterov momentum 0.9; evaluation is the forward pass. The
images are in memory as float32 tensors. With --onnxruntime, ONNX Runtime evaluates the network that PyTorch exports.
Prints a JSON line per measurement:

    {"network": "lenet", "mode": "train", "threads": 2, "channels_last": false, "images_per_second": 9876.5, ...}

The rate comes from the median step, as other work on the machine only ever makes a step slower.
"""

import argparse
import io
import json
import statistics
import time
from typing import Callable, NamedTuple

import torch
from torch import nn
from torch.nn import functional


class Workload(NamedTuple):
    """A network, the shape of its images and the usual batch."""

    network: nn.Module
    shape: tuple[int, int, int]
    batch: int


def lenet() -> Workload:
    """LeNet-5 with ReLU and max pooling."""
    network = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return Workload(network, (1, 28, 28), 64)


def mnistex() -> Workload:
    """The network of many MNIST examples: two convolutions, a large dense layer."""
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return Workload(network, (1, 28, 28), 128)


def vgg() -> Workload:
    """Three pairs of 3x3 convolutions with batch normalization."""
    modules: list[nn.Module] = []
    inputs = 3
    for channels in (32, 64, 128):
        for _ in range(2):
            modules += [nn.Conv2d(inputs, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
            inputs = channels
        modules.append(nn.MaxPool2d(2))
    return Workload(nn.Sequential(*modules, nn.Flatten(), nn.Linear(128 * 4 * 4, 10)), (3, 32, 32), 128)


def air() -> Workload:
    """The shape of the fast CIFAR-10 networks: wide 3x3 convolutions, GELU."""
    modules: list[nn.Module] = [nn.Conv2d(3, 24, 2), nn.GELU()]
    inputs = 24
    for channels in (64, 256, 256):
        modules += [
            nn.Conv2d(inputs, channels, 3, padding=1, bias=False), nn.MaxPool2d(2),
            nn.BatchNorm2d(channels), nn.GELU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels), nn.GELU(),
        ]  # fmt: skip
        inputs = channels
    return Workload(nn.Sequential(*modules, nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10)), (3, 32, 32), 128)


def normed(inputs: int, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution without bias, normalized, with "same" padding and ReLU."""
    conv = nn.Conv2d(inputs, channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU()]


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        stride = 1 if inputs == channels else 2
        self.layers = nn.Sequential(*normed(inputs, channels, 3, stride), *normed(channels, channels, 3)[:-1])
        self.shortcut = nn.Sequential(*(normed(inputs, channels, 1, stride)[:-1] if stride == 2 else []))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.layers(x) + self.shortcut(x))


def head(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


def resnet20() -> Workload:
    """He et al., arXiv:1512.03385, section 4.2, n = 3, with projections (option B)."""
    modules = normed(3, 16, 3)
    inputs = 16
    for channels in (16, 32, 64):
        for _ in range(3):
            modules.append(Residual(inputs, channels))
            inputs = channels
    return Workload(nn.Sequential(*modules, *head(inputs)), (3, 32, 32), 128)


def mob() -> Workload:
    """Depthwise 3x3 and 1x1 convolutions in turns, as in Howard et al., arXiv:1704.04861."""
    modules = normed(3, 16, 3, 2)
    inputs = 16
    for channels, stride in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        modules += [*normed(inputs, inputs, 3, stride, inputs), *normed(inputs, channels, 1)]
        inputs = channels
    return Workload(nn.Sequential(*modules, *head(inputs)), (3, 64, 64), 64)


def photos(size: int, stages: list[int], batch: int) -> Workload:
    """What people train on photos: 3x3 convolutions, batch normalization and pooling."""
    modules: list[nn.Module] = []
    inputs = 3
    for channels in stages:
        modules += [*normed(inputs, channels, 3), nn.MaxPool2d(2)]
        inputs = channels
    return Workload(nn.Sequential(*modules, *head(inputs)), (3, size, size), batch)


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "lenet": lenet,
    "mnistex": mnistex,
    "vgg": vgg,
    "air": air,
    "resnet20": resnet20,
    "mob": mob,
    "photo128": lambda: photos(128, [16, 32, 64, 128], 32),
    "photo224": lambda: photos(224, [16, 32, 64, 128, 256], 16),
}


def median_seconds(step: Callable[[], None], seconds: float) -> float:
    """The median time of a step, over about so many seconds."""
    for _ in range(3):
        step()
    times: list[float] = []
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def make_sgd(network: nn.Module) -> torch.optim.Optimizer:
    """PyTorch's fastest SGD: one fused loop where this version has it."""
    options = {"lr": 1e-3, "momentum": 0.9, "nesterov": True}
    try:
        return torch.optim.SGD(network.parameters(), fused=True, **options)
    except (TypeError, RuntimeError):  # before 2.4
        return torch.optim.SGD(network.parameters(), **options)


def onnxruntime_step(network: nn.Module, images: torch.Tensor) -> Callable[[], None]:
    """A forward pass of ONNX Runtime with as many threads as PyTorch has."""
    import onnxruntime

    file = io.BytesIO()
    torch.onnx.export(network.eval(), images, file, input_names=["images"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    inputs = {"images": images.numpy()}
    return lambda: session.run(None, inputs)


def measure_onnxruntime(name: str, batch: int, seconds: float) -> None:
    """Measures evaluation and prints a line."""
    import onnxruntime

    workload = WORKLOADS[name]()
    batch = batch or workload.batch
    median = median_seconds(onnxruntime_step(workload.network, torch.randn(batch, *workload.shape)), seconds)
    result = {
        "network": name,
        "mode": "eval",
        "threads": torch.get_num_threads(),
        "images_per_second": round(batch / median, 1),
        "batch": batch,
        "onnxruntime": onnxruntime.__version__,
    }
    print(json.dumps(result), flush=True)


def measure(name: str, modes: list[str], batch: int, channels_last: bool, seconds: float) -> None:
    """Measures a network and prints a line per mode."""
    torch.manual_seed(1)
    workload = WORKLOADS[name]()
    batch = batch or workload.batch
    network = workload.network
    images = torch.randn(batch, *workload.shape)
    labels = torch.randint(10, (batch,))
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = make_sgd(network)

    def train_step() -> None:
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(network(images), labels).backward()
        optimizer.step()

    def evaluation_step() -> None:
        with torch.inference_mode():
            network(images)

    for mode in modes:
        network.train(mode == "train")
        median = median_seconds(train_step if mode == "train" else evaluation_step, seconds)
        result = {
            "network": name,
            "mode": mode,
            "threads": torch.get_num_threads(),
            "channels_last": channels_last,
            "images_per_second": round(batch / median, 1),
            "batch": batch,
            "pytorch": torch.__version__,
        }
        print(json.dumps(result), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=WORKLOADS, help="default: all, in turns")
    parser.add_argument("--mode", choices=["train", "eval"], help="default: both")
    parser.add_argument("--threads", type=int, help="default: as PyTorch likes")
    parser.add_argument("--batch", type=int, default=0, help="default: the network's usual one")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--onnxruntime", action="store_true", help="evaluation by ONNX Runtime")
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    for name in [arguments.network] if arguments.network else WORKLOADS:
        if arguments.onnxruntime:
            measure_onnxruntime(name, arguments.batch, arguments.seconds)
            continue
        modes = [arguments.mode] if arguments.mode else ["train", "eval"]
        measure(name, modes, arguments.batch, arguments.channels_last, arguments.seconds)


if __name__ == "__main__":
    main()
