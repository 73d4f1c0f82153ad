"""A process that times peers' trainings, on so many threads as it was started for: `python -m learning.worker`.

A request holds:

- {"prepare": name, "case": {...}, "folder": ...}: makes a training ready and runs it once, which compiles it. Answers with the
  seconds of that, and the value after the training.
- {"call": name}: runs it. Answers with its seconds, and those of the processor.
- {"product": {...}}: the median of the seconds of PyTorch's product, for the case.
- {"forget": true}: forgets all that was prepared.
"""

import gc
import statistics
import time

from harness.serving import serve, timed
from learning import peers
from learning.ours import PRODUCTS
from learning.suites import Case


def case_of(fields):
    return Case(**fields | {"widths": tuple(fields["widths"])})


def answer(request, prepared):
    if "prepare" in request:
        training, value = peers.prepare(request["prepare"], case_of(request["case"]), request["folder"])
        seconds, trained = timed(training)
        prepared[request["prepare"]] = training
        return {"first_seconds": seconds, "value": value(trained)}
    if "call" in request:
        # On a busy machine the processor's seconds say more than the clock's, where there is one thread.
        before = time.process_time()
        seconds = timed(prepared[request["call"]])[0]
        return {"seconds": seconds, "cpu_seconds": time.process_time() - before}
    if "product" in request:
        product = peers.torch_product(case_of(request["product"]))
        product()
        return {"seconds": statistics.median(timed(product)[0] for _ in range(PRODUCTS))}
    prepared.clear()
    gc.collect()
    return {}


if __name__ == "__main__":
    serve(answer)
