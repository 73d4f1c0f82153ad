"""The inputs of a case, as files that all read.

| suite | files | what |
| --- | --- | --- |
| mlp | x, y | standard normal, (batch, inputs) and (batch, outputs) |
| | weight0, bias0, weight1, … | uniform in ±1/√inputs of the layer; weights are (outputs, inputs) |
| rbm | v | each image is one of ten patterns of bits, three tenths of them one, of which a tenth is flipped |
| | weight | normal with deviation 0.01, (hidden, visible); biases begin at zero |
| probe | x, labels | standard normal; the labels are those of a random direction with noise of half its deviation |

All are f32, and of `numpy.random.default_rng(0)`. Ours reads those of `rbm` (but for the weight) and of `probe`. `brenier bench
mlp` draws x, y and the weights itself, by the same law, from a seed of its own for each repetition: its losses agree with the
peers' as far as chance allows, and those of the peers with each other.
"""

from pathlib import Path

import numpy as np

PATTERNS = 10


def write(case, folder):
    """Writes the files of a case."""
    random = np.random.default_rng(0)
    for name, array in globals()[case.suite](case, random).items():
        np.save(Path(folder) / f"{name}.npy", array.astype(np.float32))


def read(folder):
    """All files of a case, by name."""
    return {path.stem: np.load(path) for path in Path(folder).glob("*.npy")}


def mlp(case, random):
    arrays = {
        "x": random.standard_normal((case.rows, case.widths[0])),
        "y": random.standard_normal((case.rows, case.widths[-1])),
    }
    for layer, (inp, out) in enumerate(zip(case.widths, case.widths[1:])):
        bound = inp**-0.5
        arrays[f"weight{layer}"] = random.uniform(-bound, bound, (out, inp))
        arrays[f"bias{layer}"] = random.uniform(-bound, bound, out)
    return arrays


def rbm(case, random):
    visible, hidden = case.widths
    patterns = random.random((PATTERNS, visible)) < 0.3
    chosen = patterns[random.integers(PATTERNS, size=case.rows)]
    flipped = random.random((case.rows, visible)) < 0.1
    return {"v": chosen ^ flipped, "weight": 0.01 * random.standard_normal((hidden, visible))}


def probe(case, random):
    inputs = case.widths[0]
    x = random.standard_normal((case.rows, inputs))
    direction = random.standard_normal(inputs) * inputs**-0.5
    noise = 0.5 * random.standard_normal(case.rows)
    return {"x": x, "labels": x @ direction + noise > 0}
