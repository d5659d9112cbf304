#!/usr/bin/env python3
"""A hostile evening: trainings under random kills, signals, full disks, low memory and vanishing files.

    tests/soak/hostile_evening.py [--minutes 20] [--seed 1] [--build build/release] [--keep FOLDER]

Every training is disturbed again and again, and resumed with another number of threads, until it comes to its end. Then its
models, tables and result must be, byte for byte, those of a training that nothing happened to (the times in metrics.csv
aside). After every end of a program: its exit status is one that the contract knows, it said why, and the models in the run
folder are whole. Ends with counts, and with status 1 if anything was lost or wrong.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
COMPARED = ("activations.csv", "result.json", "best.safetensors", "last.safetensors")
CRASHES = ("terminate called", "Segmentation", "Sanitizer", "Assertion", "check failed", "core dumped")


def configs(folder):
    """Two trainings: one whose images stay in memory, one that reads them again all the time."""
    for label in range(10):
        for part, count in (("train", 24), ("test", 6)):
            to = folder / part / str(label)
            to.mkdir(parents=True)
            for image in sorted((SOURCE / "data/digits" / part / str(label)).iterdir())[:count]:
                shutil.copy(image, to)
    network = [
        {"type": "conv", "out_channels": 6, "kernel_size": 5, "padding": 2},
        {"type": "batch_norm", "activation": "relu"},
        {"type": "max_pool", "kernel_size": 4},
        {"type": "flatten"},
        {"type": "dropout", "p": 0.2},
        {"type": "dense", "units": 10},
    ]
    for name, cache_mb, optimizer in (("cached", 4096, "adam"), ("read_again", 0, "sgd")):
        config = {
            "data": {"format": "folder", "train": "train", "test": "test", "cache_mb": cache_mb,
                     "validation": {"fraction": 0.2},
                     "image": {"channels": 1, "height": 28, "width": 28},
                     "augment": [{"type": "random_translate", "pixels": 2}]},
            "network": network,
            "training": {"epochs": 12, "batch_size": 20, "checkpoint_steps": 4,
                         "optimizer": {"type": optimizer, "learning_rate": 0.01},
                         "schedule": {"type": "cosine"}},
        }
        path = folder / f"{name}.json"
        path.write_text(json.dumps(config, indent=2))
        yield path


def result_of(run):
    """Everything that must not depend on what happened."""
    rows = [line.split(",")[:6] for line in (run / "metrics.csv").read_text().splitlines()]
    return [rows] + [(run / name).read_bytes() for name in COMPARED]


def is_whole(model):
    data = model.read_bytes()
    if len(data) < 8:
        return False
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return len(data) == 8 + length + max(ends)


class Evening:
    def __init__(self, options, folder):
        self.random = random.Random(options.seed)
        self.program = options.build / "bin/cnn-train"
        self.faults = options.build / "tests/libcnn-faults.so"
        self.folder = folder
        self.counts = collections.Counter()
        self.problems = []
        self.configs = list(configs(folder))
        self.expected = {}
        for config in self.configs:
            run = folder / f"undisturbed-{config.stem}"
            subprocess.run([self.program, "--config", config, "--run-dir", run, "--quiet"], check=True,
                           stdout=subprocess.DEVNULL)
            self.expected[config] = result_of(run)

    def problem(self, what, detail=""):
        self.problems.append(what)
        print(f"PROBLEM: {what}\n{detail}", flush=True)

    def start(self, config, run):
        """The first or the next part of a training, with what is going to disturb it."""
        arguments = ["--quiet", "--threads", str(self.random.randint(1, 4))]
        if (run / "config.json").exists():
            arguments += ["--resume", str(run)]
            self.counts["resumes"] += 1
        else:
            shutil.rmtree(run, ignore_errors=True)  # it was stopped before there was anything
            arguments += ["--config", str(config), "--run-dir", str(run)]
        kinds = ["kill"] * 6 + ["interrupt"] * 3 + ["save and kill", "full disk", "disk fault", "low memory", "nothing"]
        if config.stem == "read_again":
            kinds += ["vanishing file"] * 3
        kind = self.random.choice(kinds)
        self.counts[kind] += 1
        environment = dict(os.environ)
        command = [str(self.program)] + arguments
        if kind in ("full disk", "disk fault") and self.faults.exists():
            fault = ("enospc" if kind == "full disk" else self.random.choice(["eio", "eacces", "short", "torn"]))
            many = self.random.randint(20, 400) if kind == "full disk" else 1
            environment.update(LD_PRELOAD=str(self.faults), CNN_FAULT_FOLDER=str(run),
                               CNN_FAULT=f"{fault}:{self.random.randint(0, 300)}:{many}")
        if kind == "low memory":
            limit = self.random.randint(20, 200) * 1024
            command = ["/bin/sh", "-c", f'ulimit -v {limit}; exec "$@"', "sh"] + command
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        return kind, process

    def disturb(self, kind, process, run):
        """Returns what to undo afterwards."""
        if kind == "vanishing file":  # only of a training that knows its images already
            for _ in range(1000):
                if (run / "config.json").exists() or process.poll() is not None:
                    break
                time.sleep(0.01)
        time.sleep(self.random.random() * 0.8)
        if kind in ("kill", "save and kill"):
            if kind == "save and kill":
                process.send_signal(signal.SIGUSR1)
                time.sleep(0.02)
            process.kill()
        if kind == "interrupt":
            process.send_signal(self.random.choice([signal.SIGINT, signal.SIGTERM]))
        if kind == "vanishing file":
            gone = self.random.choice(sorted((self.folder / "train").rglob("*.png")))
            aside = self.folder / "aside.png"
            os.rename(gone, aside)
            return lambda: os.rename(aside, gone)
        return lambda: None

    def finish(self, kind, process, undo, run):
        """Waits, and checks how it ended. True: the training is done."""
        started = time.monotonic()
        try:
            _, errors = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
            self.problem(f"hangs after {kind}", errors)
        finally:
            undo()
        code = process.returncode
        self.counts[f"exit {code}" if code >= 0 else f"signal {-code}"] += 1
        if kind == "interrupt" and time.monotonic() - started > 5:
            self.counts["slow to stop (over 5 s)"] += 1
        killed = (-signal.SIGKILL,) if kind in ("kill", "save and kill", "disk fault") else ()
        # Before main() has set up its signals, they have their default effect; 127: not even the libraries fit.
        early = (-signal.SIGINT, -signal.SIGTERM) if kind == "interrupt" else ()
        if kind == "save and kill":
            early = (-signal.SIGUSR1,)
        allowed = (0, 1, 130, 143) + killed + early + ((2, 127) if kind == "low memory" else ())
        if code not in allowed or any(word in errors for word in CRASHES):
            self.problem(f"{kind} ended with {code}", errors)
        if code in (1, 2) and not errors:
            self.problem(f"{kind}: exit {code} without a word")
        for model in run.glob("*.safetensors"):
            if not is_whole(model):
                self.problem(f"{model} is not whole after {kind}")
        return code == 0

    def training(self, number, until):
        config = self.random.choice(self.configs)
        run = self.folder / f"run-{number}"
        for _ in range(60):
            kind, process = self.start(config, run)
            if self.finish(kind, process, self.disturb(kind, process, run), run):
                break
            if time.monotonic() > until + 300:
                return
        else:  # enough of it
            subprocess.run([self.program, "--resume", run, "--quiet"], check=False, stdout=subprocess.DEVNULL)
        self.counts["trainings"] += 1
        if result_of(run) != self.expected[config]:
            self.problem(f"training {number} ({config.stem}) came to another result; its folder is kept")
        else:
            shutil.rmtree(run)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build/release")
    parser.add_argument("--keep", type=pathlib.Path, help="an empty folder for the runs, kept afterwards")
    options = parser.parse_args()
    options.build = options.build.resolve()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="hostile-evening-"))
    evening = Evening(options, folder.resolve())
    until = time.monotonic() + 60 * options.minutes
    number = 0
    while time.monotonic() < until:
        evening.training(number, until)
        number += 1
    for what, count in sorted(evening.counts.items()):
        print(f"{count:6d}  {what}")
    print(f"{len(evening.problems):6d}  problems")
    if not options.keep and not evening.problems:
        shutil.rmtree(folder)
    return 1 if evening.problems else 0


if __name__ == "__main__":
    sys.exit(main())
