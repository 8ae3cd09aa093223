"""Small CLIPs as others publish them, with the features that PyTorch computes from them.

Needs PyTorch (Debian: python3-torch). Run from the module's folder:
    python3 src/test/python/write_pretrained.py            writes src/test/resources/org/rafclip/weights
    python3 src/test/python/write_pretrained.py full DIR   ViT-B/32 with random weights, 605 MB for each of
                                                           DIR/openclip and DIR/hf; then, with a tokenizer of CLIP,
        ./rafclip model import --weights DIR/hf/model.safetensors --tokenizer bpe_simple_vocab_16e6.txt.gz --out MODEL
        ./rafclip model check MODEL --against DIR/hf/golden.safetensors
"""
import copy
import json
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[4] / "onnx" / "export"))
import clip_models  # noqa: E402

MERGES = ["h e", "t h", "th e</w>", "p h", "o t", "r e"]
# As many tokens as a vocabulary with these merges has.
clip_models.SIZES["tiny-bpe"] = dict(clip_models.SIZES["tiny"], vocabulary=512 + len(MERGES) + 2)


def rounded(model, dtype):
    """The model whose weights are what a file of this type holds."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype).float())
    return model


def goldens(model, size, folder, images, texts):
    size = clip_models.SIZES[size]
    images = clip_models.example_images(size["image"], images)
    tokens = clip_models.example_tokens(size["vocabulary"], size["context"], texts)
    with torch.no_grad():
        clip_models.save_safetensors(folder / "golden.safetensors", {
            "tokens": tokens, "images": images, "image_features": model.encode_image(images),
            "image_tokens": model.image_tokens(images), "text_features": model.encode_text(tokens),
            "text_tokens": model.text_tokens(tokens)})


class Forward(torch.nn.Module):
    """Adds OpenAI's forward and the three counts that its archives hold."""

    def __init__(self, model):
        super().__init__()
        for name, child in model.named_children():
            self.add_module(name, child)
        for name, parameter in model.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        self.register_buffer("attn_mask", model.attn_mask)
        self.register_buffer("input_resolution", torch.tensor(16))
        self.register_buffer("context_length", torch.tensor(model.positional_embedding.shape[0]))
        self.register_buffer("vocab_size", torch.tensor(model.token_embedding.weight.shape[0]))

    def forward(self, images, tokens):
        image = self.visual(images)
        x = self.token_embedding(tokens) + self.positional_embedding
        x = self.ln_final(self.transformer(x, self.attn_mask))
        text = x[torch.arange(x.shape[0]), tokens.argmax(dim=-1)] @ self.text_projection
        return image @ text.t() * self.logit_scale.exp()


def save_as_openai(file, model, dtype):
    """A TorchScript archive."""
    example = (clip_models.example_images(16, 1), clip_models.example_tokens(520, 10, 1))
    traced = torch.jit.trace(Forward(copy.deepcopy(model)), example, check_trace=False).to(dtype)
    traced.save(str(file))


def write(folder, dialect, act, size="tiny-bpe", dtype=torch.float32, shards=1, prefix="", buffers=False, images=2,
          texts=3, form="safetensors"):
    folder.mkdir(parents=True, exist_ok=True)
    model = rounded(clip_models.random_model(dialect, size, act), dtype)
    tensors = {name: tensor.to(dtype) for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    if buffers:
        tensors["vision_model.embeddings.position_ids"] = torch.arange(17).unsqueeze(0)
        tensors["text_model.embeddings.position_ids"] = torch.arange(10).unsqueeze(0)
    if prefix:
        tensors = {name if name.startswith("visual.") or name == "logit_scale" else prefix + name: tensor
                   for name, tensor in tensors.items()}
        model.config["model_cfg"]["custom_text"] = True
    stem = "open_clip_pytorch_model" if dialect == "openclip" else "model"
    if form == "torchscript":
        save_as_openai(folder / "ViT-Tiny.pt", model, dtype)
    elif form == "checkpoint":
        torch.save({"epoch": 3, "arch": "clip", "state_dict": {f"module.{name}": t for name, t in tensors.items()},
                    "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-3}]}},
                   folder / "pytorch_model.bin")
    elif shards == 1:
        clip_models.save_safetensors(folder / f"{stem}.safetensors", tensors, {"format": "pt"})
    else:
        index = {}
        for shard in range(shards):
            file = f"{stem}-{shard + 1:05}-of-{shards:05}.safetensors"
            part = {name: tensor for i, (name, tensor) in enumerate(tensors.items()) if i % shards == shard}
            clip_models.save_safetensors(folder / file, part)
            index.update({name: file for name in part})
        (folder / f"{stem}.safetensors.index.json").write_text(
            json.dumps({"metadata": {"total_size": 0}, "weight_map": index}, indent=1) + "\n")
    name = "open_clip_config.json" if dialect == "openclip" else "config.json"
    (folder / name).write_text(json.dumps(model.config, indent=1) + "\n")
    if size == "tiny-bpe":
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n")
    goldens(model, size, folder, images, texts)


if len(sys.argv) > 1:
    target = pathlib.Path(sys.argv[2])
    write(target / "openclip", "openclip", "gelu", "vit-b-32", texts=4)
    write(target / "hf", "hf", "quick_gelu", "vit-b-32", texts=4)
else:
    target = pathlib.Path("src/test/resources/org/rafclip/weights")
    write(target / "openclip", "openclip", "gelu")
    write(target / "openclip-custom-text-bf16", "openclip", "quick_gelu", dtype=torch.bfloat16, prefix="text.")
    write(target / "hf", "hf", "quick_gelu", buffers=True)
    write(target / "hf-sharded-fp16", "hf", "gelu", dtype=torch.float16, shards=2)
    write(target / "openai", "openclip", "quick_gelu", dtype=torch.float16, form="torchscript")
    write(target / "hf-checkpoint", "hf", "gelu", dtype=torch.bfloat16, form="checkpoint")
