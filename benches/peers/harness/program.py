"""Our command: building it, and running it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from harness.machine import pin

ROOT = Path(__file__).resolve().parents[3]


def build():
    """The command of this checkout, optimised."""
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--features", "cli", "--bin", "brenier"], cwd=ROOT, check=True
    )
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "brenier"


def chosen(path):
    """The command that was asked for, or this checkout's."""
    program = (path or build()).resolve()
    if not program.is_file():
        sys.exit(f"{program} is not there: build it with cargo build --release --features cli")
    return program


def version(program):
    if not program:
        return "not run"
    return subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def run(command, threads):
    """Runs a command that prints a JSON object, on so many cores. Gives its exit code and the object."""
    pin(threads)
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
    finished = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, env=environment)
    pin(1)
    return finished.returncode, json.loads(finished.stdout or "{}")
