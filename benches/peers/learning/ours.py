"""Our command on a case. Its times are those that it takes itself, around the training alone."""

from harness import program

# Evaluations that the rate of our products is the median of.
PRODUCTS = 10


class NotTrained(Exception):
    """The command gave no answer."""


def call(command, arguments, threads):
    arguments = [command, "bench", *arguments, "--threads", threads, "--precision", "single", "--json"]
    code, said = program.run(arguments, threads)
    if code != 0 or said.get("status") != "measured":
        raise NotTrained(f"{' '.join(map(str, arguments))}: exit code {code}, {said}")
    return said


def train(command, case, folder, threads, repetition):
    """Seconds of what is timed, and a value: what is left of the loss."""
    if case.suite == "mlp":
        widths = ",".join(map(str, case.widths))
        arguments = ["mlp", "--widths", widths, "--activation", case.activation, "--batch", case.rows]
        said = call(command, [*arguments, "--steps", case.steps, "--seed", repetition], threads)
        return {"seconds": said["seconds_per_step"], "value": said["loss"]}
    if case.suite == "rbm":
        arguments = ["rbm", "--data", folder / "v.npy", "--hidden", case.widths[1], "--batch", case.batch]
        arguments += ["--learning-rate", case.learning_rate, "--k", 1, "--epochs", 1]
        said = call(command, arguments, threads)
        return {"seconds": said["seconds_per_epoch"], "value": said["reconstruction_error"]}
    arguments = ["probe", "--inputs", folder / "x.npy", "--labels", folder / "labels.npy", "--epochs", case.steps]
    arguments += ["--learning-rate", case.learning_rate, "--weight-decay", case.weight_decay, "--repetitions", 1]
    said = call(command, arguments, threads)
    return {"seconds": said["seconds"], "value": said["loss"]}


def product(command, case, threads):
    """Seconds of a matrix product and the pass for its bias: the evaluation of a single layer."""
    rows, inp, out = case.product
    arguments = ["mlp", "--widths", f"{inp},{out}", "--batch", rows, "--forward", "--steps", PRODUCTS]
    return call(command, arguments, threads)["seconds_per_step"]
