"""Writes composers.json: what PyTorch computes for every composer, and for the loss, from formula-made weights.

The attention blocks are PyTorch's own nn.TransformerDecoderLayer. Run with Debian's python3-torch from this directory:
    python3 write_composer_goldens.py > ../resources/org/rafclip/agcn/compose/composers.json
"""

import json
import math
import sys

import torch
import torch.nn.functional as F
from torch import nn

WIDTH, HEADS, BLOCKS, RATIO = 8, 2, 2, 2
GATE_PROJECTION, GATE_HIDDEN = 6, 5
IMAGE_TOKENS, TEXT_TOKENS, LENGTHS = 5, 6, [6, 3, 4]


def numbers(name, shape):
    """0.3 sin(0.9 i + phase of the name) for element i in row-major order."""
    phase = sum((k + 1) * ord(c) for k, c in enumerate(name)) % 1000
    count = math.prod(shape)
    return torch.tensor([0.3 * math.sin(0.9 * i + phase) for i in range(count)], dtype=torch.float64).reshape(shape)


class Parameters:
    def __init__(self):
        self.by_name = {}

    def get(self, name, *shape, plus=0.0):
        value = (numbers(name, shape) + plus).requires_grad_()
        self.by_name[name] = value
        return value

    def linear(self, name, x, outputs):
        weight = self.get(name + ".weight", outputs, x.shape[-1])
        return F.linear(x, weight, self.get(name + ".bias", outputs))


def decoder_layer(parameters, name):
    layer = nn.TransformerDecoderLayer(
        WIDTH, HEADS, RATIO * WIDTH, dropout=0.0, activation="relu", layer_norm_eps=1e-5, batch_first=True
    ).double()
    get = parameters.get
    wide = RATIO * WIDTH
    kv_weight = get(name + ".cross_attn.kv_proj.weight", 2 * WIDTH, WIDTH)
    kv_bias = get(name + ".cross_attn.kv_proj.bias", 2 * WIDTH)
    values = {
        "self_attn.in_proj_weight": get(name + ".attn.in_proj_weight", 3 * WIDTH, WIDTH),
        "self_attn.in_proj_bias": get(name + ".attn.in_proj_bias", 3 * WIDTH),
        "self_attn.out_proj.weight": get(name + ".attn.out_proj.weight", WIDTH, WIDTH),
        "self_attn.out_proj.bias": get(name + ".attn.out_proj.bias", WIDTH),
        "multihead_attn.in_proj_weight": torch.cat([get(name + ".cross_attn.q_proj.weight", WIDTH, WIDTH), kv_weight]),
        "multihead_attn.in_proj_bias": torch.cat([get(name + ".cross_attn.q_proj.bias", WIDTH), kv_bias]),
        "multihead_attn.out_proj.weight": get(name + ".cross_attn.out_proj.weight", WIDTH, WIDTH),
        "multihead_attn.out_proj.bias": get(name + ".cross_attn.out_proj.bias", WIDTH),
        "linear1.weight": get(name + ".mlp.c_fc.weight", wide, WIDTH),
        "linear1.bias": get(name + ".mlp.c_fc.bias", wide),
        "linear2.weight": get(name + ".mlp.c_proj.weight", WIDTH, wide),
        "linear2.bias": get(name + ".mlp.c_proj.bias", WIDTH),
    }
    for k in (1, 2, 3):
        values[f"norm{k}.weight"] = get(f"{name}.ln_{k}.weight", WIDTH, plus=1.0)
        values[f"norm{k}.bias"] = get(f"{name}.ln_{k}.bias", WIDTH)
    for path, value in values.items():
        owner = layer
        *parents, leaf = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        delattr(owner, leaf)
        setattr(owner, leaf, value)
    return layer


def branch(parameters, name, own, own_padding, other, other_padding):
    for block in range(BLOCKS):
        own = decoder_layer(parameters, f"{name}.blocks.{block}")(
            own, other, tgt_key_padding_mask=own_padding, memory_key_padding_mask=other_padding
        )
    return own


def compose(case, inputs, parameters):
    kind = case["kind"]
    image, text = inputs["imageFeatures"], inputs["textFeatures"]
    if case["pooled"] == "unit":
        image, text = F.normalize(image, dim=-1), F.normalize(text, dim=-1)
    if kind == "sum":
        return {"queryFeatures": image + text}
    if kind == "clip4cir":
        projection, hidden = round(2560 * case["widthFactor"]), round(5120 * case["widthFactor"])
        text_projected = F.relu(parameters.linear("text_projection_layer", text, projection))
        image_projected = F.relu(parameters.linear("image_projection_layer", image, projection))
        both = torch.cat((text_projected, image_projected), -1)
        correction = parameters.linear(
            "output_layer", F.relu(parameters.linear("combiner_layer", both, hidden)), WIDTH
        )
        share = torch.sigmoid(
            parameters.linear("dynamic_scalar.3", F.relu(parameters.linear("dynamic_scalar.0", both, hidden)), 1)
        )
        return {"queryFeatures": correction + share * text + (1 - share) * image, "textShare": share}

    tokens = case["features"] == "token"
    image_tokens = inputs["imageTokens"] if tokens else image[:, None]
    text_tokens = inputs["textTokens"] if tokens else text[:, None]
    lengths = torch.tensor(LENGTHS) if tokens else torch.ones(len(LENGTHS), dtype=torch.long)
    padding = torch.arange(text_tokens.shape[1])[None] >= lengths[:, None]
    out = {}
    if kind != "only-text":
        x = branch(parameters, "imageBranch", image_tokens, None, text_tokens, padding)
        out["imageBranch"] = x[:, 0] if case["pool"] == "class-token" else x.mean(1)
    if kind != "only-image":
        x = branch(parameters, "textBranch", text_tokens, padding, image_tokens, None)
        out["textBranch"] = x[torch.arange(len(x)), lengths - 1]
    if kind == "agcn":
        both = torch.cat((image, text), -1)
        outputs = 1 if case["gate"] == "scalar" else WIDTH
        for name in ("imageGate", "textGate"):
            x = parameters.linear(name + ".projection", both, GATE_PROJECTION)
            x = F.relu(parameters.linear(name + ".linear_1", x, GATE_HIDDEN))
            out[name] = torch.sigmoid(parameters.linear(name + ".linear_2", x, outputs))
        out["queryFeatures"] = out["imageGate"] * out["imageBranch"] + out["textGate"] * out["textBranch"]
    else:
        out["queryFeatures"] = sum(out.values())
    return out


def nested(tensor):
    return [round(v, 12) for v in tensor.detach().flatten().tolist()]


def run(case):
    batch = len(LENGTHS)
    inputs = {
        "imageTokens": 4 * numbers("imageTokens", (batch, IMAGE_TOKENS, WIDTH)),
        "textTokens": 4 * numbers("textTokens", (batch, TEXT_TOKENS, WIDTH)),
        "imageFeatures": 4 * numbers("imageFeatures", (batch, WIDTH)),
        "textFeatures": 4 * numbers("textFeatures", (batch, WIDTH)),
    }
    parameters = Parameters()
    out = compose(case, inputs, parameters)
    out["queryEmbedding"] = F.normalize(out["queryFeatures"], dim=-1)
    (out["queryEmbedding"] * numbers("queryGradient", (batch, WIDTH))).sum().backward() if parameters.by_name else None
    return {
        **case,
        "outputs": {name: nested(value) for name, value in out.items()},
        "gradients": {
            name: round((p.grad * numbers("probe", p.shape)).sum().item(), 12) for name, p in parameters.by_name.items()
        },
    }


def case(name, kind, pooled="raw", gate="scalar", features="token", pool="class-token", width_factor=1.0):
    return dict(name=name, kind=kind, pooled=pooled, gate=gate, features=features, pool=pool, widthFactor=width_factor)


def loss():
    queries = F.normalize(numbers("queries", (4, WIDTH)), dim=-1).requires_grad_()
    targets = F.normalize(numbers("targets", (4, WIDTH)), dim=-1)
    scale = torch.tensor(math.log(20.0), dtype=torch.float64, requires_grad=True)
    value = F.cross_entropy(scale.exp() * queries @ targets.T, torch.arange(4))
    value.backward()
    return dict(total=value.item(), dQueries=nested(queries.grad), dLogitScale=scale.grad.item())


json.dump(
    {
        "torch": torch.__version__,
        "cases": [
            run(c)
            for c in (
                case("agcn", "agcn"),
                case("agcn, vector gates, no class token", "agcn", gate="vector", pool="mean"),
                case("agcn, pooled features of length 1", "agcn", features="pooled", pooled="unit"),
                case("add", "add"),
                case("only text", "only-text"),
                case("only image", "only-image"),
                case("sum", "sum"),
                case("sum of unit features", "sum", pooled="unit"),
                case("clip4cir", "clip4cir", width_factor=0.002),
            )
        ],
        "loss": loss(),
    },
    sys.stdout,
    indent=0,
)
