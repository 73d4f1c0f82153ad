"""The peers' calls.

Each function takes a case and its arrays, and gives a function without arguments that trains from the initial weights and gives
the trained ones: what is timed. `value` says what became of the loss, in float64 and the same for all.

| name | what |
| --- | --- |
| torch | PyTorch, eager; Adam and AdamW are the fused ones |
| torch-compiled | PyTorch, `torch.compile` of the loss (its backward pass with it), or of the machine's update |
| torch-step | PyTorch, `torch.compile` of the whole step: `torch.func.grad` of the loss, and Adam written with tensors |
| jax | JAX, jit of the whole step (of the whole training for the probe), optax's Adam and AdamW, buffers donated |
| sklearn | scikit-learn's `BernoulliRBM`: PCD, where the others are CD-1 |
"""

import numpy as np

from learning import problems

def compiled(function):
    import torch

    torch._dynamo.reset()
    return torch.compile(function, dynamic=False, fullgraph=True)


def compiled_steps(loss, initial, case):
    """Steps of AdamW (Adam, where nothing decays) that are compiled as a whole."""
    import torch

    def step(parameters, first, second, corrections):
        gradients = torch.func.grad(loss)(parameters)
        for parameter, mean, square, gradient in zip(parameters, first, second, gradients):
            mean.lerp_(gradient, 0.1)
            square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            update = mean / corrections[0] / ((square / corrections[1]).sqrt() + 1e-8)
            parameter.mul_(1 - case.learning_rate * case.weight_decay).sub_(update, alpha=case.learning_rate)

    prepared = compiled(step)

    def run():
        with torch.no_grad():
            parameters = [array.clone() for array in initial]
            first, second = ([torch.zeros_like(array) for array in initial] for _ in range(2))
            for number in range(1, case.steps + 1):
                prepared(parameters, first, second, torch.tensor([1 - 0.9**number, 1 - 0.999**number]))
        return parameters

    return run


def import_jax():
    import jax

    jax.config.update("jax_platforms", "cpu")
    return jax


def layers(arrays):
    """Weights and biases of a network, one after the other."""
    count = sum(name.startswith("weight") for name in arrays)
    return [arrays[f"{part}{layer}"] for layer in range(count) for part in ("weight", "bias")]


# Multilayer perceptrons: Adam steps on the mean squared error.


def torch_mlp_loss(case, arrays):
    """The loss as a function of a list of parameters, and those of the beginning."""
    import torch
    from torch.nn import functional

    x, y = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["y"])
    activation = getattr(functional, case.activation)

    def loss(parameters):
        out = x
        for index in range(0, len(parameters), 2):
            out = functional.linear(out, parameters[index], parameters[index + 1])
            if index + 2 < len(parameters):
                out = activation(out)
        return functional.mse_loss(out, y)

    return loss, [torch.from_numpy(array) for array in layers(arrays)]


def torch_mlp(case, arrays, prepare=lambda function: function):
    import torch

    loss, initial = torch_mlp_loss(case, arrays)
    prepared = prepare(loss)

    def run():
        parameters = [array.clone().requires_grad_() for array in initial]
        optimiser = torch.optim.Adam(parameters, lr=case.learning_rate, fused=True)
        for _ in range(case.steps):
            optimiser.zero_grad(set_to_none=True)
            prepared(parameters).backward()
            optimiser.step()
        return parameters

    return run


def torch_mlp_compiled(case, arrays):
    return torch_mlp(case, arrays, compiled)


def torch_mlp_step(case, arrays):
    return compiled_steps(*torch_mlp_loss(case, arrays), case)


def jax_mlp(case, arrays):
    jax = import_jax()
    import optax

    x, y = jax.numpy.asarray(arrays["x"]), jax.numpy.asarray(arrays["y"])
    activation = getattr(jax.nn, case.activation)
    optimiser = optax.adam(case.learning_rate)

    def loss(parameters, x, y):
        out = x
        for index in range(0, len(parameters), 2):
            out = out @ parameters[index].T + parameters[index + 1]
            if index + 2 < len(parameters):
                out = activation(out)
        return ((out - y) ** 2).mean()

    def step(parameters, state, x, y):
        updates, state = optimiser.update(jax.grad(loss)(parameters, x, y), state)
        return optax.apply_updates(parameters, updates), state

    step = jax.jit(step, donate_argnums=(0, 1))

    def run():
        parameters = [jax.numpy.array(array) for array in layers(arrays)]
        state = optimiser.init(parameters)
        for _ in range(case.steps):
            parameters, state = step(parameters, state, x, y)
        return jax.block_until_ready(parameters)

    return run


def mlp_value(case, arrays, parameters):
    """The mean squared error."""
    out = arrays["x"].astype(np.float64)
    parameters = [np.asarray(array, np.float64) for array in parameters]
    for index in range(0, len(parameters), 2):
        out = out @ parameters[index].T + parameters[index + 1]
        if index + 2 < len(parameters):
            out = out / (1 + np.exp(-out)) if case.activation == "silu" else np.maximum(out, 0)
    return float(((out - arrays["y"]) ** 2).mean())


# Restricted Boltzmann machines: an epoch of contrastive divergence, batches in a new random order.


def torch_rbm(case, arrays, prepare=lambda function: function):
    import torch

    data, initial = torch.from_numpy(arrays["v"]), torch.from_numpy(arrays["weight"])

    def draw(probabilities):
        return (torch.rand_like(probabilities) < probabilities).to(probabilities.dtype)

    def update(v, weight, visible_bias, hidden_bias):
        rate = case.learning_rate / v.shape[0]
        p = torch.sigmoid(torch.addmm(hidden_bias, v, weight.T))
        drawn = draw(torch.sigmoid(torch.addmm(visible_bias, draw(p), weight)))
        q = torch.sigmoid(torch.addmm(hidden_bias, drawn, weight.T))
        weight.addmm_(p.T, v, alpha=rate)
        weight.addmm_(q.T, drawn, alpha=-rate)
        visible_bias.add_((v - drawn).sum(0), alpha=rate)
        hidden_bias.add_((p - q).sum(0), alpha=rate)

    prepared = prepare(update)

    def run():
        with torch.no_grad():
            weight = initial.clone()
            visible_bias, hidden_bias = torch.zeros(weight.shape[1]), torch.zeros(weight.shape[0])
            for rows in torch.randperm(case.rows).split(case.batch):
                prepared(data[rows], weight, visible_bias, hidden_bias)
        return weight, visible_bias, hidden_bias

    return run


def torch_rbm_compiled(case, arrays):
    return torch_rbm(case, arrays, compiled)


def jax_rbm(case, arrays):
    jax = import_jax()
    numpy = jax.numpy
    data = numpy.asarray(arrays["v"])

    def draw(key, probabilities):
        return jax.random.bernoulli(key, probabilities).astype(probabilities.dtype)

    def update(parameters, key, rows, data):
        weight, visible_bias, hidden_bias = parameters
        v = data[rows]
        rate = case.learning_rate / len(rows)
        key, first, second = jax.random.split(key, 3)
        p = jax.nn.sigmoid(v @ weight.T + hidden_bias)
        drawn = draw(second, jax.nn.sigmoid(draw(first, p) @ weight + visible_bias))
        q = jax.nn.sigmoid(drawn @ weight.T + hidden_bias)
        weight = weight + rate * (p.T @ v - q.T @ drawn)
        return (weight, visible_bias + rate * (v - drawn).sum(0), hidden_bias + rate * (p - q).sum(0)), key

    update = jax.jit(update, donate_argnums=(0, 1))
    random = np.random.default_rng(1)

    def run():
        hidden, visible = arrays["weight"].shape
        parameters = (numpy.array(arrays["weight"]), numpy.zeros(visible), numpy.zeros(hidden))
        key = jax.random.key(0)
        order = random.permutation(case.rows)
        for start in range(0, case.rows, case.batch):
            parameters, key = update(parameters, key, order[start : start + case.batch], data)
        return jax.block_until_ready(parameters)

    return run


def sklearn_rbm(case, arrays):
    from sklearn.neural_network import BernoulliRBM

    # It begins with weights of the same law, of its own.
    machine = BernoulliRBM(
        n_components=case.widths[1],
        learning_rate=case.learning_rate,
        batch_size=case.batch,
        n_iter=1,
        random_state=0,
    )

    def run():
        machine.fit(arrays["v"])
        return machine.components_, machine.intercept_visible_, machine.intercept_hidden_

    return run


def rbm_value(case, arrays, parameters):
    """The mean of (v - P(v = 1 | p))² with p = P(h = 1 | v)."""
    weight, visible_bias, hidden_bias = (np.asarray(array, np.float64) for array in parameters)
    v = arrays["v"].astype(np.float64)
    p = 1 / (1 + np.exp(-(v @ weight.T + hidden_bias)))
    return float(((v - 1 / (1 + np.exp(-(p @ weight + visible_bias)))) ** 2).mean())


# Linear probes: full-batch AdamW steps on the mean cross-entropy, from zero, without a bias.


def torch_probe_loss(arrays):
    """The loss as a function of a list of the weight alone, and that of the beginning."""
    import torch
    from torch.nn import functional

    x, labels = torch.from_numpy(arrays["x"]), torch.from_numpy(arrays["labels"])

    def loss(parameters):
        return functional.binary_cross_entropy_with_logits(x @ parameters[0], labels)

    return loss, [torch.zeros(x.shape[1])]


def torch_probe(case, arrays, prepare=lambda function: function):
    import torch

    loss, initial = torch_probe_loss(arrays)
    prepared = prepare(loss)

    def run():
        weight = initial[0].clone().requires_grad_()
        optimiser = torch.optim.AdamW(
            [weight], lr=case.learning_rate, weight_decay=case.weight_decay, fused=True
        )
        for _ in range(case.steps):
            optimiser.zero_grad(set_to_none=True)
            prepared([weight]).backward()
            optimiser.step()
        return [weight]

    return run


def torch_probe_compiled(case, arrays):
    return torch_probe(case, arrays, compiled)


def torch_probe_step(case, arrays):
    return compiled_steps(*torch_probe_loss(arrays), case)


def jax_probe(case, arrays):
    jax = import_jax()
    import optax

    x, labels = jax.numpy.asarray(arrays["x"]), jax.numpy.asarray(arrays["labels"])
    optimiser = optax.adamw(case.learning_rate, weight_decay=case.weight_decay)

    def loss(weight, x, labels):
        return optax.sigmoid_binary_cross_entropy(x @ weight, labels).mean()

    def step(_, weight_and_state, x, labels):
        weight, state = weight_and_state
        updates, state = optimiser.update(jax.grad(loss)(weight, x, labels), state, weight)
        return optax.apply_updates(weight, updates), state

    @jax.jit
    def training(x, labels):
        weight = jax.numpy.zeros(x.shape[1])
        start = (weight, optimiser.init(weight))
        return jax.lax.fori_loop(0, case.steps, lambda *now: step(*now, x, labels), start)[0]

    return lambda: [jax.block_until_ready(training(x, labels))]


def probe_value(case, arrays, parameters):
    """The mean cross-entropy."""
    products = arrays["x"].astype(np.float64) @ np.asarray(parameters[0], np.float64)
    return float(np.logaddexp(0, np.where(arrays["labels"] > 0, -products, products)).mean())


def torch_product(case):
    """The matrix product that the machine's rate is measured by."""
    import torch

    rows, inp, out = case.product
    a, b, c = torch.randn(rows, inp), torch.randn(out, inp), torch.empty(rows, out)
    return lambda: torch.mm(a, b.T, out=c)


PEERS = {
    "mlp": {
        "torch": torch_mlp,
        "torch-compiled": torch_mlp_compiled,
        "torch-step": torch_mlp_step,
        "jax": jax_mlp,
    },
    "rbm": {
        "torch": torch_rbm,
        "torch-compiled": torch_rbm_compiled,
        "jax": jax_rbm,
        "sklearn": sklearn_rbm,
    },
    "probe": {
        "torch": torch_probe,
        "torch-compiled": torch_probe_compiled,
        "torch-step": torch_probe_step,
        "jax": jax_probe,
    },
}

NAMES = ["torch", "torch-compiled", "torch-step", "jax", "sklearn"]

VALUES = {"mlp": mlp_value, "rbm": rbm_value, "probe": probe_value}


def prepare(name, case, folder):
    """A peer's call, and what gives the value of its result."""
    arrays = problems.read(folder)

    def value(parameters):
        plain = [array.detach() if hasattr(array, "detach") else array for array in parameters]
        return VALUES[case.suite](case, arrays, plain)

    return PEERS[case.suite][name](case, arrays), value
