"""The parts of sinkhorn.py: what is solved (problems), what is run and required (suites), our calls (ours), the peers'
(loops: a number of iterations; solvers: until a tolerance) in processes of their own (worker, processes), the check of an
answer (check), how it is shown (tables).
"""

import harness  # noqa: F401  (the number of threads is said before NumPy is loaded)
