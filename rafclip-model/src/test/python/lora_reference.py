"""Three steps of LoRA (Hu et al. 2022) on clip_reference.py's dual encoder in PyTorch, to compare the project's own with.

The base's weights are those of clip_reference.py and do not train; each adapter's A comes from the same hash, B is zero.
The golden file holds losses, a few gradients of each step, some factors at the end, and the features that the model then
has when the adapters' products are added to its weights. Double precision.

Needs PyTorch and numpy (Debian: python3-torch). Run from the module's folder: python3 src/test/python/lora_reference.py
"""
import math

import torch
import torch.nn.functional as F

import clip_reference as base

RANK, ALPHA, STEPS, RATE, DECAY = 4, 6, 3, 1e-2, 0.1
PACKED = ("q_proj", "k_proj", "v_proj")


class Adapted(base.Clip):
    """Linear layers of blocks become F.linear(x, W, b) + α/r · F.linear(F.linear(x, A), B)."""

    def __init__(self, config):
        super().__init__(config)
        self.factors = {}

    def added(self, x, layer, out):
        if layer + ".lora_A.weight" not in self.factors:
            name, shape = layer + ".lora_A.weight", (RANK, x.shape[-1])
            self.factors[name] = torch.tensor(base.values(name, shape) / math.sqrt(shape[1]), requires_grad=True)
            self.factors[layer + ".lora_B.weight"] = torch.zeros(out, RANK, dtype=torch.float64, requires_grad=True)
        low = F.linear(x, self.factors[layer + ".lora_A.weight"])
        return ALPHA / RANK * F.linear(low, self.factors[layer + ".lora_B.weight"])

    def linear(self, x, prefix, out):
        return super().linear(x, prefix, out) + self.added(x, prefix, out)

    def attention(self, x, prefix, heads, mask):
        batch, tokens, width = x.shape
        packed = F.linear(x, self.weights.get(prefix + ".in_proj_weight", 3 * width, width),
                          self.weights.get(prefix + ".in_proj_bias", 3 * width))
        q, k, v = ((part + self.added(x, f"{prefix}.{name}", width)).reshape(batch, tokens, heads, width // heads)
                   .transpose(1, 2) for part, name in zip(packed.chunk(3, dim=-1), PACKED))
        mixed = ((q @ k.transpose(-1, -2) / math.sqrt(width // heads)) + mask).softmax(-1) @ v
        return self.linear(mixed.transpose(1, 2).reshape(batch, tokens, width), prefix + ".out_proj", width)

    def merged(self):
        """The plain model whose weights hold what the adapters add."""
        plain = base.Clip(self.config)
        plain.weights.update({name: weight.detach().clone() for name, weight in self.weights.items()})
        for name in [name for name in self.factors if name.endswith(".lora_A.weight")]:
            layer = name[:-len(".lora_A.weight")]
            delta = ALPHA / RANK * (self.factors[layer + ".lora_B.weight"] @ self.factors[name]).detach()
            scope, part = layer.rsplit(".", 1)
            if part in PACKED:
                row = PACKED.index(part) * len(delta)
                plain.weights[scope + ".in_proj_weight"][row:row + len(delta)] += delta
            else:
                plain.weights[layer + ".weight"] += delta
        return plain


def embeddings(model, config):
    images, tokens, ends = base.inputs(config, max(base.LENGTHS))
    return F.normalize(model.image(images)[1], dim=-1), F.normalize(model.text(tokens, ends)[1], dim=-1)


def main():
    config = base.CASES["small-gelu"][0]
    model = Adapted(config)
    embeddings(model, config)
    scale = model.weights.get("logit_scale")
    optimizer = torch.optim.AdamW(
        [{"params": list(model.factors.values()), "weight_decay": DECAY}, {"params": [scale], "weight_decay": 0}],
        lr=RATE, betas=(0.9, 0.98), eps=1e-6)
    block = "transformer.resblocks.1."
    watched = [f"{layer}.lora_{factor}.weight" for factor in "AB" for layer in (
        block + "attn.k_proj", "visual." + block + "attn.v_proj", "visual.transformer.resblocks.0.attn.q_proj",
        block + "attn.out_proj", "visual." + block + "mlp.c_fc", "transformer.resblocks.0.mlp.c_proj")]
    result = {}
    for step in range(1, STEPS + 1):
        images, texts = embeddings(model, config)
        loss = base.raf_loss(images, texts, scale, base.TEXT_OF_IMAGE, base.ALPHA)
        optimizer.zero_grad()
        loss.backward()
        result[f"loss.{step}"] = loss
        result[f"gradient.{step}.logit_scale"] = scale.grad.clone()
        result.update({f"gradient.{step}.{name}": model.factors[name].grad.clone() for name in watched})
        optimizer.step()
    result.update({f"final.{name}": model.factors[name] for name in watched})
    result["imageEmbedding"], result["textEmbedding"] = embeddings(model.merged(), config)
    base.write("src/test/resources/org/rafclip/train/lora.safetensors",
               {name: tensor.detach().numpy() for name, tensor in result.items()}, config)


main()
