"""Writes src/test/resources/org/rafclip/train/adamw.json: parameters after steps of torch.optim.AdamW.

Two groups: weight decay on matrices and larger, none on vectors and scalars. The learning rate changes at each step and
the gradients of all parameters together are clipped by torch.nn.utils.clip_grad_norm_. In double precision, from numbers
of clip_reference.py's formula rounded to single precision.
Needs PyTorch and numpy (Debian: python3-torch). Run from the module's folder: python3 src/test/python/adamw_reference.py
"""
import json
import pathlib

import numpy as np
import torch

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def values(name, shape):
    seed = 0xCBF29CE484222325
    for byte in name.encode("ascii"):
        seed = (seed ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * GOLDEN + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    drawn = (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    return torch.tensor(drawn.astype(np.float32).astype(np.float64).reshape(shape))


SHAPES = {"matrix": [3, 5], "kernel": [2, 3, 2, 2], "bias": [7], "scale": []}
SETTINGS = {"lr": 0.01, "beta1": 0.9, "beta2": 0.98, "eps": 1e-6, "weightDecay": 0.2, "clipNorm": 1.5}
parameters = {name: torch.nn.Parameter(values(name, shape)) for name, shape in SHAPES.items()}
optimizer = torch.optim.AdamW(
    [{"params": [p for p in parameters.values() if p.ndim >= 2], "weight_decay": SETTINGS["weightDecay"]},
     {"params": [p for p in parameters.values() if p.ndim < 2], "weight_decay": 0.0}],
    lr=SETTINGS["lr"], betas=(SETTINGS["beta1"], SETTINGS["beta2"]), eps=SETTINGS["eps"])
norms = []
for step in range(1, 7):
    for name, parameter in parameters.items():
        parameter.grad = values(f"{name}.grad.{step}", SHAPES[name]) * (0.1 if step == 4 else 1)
    norms.append(float(torch.nn.utils.clip_grad_norm_(parameters.values(), SETTINGS["clipNorm"])))
    for group in optimizer.param_groups:
        group["lr"] = SETTINGS["lr"] / step
    optimizer.step()
target = pathlib.Path("src/test/resources/org/rafclip/train/adamw.json")
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text(json.dumps({
    "settings": SETTINGS, "shapes": SHAPES, "norms": norms,
    "parameters": {name: parameter.detach().flatten().tolist() for name, parameter in parameters.items()},
}, indent=1) + "\n")
