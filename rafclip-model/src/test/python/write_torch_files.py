"""Files that PyTorch writes, for the reader that runs nothing of them; and what is in them as safetensors.

Needs PyTorch (Debian: python3-torch, with /usr/bin/python3). Run from the module's folder:
    python3 src/test/python/write_torch_files.py          writes src/test/resources/org/rafclip/io/torch
    python3 src/test/python/write_torch_files.py full F   a .pth of 375 MB, as large as SAM ViT-B's
"""
import collections
import json
import os
import pathlib
import struct
import sys

import torch
from torch import nn

KINDS = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def save_safetensors(path, tensors):
    header, parts, offset = {}, [], 0
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        raw = (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()
        header[name] = {"dtype": KINDS[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(raw)]}
        parts.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def assortment():
    torch.manual_seed(7)
    base = torch.randn(6, 5)
    cube = torch.arange(2 * 3 * 4, dtype=torch.int32).reshape(2, 3, 4)
    tensors = collections.OrderedDict()
    for dtype in KINDS:
        tensors["of." + str(dtype).removeprefix("torch.")] = (torch.randn(2, 3) * 50).to(dtype)
    tensors["scalar"] = torch.tensor(2.6592)
    tensors["empty"] = torch.zeros(0, 3)
    tensors["parameter"] = nn.Parameter(torch.randn(3))
    tensors["base"] = base
    tensors["transposed"] = base.t()
    tensors["rows"] = base[2:5]
    tensors["columns"] = base[:, 1:4]
    tensors["every other"] = base[::2, ::3]
    tensors["last"] = base[5, 4]
    tensors["tied"] = base
    tensors["permuted"] = cube.permute(2, 0, 1)
    tensors["half transposed"] = torch.randn(3, 4).half().t()
    tensors["channels last"] = torch.randn(2, 3, 2, 2).bfloat16().to(memory_format=torch.channels_last)
    tensors["bools transposed"] = (torch.randn(3, 2) > 0).t()
    tensors["bytes transposed"] = torch.arange(6, dtype=torch.uint8).reshape(2, 3).t()
    tensors["one"] = torch.randn(1, 4).t()
    return tensors


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("count", torch.tensor(5))
        self.sizes = [1, 2, 3]
        self.names = {"a": "b"}

    def forward(self, x):
        return self.linear(x) * float(self.sizes[0])


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Inner(), Inner()])
        self.scale = nn.Parameter(torch.randn(2).half())

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x * self.scale


class Harm:
    def __reduce__(self):
        return os.system, ("echo harm",)


if len(sys.argv) > 1:
    torch.save({f"layer.{i}.weight": torch.randn(1024, 1024) for i in range(89)}, sys.argv[2])
else:
    target = pathlib.Path("src/test/resources/org/rafclip/io/torch")
    target.mkdir(parents=True, exist_ok=True)
    tensors = assortment()
    save_safetensors(target / "assortment.safetensors", tensors)
    module = nn.Sequential(nn.Linear(3, 2))
    tensors._metadata = module.state_dict()._metadata
    torch.save(tensors, target / "zip.pt")
    torch.save(tensors, target / "zip-protocol-4.pt", pickle_protocol=4)
    torch.save(tensors, target / "legacy.pth", _use_new_zipfile_serialization=False)
    optimizer = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    torch.save({"epoch": 3, "best": 0.5, "device": torch.device("cpu"), "size": torch.ones(2, 3).shape,
                "state_dict": {"module." + name: tensor for name, tensor in module.state_dict().items()},
                "optimizer": optimizer.state_dict()}, target / "checkpoint.pt")
    save_safetensors(target / "checkpoint.safetensors", module.state_dict())
    script = torch.jit.script(Outer().eval())
    script.save(str(target / "script.pt"))
    save_safetensors(target / "script.safetensors", script.state_dict())
    torch.save({"weight": torch.ones(2), "harm": Harm()}, target / "harm.pt")
    torch.save({"weight": torch.ones(2), "harm": Harm()}, target / "harm.pth", _use_new_zipfile_serialization=False)
    torch.save(module, target / "module.pt")
    torch.save({"weight": torch.ones(1).expand(4)}, target / "expanded.pt")
    torch.save({"a": {"w": torch.ones(1)}, "b": {"w": torch.ones(1)}}, target / "several.pt")
    torch.save({"weight": torch.ones(2, dtype=torch.complex64)}, target / "complex.pt")
