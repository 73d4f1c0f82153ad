"""Reads a checkpoint of this crate with the reference implementation: python checkpoint.py FILE.safetensors

Prints every tensor and text, then writes the tensors again and says whether the file is the same, bit for bit (with more than one text the
order of the texts may differ: the reference implementation keeps none).
"""

import sys
import tempfile

from safetensors import safe_open
from safetensors.torch import load_file, save_file

path = sys.argv[1]
with safe_open(path, framework="pt") as file:
    texts = file.metadata()
tensors = load_file(path)
for name, tensor in tensors.items():
    print(f"{name!r}: {tuple(tensor.shape)} {tensor.dtype}, sum {tensor.double().sum().item()!r}")
print("texts:", texts)
with tempfile.NamedTemporaryFile(suffix=".safetensors") as again:
    save_file(tensors, again.name, metadata=texts)
    print("the same file:", open(path, "rb").read() == open(again.name, "rb").read())
