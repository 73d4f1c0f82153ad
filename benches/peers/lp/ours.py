"""Our command on linear programs. Its times are those that it takes itself, around each solve from the program in memory."""

from harness import program


class NotSolved(Exception):
    """The command gave no answer."""


def solve(command, files, repetitions, method="dual", presolve=False, limit=None):
    """What `brenier bench lp` tells of each file."""
    arguments = [command, "bench", "lp", *files, "--repetitions", repetitions, "--threads", 1, "--json", f"--{method}"]
    arguments += ["--presolve"] if presolve else []
    arguments += ["--time-limit", limit] if limit is not None else []
    code, said = program.run(arguments, 1)
    if code != 0 or said.get("status") != "measured":
        shown = " ".join(map(str, [*arguments[:4], "…"] if len(files) > 1 else arguments))
        raise NotSolved(f"{shown}: exit code {code}, {said}")
    return said["files"]
