"""The peers' steps. Each function sets up one and gives what makes a step and answers with its loss.

All minimise <P, C> after 100 log-domain iterations. envelope: the plan is held fixed; unrolled: the gradient goes through the iterations.
"""

from generator.cases import ITERATIONS


def torch_step(case, way, folder, threads, compiled):
    import math

    import torch

    torch.set_num_threads(threads)
    weights, noise, data = (torch.from_numpy(array) for array in case.load(folder))
    linears = []
    for weight, bias in case.layers(weights):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        linears += [linear, torch.nn.ReLU()]
    linears[-1] = torch.nn.Sigmoid() if case.sigmoid else torch.nn.Identity()
    network = torch.nn.Sequential(*linears)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    log_weight = -math.log(case.batch)

    def iteration(scaled, v):
        u = log_weight - torch.logsumexp(v[None, :] - scaled, 1)
        return u, log_weight - torch.logsumexp(u[:, None] - scaled, 0)

    if compiled:
        iteration = torch.compile(iteration)

    def transport(costs):
        scaled, v = costs / case.epsilon, torch.zeros(case.batch)
        for _ in range(ITERATIONS):
            u, v = iteration(scaled, v)
        return torch.exp(u[:, None] + v[None, :] - scaled)

    def step():
        optimiser.zero_grad(set_to_none=True)
        points = network(noise)
        costs = (data * data).sum(1)[:, None] + (points * points).sum(1)[None, :] - 2 * data @ points.T
        if way == "envelope":
            with torch.no_grad():
                plan = transport(costs)
        else:
            plan = transport(costs)
        loss = (plan * costs).sum()
        loss.backward()
        optimiser.step()
        return loss.detach()

    return lambda: float(step())


def jax_step(case, way, folder):
    import functools

    import jax
    import jax.numpy as jnp
    from jax.nn import logsumexp

    weights, noise, data = (jnp.asarray(array) for array in case.load(folder))
    log_weight = -jnp.log(case.batch)

    def forward(parameters):
        points = noise
        for index, (weight, bias) in enumerate(parameters):
            points = points @ weight.T + bias
            if index + 1 < len(parameters):
                points = jax.nn.relu(points)
        return jax.nn.sigmoid(points) if case.sigmoid else points

    def loss(parameters):
        points = forward(parameters)
        costs = (data * data).sum(1)[:, None] + (points * points).sum(1)[None, :] - 2 * data @ points.T
        scaled = (jax.lax.stop_gradient(costs) if way == "envelope" else costs) / case.epsilon

        def iteration(v, _):
            u = log_weight - logsumexp(v[None, :] - scaled, 1)
            v = log_weight - logsumexp(u[:, None] - scaled, 0)
            return v, u

        if way == "envelope":
            # Only the last u is needed.
            def body(_, potentials):
                v, u = iteration(potentials[1], None)
                return u, v

            u, v = jax.lax.fori_loop(0, ITERATIONS, body, (jnp.zeros(case.batch), jnp.zeros(case.batch)))
        else:
            v, all_u = jax.lax.scan(iteration, jnp.zeros(case.batch), None, length=ITERATIONS)
            u = all_u[-1]
        return (jnp.exp(u[:, None] + v[None, :] - scaled) * costs).sum()

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(parameters, first, second, count):
        value, gradient = jax.value_and_grad(loss)(parameters)
        each = jax.tree_util.tree_map
        first = each(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = each(lambda s, g: 0.999 * s + 0.001 * g * g, second, gradient)
        first_scale, second_scale = 1 / (1 - 0.9**count), 1 / (1 - 0.999**count)

        def adam(parameter, m, s):
            return parameter - 1e-3 * m * first_scale / (jnp.sqrt(s * second_scale) + 1e-8)

        return each(adam, parameters, first, second), first, second, value

    parameters = [tuple(layer) for layer in case.layers(weights)]
    state = [parameters]
    state += [jax.tree_util.tree_map(jnp.zeros_like, parameters) for _ in range(2)]
    count = [0.0]

    def run():
        count[0] += 1.0
        *state[:], value = step(*state, count[0])
        return float(value)

    return run


PEERS = {
    "torch_eager": lambda *given: torch_step(*given, compiled=False),
    "torch_compiled": lambda *given: torch_step(*given, compiled=True),
    "jax": lambda case, way, folder, threads: jax_step(case, way, folder),
}
