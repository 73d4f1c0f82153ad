"""Writes the small .npy files beside it with NumPy, for tests/data_files/numpy.rs to read.

    python3 -m venv env && env/bin/pip install numpy && env/bin/python generate.py

Version 1.0 files are written by `numpy.save`; versions 2.0 and 3.0 by `numpy.lib.format.write_array`. The refused ones
(objects, strings, complex, structured) are files that NumPy writes and that hold no real numbers.
"""

from pathlib import Path

import numpy as np

folder = Path(__file__).parent


def save(name, array, version=None):
    with open(folder / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, np.asanyarray(array), version=version)


# a[i, j] = 10 i + j - 5.5, exact in every floating-point type.
table = np.array([[10 * i + j - 5.5 for j in range(4)] for i in range(3)])
for code in ["f2", "f4", "f8"]:
    for order, name in [("<", "little"), (">", "big")]:
        save(f"table_{code}_{name}_c", table.astype(order + code))
        save(f"table_{code}_{name}_fortran", np.asfortranarray(table.astype(order + code)))
save("table_version2", table, version=(2, 0))
save("table_version3", table, version=(3, 0))

# a[i, j, k] = 100 i + 10 j + k
cube = np.fromfunction(lambda i, j, k: 100 * i + 10 * j + k, (2, 3, 4))
save("cube_i2_c", cube.astype("<i2"))
save("cube_u4_fortran", np.asfortranarray(cube.astype(">u4")))

# The extremes of every integer type.
for code in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    bounds = np.iinfo(code)
    for order, name in [("<", "little"), (">", "big")]:
        save(f"bounds_{code}_{name}", np.array([bounds.min, 0, 1, bounds.max], dtype=order + code))

save("booleans", np.array([True, False, True]))
save("number", np.float64(2.5))
# A header that ends at a multiple of 64 bytes before it is padded.
save("fifteen_dimensions", np.full((1,) * 15, 0.5))
save("empty", np.zeros((0, 3), dtype="<f4"))

# Half-precision numbers by their bits, and the same as f32: both signs of zero, the smallest and the largest subnormal,
# the smallest normal, one and its neighbours, the largest, the infinities, a third.
bits = np.array([0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x3BFF, 0x3C00, 0x3C01, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x3555], dtype="<u2")
save("half", bits.view("<f2"))
save("half_as_f32", bits.view("<f2").astype("<f4"))
save("half_nan", np.array([np.nan], dtype="<f2"))

save("refused_complex", np.array([1j], dtype="<c8"))
save("refused_text", np.array(["a"], dtype="<U1"))
save("refused_bytes", np.array([b"a"], dtype="S1"))
save("refused_object", np.array([None], dtype=object))
save("refused_structure", np.array([(1.0, 2)], dtype=[("x", "<f8"), ("n", "<i4")]))
save("refused_date", np.array(["2020-01-01"], dtype="<M8[D]"))
