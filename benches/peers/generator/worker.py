"""A process of one peer, on so many cores: `worker.py PEER CASE WAY FOLDER THREADS` prints losses and times as JSON."""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from generator.cases import BLOCKS, CASES, COMPARED, STEPS_IN_BLOCK
from generator.steps import PEERS


def main():
    peer, name, way, folder, threads = sys.argv[1:]
    step = PEERS[peer](CASES[name], way, Path(folder), int(threads))
    losses = [step() for _ in range(COMPARED)]
    seconds = []
    for _ in range(BLOCKS):
        started = time.perf_counter()
        for _ in range(STEPS_IN_BLOCK):
            step()
        seconds.append((time.perf_counter() - started) / STEPS_IN_BLOCK)
    print(json.dumps({"losses": losses, "seconds": seconds}))


if __name__ == "__main__":
    main()
