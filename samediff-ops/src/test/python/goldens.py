#!/usr/bin/python3
"""Writes what PyTorch computes for single layers and whole blocks, in double precision: values and gradients.

    /usr/bin/python3 samediff-ops/src/test/python/goldens.py

(Debian: python3-torch.) The result is src/test/resources/org/rafclip/nn/goldens.txt. Lines:

    case NAME
    NAME DIMENSIONS VALUES        dimensions joined by x, "-" for a scalar; values separated by blanks

A case holds its inputs and parameters under the names of the Java layers, "weights" (the loss is the sum of the result
times these), the result "out" and "grad.NAME" for everything that has a gradient.
"""
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(20240407)
torch.set_default_dtype(torch.float64)
LINES = []


def shape(tensor):
    return "x".join(str(size) for size in tensor.shape) or "-"


def write(name, tensor):
    values = tensor.detach().reshape(-1).tolist()
    LINES.append(f"{name} {shape(tensor)} " + " ".join(repr(value) for value in values))


def case(name, out, given, fixed=()):
    """given: differentiated tensors by Java name; fixed: others."""
    LINES.append(f"case {name}")
    weights = torch.randn(out.shape) if out.dim() else torch.ones(())
    (out * weights).sum().backward()
    write("weights", weights)
    write("out", out)
    for key, tensor in dict(fixed).items():
        write(key, tensor)
    for key, (tensor, gradient) in given.items():
        write(key, tensor)
        write("grad." + key, gradient)


def leaf(*dims, scale=1.0):
    return (torch.randn(*dims) * scale).requires_grad_()


def own(**tensors):
    return Lazily({key: (tensor, lambda t: t) for key, tensor in tensors.items()})


class Lazily(dict):
    """Name to (tensor, cut): the value and its gradient, read after the backward pass, with a cut for packed weights."""

    def items(self):
        for key, (tensor, cut) in super().items():
            yield key, (cut(tensor), cut(tensor.grad))

    def and_also(self, other):
        return Lazily({**{k: dict.__getitem__(self, k) for k in self}, **{k: dict.__getitem__(other, k) for k in other}})


def module(parameters, prefix=""):
    return Lazily({prefix + key: (tensor, lambda t: t) for key, tensor in parameters.named_parameters()})


def randomized(layer):
    """Biases and norms off their initial zeros and ones, which hide errors."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape))
    return layer


def padding(lengths, tokens):
    return torch.arange(tokens)[None, :] >= torch.tensor(lengths)[:, None]


def packed(lengths):
    """Cuts what is padding out: the samples' own tokens one after another."""
    return lambda t: torch.cat([sample[:length] for sample, length in zip(t, lengths)])


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class PreNormBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)), under the parameter names of CLIP's implementations."""

    def __init__(self, width, heads, activation):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})
        self.activation = activation

    def forward(self, x, mask=None):
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp["c_proj"](self.activation(self.mlp["c_fc"](self.ln_2(x))))


def causal(tokens):
    return torch.full((tokens, tokens), -math.inf).triu(1)


def cross_parameters(attention, prefix, width):
    """PyTorch packs query, key and value; the Java layer keeps the query's projection apart."""
    both = {}
    for kind in ("weight", "bias"):
        packed = getattr(attention, "in_proj_" + kind)
        both[f"{prefix}q_proj.{kind}"] = (packed, lambda t: t[:width])
        both[f"{prefix}kv_proj.{kind}"] = (packed, lambda t: t[width:])
        both[f"{prefix}out_proj.{kind}"] = (getattr(attention.out_proj, kind), lambda t: t)
    return Lazily(both)


def layers():
    x, weight, bias = leaf(3, 2, 7, scale=2), leaf(7), leaf(7)
    case("layer_norm", F.layer_norm(x, (7,), weight, bias, 1e-5), own(x=x, weight=weight, bias=bias))

    x, weight, bias = leaf(2, 3, 5), leaf(4, 5), leaf(4)
    case("linear", F.linear(x, weight, bias), own(x=x, weight=weight, bias=bias))

    x, proj = leaf(3, 5), leaf(5, 4)
    case("projection", x @ proj, own(x=x, proj=proj))

    for name, f in ("gelu", F.gelu), ("quick_gelu", QuickGELU()), ("relu", F.relu), ("sigmoid", torch.sigmoid):
        x = leaf(5, 9, scale=3)
        case(name, f(x), own(x=x))

    x = leaf(4, 6)
    case("l2_normalize", F.normalize(x, dim=-1), own(x=x))

    table, indices = leaf(6, 3), torch.tensor([[1, 1, 5, 0], [0, 5, 1, 2]])
    case("embedding", F.embedding(indices, table), own(weight=table), {"indices": indices})

    images, weight = torch.randn(2, 3, 8, 8), leaf(5, 3, 4, 4, scale=0.3)
    patches = F.conv2d(images, weight, stride=4).flatten(2).transpose(1, 2)
    case("patch_embedding", patches, own(weight=weight), {"images": images})

    x, weight = leaf(2, 12, 2), leaf(4, 3, 3, 2)
    grid = x.transpose(1, 2).reshape(2, 2, 3, 4)
    maps = F.conv2d(grid, weight.permute(0, 3, 1, 2), stride=2, padding=1)
    case("convolution_of_tokens", maps.flatten(2).transpose(1, 2), own(x=x, weight=weight))


def attention():
    width, heads, tokens = 8, 2, 5
    for name, mask, lengths in (
        ("self_attention", None, None),
        ("causal_attention", causal(tokens), None),
        ("padded_attention", None, [3, 5]),
    ):
        layer = randomized(nn.MultiheadAttention(width, heads, batch_first=True))
        x = leaf(2, tokens, width)
        hidden = None if lengths is None else padding(lengths, tokens)
        out = layer(x, x, x, attn_mask=mask, key_padding_mask=hidden, need_weights=False)[0]
        if lengths is None:
            case(name, out, own(x=x).and_also(module(layer)))
        else:
            cut = packed(lengths)
            given = Lazily({"x": (x, cut)}).and_also(module(layer))
            case(name, cut(out), given, {"lengths": torch.tensor(lengths)})

    layer = randomized(nn.MultiheadAttention(width, heads, batch_first=True))
    x, other = leaf(2, 3, width), leaf(2, tokens, width)
    out = layer(x, other, other, key_padding_mask=padding([5, 2], tokens), need_weights=False)[0]
    case(
        "cross_attention",
        out,
        own(x=x).and_also(Lazily({"other": (other, packed([5, 2]))})).and_also(cross_parameters(layer, "", width)),
        {"lengths": torch.tensor([5, 2])},
    )


def blocks():
    width, heads, tokens = 8, 2, 5
    block = randomized(PreNormBlock(width, heads, F.gelu))
    x = leaf(2, tokens, width)
    case("pre_norm", block(x), own(x=x).and_also(module(block)))

    block = randomized(PreNormBlock(width, heads, QuickGELU()))
    x = leaf(2, tokens, width)
    case("pre_norm_causal_quick_gelu", block(x, causal(tokens)), own(x=x).and_also(module(block)))

    layer = randomized(
        nn.TransformerDecoderLayer(width, heads, 2 * width, dropout=0.0, activation=F.gelu, batch_first=True)
    )
    x, other = leaf(2, tokens, width), leaf(2, 4, width)
    out = layer(
        x,
        other,
        tgt_key_padding_mask=padding([5, 3], tokens),
        memory_key_padding_mask=padding([2, 4], 4),
    )
    names = {"norm1": "ln_1", "norm2": "ln_2", "norm3": "ln_3", "self_attn": "attn"}
    given = {}
    for key, tensor in layer.named_parameters():
        first, _, rest = key.partition(".")
        if first in names:
            given[f"{names[first]}.{rest}"] = (tensor, lambda t: t)
    for kind in ("weight", "bias"):
        given["mlp.c_fc." + kind] = (getattr(layer.linear1, kind), lambda t: t)
        given["mlp.c_proj." + kind] = (getattr(layer.linear2, kind), lambda t: t)
    given = Lazily(given).and_also(cross_parameters(layer.multihead_attn, "cross_attn.", width))
    case(
        "post_norm",
        packed([5, 3])(out),
        Lazily({"x": (x, packed([5, 3])), "other": (other, packed([2, 4]))}).and_also(given),
        {"lengths": torch.tensor([5, 3]), "otherLengths": torch.tensor([2, 4])},
    )


def contrast():
    """Every image stands with its text in an L x L matrix, so a text that three images share stands there thrice."""
    text_of = torch.tensor([2, 0, 2, 3, 1, 2, 0])
    same = text_of[:, None] == text_of[None, :]
    targets = {"own_text": torch.eye(len(text_of)), "same_text": same / same.sum(1, keepdim=True)}
    for name, target in targets.items():
        for direction in ("image_to_text", "text_to_image"):
            images, texts, scale = leaf(7, 4), leaf(4, 4), torch.tensor(1.3).requires_grad_()
            logits = scale.exp() * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1)[text_of].T
            if direction == "text_to_image":
                logits = logits.T
            loss = -(target * F.log_softmax(logits, dim=1)).sum(1).mean()
            case(
                f"info_nce_{direction}_{name}",
                loss,
                own(images=images, texts=texts, logitScale=scale),
                {"textOf": text_of[None, :]},
            )


def siglip():
    """What SigLIP has beside CLIP: tanh in GELU, attention pooling, the loss of single pairs. After all others, whose numbers depend on their order."""
    x = leaf(5, 9, scale=3)
    case("gelu_tanh", F.gelu(x, approximate="tanh"), own(x=x))

    width, heads, tokens = 8, 2, 5
    block = randomized(PreNormBlock(width, heads, lambda t: F.gelu(t, approximate="tanh")))
    probe, x = leaf(1, width), leaf(3, tokens, width)
    query = probe[None].repeat(len(x), 1, 1)
    found = block.attn(query, x, x, need_weights=False)[0]
    hidden = block.activation(block.mlp["c_fc"](block.ln_2(found)))
    names = {"attn": "attn", "ln_2": "ln", "mlp": "mlp"}
    given = {}
    for key, tensor in block.named_parameters():
        first, _, rest = key.partition(".")
        if first in names:
            given[f"{names[first]}.{rest}"] = (tensor, lambda t: t)
    case("attention_pool", found + block.mlp["c_proj"](hidden), own(x=x, probe=probe).and_also(Lazily(given)))

    text_of = torch.tensor([2, 0, 2, 3, 1, 2, 0])
    images, texts = leaf(7, 4), leaf(4, 4)
    scale, bias = torch.tensor(1.3).requires_grad_(), torch.tensor(-0.7).requires_grad_()
    logits = scale.exp() * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1)[text_of].T + bias
    right = 2.0 * (text_of[:, None] == text_of[None, :]) - 1
    case(
        "sigmoid_pairs",
        -F.logsigmoid(right * logits).sum(1).mean(),
        own(images=images, texts=texts, logitScale=scale, logitBias=bias),
        {"textOf": text_of[None, :]},
    )


layers()
attention()
blocks()
contrast()
siglip()
target = Path(__file__).parents[1] / "resources/org/rafclip/nn/goldens.txt"
target.parent.mkdir(parents=True, exist_ok=True)
target.write_text("\n".join(LINES) + "\n")
print(f"{target}: {sum(line.startswith('case ') for line in LINES)} cases, {target.stat().st_size} bytes")
