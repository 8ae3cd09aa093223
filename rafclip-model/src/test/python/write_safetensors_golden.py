"""Writes src/test/resources/org/rafclip/io/python.safetensors with the reference library.

Needs `pip install safetensors==0.8.0 numpy` (no Debian package). The bfloat16 bits are given by hand.
Run from the module's folder: python3 src/test/python/write_safetensors_golden.py
"""
import pathlib

import numpy as np
from safetensors import TensorSpec, serialize_file

target = pathlib.Path("src/test/resources/org/rafclip/io/python.safetensors")
target.parent.mkdir(parents=True, exist_ok=True)


arrays = {
    "f32": ("float32", np.array([[1.5, -2.25, 3e-8], [np.inf, -0.0, 7]], np.float32)),
    "f64": ("float64", np.array([0.1, -1e300], np.float64)),
    "i64": ("int64", np.array([[2**40, -3]], np.int64)),
    "i32": ("int32", np.array([-7, 8, 9], np.int32)),
    "f16": ("float16", np.array([1.0, -0.5, 65504, 6e-8, 6.1035e-05, np.inf], np.float16)),
    "bf16": ("bfloat16", np.array([0x3F80, 0xC049, 0x7F80], np.uint16)),
    "u8": ("uint8", np.array([0, 128, 255], np.uint8)),
    "bool": ("bool", np.array([True, False])),
    "scalar": ("float32", np.array(2.5, np.float32)),
    "empty": ("float32", np.zeros((0, 3), np.float32)),
}
serialize_file(
    {
        name: TensorSpec(dtype=dtype, shape=list(array.shape), data_ptr=array.ctypes.data, data_len=array.nbytes)
        for name, (dtype, array) in arrays.items()
    },
    str(target),
    {"format": "pt", "origin": "Python"},
)
