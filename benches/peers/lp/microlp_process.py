"""microlp, in the process of a small Rust program of its own (lp/microlp)."""

import json
import os
import select
import subprocess
from pathlib import Path

from harness.machine import pin
from harness.processes import PATIENCE, Failed
from harness.program import ROOT

PROJECT = Path(__file__).resolve().parent / "microlp"


def build():
    """The program, optimised."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "microlp-beside"
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", target]
    subprocess.run(list(map(str, command)), cwd=PROJECT, check=True)
    return target / "release" / "microlp-beside"


class Microlp:
    """The process. It is started when it is first asked for something, and again after it had to be ended."""

    def __init__(self, program, presolve, limit):
        self.command = [str(program), "true" if presolve else "false", str(limit)]
        self.limit = limit
        self.process = None

    def solve(self, path):
        """Its seconds, the status and the objective of one solve of a neutral file."""
        if self.process is None:
            pin(1)
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], self.limit + PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.end()
            raise Failed("the process died" if ready else f"no answer in {self.limit + PATIENCE:.0f} s: ended")
        return json.loads(line)

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
