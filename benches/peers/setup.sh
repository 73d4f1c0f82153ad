#!/usr/bin/env bash
# The peers' virtual environment, with pinned versions, in benches/peers/.venv (about 420 MB). It needs Python 3.11 or newer
# with venv, and PyPI. `PYTHON=python3.12 bash benches/peers/setup.sh` picks an interpreter.
#
# `--large` adds what sinkhorn.py and learning.py compare with, JAX with Optax, OTT-JAX, PyTorch, KeOps and scikit-learn
# (6.2 GB: PyPI's PyTorch needs its CUDA libraries even to be loaded); KeOps and PyTorch compile with the system's C++ compiler.
set -euo pipefail
cd "$(dirname "$0")"
requirements=(--requirement requirements.txt)
modules="numpy scipy ot highspy"
case "${1-}" in
"") ;;
--large)
    requirements+=(--requirement requirements-large.txt)
    modules+=" jax optax ott torch pykeops sklearn"
    command -v c++ >/dev/null || echo "no C++ compiler: KeOps and torch.compile will fail" >&2
    ;;
*)
    echo "usage: setup.sh [--large]" >&2
    exit 2
    ;;
esac
"${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check "${requirements[@]}"
.venv/bin/python - $modules <<'PYTHON'
import importlib, sys
from importlib import metadata

for name in sys.argv[1:]:
    module = importlib.import_module(name)
    # HiGHS tells its version to the package index alone.
    print(name, getattr(module, "__version__", None) or metadata.version(name))
PYTHON
