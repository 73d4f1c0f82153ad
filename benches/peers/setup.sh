#!/usr/bin/env bash
# The peers' virtual environment, with pinned versions, in benches/peers/.venv (about 420 MB). It needs Python 3.11 or newer
# with venv, and PyPI. `PYTHON=python3.12 bash benches/peers/setup.sh` picks an interpreter.
set -euo pipefail
cd "$(dirname "$0")"
"${PYTHON:-python3}" -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
.venv/bin/python -c 'import numpy, scipy, ot; print("numpy", numpy.__version__, "scipy", scipy.__version__, "POT", ot.__version__)'
