#!/usr/bin/env python3
"""Accuracy of this project against PyTorch: the same network, data, schedule and epochs, some seeds each.

    tests/accuracy/compare.py --config configs/mnist-lenet5.json --seeds 3

Trains with cnn-train --seeds, then with pytorch_training.py from the same resolved config, and prints a table. Ends
with status 1 if the means lie further apart than the seeds explain: four standard errors of their difference.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def ours(program: str, config: str, seeds: int, more: list[str], folder: Path) -> list[float]:
    """Test accuracies of cnn-train; the run folders stay in `folder`."""
    command = [program, "--config", config, "--seeds", str(seeds), "--run-dir", str(folder), "--quiet"]
    for assignment in more:
        command += ["--set", assignment]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    results = sorted(folder.glob("seed-*/result.json"))
    return [json.loads(result.read_text())["test"]["accuracy"] for result in results]


def theirs(command: str, folder: Path, seeds: int) -> list[float]:
    """Test accuracies of PyTorch with the same config."""
    config = next(iter(sorted(folder.glob("seed-*/config.json"))))
    accuracies = []
    for seed in range(1, seeds + 1):
        run = subprocess.run(
            [*shlex.split(command), str(config), "--seed", str(seed)], check=True, stdout=subprocess.PIPE, text=True
        )
        accuracies.append(json.loads(run.stdout.splitlines()[-1])["test_accuracy"])
    return accuracies


def row(name: str, accuracies: list[float]) -> str:
    each = ", ".join(f"{100 * accuracy:.2f}" for accuracy in accuracies)
    mean, spread = statistics.mean(accuracies), statistics.stdev(accuracies)
    return f"| {name} | {each} | {100 * mean:.2f} | {100 * spread:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default=str(HERE / "../../configs/mnist-lenet5.json"))
    parser.add_argument("--seeds", type=int, default=3, help="at least 2")
    parser.add_argument("--set", action="append", default=[], help="as of cnn-train")
    parser.add_argument("--program", default=str(HERE / "../../build/release/bin/cnn-train"))
    parser.add_argument(
        "--pytorch", default=f"python3 {HERE / 'pytorch_training.py'}", help="the command that runs pytorch_training.py"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        a = ours(arguments.program, arguments.config, arguments.seeds, arguments.set, folder)
        b = theirs(arguments.pytorch, folder, arguments.seeds)
    print("| | test accuracy of each seed, % | mean | standard deviation |\n|---|---|---|---|")
    print(row("cnn-train", a))
    print(row("PyTorch", b))
    error = ((statistics.variance(a) + statistics.variance(b)) / arguments.seeds) ** 0.5
    difference = abs(statistics.mean(a) - statistics.mean(b))
    if difference > 4 * max(error, 1e-4):
        raise SystemExit(f"the means differ by {100 * difference:.2f} %, more than the seeds explain")


if __name__ == "__main__":
    main()
