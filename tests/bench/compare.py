#!/usr/bin/env python3
"""This project against PyTorch and ONNX Runtime on the same networks, in turns, in one run.

Every round measures each network with cnn-bench, with PyTorch, and with PyTorch in channels-last layout; the faster of
the two layouts counts. With --onnxruntime, ONNX Runtime evaluates as well, and the faster of all counts. Printed are the
medians over the rounds and the median of the rounds' ratios: on a machine whose speed drifts, only numbers of one round
compare.

    tests/bench/compare.py [--pytorch "python3 tests/bench/pytorch_bench.py"] [--rounds 5] [--threads 2] ...
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
NETWORKS = ["lenet", "mnistex", "vgg", "air", "resnet20", "mob", "photo128", "photo224"]


def rates(command: list[str]) -> dict[str, float]:
    """Images per second by mode, from the JSON lines that a benchmark prints."""
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {line["mode"]: line["images_per_second"] for line in lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", action="append", choices=NETWORKS, help="default: all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=float, default=3.0, help="per measurement")
    parser.add_argument("--bench", default=str(HERE / "../../build/release/bin/cnn-bench"))
    parser.add_argument(
        "--pytorch", default=f"python3 {HERE / 'pytorch_bench.py'}", help="the command that runs pytorch_bench.py"
    )
    parser.add_argument("--onnxruntime", action="store_true", help="evaluation by ONNX Runtime, too")
    arguments = parser.parse_args()
    print("| network | mode | this, images/s | the better other, images/s | ratio | lowest .. highest |")
    print("|---|---|---|---|---|---|")
    for network in arguments.network or NETWORKS:
        common = ["--network", network, "--threads", str(arguments.threads), "--seconds", str(arguments.seconds)]
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            ours.append(rates([arguments.bench, "--json", *common]))
            others = [rates([*shlex.split(arguments.pytorch), *common, *flag]) for flag in ([], ["--channels-last"])]
            if arguments.onnxruntime:
                others.append(rates([*shlex.split(arguments.pytorch), *common, "--onnxruntime"]))
            theirs.append({mode: max(other.get(mode, 0) for other in others) for mode in ("train", "eval")})
        for mode in ("train", "eval"):
            ratios = [a[mode] / b[mode] for a, b in zip(ours, theirs)]
            print(
                f"| {network} | {mode} | {statistics.median(a[mode] for a in ours):,.0f} "
                f"| {statistics.median(b[mode] for b in theirs):,.0f} | {statistics.median(ratios):.2f} "
                f"| {min(ratios):.2f} .. {max(ratios):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
