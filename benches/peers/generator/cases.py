"""The two generators of exercise 13, their inputs, and what is required of ours."""

from dataclasses import dataclass

import numpy as np

ITERATIONS = 100

# Steps that are compared, then blocks of steps that are timed: as benches/generator.rs has them.
COMPARED = 20
BLOCKS, STEPS_IN_BLOCK = 30, 10

WAYS = ["envelope", "unrolled"]


@dataclass(frozen=True)
class Case:
    name: str
    widths: tuple
    sigmoid: bool
    batch: int
    epsilon: float

    def save(self, folder):
        """Weights as PyTorch begins with them (weight row by row, then bias, layer by layer), noise and data: in f32."""
        random = np.random.default_rng(0)
        parts = []
        for inputs, outputs in zip(self.widths, self.widths[1:]):
            bound = 1 / np.sqrt(inputs)
            parts += [random.uniform(-bound, bound, outputs * inputs), random.uniform(-bound, bound, outputs)]
        noise = random.standard_normal((self.batch, self.widths[0]))
        if self.widths[-1] == 2:
            centres = np.where(random.random(self.batch) < 0.5, 2.0, -2.0)
            data = centres[:, None] + 0.3 * random.standard_normal((self.batch, 2))
        else:
            data = random.random((self.batch, self.widths[-1]))
        for what, array in [("weights", np.concatenate(parts)), ("noise", noise), ("data", data)]:
            np.save(folder / f"{self.name}-{what}.npy", array.astype(np.float32))

    def load(self, folder):
        return [np.load(folder / f"{self.name}-{what}.npy") for what in ("weights", "noise", "data")]

    def layers(self, weights):
        """(weight, bias) of each layer."""
        place = 0
        for inputs, outputs in zip(self.widths, self.widths[1:]):
            weight = weights[place : place + outputs * inputs].reshape(outputs, inputs)
            place += outputs * inputs
            yield weight, weights[place : place + outputs]
            place += outputs


CASES = {
    "blobs": Case("blobs", (2, 64, 64, 2), False, 128, 0.1),
    "digits": Case("digits", (64, 128, 256, 784), True, 32, 0.01),
}

# How many times faster than each peer ours must be, by case and way.
REQUIRED = {
    ("blobs", "envelope"): {"torch_eager": 5.0, "torch_compiled": 2.0},
}
