"""CLIP in plain PyTorch, in two dialects: OpenCLIP's and Hugging Face's.

The modules have the architectures, the parameter names and the file layouts of the originals, but need nothing beside
PyTorch (Debian: python3-torch). So they stand in for models that cannot be fetched: with random weights they give files
of true shape to test importers with, and the features that an importer has to reproduce.

    OpenClip(config).state_dict()          names as in open_clip_pytorch_model.safetensors
    HuggingFaceClip(config).state_dict()   names as in model.safetensors of a transformers CLIPModel
"""
import json
import math
import pathlib
import struct

import numpy as np
import torch
from torch import nn

SIZES = {
    # 224 pixels, 151 million parameters: OpenAI's and OpenCLIP's ViT-B/32
    "vit-b-32": dict(image=224, patch=32, vision=(768, 12, 12), text=(512, 12, 8), context=77, vocabulary=49408, embed=512),
    # the same structure in a few thousand parameters
    "tiny": dict(image=16, patch=4, vision=(16, 2, 2), text=(12, 2, 3), context=10, vocabulary=40, embed=20),
}


class QuickGelu(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


def activation(name):
    return QuickGelu() if name == "quick_gelu" else nn.GELU()


def causal_mask(length):
    return torch.full((length, length), -math.inf).triu(1)


# ---------------------------------------------------------------------------------------------------------- OpenCLIP

class ResidualBlock(nn.Module):
    """Packed q, k, v in one matrix, by torch's own attention module."""

    def __init__(self, width, heads, act):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", activation(act))
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(self, x, mask):
        normed = self.ln_1(x)
        x = x + self.attn(normed, normed, normed, need_weights=False, attn_mask=mask)[0]
        return x + self.mlp(self.ln_2(x))


class Blocks(nn.Module):
    """Takes [batch, tokens, width]; torch's attention wants tokens first."""

    def __init__(self, width, layers, heads, act):
        super().__init__()
        self.resblocks = nn.ModuleList(ResidualBlock(width, heads, act) for _ in range(layers))

    def forward(self, x, mask=None):
        x = x.permute(1, 0, 2)
        for block in self.resblocks:
            x = block(x, mask)
        return x.permute(1, 0, 2)


class VisionTransformer(nn.Module):
    def __init__(self, image, patch, width, layers, heads, embed, act):
        super().__init__()
        tokens = (image // patch) ** 2 + 1
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty(tokens, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Blocks(width, layers, heads, act)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, embed))

    def tokens(self, images):
        x = self.conv1(images)
        x = x.reshape(x.shape[0], x.shape[1], -1).permute(0, 2, 1)
        first = self.class_embedding + torch.zeros(x.shape[0], 1, x.shape[-1])
        x = torch.cat([first, x], dim=1) + self.positional_embedding
        return self.transformer(self.ln_pre(x))

    def forward(self, images):
        return self.ln_post(self.tokens(images)[:, 0]) @ self.proj


class OpenClip(nn.Module):
    dialect = "openclip"

    def __init__(self, image, patch, vision, text, context, vocabulary, embed, act="gelu", logit_scale=math.log(1 / 0.07)):
        super().__init__()
        width, layers, heads = text
        self.visual = VisionTransformer(image, patch, *vision, embed, act)
        self.transformer = Blocks(width, layers, heads, act)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embed))
        self.logit_scale = nn.Parameter(torch.tensor(logit_scale))
        self.register_buffer("attn_mask", causal_mask(context), persistent=False)
        quick = {"quick_gelu": True} if act == "quick_gelu" else {}
        self.config = {
            "model_cfg": {
                "embed_dim": embed, **quick,
                "vision_cfg": {"image_size": image, "layers": vision[1], "width": vision[0], "patch_size": patch,
                               "head_width": vision[0] // vision[2]},
                "text_cfg": {"context_length": context, "vocab_size": vocabulary, "width": width, "heads": heads,
                             "layers": layers}},
            "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}}

    def encode_image(self, images):
        return self.visual(images)

    def image_tokens(self, images):
        return self.visual.ln_post(self.visual.tokens(images)) @ self.visual.proj

    def text_tokens(self, tokens):
        x = self.token_embedding(tokens) + self.positional_embedding[:tokens.shape[1]]
        x = self.transformer(x, self.attn_mask[:tokens.shape[1], :tokens.shape[1]])
        return self.ln_final(x) @ self.text_projection

    def encode_text(self, tokens):
        x = self.token_embedding(tokens) + self.positional_embedding[:tokens.shape[1]]
        x = self.ln_final(self.transformer(x, self.attn_mask[:tokens.shape[1], :tokens.shape[1]]))
        return x[torch.arange(x.shape[0]), tokens.argmax(dim=-1)] @ self.text_projection


# ------------------------------------------------------------------------------------------------------ Hugging Face

class Attention(nn.Module):
    """q, k and v by a matrix each, queries scaled, heads folded into the batch."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.q_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, mask):
        batch, tokens, width = x.shape
        head = width // self.heads

        def split(t):
            return t.view(batch, tokens, self.heads, head).transpose(1, 2).reshape(batch * self.heads, tokens, head)

        q, k, v = split(self.q_proj(x) * head ** -0.5), split(self.k_proj(x)), split(self.v_proj(x))
        scores = torch.bmm(q, k.transpose(1, 2))
        if mask is not None:
            scores = (scores.view(batch, self.heads, tokens, tokens) + mask).view(-1, tokens, tokens)
        mixed = torch.bmm(scores.softmax(-1), v)
        mixed = mixed.view(batch, self.heads, tokens, head).transpose(1, 2).reshape(batch, tokens, width)
        return self.out_proj(mixed)


class Mlp(nn.Module):
    def __init__(self, width, hidden, act):
        super().__init__()
        self.activation_fn = activation(act)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.activation_fn(self.fc1(x)))


class EncoderLayer(nn.Module):
    def __init__(self, width, heads, act):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.layer_norm1 = nn.LayerNorm(width)
        self.mlp = Mlp(width, 4 * width, act)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, x, mask):
        x = x + self.self_attn(self.layer_norm1(x), mask)
        return x + self.mlp(self.layer_norm2(x))


class Encoder(nn.Module):
    def __init__(self, width, layers, heads, act):
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(width, heads, act) for _ in range(layers))

    def forward(self, x, mask=None):
        for layer in self.layers:
            x = layer(x, mask)
        return x


class VisionEmbeddings(nn.Module):
    def __init__(self, image, patch, width):
        super().__init__()
        tokens = (image // patch) ** 2 + 1
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.patch_embedding = nn.Conv2d(3, width, patch, patch, bias=False)
        self.position_embedding = nn.Embedding(tokens, width)
        self.register_buffer("position_ids", torch.arange(tokens).unsqueeze(0))

    def forward(self, images):
        patches = self.patch_embedding(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(images.shape[0], 1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding(self.position_ids)


class VisionModel(nn.Module):
    def __init__(self, image, patch, width, layers, heads, act):
        super().__init__()
        self.embeddings = VisionEmbeddings(image, patch, width)
        self.pre_layrnorm = nn.LayerNorm(width)  # the original's spelling
        self.encoder = Encoder(width, layers, heads, act)
        self.post_layernorm = nn.LayerNorm(width)

    def forward(self, images):
        return self.encoder(self.pre_layrnorm(self.embeddings(images)))


class TextEmbeddings(nn.Module):
    def __init__(self, vocabulary, context, width):
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.position_embedding = nn.Embedding(context, width)
        self.register_buffer("position_ids", torch.arange(context).unsqueeze(0))

    def forward(self, tokens):
        return self.token_embedding(tokens) + self.position_embedding(self.position_ids[:, :tokens.shape[-1]])


class TextModel(nn.Module):
    def __init__(self, vocabulary, context, width, layers, heads, act):
        super().__init__()
        self.embeddings = TextEmbeddings(vocabulary, context, width)
        self.encoder = Encoder(width, layers, heads, act)
        self.final_layer_norm = nn.LayerNorm(width)
        self.register_buffer("mask", causal_mask(context), persistent=False)

    def forward(self, tokens):
        length = tokens.shape[-1]
        return self.final_layer_norm(self.encoder(self.embeddings(tokens), self.mask[:length, :length]))


class HuggingFaceClip(nn.Module):
    dialect = "hf"

    def __init__(self, image, patch, vision, text, context, vocabulary, embed, act="quick_gelu",
                 logit_scale=math.log(1 / 0.07)):
        super().__init__()
        self.vision_model = VisionModel(image, patch, *vision, act)
        self.text_model = TextModel(vocabulary, context, *text, act)
        self.visual_projection = nn.Linear(vision[0], embed, bias=False)
        self.text_projection = nn.Linear(text[0], embed, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(logit_scale))

        def tower(width, layers, heads):
            return {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers,
                    "num_attention_heads": heads, "hidden_act": act, "layer_norm_eps": 1e-05, "projection_dim": embed}

        self.config = {
            "architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": embed,
            "logit_scale_init_value": 2.6592, "torch_dtype": "float32",
            "vision_config": {**tower(*vision), "image_size": image, "patch_size": patch},
            "text_config": {**tower(*text), "max_position_embeddings": context, "vocab_size": vocabulary,
                            "bos_token_id": 0, "eos_token_id": 2}}

    def image_tokens(self, images):
        return self.visual_projection(self.vision_model.post_layernorm(self.vision_model(images)))

    def encode_image(self, images):
        return self.visual_projection(self.vision_model.post_layernorm(self.vision_model(images)[:, 0, :]))

    def text_tokens(self, tokens):
        return self.text_projection(self.text_model(tokens))

    def encode_text(self, tokens):
        x = self.text_model(tokens)
        ends = tokens.to(dtype=torch.int).argmax(dim=-1)
        return self.text_projection(x[torch.arange(x.shape[0]), ends])


DIALECTS = {"openclip": OpenClip, "hf": HuggingFaceClip}


def random_model(dialect, size, act=None, seed=1):
    """A model with random weights of such sizes that every parameter, bias and mask shows in the features."""
    config = dict(SIZES[size])
    if act is not None:
        config["act"] = act
    model = DIALECTS[dialect](**config, logit_scale=3.25)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "logit_scale":
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim == 1 and "class_embedding" not in name:
                parameter.copy_(0.1 * noise + (1.0 if name.endswith("weight") else 0.0))
            elif "embedding" in name and "patch_embedding" not in name:
                parameter.copy_(0.5 * noise)
            else:
                fan_in = parameter[0].numel() if name.endswith("weight") else parameter.shape[0]
                parameter.copy_(noise / math.sqrt(fan_in))
    return model.eval()


def example_images(model, batch, seed=2):
    size = SIZES[model]["image"] if isinstance(model, str) else model
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(seed))


def example_tokens(vocabulary, length, batch, seed=3):
    """Token rows whose end token, the highest id, stands at different places with zeros behind it."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(1, vocabulary - 2, (batch, length), generator=generator)
    for i in range(batch):
        end = length - 1 - (i * 3) % (length - 2)
        rows[i, 0] = vocabulary - 2
        rows[i, end] = vocabulary - 1
        rows[i, end + 1:] = 0
    return rows


def save_safetensors(path, tensors, metadata=None):
    """The safetensors format: a length, a JSON header, the bytes. Takes torch tensors of any float type, or int64."""
    kinds = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64"}
    header, parts, offset = ({"__metadata__": metadata} if metadata else {}), [], 0
    for name, tensor in tensors.items():
        tensor = tensor.detach().contiguous()
        raw = (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()
        header[name] = {"dtype": kinds[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + len(raw)]}
        parts.append(raw)
        offset += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for raw in parts:
            file.write(raw)
