"""What a worker process does, whatever it times: it reads one JSON object a line and answers with one.

What goes wrong is answered with {"failed": reason}.
"""

import json
import os
import sys
import time


def timed(call):
    """Its seconds, and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def serve(answer):
    """Answers requests until there are no more. `answer` takes a request and what is kept between requests, a dictionary."""
    # What the libraries print must not come between the answers.
    to_parent = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    prepared = {}
    for line in sys.stdin:
        try:
            told = answer(json.loads(line), prepared)
        except Exception as reason:  # noqa: BLE001  (a peer that fails is a result, too)
            told = {"failed": f"{type(reason).__name__}: {reason}"[:300]}
        to_parent.write(json.dumps(told) + "\n")
        to_parent.flush()
