"""The parts of exact_transport.py: what is solved (inputs), what is run and required (suites), how it is called (calls),
how it is shown (tables).
"""

import harness  # noqa: F401  (one thread for every library in this process: said before NumPy is loaded)
