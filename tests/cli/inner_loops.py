#!/usr/bin/env python3
"""Disassembles the register tiles of the kernels: no inner loop may keep a vector on the stack.

    inner_loops.py PROGRAM

An accumulator that does not fit the register file is stored and loaded again at every step, which costs a third of the
speed and which no other test notices. Looks at every innermost loop with fused multiply-adds in the functions below,
for AVX2 (16 registers) and AVX-512 (32). An address that is read from the stack costs little and is let pass. Exit
status 0: no vector lies there; 1: some do, each loop is named; 77: there is no objdump, or no such loop.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

TILES = re.compile(
    r"N_(?:AVX2|AVX3)::.*\b(?:outputs_of|pooled_outputs|tile|product|outer_product|dense_tile)<"
)
FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$")
VECTOR = re.compile(r"%[xyz]mm\d")
# In optimized code %rbp is a register like others, unless the function sets it up as the frame pointer.
FRAME_POINTER_SETUP = "%rsp,%rbp"


def functions(program: str) -> Iterator[tuple[str, list[tuple[int, str, str]]]]:
    """Name, and (address, mnemonic, operands) of every instruction."""
    listing = subprocess.run(
        ["objdump", "--disassemble", "--demangle", "--no-show-raw-insn", program],
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


def innermost_loops(body: list[tuple[int, str, str]]) -> Iterator[list[tuple[int, str, str]]]:
    """Instructions from the target of a jump back to the jump, where no other jump back lies between."""
    start_of = {}  # index of the jump: index of its target
    index_at = {address: i for i, (address, _, _) in enumerate(body)}
    for i, (_, mnemonic, operands) in enumerate(body):
        if mnemonic.startswith("j") and (match := re.match(r"([0-9a-f]+) <", operands)):
            target = index_at.get(int(match[1], 16), i + 1)
            if target <= i:
                start_of[i] = target
    for jump, start in start_of.items():
        if not any(start <= other < jump and other_start >= start for other, other_start in start_of.items()):
            yield body[start : jump + 1]


def main() -> int:
    if not shutil.which("objdump"):
        print("skipped: there is no objdump (package binutils)")
        return 77
    looked_at, bad = 0, 0
    for name, body in functions(sys.argv[1]):
        if not TILES.search(name):
            continue
        has_frame = any(operands == FRAME_POINTER_SETUP for _, _, operands in body)
        stack = re.compile(r"\(%r[sb]p" if has_frame else r"\(%rsp")
        for loop in innermost_loops(body):
            if not any(mnemonic.startswith("vfmadd") for _, mnemonic, _ in loop):
                continue
            looked_at += 1
            spills = [i for i in loop if VECTOR.search(i[2]) and stack.search(i[2])]
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
