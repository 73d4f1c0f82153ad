"""A linear program in memory, and the files that it is written to."""

from dataclasses import dataclass
from pathlib import Path

import numpy
from scipy import sparse

INFINITY = float("inf")


@dataclass
class Program:
    """min (or max) costs · x + offset where row_lower <= matrix x <= row_upper and lower <= x <= upper."""

    costs: numpy.ndarray
    lower: numpy.ndarray
    upper: numpy.ndarray
    row_lower: numpy.ndarray
    row_upper: numpy.ndarray
    matrix: sparse.csc_array
    maximise: bool = False
    offset: float = 0.0

    @property
    def rows(self):
        return len(self.row_lower)

    @property
    def columns(self):
        return len(self.costs)


def number(value):
    """The fewest digits that give it back when read."""
    return repr(float(value))


def write_mps(program, path, name="made"):
    """Free MPS, rows r0, r1, … and columns c0, c1, …"""
    lines = [f"NAME {name}"]
    if program.maximise:
        lines += ["OBJSENSE", "    MAX"]
    lines += ["ROWS", " N cost"]
    sides, ranges = [], []
    for row, (lower, upper) in enumerate(zip(program.row_lower, program.row_upper)):
        kind, side = "N", 0.0
        if lower == upper:
            kind, side = "E", lower
        elif lower > -INFINITY:
            kind, side = "G", lower
            if upper < INFINITY:
                ranges.append(f" RNG r{row} {number(upper - lower)}")
        elif upper < INFINITY:
            kind, side = "L", upper
        lines.append(f" {kind} r{row}")
        if side != 0.0:
            sides.append(f" RHS r{row} {number(side)}")
    lines.append("COLUMNS")
    starts, places, values = program.matrix.indptr, program.matrix.indices, program.matrix.data
    for column, cost in enumerate(program.costs):
        # A column without coefficients is there all the same.
        lines.append(f" c{column} cost {number(cost)}")
        entries = range(starts[column], starts[column + 1])
        lines += [f" c{column} r{places[entry]} {number(values[entry])}" for entry in entries]
    lines.append("RHS")
    if program.offset != 0.0:
        lines.append(f" RHS cost {number(-program.offset)}")
    lines += sides
    if ranges:
        lines += ["RANGES", *ranges]
    lines.append("BOUNDS")
    for column, (lower, upper) in enumerate(zip(program.lower, program.upper)):
        lines += bound_lines(f"c{column}", lower, upper)
    lines.append("ENDATA")
    Path(path).write_text("\n".join(lines) + "\n")


def bound_lines(name, lower, upper):
    if lower == -INFINITY and upper == INFINITY:
        return [f" FR BND {name}"]
    if lower == upper:
        return [f" FX BND {name} {number(lower)}"]
    lines = []
    if lower == -INFINITY:
        lines.append(f" MI BND {name}")
    elif lower != 0.0 or upper < 0.0:
        lines.append(f" LO BND {name} {number(lower)}")
    if upper < INFINITY:
        lines.append(f" UP BND {name} {number(upper)}")
    return lines


def write_neutral(program, path):
    """What lp/microlp reads: sense, offset and sizes; cost and bounds of each column; bounds and entries of each row."""
    lines = [f"{'max' if program.maximise else 'min'} {number(program.offset)} {program.columns} {program.rows}"]
    for triple in zip(program.costs, program.lower, program.upper):
        lines.append(" ".join(map(number, triple)))
    by_rows = program.matrix.tocsr()
    for row, (lower, upper) in enumerate(zip(program.row_lower, program.row_upper)):
        entries = range(by_rows.indptr[row], by_rows.indptr[row + 1])
        words = [number(lower), number(upper), str(len(entries))]
        for entry in entries:
            words += [str(by_rows.indices[entry]), number(by_rows.data[entry])]
        lines.append(" ".join(words))
    Path(path).write_text("\n".join(lines) + "\n")
