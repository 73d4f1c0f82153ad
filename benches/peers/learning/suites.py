"""What is run, and what is required of it.

| suite | cases | required of ours |
| --- | --- | --- |
| mlp | a training step (forward, mean squared error, backward, Adam): 3-512-512-512-512-2 SiLU, batch 4096; 2-64-64-2 ReLU, batch 128 | large: 1.2 times faster than compiled PyTorch (the faster of two ways) on one thread, 1.05 times on two; 85% of the rate of matrix products. Small: 100 microseconds |
| rbm | an epoch of CD-1: 10,000 images of 784 bits, 256 hidden units, batch 64 | 2 times faster than PyTorch, 3 times than scikit-learn; 75% of the rate of matrix products |
| probe | 1000 full-batch AdamW steps of logistic regression, 1200 x 4096, no bias | 2 times faster than PyTorch (the fastest of its ways) on one thread, 1.5 times on two |

All in f32. The rate of matrix products is that of a (4096, 512) matrix by a (512, 512) one: ours, with its pass for the bias, and
PyTorch's.
"""

from dataclasses import dataclass

from learning.peers import PEERS

SUITES = ["mlp", "rbm", "probe"]

# The product whose rate the machine's is: rows, inner length, columns.
PRODUCT = (4096, 512, 512)
QUICK_PRODUCT = (256, 64, 64)

# Seconds of a time in the tables, and what it is called.
UNITS = {"mlp": (1e6, "us a step"), "rbm": (1e3, "ms an epoch"), "probe": (1e3, "ms a training")}


@dataclass(frozen=True)
class Case:
    """One model with its training: what all suites need, then what some do."""

    suite: str
    kind: str
    rows: int  # of the inputs
    widths: tuple  # of the layers: inputs first
    steps: int = 1  # of a timed call, over whose number its time is divided
    activation: str = ""
    batch: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    quick: bool = False

    @property
    def name(self):
        return f"{self.suite} {self.kind} {'-'.join(map(str, self.widths))}"

    @property
    def product(self):
        return QUICK_PRODUCT if self.quick else PRODUCT

    @property
    def flops(self):
        """Operations of the matrix products in what is timed; None where memory is what counts."""
        if self.suite == "mlp":
            products = [2 * inp * out for inp, out in zip(self.widths, self.widths[1:])]
            # The first layer needs no gradient in its input.
            return self.rows * (3 * sum(products) - products[0])
        if self.suite == "rbm":
            return 10 * self.rows * self.widths[0] * self.widths[1]
        return None


@dataclass(frozen=True)
class Requirement:
    """A lower or upper bound on what `tables.measures` calls `measure`."""

    measure: str
    bound: float
    text: str
    at_most: bool = False

    def met(self, value):
        return value <= self.bound if self.at_most else value >= self.bound


CASES = [
    Case("mlp", "large", 4096, (3, 512, 512, 512, 512, 2), steps=20, activation="silu"),
    Case("mlp", "small", 128, (2, 64, 64, 2), steps=500, activation="relu"),
    Case("rbm", "digits", 10_000, (784, 256), batch=64, learning_rate=0.1),
    Case("probe", "activations", 1200, (4096, 1), steps=1000, weight_decay=0.1),
]

QUICK_CASES = [
    Case("mlp", "large", 256, (3, 64, 64, 2), steps=20, activation="silu", quick=True),
    Case("mlp", "small", 128, (2, 64, 64, 2), steps=200, activation="relu", quick=True),
    Case("rbm", "digits", 1000, (196, 64), batch=64, learning_rate=0.1, quick=True),
    Case("probe", "activations", 200, (512, 1), steps=100, weight_decay=0.1, quick=True),
]


def cases(suite, chosen):
    for case in QUICK_CASES if chosen.quick else CASES:
        if case.suite == suite and (not chosen.only or chosen.only.search(case.name)):
            yield case


def peers(case, chosen):
    """Who is timed beside ours."""
    return [name for name in PEERS[case.suite] if name in chosen.peers]


def requirements(case, threads):
    """What is required of a case on a number of threads; nothing of other cases than those above."""
    if case.quick:
        return
    if case.suite == "mlp" and case.kind == "small":
        yield Requirement("ours", 100e-6, "100 us", at_most=True)
    elif case.suite == "mlp":
        factor = {1: 1.2, 2: 1.05}.get(threads)
        if factor:
            yield Requirement("compiled", factor, f"{factor}x compiled PyTorch")
        yield Requirement("share", 0.85, "85% of our product")
        yield Requirement("torch share", 0.85, "85% of PyTorch's product")
    elif case.suite == "rbm":
        yield Requirement("torch", 2, "2x torch")
        yield Requirement("sklearn", 3, "3x sklearn")
        yield Requirement("share", 0.75, "75% of our product")
        yield Requirement("torch share", 0.75, "75% of PyTorch's product")
    else:
        factor = {1: 2, 2: 1.5}.get(threads)
        if factor:
            yield Requirement("best torch", factor, f"{factor}x the best PyTorch")
