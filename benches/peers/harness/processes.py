"""The processes in which peers run: one for each number of threads (and precision), for what these libraries read when they
are loaded cannot be changed later. What runs in them is in serving.py.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.machine import pin

HERE = Path(__file__).resolve().parents[1]

# Seconds beyond what a call should take, after which a process counts as hanging. Compilers are slow.
PATIENCE = 180


class Failed(Exception):
    """A peer did not do what it was asked for."""


class Worker:
    """A process that runs a module, started when it is first asked for something, and again after it had to be ended."""

    def __init__(self, module, threads):
        self.module = module
        self.threads = threads
        self.process = None

    def start(self):
        caches = Path(tempfile.gettempdir())
        environment = os.environ | {
            "PEER_THREADS": str(self.threads),
            "CUDA_VISIBLE_DEVICES": "",
            "JAX_PLATFORMS": "cpu",
            "TORCHINDUCTOR_CACHE_DIR": str(caches / f"brenier-peers-inductor-{self.threads}"),
            "PYKEOPS_VERBOSE": "0",
            "KEOPS_VERBOSE": "0",
            "TQDM_DISABLE": "1",
        }
        # XLA takes as many threads as the process may use cores.
        pin(self.threads)
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=HERE,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        pin(1)

    def ask(self, seconds, **request):
        """The answer to a request that should take so many seconds."""
        if self.process is None:
            self.start()
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], seconds + PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.end()
            raise Failed("the process died" if ready else f"no answer in {seconds + PATIENCE:.0f} s: ended")
        answer = json.loads(line)
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer

    def forget(self):
        if self.process is not None:
            self.ask(0, forget=True)

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
