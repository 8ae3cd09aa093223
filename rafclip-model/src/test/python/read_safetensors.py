"""Reads a safetensors file independently of the project's own code, by the published format alone.

Prints one JSON object: metadata, and per tensor dtype, shape and values. Where the reference library `safetensors`
(and numpy) is installed, it has to read the same file to the same values. Standard library only otherwise.
Usage: python3 read_safetensors.py FILE
"""
import json
import struct
import sys

CODES = {"F32": "f", "F64": "d", "I8": "b", "U8": "B", "I16": "h", "U16": "H", "I32": "i", "U32": "I", "I64": "q",
         "U64": "Q", "BOOL": "?", "F16": "e"}


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    (length,) = struct.unpack_from("<Q", content)
    assert length <= 100_000_000 and content[8:9] == b"{"
    header = json.loads(content[8:8 + length].decode("utf-8"))
    metadata = header.pop("__metadata__", {})
    assert all(isinstance(value, str) for value in metadata.values())
    data = content[8 + length:]
    tensors, due = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        assert begin == due, f"hole or overlap before {name}"
        due = end
        code = CODES[entry["dtype"]]
        assert (8 + length + begin) % struct.calcsize(code) == 0, f"{name} is not aligned"
        count = 1
        for dimension in entry["shape"]:
            count *= dimension
        values = struct.unpack(f"<{count}{code}", data[begin:end])
        tensors[name] = {"dtype": entry["dtype"], "shape": entry["shape"], "values": list(values)}
    assert due == len(data), "bytes after the last tensor"
    return {"metadata": metadata, "tensors": tensors}


def compare_with_reference_library(path, own):
    try:
        from safetensors import safe_open
    except ImportError:
        return False
    with safe_open(path, "np") as file:
        assert set(file.keys()) == set(own["tensors"]), list(file.keys())
        assert (file.metadata() or {}) == own["metadata"]
        for name in file.keys():
            array = file.get_tensor(name)
            assert list(array.shape) == own["tensors"][name]["shape"], name
            assert array.flatten().tolist() == own["tensors"][name]["values"], name
    return True


result = read(sys.argv[1])
result["reference_library"] = compare_with_reference_library(sys.argv[1], result)
json.dump(result, sys.stdout)
