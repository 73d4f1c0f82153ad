"""What the scripts share: arguments, the machine, our command, figures in tables.

NumPy and its kin read their number of threads when they are loaded, so it is said here, before any of them: one, or in a
process that was started to time a library on more, `PEER_THREADS`.
"""

import os

THREADS = int(os.environ.get("PEER_THREADS", "1"))

for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[variable] = str(THREADS)
