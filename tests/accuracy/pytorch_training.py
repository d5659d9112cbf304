#!/usr/bin/env python3
"""Trains in PyTorch what a config of cnn-train says, and prints what it reached as a line of JSON.

    pytorch_training.py runs/mnist-lenet5-1/seed-1/config.json --seed 1

The config is a resolved one (every run folder has it), with IDX data. Network, optimizer and schedule come from the
same functions as the golden values (tests/golden/make_golden.py); images and initial weights are float32, shuffled,
split, shifted and initialized by PyTorch's own random numbers. As in cnn-train the best epoch is chosen on the
validation part and then takes the test.
"""

import argparse
import copy
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))
import make_golden  # noqa: E402

Json = dict[str, Any]


def split(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the images to train on and to validate with; the same share of every class."""
    random = np.random.default_rng(seed)
    train, validation = [], []
    for label in np.unique(labels):
        images = random.permutation(np.flatnonzero(labels == label))
        held_back = min(max(int(len(images) * fraction + 0.5), 1), len(images) - 1)
        validation.append(images[:held_back])
        train.append(images[held_back:])
    return np.concatenate(train), np.concatenate(validation)


def shifted(images: torch.Tensor, pixels: int, border: str) -> torch.Tensor:
    """Every image by its own whole number of pixels in each direction."""
    count, channels, height, width = images.shape
    mode = "reflect" if border == "reflect" else "constant"
    padded = functional.pad(images, (pixels,) * 4, mode=mode)
    rows = torch.randint(0, 2 * pixels + 1, (count, 1)) + torch.arange(height)
    columns = torch.randint(0, 2 * pixels + 1, (count, 1)) + torch.arange(width)
    return padded[
        torch.arange(count)[:, None, None, None],
        torch.arange(channels)[None, :, None, None],
        rows[:, None, :, None],
        columns[:, None, None, :],
    ]


def augmented(images: torch.Tensor, changes: list[Json]) -> torch.Tensor:
    """Raw images as the network sees them in training."""
    for change in changes:
        if change["type"] == "random_translate":
            images = shifted(images, change["pixels"], change["border"])
        elif change["type"] == "random_crop":
            images = shifted(images, change["padding"], change["border"])
        elif change["type"] == "random_flip" and change["mode"] == "random":
            mirrored = torch.rand(len(images)) < change["p"]
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        else:
            raise SystemExit(f"this script does not know how to do {change}")
    return images


def correct_images(network: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[int, float]:
    """How many are right, and the sum of their losses."""
    network.eval()
    with torch.no_grad():
        logits = torch.cat([network(part).flatten(1) for part in inputs.split(1000)])
    loss = functional.cross_entropy(logits, labels, reduction="sum").item()
    return int((logits.argmax(1) == labels).sum()), loss


def train(config: Json, seed: int) -> Json:
    """One training; the accuracies are fractions."""
    torch.manual_seed(seed)
    data, training = config["data"], config["training"]
    image = data["image"]
    described = make_golden.network_from_json(
        config["network"], (image["channels"], image["height"], image["width"])
    )
    network = described.chain
    images, labels = make_golden.load_images(Path("/"), data["train"])
    train_part, validation_part = split(labels, data["validation"]["fraction"], seed)
    mean, std = images[train_part].mean((0, 2, 3)), images[train_part].std((0, 2, 3))
    mean_tensor, std_tensor = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (mean, std))

    def raw(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).float()

    def normalized(values: torch.Tensor) -> torch.Tensor:
        return (values - mean_tensor) / std_tensor

    inputs, targets = raw(images[train_part]), torch.from_numpy(labels[train_part])
    validation = normalized(raw(images[validation_part])), torch.from_numpy(labels[validation_part])
    batch_size = training["batch_size"]
    steps_per_epoch = -(-len(inputs) // batch_size)
    optimizers = make_golden.make_optimizers(training["optimizer"], described)
    steps = steps_per_epoch * training["epochs"]
    schedules = [
        make_golden.make_schedule(training["schedule"], optimizer, steps_per_epoch, steps) for optimizer in optimizers
    ]
    best_key, best_epoch, best_state = (-1, 0.0), 0, {}
    for epoch in range(1, training["epochs"] + 1):
        network.train()
        for batch in torch.randperm(len(inputs)).split(batch_size):
            x = normalized(augmented(inputs[batch], data["augment"]))
            loss = functional.cross_entropy(
                network(x).flatten(1), targets[batch], label_smoothing=training["label_smoothing"]
            )
            network.zero_grad()
            loss.backward()
            for optimizer, schedule in zip(optimizers, schedules):
                optimizer.step()
                schedule.step()
        correct, loss_sum = correct_images(network, *validation)
        if (correct, -loss_sum) > best_key:
            best_key, best_epoch = (correct, -loss_sum), epoch
            best_state = copy.deepcopy(network.state_dict())
    network.load_state_dict(best_state)
    test_images, test_labels = make_golden.load_images(Path("/"), data["test"])
    correct, _ = correct_images(network, normalized(raw(test_images)), torch.from_numpy(test_labels))
    return {
        "seed": seed,
        "best_epoch": best_epoch,
        "validation_accuracy": best_key[0] / len(validation_part),
        "test_accuracy": correct / len(test_labels),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="config.json of a run folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(train(json.loads(arguments.config.read_text()), arguments.seed)), flush=True)


if __name__ == "__main__":
    main()
