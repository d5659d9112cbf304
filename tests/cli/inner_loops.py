#!/usr/bin/env python3
"""Disassembles the register tiles of the kernels: no inner loop may keep a vector on the stack.

    inner_loops.py PROGRAM [--count]

An accumulator that does not fit the register file is stored and loaded again at every step, which costs a third of the
speed and which no other test notices. Looks at every innermost loop with fused multiply-adds in the functions below,
for AVX2 (16 registers), AVX-512 (32), and NEON (32, of four numbers). An address that is read from the stack costs
little and is let pass. --count prints the multiply-adds, loads and spills of each loop: what a tile is chosen by. PROGRAM
may be a library or an object file. Exit status 0: no vector lies there; 1: some do, each loop is named; 77: there is no
objdump for that processor, or no such loop.
"""

import argparse
import dataclasses
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

TILES = re.compile(
    r"N_(?:AVX2|AVX3|NEON\w*)::.*\b(?:(?:outputs_of|pooled_outputs|tile|product|outer_product|dense_tile)<|matrix_product\()"
)
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")


@dataclasses.dataclass
class Machine:
    """How the listing of a processor reads."""

    objdump: str
    multiply_add: re.Pattern
    jump: re.Pattern
    vector: re.Pattern
    stack: re.Pattern
    # What a function says that sets up a frame pointer, which is a register like others elsewhere, and the stack then.
    frame_setup: str
    framed_stack: re.Pattern


X86_64 = Machine(
    objdump="objdump",
    multiply_add=re.compile(r"vfmadd"),
    jump=re.compile(r"j"),
    vector=re.compile(r"%[xyz]mm\d"),
    stack=re.compile(r"\(%rsp"),
    frame_setup="%rsp,%rbp",
    framed_stack=re.compile(r"\(%r[sb]p"),
)
ARM64 = Machine(
    objdump="aarch64-linux-gnu-objdump",
    multiply_add=re.compile(r"fml[as]"),
    jump=re.compile(r"b$|b\.|cbn?z|tbn?z"),
    vector=re.compile(r"\bq\d"),
    stack=re.compile(r"\[sp"),
    frame_setup="x29, sp",
    framed_stack=re.compile(r"\[(?:sp|x29)"),
)


def machine_of(program: str) -> Machine:
    """By the first ELF header: byte 18 is the processor's number, 183 for ARM64."""
    with open(program, "rb") as file:
        start = file.read(1 << 20)
    at = start.find(b"\x7fELF")
    machine = dataclasses.replace(ARM64 if at >= 0 and start[at + 18] == 183 else X86_64)
    if machine.objdump != "objdump" and platform.machine() == "aarch64":
        machine.objdump = "objdump"
    return machine


def functions(program: str, objdump: str) -> Iterator[tuple[str, list[tuple[int, str, str]]]]:
    """Name, and (address, mnemonic, operands) of every instruction."""
    listing = subprocess.run(
        [objdump, "--disassemble", "--demangle", "--no-show-raw-insn", program],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    name, body = "", []
    for line in listing.splitlines():
        if match := FUNCTION.match(line):
            if body:
                yield name, body
            name, body = match[1], []
        elif match := INSTRUCTION.match(line):
            body.append((int(match[1], 16), match[2], match[3]))
    if body:
        yield name, body


def innermost_loops(body: list[tuple[int, str, str]], machine: Machine) -> Iterator[list[tuple[int, str, str]]]:
    """Instructions from the target of a jump back to the jump, where no other jump back lies between."""
    start_of = {}  # index of the jump: index of its target
    index_at = {address: i for i, (address, _, _) in enumerate(body)}
    for i, (_, mnemonic, operands) in enumerate(body):
        if machine.jump.match(mnemonic) and (match := re.search(r"(?:^|\s)([0-9a-f]+) <", operands)):
            target = index_at.get(int(match[1], 16), i + 1)
            if target <= i:
                start_of[i] = target
    for jump, start in start_of.items():
        if not any(start <= other < jump and other_start >= start for other, other_start in start_of.items()):
            yield body[start : jump + 1]


def main() -> int:
    parser = argparse.ArgumentParser(description="Looks for vectors on the stack in the kernels' inner loops.")
    parser.add_argument("program")
    parser.add_argument("--count", action="store_true", help="print the multiply-adds, loads and spills of each loop")
    options = parser.parse_args()
    machine = machine_of(options.program)
    if not shutil.which(machine.objdump):
        print(f"skipped: there is no {machine.objdump} (package binutils, or that of the cross compiler)")
        return 77
    looked_at, bad = 0, 0
    for name, body in functions(options.program, machine.objdump):
        if not TILES.search(name):
            continue
        has_frame = any(operands == machine.frame_setup for _, _, operands in body)
        stack = machine.framed_stack if has_frame else machine.stack
        for loop in innermost_loops(body, machine):
            multiply_adds = sum(bool(machine.multiply_add.match(mnemonic)) for _, mnemonic, _ in loop)
            if multiply_adds == 0:
                continue
            looked_at += 1
            spills = [i for i in loop if machine.vector.search(i[2]) and stack.search(i[2])]
            if options.count:
                loads = sum("(" in i[2] or "[" in i[2] and not re.search(r"\.s\[\d\]$", i[2]) for i in loop)
                print(f"{multiply_adds} multiply-adds, {loads} loads, {len(spills)} spills: {name}")
            if spills:
                bad += 1
                address, mnemonic, operands = spills[0]
                print(f"{name}\n  {len(spills)} times, first {address:x}: {mnemonic} {operands}")
    if looked_at == 0:
        print("skipped: no tile with fused multiply-adds (another processor, or no optimization?)")
        return 77
    print(f"{looked_at} inner loops, {bad} of them with vectors on the stack")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
