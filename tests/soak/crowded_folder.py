#!/usr/bin/env python3
"""A crowded folder: trainings, sweeps and seeds that start at once, side by side, and some that are killed.

    tests/soak/crowded_folder.py [--rounds 30] [--programs 12] [--seed 1] [--build build/release] [--keep FOLDER]

All programs of a round start at the same moment in one folder, so all want the next number of runs/<name>-<n>. Some get
SIGKILL or SIGINT at a random time. Afterwards everything is counted: each program that ended well names a folder of its own
that holds its whole result; each that did not end well says why; every folder belongs to one program; a gap in the numbers is
an interrupted sweep, whose empty folder is gone again. What was killed is resumed, and must then equal a run that nothing
happened to. Ends with counts, and with status 1 if anything was lost or wrong.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CONFIG = {
    "name": "crowd",
    "data": {"format": "idx", "train": {"images": "images.idx.gz", "labels": "labels.idx"},
             "validation": {"fraction": 0.3}, "image": {"channels": 1, "height": 12, "width": 12}},
    "network": [{"type": "conv", "out_channels": 4, "kernel_size": 3, "activation": "relu"}, {"type": "flatten"},
                {"type": "dense", "units": 10}],
    "training": {"epochs": 3, "batch_size": 8, "checkpoint_steps": 1, "optimizer": {"type": "adam", "learning_rate": 0.01}},
}
COMPARED = ("activations.csv", "result.json", "best.safetensors", "last.safetensors")
# Kind of program: its options, the start of the line that names its result, the name of its folders.
KINDS = {
    "training": ([], "model: ", "crowd"),
    "sweep": (["--find-lr=200"], "report: ", "crowd-lr"),
    "seeds": (["--seeds", "2"], "summary: ", "crowd"),
}


class Crowd:
    def __init__(self, options, folder):
        self.random = random.Random(options.seed)
        self.program = options.build / "bin/cnn-train"
        self.programs = options.programs
        self.folder = folder
        self.counts = collections.Counter()
        self.problems = []
        for name in ("images.idx.gz", "labels.idx"):
            shutil.copy(SOURCE / "tests/golden/cases/lenet5" / name, folder)
        (folder / "config.json").write_text(json.dumps(CONFIG))
        subprocess.run(self.command("--config", "config.json", "--run-dir", "undisturbed"), cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        self.expected = self.result_of(folder / "undisturbed")

    def command(self, *more):
        return [str(self.program), "--quiet", "--threads", "1", *more]

    def result_of(self, run):
        return [(run / name).read_bytes() for name in COMPARED]

    def problem(self, what, detail=""):
        self.problems.append(what)
        print(f"PROBLEM: {what}\n{detail}", flush=True)

    def round(self, number):
        """Starts everybody, disturbs some, and counts."""
        place = self.folder / "runs"
        shutil.rmtree(place, ignore_errors=True)
        crowd = []
        for _ in range(self.programs):
            kind = self.random.choice(list(KINDS))
            end = self.random.choice(["nothing"] * 3 + ["kill", "interrupt"])
            process = subprocess.Popen(self.command("--config", "config.json", *KINDS[kind][0]), cwd=self.folder,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            crowd.append((kind, end, process))
        for kind, end, process in self.random.sample(crowd, len(crowd)):
            if end == "nothing":
                continue
            time.sleep(self.random.random() * 0.1)
            process.send_signal(signal.SIGKILL if end == "kill" else signal.SIGINT)
        told = collections.Counter()
        stopped = collections.Counter()
        for kind, end, process in crowd:
            out, errors = process.communicate(timeout=300)
            self.counts[f"{kind}, {end}: {process.returncode}"] += 1
            if process.returncode == 0:
                self.take(number, kind, out, told)
            else:
                stopped[KINDS[kind][2]] += 1
                self.check_end(number, kind, end, process.returncode, errors)
        for path, programs in told.items():
            if programs > 1:
                self.problem(f"round {number}: {programs} programs name {path}")
        self.check_numbers(number, place, told, stopped)
        self.resume_all(number, place)

    def take(self, number, kind, out, told):
        line = re.search("^" + KINDS[kind][1] + "(.*)$", out, re.MULTILINE)
        if not line or not (self.folder / line.group(1)).exists():
            self.problem(f"round {number}: a {kind} ended well, but its result is not there", out)
            return
        run = pathlib.Path(line.group(1)).parent
        told[run.name] += 1
        if kind == "training" and self.result_of(self.folder / run) != self.expected:
            self.problem(f"round {number}: {run} came to another result")

    def check_end(self, number, kind, end, code, errors):
        killed = end == "kill" and code == -signal.SIGKILL
        # Before main() has set up its signals, they have their default effect.
        interrupted = end == "interrupt" and code in (130, -signal.SIGINT)
        if not killed and not interrupted:
            self.problem(f"round {number}: a {kind} ({end}) ended with {code}", errors)

    def check_numbers(self, number, place, told, stopped):
        """Every folder is somebody's, and only a sweep that was interrupted leaves a gap."""
        for name in sorted({kind[2] for kind in KINDS.values()}):
            there = [int(run.name[len(name) + 1:]) for run in place.glob(name + "-*")
                     if re.fullmatch(re.escape(name) + r"-\d+", run.name)]
            owned = [run for run in told if re.fullmatch(re.escape(name) + r"-\d+", run)]
            if len(there) > len(owned) + stopped[name]:
                self.problem(f"round {number}: {len(there)} folders {name}-<n> for {len(owned)} results and "
                             f"{stopped[name]} stopped programs")
            gaps = max(there, default=0) - len(there)
            self.counts["gaps"] += gaps
            if gaps > (stopped[name] if name == "crowd-lr" else 0):
                self.problem(f"round {number}: {gaps} numbers of {name}-<n> are missing without a reason")

    def resume_all(self, number, place):
        """What was stopped comes to its end, unless it had not begun."""
        for run in sorted(place.glob("crowd-[0-9]*")):
            if not (run / "config.json").exists() and not (run / "seeds.json").exists():
                self.counts["stopped before there was anything"] += 1
                continue
            resumed = subprocess.run(self.command("--resume", str(run)), cwd=self.folder, capture_output=True, text=True,
                                     check=False)
            self.counts["resumed or finished"] += 1
            single = run / "seed-1" if (run / "seeds.json").exists() else run
            if resumed.returncode != 0 or self.result_of(single) != self.expected:
                self.problem(f"round {number}: {run.name} is not resumed to its result", resumed.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--programs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build/release")
    parser.add_argument("--keep", type=pathlib.Path, help="an empty folder for the runs, kept afterwards")
    options = parser.parse_args()
    options.build = options.build.resolve()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="crowded-folder-"))
    print(f"seed {options.seed}")
    crowd = Crowd(options, folder.resolve())
    for number in range(options.rounds):
        crowd.round(number)
    for what, count in sorted(crowd.counts.items()):
        print(f"{count:6d}  {what}")
    print(f"{len(crowd.problems):6d}  problems")
    if not options.keep and not crowd.problems:
        shutil.rmtree(folder)
    return 1 if crowd.problems else 0


if __name__ == "__main__":
    sys.exit(main())
