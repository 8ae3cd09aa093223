"""Writes the small exports that tests import: several styles of exporters, with the features PyTorch computes.

Needs PyTorch and onnx (Debian: python3-torch, python3-onnx). Run from the module's folder:
    python3 src/test/python/write_exports.py            writes src/test/resources/org/rafclip/onnx/exports
    python3 src/test/python/write_exports.py full DIR   ViT-B/32, SAM ViT-B and MobileSAM of full size, random weights, into DIR
"""
import pathlib
import subprocess
import sys

import torch
from torch import nn

EXPORT = pathlib.Path(__file__).resolve().parents[3] / "export"
sys.path[:0] = [str(EXPORT), str(pathlib.Path(__file__).resolve().parent)]
import clip_models  # noqa: E402
import exporting  # noqa: E402
import sam_model  # noqa: E402
from bare import strip  # noqa: E402

# folder: script, its options, whether names are taken away
CLIP = {
    "openclip-11-unfolded": ("openclip", ["--opset", "11", "--no-constant-folding"], False),
    "openclip-14": ("openclip", ["--opset", "14"], True),
    "openclip-17-joint": ("openclip", ["--opset", "17", "--joint"], True),
    "openai-17-unfolded": ("openai_clip", ["--opset", "17", "--no-constant-folding"], True),
    "hf-11": ("hf_clip", ["--opset", "11"], True),
    "hf-14-joint-unfolded": ("hf_clip", ["--opset", "14", "--joint", "--no-constant-folding"], True),
    "hf-17": ("hf_clip", ["--opset", "17"], False),
}
SAM = {
    "sam-14": ("tiny", ["--opset", "14", "--single"], True),
    "sam-17": ("tiny", ["--opset", "17"], True),
    "mobile-sam-12-unfolded": ("tiny_mobile", ["--opset", "12", "--single", "--no-constant-folding"], True),
    "mobile-sam-17": ("tiny_mobile", ["--opset", "17"], True),
}


def run(script, size, out, options):
    subprocess.run([sys.executable, str(EXPORT / f"export_{script}.py"), "--random", size, "--out", str(out), *options],
                   check=True)


class Otherwise(nn.Module):
    """The same model as an exporter that nobody here knows could have written it: q, k and v of a head side by side in one
    matrix, heads in reverse, queries and keys scaled by half each, a padding mask beside the causal one, a bias on the
    patches, the end token found by its id, features of length 1, every axis free.
    """

    outputs = ["logits_per_text", "text_embeds", "image_embeds", "image_states"]

    def __init__(self, model, end):
        super().__init__()
        self.model, self.end = model, end
        self.conv = nn.Conv2d(3, model.visual.conv1.out_channels, model.visual.conv1.kernel_size, model.visual.conv1.stride)
        self.conv.weight = model.visual.conv1.weight
        self.position = nn.Embedding(*model.visual.positional_embedding.shape)
        self.position.weight.data = model.visual.positional_embedding.data.clone()
        self.position.weight.data[1:] -= self.conv.bias.data
        self.towers = nn.ModuleList()
        for blocks in (model.visual.transformer, model.transformer):
            layers = nn.ModuleList()
            for block in blocks.resblocks:
                width, heads = block.attn.embed_dim, block.attn.num_heads
                order = torch.arange(3 * width).view(3, heads, -1).flip(1).transpose(0, 1).reshape(-1)
                back = torch.arange(width).view(heads, -1).flip(0).reshape(-1)
                qkv, out = nn.Linear(width, 3 * width), nn.Linear(width, width)
                qkv.weight.data, qkv.bias.data = block.attn.in_proj_weight.data[order], block.attn.in_proj_bias.data[order]
                out.weight.data, out.bias.data = block.attn.out_proj.weight.data[:, back], block.attn.out_proj.bias.data
                layers.append(nn.ModuleList([qkv, out]))
            self.towers.append(layers)

    def blocks(self, x, blocks, layers, mask):
        batch, length, width = x.shape
        for block, (qkv, out) in zip(blocks.resblocks, layers):
            heads = block.attn.num_heads
            q, k, v = qkv(block.ln_1(x)).view(batch, length, heads, 3, -1).permute(3, 0, 2, 1, 4).unbind(0)
            half = (width // heads) ** -0.25
            scores = (q * half) @ (k * half).transpose(-1, -2)
            mixed = (scores if mask is None else scores + mask).softmax(-1) @ v
            x = x + out(mixed.transpose(1, 2).reshape(batch, length, width))
            x = x + block.mlp(block.ln_2(x))
        return x

    def forward(self, images, input_ids, attention_mask):
        visual = self.model.visual
        x = self.conv(images).flatten(2).transpose(1, 2)
        x = torch.cat([visual.class_embedding.expand(x.shape[0], 1, -1), x], 1)
        x = visual.ln_pre(x + self.position(torch.arange(x.shape[1]).unsqueeze(0)))
        states = self.blocks(x, visual.transformer, self.towers[0], None)
        images = visual.ln_post(states[:, 0]) @ visual.proj
        length = input_ids.shape[1]
        x = self.model.token_embedding(input_ids) + self.model.positional_embedding[:length]
        hidden = (1.0 - attention_mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        x = self.blocks(x, self.model.transformer, self.towers[1], self.model.attn_mask[:length, :length] + hidden)
        ends = (input_ids == self.end).int().argmax(-1)
        texts = self.model.ln_final(x)[torch.arange(x.shape[0]), ends] @ self.model.text_projection
        images, texts = (f / f.norm(p=2, dim=-1, keepdim=True) for f in (images, texts))
        return (self.model.logit_scale.exp() * texts) @ images.t(), texts, images, states


def write_forward(folder):
    """OpenAI's model as torch.onnx.export of the whole of it writes it: logits, and no features."""
    size = clip_models.SIZES["tiny"]
    model = clip_models.random_model("openclip", "tiny", "quick_gelu")
    module = exporting.owner(model, exporting.Logits(model.encode_image, model.encode_text, model.logit_scale))
    images = clip_models.example_images("tiny", 3)
    tokens = clip_models.example_tokens(size["vocabulary"], size["context"], 2)
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module, (images, tokens), str(folder / "clip.onnx"), opset_version=14, input_names=["image", "text"],
        output_names=exporting.Logits.outputs,
        dynamic_axes={"image": {0: "images"}, "text": {0: "texts"}, "logits_per_image": {0: "images", 1: "texts"},
                      "logits_per_text": {0: "texts", 1: "images"}})
    clip_goldens("openai_clip", folder)
    strip(folder / "clip.onnx")


class Optimum(nn.Module):
    """A CLIPModel of transformers as Optimum exports it: its inputs' names and order, and a mask of padding beside the causal
    one in the text tower.
    """

    outputs = ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"]

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, pixel_values, attention_mask):
        model, text = self.model, self.model.text_model
        batch, length = input_ids.shape
        expanded = attention_mask[:, None, None, :].expand(batch, 1, length, length).float()
        inverted = 1.0 - expanded
        padding = inverted.masked_fill(inverted.to(torch.bool), torch.finfo(torch.float32).min)
        states = text.encoder(text.embeddings(input_ids), text.mask[:length, :length] + padding)
        states = text.final_layer_norm(states)
        ends = input_ids.to(dtype=torch.int).argmax(dim=-1)
        texts = model.text_projection(states[torch.arange(batch), ends])
        images = model.encode_image(pixel_values)
        images = images / images.norm(p=2, dim=-1, keepdim=True)
        texts = texts / texts.norm(p=2, dim=-1, keepdim=True)
        logits = torch.matmul(texts, images.t()) * model.logit_scale.exp()
        return logits.t(), logits, texts, images


def write_optimum(folder):
    size = clip_models.SIZES["tiny"]
    model = clip_models.random_model("hf", "tiny")
    module = exporting.owner(model, Optimum(model))
    tokens = clip_models.example_tokens(size["vocabulary"], size["context"], 2)
    images = clip_models.example_images("tiny", 3)
    texts = {0: "text_batch_size", 1: "sequence_length"}
    folder.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        module, (tokens, images, torch.ones_like(tokens)), str(folder / "clip.onnx"), opset_version=14,
        input_names=["input_ids", "pixel_values", "attention_mask"], output_names=Optimum.outputs,
        dynamic_axes={"input_ids": texts, "attention_mask": texts,
                      "pixel_values": {0: "image_batch_size", 1: "num_channels", 2: "height", 3: "width"},
                      "logits_per_image": {0: "image_batch_size", 1: "text_batch_size"},
                      "logits_per_text": {0: "text_batch_size", 1: "image_batch_size"},
                      "text_embeds": {0: "text_batch_size"}, "image_embeds": {0: "image_batch_size"}})
    clip_goldens("hf_clip", folder)
    strip(folder / "clip.onnx")


def write_otherwise(folder):
    size = clip_models.SIZES["tiny"]
    model = clip_models.random_model("openclip", "tiny", "gelu")
    tokens = clip_models.example_tokens(size["vocabulary"], size["context"], 2)
    torch.manual_seed(4)
    with torch.no_grad():
        other = Otherwise(model, size["vocabulary"] - 1).eval()
        images = clip_models.example_images("tiny", 3)
        expected = torch.nn.functional.normalize(model.encode_image(images), dim=-1)
        error = (other(images, tokens, torch.ones_like(tokens))[2] - expected).abs().max().item()
        assert error < 1e-5, f"not the same model: {error}"
    folder.mkdir(parents=True, exist_ok=True)
    names = ["images", "input_ids", "attention_mask"]
    texts = {0: "texts", 1: "length"}
    torch.onnx.export(
        other, (images, tokens, torch.ones_like(tokens)), str(folder / "clip.onnx"), opset_version=16, input_names=names,
        output_names=Otherwise.outputs,
        dynamic_axes={"images": {0: "images", 2: "height", 3: "width"}, "input_ids": texts, "attention_mask": texts,
                      "logits_per_text": {0: "texts", 1: "images"}, "text_embeds": {0: "texts"},
                      "image_embeds": {0: "images"}, "image_states": {0: "images"}})
    clip_goldens("openclip", folder)
    strip(folder / "clip.onnx")


def clip_goldens(script, folder):
    size = clip_models.SIZES["tiny"]
    model = (clip_models.random_model("hf", "tiny") if script == "hf_clip" else
             clip_models.random_model("openclip", "tiny", "quick_gelu" if script == "openai_clip" else "gelu"))
    images = clip_models.example_images("tiny", 3)
    tokens = clip_models.example_tokens(size["vocabulary"], size["context"], 4)
    with torch.no_grad():
        clip_models.save_safetensors(folder / "golden.safetensors", {
            "tokens": tokens, "images": images, "image_features": model.encode_image(images),
            "image_tokens": model.image_tokens(images), "text_features": model.encode_text(tokens),
            "text_tokens": model.text_tokens(tokens), "logit_scale": model.logit_scale})


def sam_goldens(size, single, folder):
    sam = sam_model.random_model(size)
    image = torch.randn(1, 3, sam.image, sam.image, generator=torch.Generator().manual_seed(8))
    side = 4 * sam.grid
    points, labels = torch.tensor([[[10.0, 20.0], [50.0, 40.0]]]), torch.tensor([[2.0, 3.0]])
    photo = torch.tensor([50.0, 75.0])
    with torch.no_grad():
        embeddings = sam.image_encoder(image)
        masks, scores, low = sam_model.Decoder(sam, single)(
            embeddings, points, labels, torch.zeros(1, 1, side, side), torch.zeros(1), photo)
    clip_models.save_safetensors(folder / "golden.safetensors", {
        "image": image, "image_embeddings": embeddings, "point_coords": points, "point_labels": labels,
        "orig_im_size": photo, "masks": masks, "iou_predictions": scores, "low_res_masks": low})


if len(sys.argv) > 1:
    target = pathlib.Path(sys.argv[2])
    run("openclip", "vit-b-32", target / "openclip", [])
    run("hf_clip", "vit-b-32", target / "hf", [])
    run("sam", "vit_b", target / "sam", [])
    run("sam", "vit_t", target / "mobile-sam", [])
else:
    target = pathlib.Path("src/test/resources/org/rafclip/onnx/exports")
    for name, (script, options, bare) in CLIP.items():
        run(script, "tiny", target / name, options)
        clip_goldens(script, target / name)
        for path in (target / name).glob("*.onnx") if bare else []:
            strip(path)
    write_otherwise(target / "other-16-joint")
    write_forward(target / "openai-14-forward")
    write_optimum(target / "optimum-14")
    for name, (size, options, bare) in SAM.items():
        run("sam", size, target / name, options)
        sam_goldens(size, "--single" in options, target / name)
        for path in (target / name).glob("*.onnx") if bare else []:
            strip(path)
