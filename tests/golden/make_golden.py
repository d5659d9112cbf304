#!/usr/bin/env python3
"""Golden values: what PyTorch makes of small trainings that cnn-train has to reproduce.

    make_golden.py [CASE ...]  rewrites these folders under cases/, or all, and checks that each case is well conditioned
    make_golden.py --compare   changes nothing; trains again and compares with the files (another PyTorch, say)

Needs PyTorch (1.13 or newer) and numpy. A case is a folder with

    config.json            what cnn-train reads; paths are relative to it
    *.idx, *.idx.gz        images and labels
    start.safetensors      parameters and running statistics before the first step
    expected.safetensors   the same after the last step
    expected.json          per epoch: losses, accuracies, learning rate of the last step

The network and the training are built from that very config.json with plain torch.nn modules. Expected values come
from a float64 run, so they are the formulas' and not one machine's rounding. A float32 run, and a float64 run with
noise of the size of float32's rounding in weights and gradients, must end at the same place to CONDITIONING of the
way each tensor went: a case that fails this (a ReLU or a maximum on the edge) proves nothing, and is to be changed.
"""

import argparse
import gzip
import json
import math
import shutil
import struct
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CASES = Path(__file__).resolve().parent / "cases"
CONDITIONING = 3e-4  # float32 against float64, relative to the change of a tensor
STILL = 1e-5  # a tensor that moved less than this (norm) is compared absolutely
STILL_NOISE = 2e-7
COMPRESS_BEYOND = 4800  # bytes of images

Json = dict[str, Any]
Tensors = dict[str, np.ndarray]
Size = Any  # a number or [height, width], as in the config


# --- Files ------------------------------------------------------------------------------------------------------


def write_safetensors(path: Path, tensors: Tensors) -> None:
    """Writes float32 tensors: length of the header (u64, little endian), JSON header, data."""
    header: Json = {}
    data = b""
    for name in sorted(tensors):
        content = np.ascontiguousarray(tensors[name], dtype="<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensors[name].shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data starts aligned
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path: Path) -> Tensors:
    """Reads what write_safetensors wrote."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(content[begin:end], "<f4").reshape(entry["shape"])
    return tensors


IDX_TYPES = {np.dtype("uint8"): 0x08, np.dtype("float32"): 0x0D}


def write_idx(path: Path, array: np.ndarray) -> None:
    """Writes MNIST's format: 0, 0, type, number of dimensions, sizes, values, all big endian."""
    content = struct.pack(">BBBB", 0, 0, IDX_TYPES[array.dtype], array.ndim)
    content += struct.pack(f">{array.ndim}I", *array.shape)
    content += array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content, 9, mtime=0) if path.suffix == ".gz" else content)


def read_idx(path: Path) -> np.ndarray:
    """Reads what write_idx wrote."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    code, dimensions = content[2], content[3]
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    dtype = next(dtype for dtype, known in IDX_TYPES.items() if known == code)
    return np.frombuffer(content, dtype.newbyteorder(">"), offset=4 + 4 * dimensions).reshape(shape).astype(dtype)


# --- The network of a config, in torch.nn -----------------------------------------------------------------------

ACTIVATIONS: dict[str, Callable[..., nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "sigmoid": nn.Sigmoid,
    "hard_sigmoid": nn.Hardsigmoid,
    "tanh": nn.Tanh,
}


def pair(size: Size) -> Any:
    """A size as torch wants it; rules such as "same" stay words."""
    return tuple(size) if isinstance(size, list) else size


def conv_padding(entry: Json, x: torch.Tensor) -> tuple[list[nn.Module], Any]:
    """What pads x before a convolution, and the padding that is left to the convolution itself."""
    padding = entry.get("padding", 0)
    if padding == "same_tensorflow":
        below_and_right = []
        before = []
        for size, kernel, stride in zip(x.shape[2:], sides(entry["kernel_size"]), sides(entry.get("stride", 1))):
            total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
            before.append(total // 2)
            below_and_right.append(total - total // 2)
        (top, left), (bottom, right) = before, below_and_right
    elif isinstance(padding, dict):
        top, left, bottom, right = (padding.get(side, 0) for side in ("top", "left", "bottom", "right"))
    else:
        return [], pair(padding)
    return [nn.ZeroPad2d((left, right, top, bottom))], 0


def sides(size: Size) -> tuple[int, int]:
    """Height and width."""
    return tuple(size) if isinstance(size, list) else (size, size)


class Residual(nn.Module):
    """layers(x) + shortcut(x)."""

    def __init__(self, layers: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x) + self.shortcut(x)


@dataclass
class Network:
    """A chain of modules, and the modules with parameters under the names of the model file."""

    chain: nn.Module
    parts: dict[str, nn.Module]
    entries: dict[str, list[Json]]  # of each part: its own entry last, residuals around it before

    def tensors(self) -> dict[str, torch.Tensor]:
        """Parameters and running statistics by name."""
        found: dict[str, torch.Tensor] = {}
        for name, part in self.parts.items():
            for key, tensor in [*part.named_parameters(), *part.named_buffers()]:
                if key != "num_batches_tracked" and key not in getattr(part, "not_learned", ()):
                    found[f"{name}.{key}"] = tensor
        return found

    def control(self, tensor: str, key: str) -> list[Any]:
        """What the entries of a tensor say under this key, trainable or one of the scales."""
        part, kind = tensor.rsplit(".", 1)
        values = [entry[key] for entry in self.entries[part] if key in entry]
        is_split = [isinstance(value, dict) and value.keys() & {"weight", "bias"} for value in values]
        return [value.get(kind, 1) if split else value for value, split in zip(values, is_split)]

    def learns(self, tensor: str, epoch: int) -> bool:
        """Whether a tensor is trained in this epoch, from 1."""
        def one(value: Any) -> bool:
            if isinstance(value, dict):
                return value.get("from_epoch", 1) <= epoch <= value.get("until_epoch", epoch)
            return bool(value)
        return all(one(value) for value in self.control(tensor, "trainable"))


def batch_norm(entry: Json, x: torch.Tensor) -> nn.Module:
    """Flat values are normalized one by one, maps per channel."""
    kind = nn.BatchNorm1d if x.dim() == 2 else nn.BatchNorm2d
    affine = entry.get("affine", True)
    norm = kind(
        x.shape[1],
        eps=entry.get("eps", 1e-5),
        momentum=entry.get("momentum", 0.1),
        affine=bool(affine),
    )
    if affine == "bias":
        norm.weight.requires_grad_(False)
        norm.not_learned = ("weight",)
    return norm


class SqueezeExcite(nn.Module):
    """torchvision.ops.SqueezeExcitation."""

    def __init__(self, entry: Json, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, entry["squeeze_channels"], 1)
        self.fc2 = nn.Conv2d(entry["squeeze_channels"], channels, 1)
        self.activation = ACTIVATIONS[entry.get("inner_activation", "relu")]()
        self.gate = ACTIVATIONS[entry.get("gate", "sigmoid")]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(self.fc2(self.activation(self.fc1(x.mean((2, 3), keepdim=True)))))


class Scale(nn.Module):
    """factor * x."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def projection_stride(inputs: int, outputs: int) -> int:
    """The stride that takes a 1x1 convolution from one size to the other."""
    return next(s for s in range(1, inputs + 1) if (inputs - 1) // s + 1 == outputs)


def network_from_json(entries: list[Json], input_shape: Sequence[int]) -> Network:
    """Builds `network` of a config for images of input_shape (channels, height, width)."""
    parts: dict[str, nn.Module] = {}
    owners: dict[str, list[Json]] = {}
    counts: dict[str, int] = {}

    def chain_from(chain: list[Json], x: torch.Tensor, around: list[Json]) -> tuple[nn.Module, torch.Tensor]:
        """A chain and what it makes of a probe; the probe carries the shapes from entry to entry."""
        modules: list[nn.Module] = []
        for entry in chain:
            kind = entry["type"]
            counts[kind] = counts.get(kind, 0) + 1
            name = entry.get("name", f"{kind}{counts[kind]}")
            stages: list[nn.Module] = []
            owners[name] = [*around, entry]
            if kind == "conv":
                stages, padding = conv_padding(entry, x)
                stages += [
                    nn.Conv2d(
                        x.shape[1],
                        entry["out_channels"],
                        pair(entry["kernel_size"]),
                        stride=pair(entry.get("stride", 1)),
                        padding=padding,
                        dilation=pair(entry.get("dilation", 1)),
                        groups=entry.get("groups", 1),
                        bias=entry.get("bias", True),
                    )
                ]
                parts[name] = stages[-1]
            elif kind in ("max_pool", "avg_pool"):
                sizes = {key: pair(entry[key]) for key in ("stride", "padding") if key in entry}
                if kind == "max_pool":
                    stages = [nn.MaxPool2d(pair(entry["kernel_size"]), **sizes)]
                else:
                    include = entry.get("count_include_pad", True)
                    stages = [nn.AvgPool2d(pair(entry["kernel_size"]), **sizes, count_include_pad=include)]
            elif kind == "global_avg_pool":
                stages = [nn.AdaptiveAvgPool2d(1)]
            elif kind == "flatten":
                stages = [nn.Flatten()]
            elif kind == "dense":
                if x.dim() == 4:
                    assert x.shape[2:] == (1, 1), f"{name} needs a flat input"
                    stages.append(nn.Flatten())
                stages.append(nn.Linear(x[0].numel(), entry["units"], bias=entry.get("bias", True)))
                parts[name] = stages[-1]
            elif kind == "batch_norm":
                stages = [batch_norm(entry, x)]
                parts[name] = stages[0]
            elif kind == "activation":
                slope = [entry["negative_slope"]] if "negative_slope" in entry else []
                stages = [ACTIVATIONS[entry["function"]](*slope)]
            elif kind == "squeeze_excite":
                stages = [SqueezeExcite(entry, x.shape[1])]
                for part in ("fc1", "fc2"):
                    parts[f"{name}.{part}"] = getattr(stages[0], part)
                    owners[f"{name}.{part}"] = owners[name]
            elif kind == "scale":
                stages = [Scale(entry["factor"])]
            elif kind == "residual":
                inner, y = chain_from(entry["layers"], x, owners[name])
                shortcut: nn.Module = nn.Identity()
                if entry.get("shortcut", "identity") == "projection":
                    stride = tuple(projection_stride(a, b) for a, b in zip(x.shape[2:], y.shape[2:]))
                    conv = nn.Conv2d(x.shape[1], y.shape[1], 1, stride=stride, bias=False)
                    norm = nn.BatchNorm2d(y.shape[1])
                    parts[f"{name}.shortcut"] = conv
                    parts[f"{name}.shortcut_norm"] = norm
                    owners[f"{name}.shortcut"] = owners[f"{name}.shortcut_norm"] = owners[name]
                    shortcut = nn.Sequential(conv, norm)
                stages = [Residual(inner, shortcut)]
            else:
                raise ValueError(f"{name}: unknown type")
            if kind != "activation" and entry.get("activation", "none") != "none":
                stages.append(ACTIVATIONS[entry["activation"]]())
            module = nn.Sequential(*stages)
            with torch.no_grad():
                x = module.eval()(x)
            modules.append(module)
        return nn.Sequential(*modules), x

    built, _ = chain_from(entries, torch.zeros(1, *input_shape), [])
    return Network(built, parts, owners)


# --- Training, as the config says -------------------------------------------------------------------------------


def schedule_factor(schedule: Json, steps_per_epoch: int, steps: int) -> Callable[[int], float]:
    """The factor on the learning rate at a step (from 0). Not for one_cycle."""
    warmup = round(schedule.get("warmup_epochs", 0) * steps_per_epoch)
    kind = schedule["type"]

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        epoch = (step - warmup) / steps_per_epoch
        part = (step - warmup) / max(steps - warmup, 1)
        if kind == "constant":
            return 1.0
        if kind == "step":
            return schedule["gamma"] ** math.floor(epoch / schedule["step_epochs"])
        if kind == "exponential":
            return schedule["gamma"] ** epoch
        if kind == "cosine":
            final = schedule.get("final_factor", 0.0)
            return final + (1 - final) * (1 + math.cos(math.pi * part)) / 2
        if kind == "linear":
            fractions, factors = zip(*schedule["points"])
            return float(np.interp(part, fractions, factors))
        raise ValueError(kind)

    return factor


class Muon(torch.optim.Optimizer):
    """torch.optim.Muon (PyTorch 2.9) on weights of convolutions as matrices, without its rounding to bfloat16."""

    def __init__(self, groups: list[Json], spec: Json) -> None:
        super().__init__(groups, {"lr": spec["learning_rate"]})
        self.spec = spec

    @staticmethod
    def orthogonal(update: torch.Tensor, steps: int, eps: float) -> torch.Tensor:
        a, b, c = 3.4445, -4.7750, 2.0315
        x = update.T if update.shape[0] > update.shape[1] else update
        x = x / (x.norm() + eps)
        for _ in range(steps):
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        return x.T if update.shape[0] > update.shape[1] else x

    @torch.no_grad()
    def step(self) -> None:
        momentum = self.spec.get("momentum", 0.95)
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
                mean.lerp_(weight.grad, 1 - momentum)
                update = weight.grad.lerp(mean, momentum) if self.spec.get("nesterov", True) else mean
                matrix = update.reshape(len(update), -1)
                direction = self.orthogonal(matrix, self.spec.get("steps", 5), self.spec.get("eps", 1e-7))
                if self.spec.get("normalize_weights", False):
                    weight.mul_(len(weight) ** 0.5 / weight.norm())
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                size = max(1, matrix.shape[0] / matrix.shape[1]) ** 0.5
                weight.add_(direction.reshape(weight.shape), alpha=-group["lr"] * size)


def make_optimizers(spec: Json, network: Network) -> list[torch.optim.Optimizer]:
    """The optimizer of a config, with a group for each tensor; two for muon."""
    if spec["type"] != "muon":
        return [elementwise_optimizer(spec, network, list(network.tensors()))]
    trained = {name: tensor for name, tensor in network.tensors().items() if tensor.requires_grad}
    groups = [
        {
            "params": [tensor],
            "lr": spec["learning_rate"] * math.prod(network.control(name, "learning_rate_scale")),
            "weight_decay": spec.get("weight_decay", 0.0) * math.prod(network.control(name, "weight_decay_scale")),
        }
        for name, tensor in trained.items()
        if tensor.dim() == 4
    ]
    others = [name for name, tensor in trained.items() if tensor.dim() != 4]
    return [Muon(groups, spec), elementwise_optimizer(spec["others"], network, others)]


def elementwise_optimizer(spec: Json, network: Network, names: list[str]) -> torch.optim.Optimizer:
    """sgd, adam or adamw for these tensors."""
    decay = spec.get("weight_decay", 0.01 if spec["type"] == "adamw" else 0.0)
    groups = []
    for name in names:
        tensor = network.tensors()[name]
        if not tensor.requires_grad:
            continue
        decays = tensor.dim() > 1 or spec.get("decay_norm_and_bias", True)
        groups.append(
            {
                "params": [tensor],
                "lr": spec["learning_rate"] * math.prod(network.control(name, "learning_rate_scale")),
                "weight_decay": decay * math.prod(network.control(name, "weight_decay_scale")) if decays else 0.0,
            }
        )
    if spec["type"] == "sgd":
        return torch.optim.SGD(
            groups,
            lr=spec["learning_rate"],
            momentum=spec.get("momentum", 0.0),
            nesterov=spec.get("nesterov", False),
        )
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[spec["type"]]
    return kind(
        groups,
        lr=spec["learning_rate"],
        betas=tuple(spec.get("betas", (0.9, 0.999))),
        eps=spec.get("eps", 1e-8),
    )


def make_schedule(spec: Json, optimizer: torch.optim.Optimizer, steps_per_epoch: int, steps: int) -> Any:
    """The schedule of a config, advanced every step."""
    if spec["type"] == "one_cycle":
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=steps,
            pct_start=spec.get("pct_start", 0.3),
            anneal_strategy=spec.get("anneal", "cos"),
            cycle_momentum=False,
            div_factor=spec.get("div_factor", 25.0),
            final_div_factor=spec.get("final_div_factor", 1e4),
        )
    return torch.optim.lr_scheduler.LambdaLR(optimizer, schedule_factor(spec, steps_per_epoch, steps))


def load_images(folder: Path, location: Json) -> tuple[np.ndarray, np.ndarray]:
    """Images [N,C,H,W] in float64 (bytes as 0..1) and labels."""
    images = read_idx(folder / location["images"])
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    if images.ndim == 3:
        images = images[:, None]
    return images.astype(np.float64) / scale, read_idx(folder / location["labels"]).astype(np.int64)


@dataclass
class Outcome:
    """What a training leaves behind."""

    tensors: Tensors
    epochs: list[Json]


def train(folder: Path, config: Json, dtype: torch.dtype, noise: np.random.Generator | None = None) -> Outcome:
    """Trains the case; with `noise`, weights and gradients carry about the rounding errors of float32."""
    data, training = config["data"], config["training"]
    image = data["image"]
    network = network_from_json(config["network"], (image["channels"], image["height"], image["width"]))
    chain = network.chain.to(dtype)
    tensors = network.tensors()
    start = read_safetensors(folder / training["initial_weights"])
    assert start.keys() == tensors.keys(), start.keys() ^ tensors.keys()
    with torch.no_grad():
        for name, tensor in tensors.items():
            tensor.copy_(torch.from_numpy(start[name].copy()))

    train_images, train_labels = load_images(folder, data["train"])
    mean, std = np.zeros(image["channels"]), np.ones(image["channels"])
    if data["normalize"] == "auto":
        mean, std = train_images.mean((0, 2, 3)), train_images.std((0, 2, 3))
    elif data["normalize"] != "none":
        mean, std = np.array(data["normalize"]["mean"]), np.array(data["normalize"]["std"])

    def prepared(images: np.ndarray) -> torch.Tensor:
        return torch.from_numpy((images - mean[:, None, None]) / std[:, None, None]).to(dtype)

    inputs, targets = prepared(train_images), torch.from_numpy(train_labels)
    batch_size = training["batch_size"]
    starts = range(0, len(inputs), batch_size)
    if training.get("drop_last", False):
        starts = range(0, len(inputs) - batch_size + 1, batch_size)
    steps = training["epochs"] * len(starts)
    parameters = {name: tensor for name, tensor in tensors.items() if tensor.requires_grad}
    optimizers = make_optimizers(training["optimizer"], network)
    # What metrics.csv shows is the rate without any entry's learning_rate_scale.
    first_group = optimizers[0].param_groups[0]
    first_scale = first_group["lr"] / training["optimizer"]["learning_rate"]
    schedule_spec = training.get("schedule", {"type": "constant"})
    schedules = [make_schedule(schedule_spec, optimizer, len(starts), steps) for optimizer in optimizers]
    weights = training.get("class_weights", "none")
    if weights == "balanced":
        counts = np.bincount(train_labels)
        weights = {str(label): len(train_labels) / len(counts) / count for label, count in enumerate(counts)}
    class_weights = None
    if weights != "none":
        classes = int(train_labels.max()) + 1
        class_weights = torch.tensor([weights.get(str(label), 1.0) for label in range(classes)]).to(dtype)
    averaged = None
    if averaging := training.get("weight_averaging"):
        average = torch.optim.swa_utils.get_ema_multi_avg_fn(averaging.get("decay", 0.999))
        averaged = torch.optim.swa_utils.AveragedModel(chain, multi_avg_fn=average, use_buffers=True)
    lookahead = training.get("lookahead")
    slow = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    steps_done = 0

    def jitter(tensor: torch.Tensor, size: float) -> None:
        if noise is not None:
            tensor *= torch.from_numpy(1 + size * noise.standard_normal(tuple(tensor.shape)))

    epochs: list[Json] = []
    for number in range(1, training["epochs"] + 1):
        chain.train()
        for name, parameter in parameters.items():
            parameter.requires_grad_(network.learns(name, number))
        learning = [parameter for parameter in parameters.values() if parameter.requires_grad]
        loss_sum, correct, seen, learning_rate = 0.0, 0, 0, 0.0
        for first in starts:
            x, y = inputs[first : first + batch_size], targets[first : first + batch_size]
            logits = chain(x).flatten(1)
            loss = functional.cross_entropy(
                logits, y, weight=class_weights, label_smoothing=training.get("label_smoothing", 0.0)
            )
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            learning_rate = first_group["lr"] / first_scale
            with torch.no_grad():
                for parameter in learning:
                    jitter(parameter.grad, 5e-7)
                if clip := training.get("clip_gradient_norm"):
                    torch.nn.utils.clip_grad_norm_(learning, clip)
                for optimizer in optimizers:
                    optimizer.step()
                for parameter in learning:
                    jitter(parameter, 6e-8)
                steps_done += 1
                if lookahead and steps_done % lookahead.get("steps", 5) == 0:
                    alpha = lookahead.get("alpha", 0.5)
                    way = (steps_done / steps) ** lookahead.get("power", 1)
                    alpha += (lookahead.get("final_alpha", alpha) - alpha) * way
                    for name, tensor in tensors.items():
                        slow[name].lerp_(tensor, alpha)
                        tensor.copy_(slow[name])
                if lookahead and steps_done == steps:
                    for name, tensor in tensors.items():
                        tensor.copy_(slow[name])
                if averaged:
                    averaged.update_parameters(chain)
            for schedule in schedules:
                schedule.step()
            loss_sum += loss.item() * len(x)
            correct += int((logits.argmax(1) == y).sum())
            seen += len(x)
        epoch: Json = {
            "train_loss": loss_sum / seen,
            "train_accuracy": correct / seen,
            "train_images": seen,
            "learning_rate": learning_rate,
        }
        if "validation" in data:
            images, labels = load_images(folder, data["validation"])
            model = averaged.eval() if averaged else chain.eval()
            with torch.no_grad():
                logits = model(prepared(images)).flatten(1)
            y = torch.from_numpy(labels)
            epoch["validation_loss"] = functional.cross_entropy(logits, y).item()
            epoch["validation_accuracy"] = float((logits.argmax(1) == y).double().mean())
            epoch["validation_images"] = len(labels)
        epochs.append(epoch)
    if averaged:
        places = {tensor.data_ptr(): place for place, tensor in chain.state_dict().items()}
        averages = averaged.module.state_dict()
        tensors = {name: averages[places[tensor.data_ptr()]] for name, tensor in tensors.items()}
    return Outcome({name: t.detach().double().numpy().copy() for name, t in tensors.items()}, epochs)


# --- Making a case ----------------------------------------------------------------------------------------------


@dataclass
class Case:
    """What differs from case to case."""

    name: str
    network: list[Json]
    shape: tuple[int, int, int] = (1, 8, 8)
    images: int = 37
    validation: int = 0
    classes: int = 4
    batch_size: int = 16
    epochs: int = 2
    optimizer: Json = field(default_factory=lambda: sgd(0.05, momentum=0.9))
    schedule: Json | None = None
    training: Json = field(default_factory=dict)  # further keys
    normalize: Any = "none"
    bytes: bool = False
    seed: int = 0


def start_tensor(name: str, shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Something of the usual size that no default initialization would give."""
    key = name.rsplit(".", 1)[1]
    if key == "weight" and len(shape) > 1:
        fan_in = int(np.prod(shape[1:]))
        return rng.normal(0, math.sqrt(1.5 / fan_in), shape)
    if key == "weight" or key == "running_var":
        return rng.uniform(0.5, 1.5, shape)
    return rng.normal(0, 0.2, shape)  # biases, running means


def write_inputs(case: Case, folder: Path) -> Json:
    """Writes everything that cnn-train reads; returns the config."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()) + case.seed)
    patterns = rng.normal(0, 1, (case.classes, *case.shape))

    def write_set(prefix: str, count: int) -> Json:
        labels = rng.integers(0, case.classes, count).astype(np.uint8)
        labels[: case.classes] = rng.permutation(case.classes)  # every class is there
        images = 0.6 * patterns[labels] + rng.normal(0, 0.8, (count, *case.shape))
        if case.bytes:
            images = np.clip(np.round(128 + 60 * images), 0, 255).astype(np.uint8)
        else:
            images = (np.round(images * 4) / 4).astype(np.float32)  # compresses well
        if case.shape[0] == 1:
            images = images[:, 0]
        suffix = ".idx.gz" if images.nbytes > COMPRESS_BEYOND else ".idx"
        location = {"images": f"{prefix}images{suffix}", "labels": f"{prefix}labels.idx"}
        write_idx(folder / location["images"], images)
        write_idx(folder / location["labels"], labels)
        return location

    channels, height, width = case.shape
    data: Json = {"format": "idx", "train": write_set("", case.images)}
    if case.validation:
        data["validation"] = write_set("validation_", case.validation)
    data["image"] = {"channels": channels, "height": height, "width": width}
    data["normalize"] = case.normalize
    training: Json = {
        "epochs": case.epochs,
        "batch_size": case.batch_size,
        "shuffle": False,
        **case.training,
        "optimizer": case.optimizer,
    }
    if case.schedule:
        training["schedule"] = case.schedule
    training["initial_weights"] = "start.safetensors"
    config = {"name": case.name, "data": data, "network": case.network, "training": training}
    (folder / "config.json").write_text(config_text(config))

    network = network_from_json(case.network, case.shape)
    start = {name: start_tensor(name, tuple(t.shape), rng) for name, t in network.tensors().items()}
    write_safetensors(folder / "start.safetensors", start)
    return config


def config_text(config: Json) -> str:
    """JSON with an entry of the network per line."""
    lines = []
    for key, value in config.items():
        if key == "network":
            text = "[\n" + ",\n".join(f"    {json.dumps(entry)}" for entry in value) + "\n  ]"
        elif isinstance(value, dict):
            text = "{\n" + ",\n".join(f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()) + "\n  }"
        else:
            text = json.dumps(value)
        lines.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def distance(ours: Tensors, theirs: Tensors, start: Tensors) -> tuple[float, str]:
    """The worst tensor: how far apart two trainings end, relative to the way from the start."""
    worst, where = 0.0, ""
    for name, tensor in theirs.items():
        change = float(np.linalg.norm(tensor - start[name]))
        apart = float(np.linalg.norm(ours[name] - tensor))
        if not np.isfinite(apart):
            return math.inf, name
        relative = apart / change if change > STILL else apart / STILL_NOISE * CONDITIONING
        if relative > worst:
            worst, where = relative, name
    return worst, where


def metrics_distance(ours: list[Json], theirs: list[Json]) -> float:
    """The largest difference in any metric, relative above 1."""
    return max(abs(a[key] - b[key]) / max(abs(b[key]), 1) for a, b in zip(ours, theirs) for key in b)


def rounded(epochs: list[Json]) -> list[Json]:
    """Ten digits: enough for every tolerance, and the same from every version of PyTorch."""
    return [{k: float(f"{v:.10g}") if isinstance(v, float) else v for k, v in e.items()} for e in epochs]


def make(case: Case) -> bool:
    """Writes a case, prints a line about it; False if it is badly conditioned."""
    folder = CASES / case.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = write_inputs(case, folder)
    start = read_safetensors(folder / "start.safetensors")
    exact = train(folder, config, torch.float64)
    write_safetensors(folder / "expected.safetensors", exact.tensors)
    (folder / "expected.json").write_text(json.dumps({"epochs": rounded(exact.epochs)}, indent=2) + "\n")

    single = train(folder, config, torch.float32)
    worst, where = distance(single.tensors, exact.tensors, start)
    noisy_worst, noisy_where = 0.0, ""
    for seed in range(3):
        noisy = train(folder, config, torch.float64, np.random.default_rng(seed))
        noisy_worst, noisy_where = max(
            (noisy_worst, noisy_where), distance(noisy.tensors, exact.tensors, start)
        )
    moved = sum(np.linalg.norm(t - start[n]) > STILL for n, t in exact.tensors.items())
    metrics = metrics_distance(single.epochs, exact.epochs)
    good = max(worst, noisy_worst) < CONDITIONING and metrics < 1e-5 and moved > 0
    size = sum(file.stat().st_size for file in folder.iterdir())
    losses = " ".join(f"{epoch['train_loss']:.3f}" for epoch in exact.epochs)
    print(
        f"{case.name:32} {size / 1024:6.1f} KiB  float32 {worst:.1e} {where:28} noise {noisy_worst:.1e} "
        f"{noisy_where:28} metrics {metrics:.0e}  still {len(start) - moved}  loss {losses}{'' if good else '  BAD'}"
    )
    return good


def compare(folder: Path) -> bool:
    """Trains a written case again and compares."""
    config = json.loads((folder / "config.json").read_text())
    start, expected = (read_safetensors(folder / f"{n}.safetensors") for n in ("start", "expected"))
    epochs = json.loads((folder / "expected.json").read_text())["epochs"]
    results = []
    for dtype in (torch.float64, torch.float32):
        outcome = train(folder, config, dtype)
        worst, _ = distance(outcome.tensors, expected, start)
        results.append((worst, metrics_distance(outcome.epochs, epochs)))
    good = all(worst < CONDITIONING and metrics < 1e-5 for worst, metrics in results)
    (worst64, metrics64), (worst32, metrics32) = results
    print(
        f"{folder.name:32} float64 {worst64:.1e} metrics {metrics64:.0e}  "
        f"float32 {worst32:.1e} metrics {metrics32:.0e}{'' if good else '  BAD'}"
    )
    return good


# --- The cases --------------------------------------------------------------------------------------------------


def conv(out_channels: int, kernel_size: Size, **more: Any) -> Json:
    return {"type": "conv", "out_channels": out_channels, "kernel_size": kernel_size, **more}


def dense(units: int, **more: Any) -> Json:
    return {"type": "dense", "units": units, **more}


def norm(**more: Any) -> Json:
    return {"type": "batch_norm", **more}


def max_pool(kernel_size: Size, **more: Any) -> Json:
    return {"type": "max_pool", "kernel_size": kernel_size, **more}


def avg_pool(kernel_size: Size, **more: Any) -> Json:
    return {"type": "avg_pool", "kernel_size": kernel_size, **more}


def activation(function: str, **more: Any) -> Json:
    return {"type": "activation", "function": function, **more}


def residual(layers: list[Json], **more: Any) -> Json:
    return {"type": "residual", "layers": layers, **more}


def flatten() -> Json:
    return {"type": "flatten"}


def global_avg_pool() -> Json:
    return {"type": "global_avg_pool"}


def sgd(learning_rate: float, **more: Any) -> Json:
    return {"type": "sgd", "learning_rate": learning_rate, **more}


def head(classes: int = 4) -> list[Json]:
    return [flatten(), dense(classes)]


def conv_cases() -> list[Case]:
    """Every geometry of a convolution. Sizes are odd, so that strides leave a rest."""
    return [
        Case("conv_plain", [conv(5, 3, activation="relu"), conv(3, 2), *head()], images=33),
        Case("conv_stride", [conv(5, 3, stride=2, activation="tanh"), conv(3, 2, stride=2), *head()], (2, 11, 12)),
        Case("conv_stride_beyond_kernel", [conv(4, 2, stride=3, activation="tanh"), conv(6, 1, stride=2), *head()],
             (2, 11, 9), batch_size=7, images=24),
        Case("conv_padding", [conv(4, 3, padding=1, activation="tanh"), conv(3, 5, padding=[2, 1]), *head()],
             (2, 7, 6), validation=20),
        Case("conv_padding_beyond_kernel", [conv(3, 1, padding=2, activation="tanh"),
                                            conv(4, 2, padding=[4, 3], stride=2, activation="tanh"),
                                            conv(3, 3, padding=4, stride=[2, 3]), *head()], (2, 6, 5)),
        Case("conv_same_even_kernel", [conv(4, 4, padding="same", activation="tanh"),
                                       conv(3, [2, 3], padding="same"), *head()], (2, 7, 6), batch_size=20, images=45),
        Case("conv_padding_sides", [conv(4, 3, padding={"bottom": 1, "right": 1}, stride=2, activation="tanh"),
                                    conv(3, 3, padding={"top": 3, "left": 0, "bottom": 1, "right": 2}), *head()],
             (2, 8, 7), validation=20),
        Case("conv_same_tensorflow", [conv(6, 3, padding="same_tensorflow", stride=2, activation="tanh"),
                                      conv(6, 3, padding="same_tensorflow", stride=[1, 2], groups=6, activation="tanh"),
                                      conv(3, [2, 1], padding="same_tensorflow", stride=[3, 2]), *head()], (2, 12, 13)),
        Case("conv_same_dilation", [conv(4, [2, 3], padding="same", dilation=[3, 2], activation="tanh"),
                                    conv(3, 4, padding="same", dilation=2), *head()], (1, 8, 9)),
        Case("conv_valid", [conv(4, 3, padding="valid", activation="elu"), *head()], (1, 6, 6)),
        Case("conv_dilation", [conv(4, 3, dilation=2, activation="tanh"),
                               conv(3, 2, dilation=[1, 3], padding=1), *head()], (2, 9, 10)),
        Case("conv_dilation_stride", [conv(4, 3, dilation=2, stride=2, padding=3, activation="tanh"),
                                      conv(3, [3, 2], dilation=[2, 3], stride=[1, 2], padding=[2, 1]), *head()],
             (2, 10, 11)),
        Case("conv_groups", [conv(6, 3, activation="tanh"), conv(9, 3, groups=3, padding=1, activation="tanh"),
                             conv(6, 2, groups=3, stride=2), *head()], (2, 8, 7)),
        Case("conv_depthwise", [conv(5, 2, activation="tanh"), conv(5, 3, groups=5, padding=1, activation="tanh"),
                                conv(10, 3, groups=5, stride=2, padding=1), *head()], (1, 9, 8)),
        Case("conv_no_bias", [conv(5, 3, bias=False, activation="relu"), conv(4, 3, bias=False, padding=1), *head()],
             batch_size=33, images=50),
        Case("conv_not_square", [conv(4, [1, 5], padding=[0, 3], activation="tanh"),
                                 conv(3, [3, 2], stride=[2, 1], activation="tanh"),
                                 conv(5, [4, 1], stride=[1, 2], padding=[1, 0]), *head()], (2, 9, 8)),
        Case("conv_1x1", [conv(7, 1, activation="gelu"), conv(3, 1, stride=2), *head()], (3, 6, 7), images=33),
        Case("conv_many_channels", [conv(11, 3, padding=1, activation="gelu"), conv(19, 3, padding=1, activation="gelu"),
                                    conv(17, 3), *head()], (1, 6, 6), classes=4),
        # 64 channels in and out: what a faster algorithm for 3x3 would take over.
        Case("conv_64_channels", [conv(64, 1, activation="gelu"), conv(64, 3, padding=1, activation="gelu"),
                                  max_pool(2), conv(4, 3), global_avg_pool(), flatten()], (1, 8, 8), images=20,
             optimizer=sgd(0.02, momentum=0.9)),
        Case("conv_whole_map", [conv(6, 6, activation="tanh"), conv(4, 1), flatten()], (2, 6, 6)),
    ]


def pool_cases() -> list[Case]:
    """Windows that overlap, leave gaps, leave a rest, hang over the border."""
    def network(pool: Json) -> list[Json]:
        return [conv(4, 3, padding=1, activation="tanh"), pool, conv(3, 2, activation="tanh"), *head()]

    return [
        Case("max_pool", network(max_pool(2)), (2, 9, 8), images=33),
        Case("max_pool_overlapping", network(max_pool(3, stride=2)), (1, 9, 10)),
        Case("max_pool_stride_1", network(max_pool([2, 3], stride=1)), (1, 7, 8)),
        Case("max_pool_gaps", network(max_pool(2, stride=[3, 4])), (1, 11, 10)),
        Case("max_pool_padded", network(max_pool(3, stride=2, padding=1)), (1, 8, 9)),
        Case("max_pool_padded_not_square", network(max_pool([2, 4], stride=[1, 3], padding=[1, 2])), (1, 7, 9)),
        Case("max_pool_first", [max_pool(2, stride=1), conv(4, 3, activation="tanh"), *head()], (2, 7, 7)),
        # Inputs of the pool that are exactly equal (ReLU's zeros): the first one gets the gradient.
        Case("max_pool_after_relu", [conv(4, 3, activation="relu"), max_pool(2, stride=1), conv(3, 3), *head()]),
        Case("avg_pool", network(avg_pool(2)), (2, 9, 8), images=33),
        Case("avg_pool_overlapping", network(avg_pool(3, stride=2)), (1, 9, 10)),
        Case("avg_pool_gaps", network(avg_pool([1, 2], stride=3)), (1, 11, 10)),
        Case("avg_pool_padded", network(avg_pool(3, stride=2, padding=1)), (1, 8, 9)),
        Case("avg_pool_padded_not_counted",
             network(avg_pool([3, 4], stride=[2, 1], padding=[1, 2], count_include_pad=False)), (1, 8, 7)),
        Case("global_avg_pool", [conv(6, 3, activation="gelu"), global_avg_pool(), flatten(), dense(4)], (2, 7, 6),
             optimizer=sgd(0.2, momentum=0.9)),
        Case("fully_convolutional", [conv(6, 3, activation="gelu"), conv(4, 1), global_avg_pool()], (1, 7, 6),
             optimizer=sgd(0.2, momentum=0.9)),
    ]


def activation_cases() -> list[Case]:
    """Each function fused with conv and dense and batch_norm, and as an entry on maps and on flat values."""
    cases = []
    for function in ACTIVATIONS:
        rate = 0.2 if function.endswith("sigmoid") else 0.05
        cases.append(Case(f"fused_{function}",
                          [conv(4, 3, activation=function), conv(4, 3, bias=False), norm(activation=function), flatten(),
                           dense(7, activation=function), dense(4)], (1, 7, 7), optimizer=sgd(rate, momentum=0.9)))
        slope = {"negative_slope": 0.2} if function == "leaky_relu" else {}
        cases.append(Case(f"entry_{function}",
                          [conv(4, 3), activation(function, **slope), avg_pool(2), conv(3, 2), flatten(),
                           activation(function, **slope), dense(4)], (1, 9, 8), images=33,
                          optimizer=sgd(rate, momentum=0.9)))
    cases.append(Case("entry_default_slope", [activation("leaky_relu"), conv(4, 3), activation("leaky_relu"), *head()]))
    return cases


def dense_cases() -> list[Case]:
    """Dense layers behind everything that may stand before one."""
    return [
        Case("softmax_regression", head(), (1, 6, 6), images=33, validation=17),
        Case("dense_chain", [flatten(), dense(19, activation="relu"), dense(9), dense(11, activation="tanh"), dense(5)],
             (1, 6, 6), classes=5, batch_size=7, images=24),
        Case("dense_no_bias", [flatten(), dense(17, bias=False, activation="gelu"), dense(4, bias=False)], (2, 5, 5)),
        Case("dense_on_1x1", [conv(7, 3, activation="tanh"), global_avg_pool(), dense(6, activation="tanh"), dense(4)],
             (1, 7, 6), optimizer=sgd(0.2, momentum=0.9)),
        Case("dense_after_whole_map_conv", [conv(9, 5, activation="silu"), dense(4)], (2, 5, 5)),
        Case("flatten_order", [conv(3, 2, stride=2), flatten(), dense(6, activation="elu"), dense(3)], (2, 6, 10),
             classes=3),
        Case("scale", [conv(4, 3, activation="tanh"), {"type": "scale", "factor": -2.5}, *head(),
                       {"type": "scale", "factor": 0.3}], (1, 6, 6), validation=17),
        Case("names", [conv(3, 3, name="edges", activation="tanh"), flatten(), dense(6, activation="tanh"),
                       dense(4, name="scores")], (1, 6, 6)),
    ]


def norm_cases() -> list[Case]:
    """Batch normalization: where it stands, what follows it, what it is told."""
    return [
        Case("norm_conv", [conv(5, 3, bias=False), norm(), conv(4, 3), *head()], validation=21),
        Case("norm_relu", [conv(5, 3, bias=False), norm(activation="relu"), conv(4, 3), *head()], (2, 8, 8)),
        Case("norm_gelu", [conv(5, 3, bias=False, padding=1), norm(activation="gelu"), max_pool(2),
                           conv(4, 3, bias=False, padding=1), norm(activation="gelu"), *head()], validation=20),
        Case("norm_flat", [flatten(), dense(9, bias=False), norm(activation="gelu"), dense(7, bias=False), norm(),
                           dense(4)], (1, 6, 6), validation=20),
        Case("norm_not_affine", [conv(5, 3, bias=False), norm(affine=False, activation="gelu"), flatten(),
                                 dense(6, bias=False), norm(affine=False), activation("tanh"), dense(4)], (1, 7, 7)),
        Case("norm_bias_only", [conv(5, 3, bias=False), norm(affine="bias", activation="gelu"), flatten(),
                                dense(6, bias=False), norm(affine="bias"), activation("tanh"), dense(4)], (1, 7, 7),
             validation=20),
        Case("norm_momentum_eps", [conv(5, 3, bias=False), norm(momentum=0.37, eps=0.3, activation="tanh"), *head()],
             validation=20),
        Case("norm_first", [norm(), conv(4, 3, activation="gelu"), *head()], (3, 6, 6)),
        Case("norm_after_bias", [conv(5, 3), norm(activation="gelu"), *head()], validation=17),
        Case("norm_after_activation", [conv(5, 3, activation="gelu"), norm(), max_pool(2), *head()]),
        Case("norm_after_pool", [conv(6, 3, padding=1, bias=False), max_pool(2), norm(activation="gelu"),
                                 conv(4, 3, padding=1, bias=False), norm(activation="gelu"), *head()], (2, 8, 8)),
        Case("norm_on_1x1", [conv(6, 3, activation="gelu"), global_avg_pool(), norm(), dense(4)], (2, 6, 6)),
        Case("norm_last_batch_of_one", [conv(4, 3, bias=False), norm(activation="gelu"), *head()], images=33,
             validation=20, optimizer=sgd(0.02, momentum=0.5)),
        Case("norm_partial_blocks", [conv(9, 3, bias=False), norm(activation="relu"), conv(7, 3, bias=False),
                                     norm(activation="relu"), *head()], (1, 7, 7), batch_size=20, images=45),
        Case("norm_adam", [conv(5, 3, bias=False), norm(activation="gelu"), *head()],
             optimizer={"type": "adam", "learning_rate": 0.01}, validation=20),
    ]


def residual_cases() -> list[Case]:
    """Residual entries: both shortcuts, nested, on flat values, as the first entry."""
    def block(channels: int, stride: int = 1) -> list[Json]:
        return [conv(channels, 3, stride=stride, padding=1, bias=False), norm(activation="relu"),
                conv(channels, 3, padding=1, bias=False), norm()]

    stem = conv(4, 3, padding=1, activation="tanh")
    return [
        Case("residual_identity", [stem, residual([conv(4, 3, padding=1, activation="gelu"), conv(4, 3, padding=1)]),
                                   *head()], (1, 6, 7), optimizer=sgd(0.02, momentum=0.9)),
        Case("residual_activation", [stem, residual([conv(4, 3, padding=1)], shortcut="identity", activation="gelu"),
                                     max_pool(2), *head()], (1, 7, 8), images=33),
        Case("residual_projection", [stem, residual(block(6, 2), shortcut="projection", activation="relu"), *head()],
             (1, 9, 8), validation=20),
        Case("residual_projection_stride_1", [residual([conv(5, 3, padding="same", activation="silu")],
                                                       shortcut="projection"), *head()], (2, 6, 6)),
        Case("residual_projection_not_square", [stem, residual([conv(5, 3, stride=[1, 2], padding=1)],
                                                               shortcut="projection", activation="elu"), *head()],
             (1, 6, 9)),
        Case("residual_nested", [stem, residual([conv(4, 3, padding=1, activation="tanh"),
                                                 residual([conv(4, 1, activation="gelu"), norm()], activation="silu"),
                                                 residual([conv(6, 3, padding=1, bias=False)], shortcut="projection"),
                                                 conv(4, 1)], activation="tanh"), *head()], (1, 6, 6),
             validation=20),
        Case("residual_preactivation", [conv(4, 3, padding=1), residual([norm(activation="relu"),
                                                                         conv(4, 3, padding=1, bias=False),
                                                                         norm(activation="relu"),
                                                                         conv(4, 3, padding=1)]),
                                        norm(activation="relu"), global_avg_pool(), dense(4)], (1, 7, 7)),
        Case("residual_first", [residual([conv(3, 3, padding=1, activation="tanh")]), conv(4, 2), *head()], (3, 6, 5)),
        Case("residual_of_activation", [stem, residual([activation("relu")]), conv(4, 3), residual([activation("tanh")],
                                                                                                  activation="silu"),
                                        *head()], (1, 6, 6)),
        Case("residual_flat", [flatten(), dense(9, activation="tanh"),
                               residual([dense(5, activation="gelu"), dense(9)], activation="relu"),
                               residual([dense(9), norm()]), dense(4)], (1, 6, 6)),
        Case("residual_pools", [stem, residual([max_pool(3, stride=1, padding=1), conv(4, 1)]),
                                residual([avg_pool(2), conv(6, 1)], shortcut="projection", activation="gelu"), *head()],
             (1, 8, 8)),
        Case("residual_halos", [stem, residual([conv(4, 5, padding=2, activation="gelu"), conv(4, 1)]),
                                conv(3, 7, padding=3), *head()], (1, 6, 6)),
    ]


def mobile_cases() -> list[Case]:
    """What MobileNets are made of."""
    def separable(channels: int, outputs: int, stride: int) -> list[Json]:
        sides = {"padding": {"bottom": 1, "right": 1}, "stride": 2} if stride == 2 else {"padding": 1}
        return [conv(channels, 3, groups=channels, bias=False, **sides), norm(activation="relu6"),
                conv(outputs, 1, bias=False), norm(activation="relu6")]

    squeeze = {"type": "squeeze_excite", "squeeze_channels": 3}
    return [
        Case("mobile_v1", [conv(6, 3, stride=2, padding={"bottom": 1, "right": 1}, bias=False),
                           norm(activation="relu6"), {"type": "scale", "factor": 3}, *separable(6, 8, 1),
                           *separable(8, 9, 2), global_avg_pool(), dense(4)], (3, 14, 12), validation=16),
        Case("squeeze_excite", [conv(7, 3, activation="sigmoid"), squeeze, conv(5, 3), squeeze, *head()], (2, 8, 7),
             images=33, validation=16, optimizer=sgd(0.3, momentum=0.9)),
        Case("squeeze_excite_mobile", [conv(6, 3, stride=2, padding=1, bias=False), norm(activation="hard_swish"),
                                       residual([conv(12, 1, bias=False), norm(activation="hard_swish"),
                                                 conv(12, 5, padding=2, groups=12, bias=False),
                                                 norm(activation="hard_swish"), {**squeeze, "gate": "hard_sigmoid",
                                                                                 "inner_activation": "silu"},
                                                 conv(6, 1, bias=False), norm()]),
                                       global_avg_pool(), dense(9, activation="hard_swish"), dense(4)], (3, 11, 10),
             validation=16, optimizer=sgd(0.2, momentum=0.9)),
        Case("max_pool_resnet", [conv(5, 7, stride=2, padding=3, bias=False), norm(activation="relu"),
                                 max_pool(3, stride=2, padding=1), *head()], (3, 17, 16)),
    ]


def training_cases() -> list[Case]:
    """Optimizers, schedules, batches, smoothing on a small network."""
    network = [conv(4, 3, activation="gelu"), max_pool(2), flatten(), dense(7, activation="tanh"), dense(4)]
    cases = [
        Case("label_smoothing", network, training={"label_smoothing": 0.15}, validation=20),
        Case("drop_last", network, training={"drop_last": True}, images=45),
        Case("drop_last_norm", [conv(4, 3, bias=False), norm(activation="gelu"), *head()], batch_size=20, images=47,
             training={"drop_last": True}, validation=20),
        Case("batch_beyond_data", network, images=20, batch_size=64, epochs=3),
        Case("batch_of_one", network, images=20, batch_size=1, epochs=1, optimizer=sgd(0.01)),
        Case("batch_of_five_blocks", network, images=50, batch_size=33, epochs=3, validation=50),
    ]
    optimizers: dict[str, Json] = {
        "sgd": sgd(0.1),
        "sgd_momentum": sgd(0.03, momentum=0.8),
        "sgd_nesterov": sgd(0.03, momentum=0.9, nesterov=True),
        "sgd_weight_decay": sgd(0.05, weight_decay=0.1),
        "sgd_nesterov_weight_decay": sgd(0.03, momentum=0.9, nesterov=True, weight_decay=0.02),
        "adam": {"type": "adam", "learning_rate": 0.01},
        "adam_everything": {"type": "adam", "learning_rate": 0.01, "betas": [0.8, 0.95], "eps": 1e-4,
                            "weight_decay": 0.05},
        "adamw": {"type": "adamw", "learning_rate": 0.01},
        "adamw_everything": {"type": "adamw", "learning_rate": 0.01, "betas": [0.7, 0.97], "eps": 1e-3,
                             "weight_decay": 0.3},
    }
    cases += [Case(name, network, optimizer=optimizer, epochs=3) for name, optimizer in optimizers.items()]
    schedules: dict[str, Json] = {
        "constant_warmup": {"type": "constant", "warmup_epochs": 2},
        "step": {"type": "step", "step_epochs": 2, "gamma": 0.3},
        "step_warmup": {"type": "step", "step_epochs": 1, "gamma": 0.5, "warmup_epochs": 1},
        "exponential": {"type": "exponential", "gamma": 0.7},
        "exponential_warmup": {"type": "exponential", "gamma": 0.6, "warmup_epochs": 0.5},
        "cosine": {"type": "cosine"},
        "cosine_final_factor_warmup": {"type": "cosine", "final_factor": 0.1, "warmup_epochs": 1},
        "one_cycle": {"type": "one_cycle"},
        "one_cycle_linear": {"type": "one_cycle", "anneal": "linear", "pct_start": 0.4, "div_factor": 10,
                             "final_div_factor": 50},
        "linear": {"type": "linear", "points": [[0, 0.1], [0.3, 1], [0.8, 0.4], [1, 0]]},
        "linear_warmup": {"type": "linear", "points": [[0, 1], [0.5, 0.5], [1, 0.1]], "warmup_epochs": 1},
    }
    cases += [
        Case(f"schedule_{name}", [conv(3, 3, activation="tanh"), *head()], (1, 6, 6), images=50, batch_size=14, epochs=4,
             schedule=schedule, optimizer=sgd(0.1, momentum=0.5))
        for name, schedule in schedules.items()
    ]
    cases.append(
        Case("schedule_cosine_adamw", [conv(3, 3, activation="tanh"), *head()], (1, 6, 6), images=50, batch_size=14,
             epochs=3, schedule={"type": "cosine", "warmup_epochs": 0.5},
             optimizer={"type": "adamw", "learning_rate": 0.02, "weight_decay": 0.1})
    )
    return cases


def control_cases() -> list[Case]:
    """Which parameters learn, when, and how fast."""
    def network(first: Json, second: Json, last: Json) -> list[Json]:
        return [conv(4, 3, activation="gelu", **first), conv(5, 3, bias=False, **second), norm(activation="tanh"),
                flatten(), dense(7, activation="tanh"), dense(4, **last)]

    momentum = sgd(0.03, momentum=0.9, nesterov=True, weight_decay=0.02)
    adamw = {"type": "adamw", "learning_rate": 0.01, "weight_decay": 0.1}
    windows = network({"trainable": {"weight": {"until_epoch": 1}, "bias": {"from_epoch": 2}}},
                      {"trainable": {"from_epoch": 2, "until_epoch": 2}}, {"trainable": {"bias": {"from_epoch": 3}}})
    scales = network({"learning_rate_scale": {"bias": 8}, "weight_decay_scale": {"bias": 0.125}},
                     {"learning_rate_scale": 0.5}, {"weight_decay_scale": {"weight": 3, "bias": 0}})
    return [
        Case("control_frozen", network({"trainable": False}, {"trainable": True}, {}), optimizer=momentum),
        Case("control_frozen_bias", network({"trainable": {"bias": False}}, {}, {"trainable": {"bias": False}}),
             optimizer=adamw),
        Case("control_epochs", windows, epochs=4, optimizer=momentum),
        Case("control_epochs_adamw", windows, epochs=4, optimizer=adamw),
        Case("control_scales", scales, optimizer=momentum, schedule={"type": "cosine"}),
        Case("control_scales_adamw", scales, optimizer=adamw, schedule={"type": "one_cycle"}),
        Case("control_residual",
             [conv(4, 3, padding=1, activation="tanh"),
              residual([conv(6, 3, padding=1, bias=False, learning_rate_scale=4), norm(activation="gelu")],
                       shortcut="projection", learning_rate_scale=0.5, weight_decay_scale={"bias": 0},
                       trainable={"from_epoch": 2}), *head()], (1, 6, 6), optimizer=momentum, epochs=3),
        Case("control_no_decay_of_norm_and_bias", network({}, {}, {}),
             optimizer={**momentum, "weight_decay": 0.3, "decay_norm_and_bias": False}),
        Case("control_no_decay_of_norm_and_bias_adamw", network({}, {}, {}),
             optimizer={**adamw, "weight_decay": 0.5, "decay_norm_and_bias": False}),
    ]


def optimization_cases() -> list[Case]:
    """Muon, clipping, averages, lookahead, class weights."""
    network = [conv(4, 3, activation="gelu"), conv(5, 3, bias=False), norm(activation="tanh"), flatten(),
               dense(7, activation="tanh"), dense(4)]
    momentum = sgd(0.03, momentum=0.9, nesterov=True, weight_decay=0.02)
    muon = {"type": "muon", "learning_rate": 0.02, "others": sgd(0.03, momentum=0.9)}
    return [
        Case("clip_gradient_norm", network, training={"clip_gradient_norm": 0.3}, optimizer=momentum),
        Case("clip_gradient_norm_adamw_frozen", [conv(4, 3, activation="gelu", trainable=False), *network[1:]],
             training={"clip_gradient_norm": 0.05},
             optimizer={"type": "adamw", "learning_rate": 0.01, "eps": 0.01}),
        Case("weight_averaging", network, training={"weight_averaging": {"decay": 0.8}}, optimizer=momentum, validation=20),
        Case("lookahead", network, training={"lookahead": {"steps": 2, "alpha": 0.6}}, optimizer=momentum,
             validation=20, epochs=3),
        Case("lookahead_schedule",
             network, training={"lookahead": {"steps": 2, "alpha": 1, "final_alpha": 0.23, "power": 3}},
             optimizer=momentum, validation=20, epochs=3),
        Case("lookahead_and_averaging", network, training={"lookahead": {"steps": 3}, "weight_averaging": {"decay": 0.7}},
             optimizer=momentum, validation=20),
        Case("class_weights", network, training={"class_weights": {"1": 0.3, "2": 2.5}, "label_smoothing": 0.1},
             validation=20),
        Case("class_weights_balanced", network, training={"class_weights": "balanced"}, validation=20),
        Case("muon", network, optimizer=muon, validation=20),
        Case("muon_everything", [conv(18, 2, activation="gelu"), conv(5, 3, bias=False, learning_rate_scale=0.5), norm(),
                                 *head()], (1, 6, 6), training={"clip_gradient_norm": 0.5},
             schedule={"type": "linear", "points": [[0, 1], [1, 0.1]]},
             optimizer={"type": "muon", "learning_rate": 0.1, "momentum": 0.6, "nesterov": False, "weight_decay": 0.1,
                        "steps": 3, "normalize_weights": True,
                        "others": {"type": "adamw", "learning_rate": 0.01, "decay_norm_and_bias": False}}),
        Case("air_recipe",
             [conv(12, 2, activation="gelu", trainable={"weight": False, "bias": {"until_epoch": 2}}),
              conv(8, 3, padding="same", bias=False), max_pool(2),
              norm(affine="bias", eps=1e-12, momentum=0.4, activation="gelu", learning_rate_scale=64,
                   weight_decay_scale=0.015625),
              conv(8, 3, padding="same", bias=False),
              norm(affine="bias", eps=1e-12, momentum=0.4, activation="gelu", learning_rate_scale=64,
                   weight_decay_scale=0.015625),
              max_pool(3), flatten(), dense(4, bias=False), {"type": "scale", "factor": 1 / 9}],
             (3, 8, 8), images=48, epochs=3, validation=16,
             training={"label_smoothing": 0.2,
                       "lookahead": {"steps": 2, "alpha": 1, "final_alpha": 0.2262, "power": 3}},
             schedule={"type": "linear", "points": [[0, 0.2], [0.23, 1], [1, 0.07]]},
             optimizer=sgd(0.05, momentum=0.85, nesterov=True, weight_decay=0.00133)),
    ]


def network_cases() -> list[Case]:
    """Whole networks as people write them, small; and the ways in which images come."""
    def vgg_stage(channels: int) -> list[Json]:
        return [conv(channels, 3, padding=1, bias=False), norm(activation="relu"),
                conv(channels, 3, padding=1, bias=False), norm(activation="relu"), max_pool(2)]

    def basic_block(channels: int, stride: int, shortcut: str) -> Json:
        return residual([conv(channels, 3, stride=stride, padding=1, bias=False), norm(activation="relu"),
                         conv(channels, 3, padding=1, bias=False), norm()], shortcut=shortcut, activation="relu")

    lenet = [conv(4, 5, padding=2, activation="tanh"), avg_pool(2), conv(6, 3, activation="tanh"), avg_pool(2), flatten(),
             dense(16, activation="tanh"), dense(10, activation="tanh"), dense(10)]
    return [
        Case("lenet5", lenet, (1, 12, 12), images=50, classes=10, validation=20,
             optimizer=sgd(0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)),
        Case("lenet5_relu", [conv(4, 5, padding=2, activation="relu"), max_pool(2), conv(6, 3, activation="relu"),
                             max_pool(2), flatten(), dense(16, activation="relu"), dense(10)], (1, 12, 12), images=50,
             classes=10, validation=20, optimizer={"type": "adam", "learning_rate": 0.01}),
        Case("vgg", [*vgg_stage(6), *vgg_stage(8), flatten(), dense(12, activation="relu"), dense(5)], (3, 8, 8),
             images=37, classes=5, validation=17, schedule={"type": "cosine"},
             optimizer=sgd(0.02, momentum=0.9, weight_decay=5e-4)),
        Case("resnet", [conv(4, 3, padding=1, bias=False), norm(activation="relu"), basic_block(4, 1, "identity"),
                        basic_block(6, 2, "projection"), basic_block(6, 1, "identity"), global_avg_pool(), dense(5)],
             (3, 8, 8), images=37, classes=5, validation=17, schedule={"type": "one_cycle"},
             optimizer=sgd(0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)),
        Case("mobile", [conv(4, 3, stride=2, padding=1, bias=False), norm(activation="silu"),
                        conv(4, 3, padding=1, groups=4, bias=False), norm(activation="silu"), conv(8, 1, bias=False),
                        norm(activation="silu"), residual([conv(12, 1, bias=False), norm(activation="silu"),
                                                           conv(12, 3, padding=1, groups=12, bias=False),
                                                           norm(activation="silu"), conv(8, 1, bias=False), norm()]),
                        global_avg_pool(), dense(4)], (3, 10, 10), images=37, validation=16,
             training={"label_smoothing": 0.1}, optimizer={"type": "adamw", "learning_rate": 0.005}),
        Case("air", [conv(6, 2, activation="gelu"), conv(8, 3, padding=1, bias=False), max_pool(2),
                     norm(activation="gelu"), conv(8, 3, padding=1, bias=False), norm(activation="gelu"), max_pool(3),
                     *head()], (3, 9, 9), images=37, validation=16, training={"label_smoothing": 0.2},
             optimizer=sgd(0.03, momentum=0.85, nesterov=True, weight_decay=0.01)),
        Case("bytes_normalize", lenet[:4] + head(10), (1, 12, 12), images=50, classes=10, bytes=True, validation=20,
             normalize={"mean": [0.5], "std": [0.25]}),
        Case("bytes_color_auto", [conv(4, 3, activation="gelu"), max_pool(2), *head()], (3, 10, 9), images=50,
             bytes=True, validation=20, normalize="auto"),
        Case("bytes_as_they_are", [conv(4, 3, activation="gelu"), max_pool(2), *head()], (1, 10, 9), images=50,
             bytes=True),
        Case("floats_auto", [conv(4, 3, activation="gelu"), *head()], (2, 6, 6), validation=20, normalize="auto"),
    ]


def all_cases() -> list[Case]:
    return [
        *conv_cases(),
        *pool_cases(),
        *activation_cases(),
        *dense_cases(),
        *norm_cases(),
        *residual_cases(),
        *mobile_cases(),
        *training_cases(),
        *control_cases(),
        *optimization_cases(),
        *network_cases(),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", action="store_true", help="change nothing, compare with the files")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="only these")
    arguments = parser.parse_args()
    chosen = [case for case in all_cases() if not arguments.cases or case.name in arguments.cases]
    if unknown := set(arguments.cases) - {case.name for case in chosen}:
        parser.error(f"no such cases: {', '.join(sorted(unknown))}")
    torch.set_num_threads(1)
    print(f"PyTorch {torch.__version__}")
    if arguments.compare:
        bad = [case.name for case in sorted(chosen, key=lambda case: case.name) if not compare(CASES / case.name)]
    else:
        if not arguments.cases:
            shutil.rmtree(CASES, ignore_errors=True)
        bad = [case.name for case in chosen if not make(case)]
    total = sum(file.stat().st_size for file in CASES.rglob("*") if file.is_file())
    print(f"{len(list(CASES.iterdir()))} cases, {total / 1024:.0f} KiB; bad: {', '.join(bad) or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
