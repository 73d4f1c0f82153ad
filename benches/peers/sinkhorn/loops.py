"""The peers' fixed numbers of iterations from zero potentials.

Each entry of LOOPS takes `Inputs` and a number of iterations, and gives a function without arguments that runs them; its
result is (f / epsilon, g / epsilon), arrays of any library, of the plan exp((f_i + g_j - C_ij) / epsilon). What can be
done once (scaling costs, compiling) is done before. One iteration updates both potentials.

| name | what |
| --- | --- |
| ott-points | OTT-JAX, jit: `PointCloud`, log domain |
| ott-online | the same with `batch_size=256`: memory O(n) |
| ott-dense | OTT-JAX, jit: `Geometry(cost_matrix=...)`, log domain |
| jax | a `fori_loop` of two `logsumexp`, jit, on the matrix |
| torch | two `logsumexp`, `torch.compile`, on the matrix and its transpose |
| torch-points | the same, from the points: the costs are part of the compiled loop |
| keops | PyKeOps: two `logsumexp` reductions of `LazyTensor`s, from the points |
| pot-log | POT: `ot.bregman.sinkhorn_log`, NumPy |
| pot-kernel | POT: `ot.sinkhorn(method="sinkhorn")`, NumPy: products with exp(-C / epsilon), not in the log domain |
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np


@dataclass
class Inputs:
    """What the files of a problem hold, in the precision that they have."""

    folder: Path
    epsilon: float

    def read(self, name):
        return np.load(Path(self.folder) / f"{name}.npy")

    @cached_property
    def points(self):
        return self.read("x"), self.read("y")

    @cached_property
    def costs(self):
        return self.read("costs")

    @cached_property
    def masses(self):
        """In the precision of the points."""
        if (Path(self.folder) / "a.npy").exists():
            return self.read("a"), self.read("b")
        return tuple(np.full(len(points), 1 / len(points), points.dtype) for points in self.points)

    @property
    def element(self):
        return self.points[0].dtype


def import_jax(element):
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", element == np.float64)
    # ott-jax 0.6.0 asks newer versions of JAX for this name where it used to be.
    import jax._src.interpreters.batching as private
    import jax.interpreters.batching as public

    if not hasattr(public, "is_vmappable"):
        public.is_vmappable = private.is_vmappable
    return jax


def ott(inputs, iterations, geometry, arrays):
    """OTT's Sinkhorn with as many iterations as are asked for, and no test of convergence but the last."""
    jax = import_jax(inputs.element)
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import sinkhorn

    solver = sinkhorn.Sinkhorn(
        lse_mode=True,
        threshold=-1.0,
        min_iterations=iterations,
        max_iterations=iterations,
        inner_iterations=iterations,
    )
    a, b = (jax.numpy.asarray(mass) for mass in inputs.masses)

    @jax.jit
    def run(*given):
        found = solver(linear_problem.LinearProblem(geometry(*given), a=a, b=b))
        return found.f / inputs.epsilon, found.g / inputs.epsilon

    given = [jax.numpy.asarray(array) for array in arrays]
    compiled = run.lower(*given).compile()
    return lambda: jax.block_until_ready(compiled(*given))


def ott_points(inputs, iterations, batch_size=None):
    import_jax(inputs.element)
    from ott.geometry import pointcloud

    def cloud(x, y):
        return pointcloud.PointCloud(x, y, epsilon=inputs.epsilon, batch_size=batch_size)

    return ott(inputs, iterations, cloud, inputs.points)


def ott_online(inputs, iterations):
    return ott_points(inputs, iterations, batch_size=256)


def ott_dense(inputs, iterations):
    import_jax(inputs.element)
    from ott.geometry import geometry

    return ott(
        inputs, iterations, lambda costs: geometry.Geometry(cost_matrix=costs, epsilon=inputs.epsilon), [inputs.costs]
    )


def jax_loop(inputs, iterations):
    jax = import_jax(inputs.element)
    numpy = jax.numpy
    log_a, log_b = (numpy.log(numpy.asarray(mass)) for mass in inputs.masses)

    @jax.jit
    def run(costs):
        def iteration(_, potentials):
            g = log_b - jax.nn.logsumexp(potentials[0][:, None] - costs, 0)
            return log_a - jax.nn.logsumexp(g[None, :] - costs, 1), g

        return jax.lax.fori_loop(0, iterations, iteration, (numpy.zeros_like(log_a), numpy.zeros_like(log_b)))

    costs = numpy.asarray(inputs.costs / inputs.element.type(inputs.epsilon))
    compiled = run.lower(costs).compile()
    return lambda: jax.block_until_ready(compiled(costs))


def torch_compiled(step, zero, iterations):
    """A loop around one compiled iteration: potentials f to (f, g)."""
    import torch

    torch._dynamo.reset()
    compiled = torch.compile(step, dynamic=False)

    def run():
        f = zero
        with torch.no_grad():
            for _ in range(iterations):
                f, g = compiled(f)
        return f, g

    return run


def torch_dense(inputs, iterations):
    import torch

    log_a, log_b = (torch.from_numpy(mass).log() for mass in inputs.masses)
    costs = torch.from_numpy(inputs.costs / inputs.element.type(inputs.epsilon))
    transposed = costs.T.contiguous()

    def step(f):
        g = log_b - torch.logsumexp(f[None, :] - transposed, 1)
        return log_a - torch.logsumexp(g[None, :] - costs, 1), g

    return torch_compiled(step, torch.zeros_like(log_a), iterations)


def torch_points(inputs, iterations):
    import torch

    log_a, log_b = (torch.from_numpy(mass).log() for mass in inputs.masses)
    scale = inputs.element.type(inputs.epsilon**-0.5)
    x, y = (torch.from_numpy(points * scale) for points in inputs.points)

    def distances(x, y):
        if x.shape[1] > 8:
            return (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * (x @ y.T)
        return sum((x[:, k, None] - y[None, :, k]) ** 2 for k in range(x.shape[1]))

    def step(f):
        g = log_b - torch.logsumexp(f[None, :] - distances(y, x), 1)
        return log_a - torch.logsumexp(g[None, :] - distances(x, y), 1), g

    return torch_compiled(step, torch.zeros_like(log_a), iterations)


def keops(inputs, iterations):
    import torch
    from pykeops.torch import LazyTensor

    log_a, log_b = (torch.from_numpy(mass).log()[:, None] for mass in inputs.masses)
    scale = inputs.element.type(inputs.epsilon**-0.5)
    x, y = (torch.from_numpy(points * scale) for points in inputs.points)
    distances = ((LazyTensor(x[:, None, :]) - LazyTensor(y[None, :, :])) ** 2).sum(-1)

    def run():
        f = torch.zeros_like(log_a)
        for _ in range(iterations):
            g = log_b - (LazyTensor(f[:, None, :]) - distances).logsumexp(0)
            f = log_a - (LazyTensor(g[None, :, :]) - distances).logsumexp(1)
        return f[:, 0], g[:, 0]

    return run


def pot_log(inputs, iterations):
    import ot

    a, b, costs = *inputs.masses, inputs.costs

    def run():
        log = ot.bregman.sinkhorn_log(
            a, b, costs, inputs.epsilon, numItermax=iterations, stopThr=0, log=True, warn=False
        )[1]
        return log["log_u"], log["log_v"]

    return run


def pot_kernel(inputs, iterations):
    import ot

    a, b, costs = *inputs.masses, inputs.costs

    def run():
        log = ot.sinkhorn(
            a, b, costs, inputs.epsilon, method="sinkhorn", numItermax=iterations, stopThr=0, log=True, warn=False
        )[1]
        return np.log(log["u"]), np.log(log["v"])

    return run


LOOPS = {
    "ott-points": ott_points,
    "ott-online": ott_online,
    "ott-dense": ott_dense,
    "jax": jax_loop,
    "torch": torch_dense,
    "torch-points": torch_points,
    "keops": keops,
    "pot-log": pot_log,
    "pot-kernel": pot_kernel,
}

# They have one thread whatever they are told (POT's products are BLAS's, and have as many as that).
SERIAL = ["pot-log"]

# They read the matrix of costs.
DENSE = ["ott-dense", "jax", "torch", "pot-log", "pot-kernel"]
