"""A dual encoder of OpenCLIP's architecture and RaF-CLIP's loss in PyTorch, to compare the project's own with.

Weights and inputs are not stored: both sides compute them from a hash of name and index (see `values`), so a golden file
holds the model's configuration, the inputs' sizes, outputs and a few gradients, all in double precision.

Needs PyTorch and numpy (Debian: python3-torch). Run from the module's folder:
    python3 src/test/python/clip_reference.py                   writes src/test/resources/org/rafclip/clip/*.safetensors
    python3 src/test/python/clip_reference.py vit-b-32 FILE     the whole ViT-B/32, 12 layers a tower, for
        mvn -pl rafclip-model -Dtest=ClipReferenceTest -Dclip.reference=FILE test
"""
import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def values(name, shape):
    """Numbers in [-1, 1) with 24 random bits, from FNV-1a of the name and a finalizer of the index."""
    seed = 0xCBF29CE484222325
    for byte in name.encode("ascii"):
        seed = (seed ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    with np.errstate(over="ignore"):
        z = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * GOLDEN + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1).reshape(shape)


def parameter(name, shape):
    """As the Java side: single precision numbers, so that both models have the same weights exactly."""
    if name == "logit_scale":
        data = np.array(1.5)
    elif len(shape) == 1:
        gain = name.endswith(".weight")
        data = (1.0 if gain else 0.0) + 0.2 * values(name, shape)
    elif name.endswith("embedding") or name == "token_embedding.weight":
        data = 0.5 * values(name, shape)
    else:
        data = 1.5 / math.sqrt(math.prod(shape[1:])) * values(name, shape)
    return torch.tensor(data.astype(np.float32).astype(np.float64), requires_grad=True)


class Weights(dict):
    def get(self, name, *shape):
        if name not in self:
            self[name] = parameter(name, shape)
        return self[name]


class Clip:
    def __init__(self, config):
        self.config = config
        self.weights = Weights()

    def norm(self, x, prefix):
        width = x.shape[-1]
        w = self.weights
        return F.layer_norm(x, (width,), w.get(prefix + ".weight", width), w.get(prefix + ".bias", width), 1e-5)

    def activation(self, x):
        if self.config["activation"] == "quick-gelu":
            return x * torch.sigmoid(1.702 * x)
        return F.gelu(x)

    def linear(self, x, prefix, out):
        return F.linear(x, self.weights.get(prefix + ".weight", out, x.shape[-1]),
                        self.weights.get(prefix + ".bias", out))

    def attention(self, x, prefix, heads, mask):
        batch, tokens, width = x.shape
        packed = F.linear(x, self.weights.get(prefix + ".in_proj_weight", 3 * width, width),
                          self.weights.get(prefix + ".in_proj_bias", 3 * width))
        q, k, v = (part.reshape(batch, tokens, heads, width // heads).transpose(1, 2)
                   for part in packed.chunk(3, dim=-1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads)
        mixed = (scores + mask).softmax(-1) @ v
        return self.linear(mixed.transpose(1, 2).reshape(batch, tokens, width), prefix + ".out_proj", width)

    def transformer(self, x, prefix, tower, mask):
        width = tower["width"]
        for layer in range(tower["layers"]):
            block = f"{prefix}transformer.resblocks.{layer}"
            x = x + self.attention(self.norm(x, block + ".ln_1"), block + ".attn", tower["heads"], mask)
            hidden = self.activation(self.linear(self.norm(x, block + ".ln_2"), block + ".mlp.c_fc", 4 * width))
            x = x + self.linear(hidden, block + ".mlp.c_proj", width)
        return x

    def stem(self, images, tower):
        """3x3 convolutions of stride 2, each with layer norm over channels and activation, then patches.

        The project stores a kernel over tokens as [out, ky, kx, in], the first one as [out, in, ky, kx].
        """
        x = images
        for i, out in enumerate(tower["stem"]):
            name = f"visual.stem.{i}"
            channels = x.shape[1]
            kernel = self.weights.get(name + ".conv.weight", out, 9 * channels)
            kernel = (kernel.reshape(out, channels, 3, 3) if i == 0
                      else kernel.reshape(out, 3, 3, channels).permute(0, 3, 1, 2))
            x = F.conv2d(x, kernel, self.weights.get(name + ".conv.bias", out), stride=2, padding=1)
            x = self.activation(self.norm(x.permute(0, 2, 3, 1), name + ".ln")).permute(0, 3, 1, 2)
        patch = tower["patch-size"] >> len(tower["stem"])
        channels, width = x.shape[1], tower["width"]
        kernel = self.weights.get("visual.conv1.weight", width, patch * patch * channels)
        return F.conv2d(x, kernel.reshape(width, patch, patch, channels).permute(0, 3, 1, 2),
                        self.weights.get("visual.conv1.bias", width), stride=patch)

    def image(self, images):
        tower = self.config["vision"]
        width, patch = tower["width"], tower["patch-size"]
        if tower["stem"]:
            x = self.stem(images, tower)
        else:
            x = F.conv2d(images, self.weights.get("visual.conv1.weight", width, 3, patch, patch), stride=patch)
        x = x.flatten(2).transpose(1, 2)
        with_class = tower["pool"] == "class-token"
        if with_class:
            token = self.weights.get("visual.class_embedding", width).expand(len(images), 1, width)
            x = torch.cat([token, x], 1)
        x = x + self.weights.get("visual.positional_embedding", x.shape[1], width)
        x = self.transformer(self.norm(x, "visual.ln_pre"), "visual.", tower, torch.zeros(()))
        pooled = x[:, 0] if with_class else x.mean(1)
        projection = self.weights.get("visual.proj", width, self.config["embed-width"])
        return self.norm(x, "visual.ln_post") @ projection, self.norm(pooled, "visual.ln_post") @ projection

    def text(self, tokens, ends):
        tower = self.config["text"]
        width, length = tower["width"], tokens.shape[1]
        x = F.embedding(tokens, self.weights.get("token_embedding.weight", tower["vocabulary-size"], width))
        x = x + self.weights.get("positional_embedding", tower["context-length"], width)[:length]
        mask = torch.full((length, length), -math.inf, dtype=torch.float64).triu(1)
        x = self.transformer(x, "", tower, mask)
        projection = self.weights.get("text_projection", width, self.config["embed-width"])
        projected = self.norm(x, "ln_final") @ projection
        return projected, projected[torch.arange(len(ends)), ends]


def info_nce(images, texts, scale, text_of_image):
    """Both directions over the batch written out: every image that takes part brings its own entry of its text."""
    present = [i for i, text in enumerate(text_of_image) if text >= 0]
    logits = scale * images[present] @ texts[[text_of_image[i] for i in present]].T
    target = torch.arange(len(present))
    return F.cross_entropy(logits, target), F.cross_entropy(logits.T, target)


def raf_loss(images, texts, logit_scale, text_of_image, alpha):
    scale = logit_scale.exp()
    category = sum(info_nce(images, texts, scale, text_of_image[0])) / 2
    groups = [row for row in text_of_image[1:] if max(row) >= 0]
    attribute = sum(sum(info_nce(images, texts, scale, row)) for row in groups) / len(groups)
    return (1 - alpha) * category + alpha * attribute


def clip_loss(images, texts, logit_scale, text_of_image):
    """CLIP's own loss on the images that have a text, as its paper's pseudocode has it."""
    pairs = [(image, text) for image, text in enumerate(text_of_image) if text >= 0]
    logits = logit_scale.exp() * (images[[image for image, _ in pairs]] @ texts[[text for _, text in pairs]].T)
    own = torch.arange(len(pairs))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


# Crops 0-2, regions 3-5; the second group is missing once, texts repeat.
TEXT_OF_IMAGE = [[0, 1, 0, -1, -1, -1], [-1, -1, -1, 2, 2, 3], [-1, -1, -1, 4, -1, 1]]
LENGTHS = [4, 7, 9, 3, 6]
ALPHA = 0.4
# Plain CLIP has crops only, two of them with the same caption and one with none; beside labels a crop has none.
CAPTIONS = {1: [3, 0, 1, -1, 3, 4], 0.3: [2, -1, 3, -1, -1, -1]}


def loss_of(images, texts, logit_scale, share):
    """RaF-CLIP's loss where captions have a share in it, all of it where the share is 1."""
    if share == 0:
        return raf_loss(images, texts, logit_scale, TEXT_OF_IMAGE, ALPHA)
    captions = share * clip_loss(images, texts, logit_scale, CAPTIONS[share])
    return captions if share == 1 else captions + (1 - share) * loss_of(images, texts, logit_scale, 0)


def inputs(config, padding):
    size, vocabulary = config["vision"]["image-size"], config["text"]["vocabulary-size"]
    images = torch.tensor(2 * values("images", (len(TEXT_OF_IMAGE[0]), 3, size, size)).astype(np.float32).astype(float))
    drawn = ((values("tokens", (len(LENGTHS), padding)) + 1) / 2 * vocabulary).astype(np.int64)
    return images, torch.tensor(drawn), torch.tensor(LENGTHS) - 1


def reference(config, gradients, share=0):
    model = Clip(config)
    images, tokens, ends = inputs(config, max(LENGTHS))
    image_tokens, image_features = model.image(images)
    text_tokens, text_features = model.text(tokens, ends)
    image_embedding = F.normalize(image_features, dim=-1)
    text_embedding = F.normalize(text_features, dim=-1)
    loss = loss_of(image_embedding, text_embedding, model.weights.get("logit_scale"), share)
    loss.backward()
    result = {
        "imageTokens": image_tokens, "imageFeatures": image_features, "imageEmbedding": image_embedding,
        "textTokens": text_tokens, "textFeatures": text_features, "textEmbedding": text_embedding, "loss": loss,
    }
    result.update({"gradient." + name: model.weights[name].grad for name in gradients})
    return {name: tensor.detach().numpy() for name, tensor in result.items()}


def write(path, tensors, config):
    header, data = {"__metadata__": {"config": json.dumps(config)}}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array, np.float64).tobytes()
        header[name] = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_bytes(struct.pack("<Q", len(text)) + text + data)


def model_config(activation, vision, text, embed=16):
    tower = {"pool": "class-token", "stem": []}
    return {"embed-width": embed, "activation": activation, "logit-scale": 1.5, "vision": {**tower, **vision},
            "text": {"context-length": 12, "vocabulary-size": 40, **text}}


SMALL_VISION = {"image-size": 16, "patch-size": 8, "width": 24, "layers": 2, "heads": 3}
SMALL_TEXT = {"width": 16, "layers": 2, "heads": 2}
STEM_VISION = {"image-size": 32, "patch-size": 16, "width": 24, "layers": 2, "heads": 3, "pool": "mean",
               "stem": [6, 10, 12]}
B32_VISION = {"image-size": 64, "patch-size": 32, "width": 768, "layers": 1, "heads": 12}
B32_TEXT = {"width": 512, "layers": 1, "heads": 8}
BLOCK = "transformer.resblocks.1."
EVERYWHERE = ["logit_scale", "ln_final.weight", "visual.ln_post.bias", "visual.ln_pre.weight"]
MATRICES = ["visual.conv1.weight", "visual.positional_embedding", "visual.proj", "token_embedding.weight",
            "positional_embedding", "text_projection", "visual." + BLOCK + "attn.in_proj_weight",
            BLOCK + "attn.in_proj_weight", BLOCK + "attn.out_proj.weight", BLOCK + "mlp.c_fc.weight",
            "visual." + BLOCK + "mlp.c_proj.weight", BLOCK + "ln_2.bias"]
VECTORS = ["visual.class_embedding", "visual.transformer.resblocks.0.attn.in_proj_bias",
           "transformer.resblocks.0.attn.in_proj_bias", "transformer.resblocks.0.mlp.c_fc.bias"]
STEM = ["visual.stem.0.conv.weight", "visual.stem.1.conv.weight", "visual.stem.2.ln.weight", "visual.stem.1.conv.bias"]
CASES = {
    "small-gelu": (model_config("gelu", SMALL_VISION, SMALL_TEXT), EVERYWHERE + MATRICES + VECTORS),
    "small-quick-gelu": (model_config("quick-gelu", SMALL_VISION, SMALL_TEXT), EVERYWHERE + MATRICES + VECTORS),
    "stem-mean-pool": (model_config("gelu", STEM_VISION, SMALL_TEXT), EVERYWHERE + MATRICES + STEM),
    "b32-widths-gelu": (model_config("gelu", B32_VISION, B32_TEXT, 64), EVERYWHERE + VECTORS),
    "b32-widths-quick-gelu": (model_config("quick-gelu", B32_VISION, B32_TEXT, 64), EVERYWHERE + VECTORS),
}
# Outputs are those of the case without captions.
CAPTION_GRADIENTS = EVERYWHERE + VECTORS + ["visual.conv1.weight", "visual.proj", "token_embedding.weight",
                                            "text_projection", "visual." + BLOCK + "attn.in_proj_weight"]
CAPTION_CASES = {"captions-alone": 1, "captions-beside-labels": 0.3}
WHOLE_B32 = model_config(
    "gelu",
    {"image-size": 224, "patch-size": 32, "width": 768, "layers": 12, "heads": 12},
    {"context-length": 77, "vocabulary-size": 49408, "width": 512, "layers": 12, "heads": 8},
    512)

torch.set_num_threads(1)


def main():
    if len(sys.argv) > 1:
        whole = {"vit-b-32": "gelu", "vit-b-32-quickgelu": "quick-gelu"}[sys.argv[1]]
        names = [name for name in EVERYWHERE + MATRICES + VECTORS if name != "token_embedding.weight"]
        write(sys.argv[2], reference({**WHOLE_B32, "activation": whole}, names), {**WHOLE_B32, "activation": whole})
    else:
        for case, (config, names) in CASES.items():
            write(f"src/test/resources/org/rafclip/clip/{case}.safetensors", reference(config, names), config)
        for case, share in CAPTION_CASES.items():
            config = CASES["small-gelu"][0]
            golden = {name: array for name, array in reference(config, CAPTION_GRADIENTS, share).items()
                      if name == "loss" or name.startswith("gradient.")}
            write(f"src/test/resources/org/rafclip/clip/{case}.safetensors", golden, config)


if __name__ == "__main__":
    main()
