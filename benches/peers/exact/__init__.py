"""The parts of exact_transport.py: what is solved (inputs), what is run and required (suites), how it is called (calls),
how it is shown (tables).

One thread for every library in this process. It must be said before NumPy is loaded, so it stands here.
"""

import os

for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[variable] = "1"
