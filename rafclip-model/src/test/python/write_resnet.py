"""A small CLIP with a ModifiedResNet as OpenCLIP publishes them, with the features that OpenAI's code computes.

Needs PyTorch (Debian: python3-torch) and OpenAI's code: git clone https://github.com/openai/CLIP
Run from the module's folder:
    python3 src/test/python/write_resnet.py CLIP               writes src/test/resources/org/rafclip/weights/resnet-openclip
    python3 src/test/python/write_resnet.py CLIP full FILE.pt  RN50 with random weights as OpenAI's TorchScript archive, 204 MB
    python3 src/test/python/write_resnet.py CLIP check FOLDER  what OpenAI's code computes from resnet-openclip imported and
                                                               exported again (model export --format openclip), beside what
                                                               it computed from the original
"""
import importlib.util
import json
import pathlib
import sys

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[4] / "onnx" / "export"))
import clip_models  # noqa: E402

# Not the package: its other half needs ftfy and torchvision.
SPEC = importlib.util.spec_from_file_location("model", str(pathlib.Path(sys.argv[1]) / "clip" / "model.py"))
ORIGINAL = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(ORIGINAL)

MERGES = ["h e", "t h", "th e</w>", "p h", "o t", "r e"]
TINY = dict(embed_dim=20, image_resolution=64, vision_layers=(2, 1, 1, 1), vision_width=4, vision_patch_size=None,
            context_length=10, vocab_size=512 + len(MERGES) + 2, transformer_width=12, transformer_heads=3,
            transformer_layers=2)
RN50 = dict(embed_dim=1024, image_resolution=224, vision_layers=(3, 4, 6, 3), vision_width=64, vision_patch_size=None,
            context_length=77, vocab_size=49408, transformer_width=512, transformer_heads=8, transformer_layers=12)


def random_model(size, heads):
    """Random weights and statistics, of such sizes that each shows in the features, rounded to half precision."""
    torch.manual_seed(5)
    model = ORIGINAL.CLIP(**size)
    model.visual.attnpool.num_heads = heads
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            norm = ".bn" in name or ".downsample.1" in name
            if name == "logit_scale":
                tensor.fill_(3.25)
            elif name.endswith("running_var"):
                tensor.copy_(0.5 + noise.abs())
            elif name.endswith("running_mean"):
                tensor.copy_(0.2 * noise)
            elif norm and name.endswith("weight"):
                # The last norm of a block is small, or the sum would grow from block to block.
                tensor.copy_((0.4 if ".bn3" in name and ".layer" in name else 1.0) + 0.2 * noise)
            elif name.endswith("bias"):
                tensor.copy_(0.1 * noise)
            elif tensor.dim() == 1:
                tensor.copy_(1 + 0.1 * noise)
            elif "embedding" in name:
                tensor.copy_(0.5 * noise)
            else:
                inputs = tensor[0].numel() if name != "text_projection" else tensor.shape[0]
                tensor.copy_(noise * ((2.0 if tensor.dim() == 4 else 1.0) / inputs) ** 0.5)
            if name != "attn_mask":
                tensor.copy_(tensor.half().float())
    return model.eval()


def read(path):
    """The tensors of a safetensors file."""
    kinds = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}
    data = pathlib.Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    return {name: torch.frombuffer(bytearray(data[8 + length:][slice(*entry["data_offsets"])]), dtype=kinds[entry["dtype"]])
            .reshape(entry["shape"])
            for name, entry in json.loads(data[8:8 + length]).items() if name != "__metadata__"}


def image_tokens(visual, images):
    """What each token finds, not the mean alone: the original's attention pool with all its tokens as queries."""
    seen = []
    pool = visual.attnpool
    handle = pool.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    features = visual(images)
    handle.remove()
    x = seen[0].flatten(start_dim=2).permute(2, 0, 1)
    x = torch.cat([x.mean(dim=0, keepdim=True), x], dim=0) + pool.positional_embedding[:, None, :]
    tokens, _ = F.multi_head_attention_forward(
        query=x, key=x, value=x, embed_dim_to_check=x.shape[-1], num_heads=pool.num_heads,
        q_proj_weight=pool.q_proj.weight, k_proj_weight=pool.k_proj.weight, v_proj_weight=pool.v_proj.weight,
        in_proj_weight=None, in_proj_bias=torch.cat([pool.q_proj.bias, pool.k_proj.bias, pool.v_proj.bias]), bias_k=None,
        bias_v=None, add_zero_attn=False, dropout_p=0, out_proj_weight=pool.c_proj.weight, out_proj_bias=pool.c_proj.bias,
        use_separate_proj_weight=True, training=False, need_weights=False)
    tokens = tokens.transpose(0, 1)
    assert (tokens[:, 0] - features).abs().max() < 1e-5
    return tokens


class Forward(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        for name, child in model.named_children():
            self.add_module(name, child)
        for name, parameter in model.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, count in (("input_resolution", model.visual.input_resolution), ("context_length", model.context_length),
                            ("vocab_size", model.vocab_size)):
            self.register_buffer(name, torch.tensor(count))

    def forward(self, images):
        return self.visual(images) * self.logit_scale.exp()


FOLDER = HERE.parents[1] / "resources" / "org" / "rafclip" / "weights" / "resnet-openclip"

if len(sys.argv) > 2 and sys.argv[2] == "check":
    model = random_model(TINY, 4)
    exported = read(pathlib.Path(sys.argv[3]) / "open_clip_model.safetensors")
    missing, unexpected = model.load_state_dict(exported, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    golden = read(FOLDER / "golden.safetensors")
    with torch.no_grad():
        images = golden["images"].float()
        for name, made in (("image_features", model.encode_image(images)),
                           ("image_tokens", image_tokens(model.visual, images)),
                           ("text_features", model.encode_text(golden["tokens"]))):
            print(name, (made - golden[name]).abs().max().item())
elif len(sys.argv) > 2:
    model = Forward(random_model(RN50, 32)).half().float()
    torch.jit.trace(model, torch.randn(1, 3, 224, 224), check_trace=False).half().save(sys.argv[3])
else:
    folder = FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    model = random_model(TINY, 4)
    tensors = {name: tensor.half() if tensor.is_floating_point() else tensor
               for name, tensor in model.state_dict().items()}
    clip_models.save_safetensors(folder / "open_clip_model.safetensors", tensors, {"format": "pt"})
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": {
        "embed_dim": 20, "quick_gelu": True,
        "vision_cfg": {"image_size": 64, "layers": [2, 1, 1, 1], "width": 4, "head_width": 32, "patch_size": None},
        "text_cfg": {"context_length": 10, "vocab_size": TINY["vocab_size"], "width": 12, "heads": 3, "layers": 2}}},
        indent=1) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n")
    images = clip_models.example_images(64, 2)
    tokens = clip_models.example_tokens(TINY["vocab_size"], 10, 3)
    with torch.no_grad():
        goldens = {"tokens": tokens, "images": images.half().float(), "image_features": model.encode_image(images.half().float()),
                   "image_tokens": image_tokens(model.visual, images.half().float()), "text_features": model.encode_text(tokens)}
    goldens["images"] = images.half()
    clip_models.save_safetensors(folder / "golden.safetensors", goldens)
    for name, tensor in goldens.items():
        print(name, list(tensor.shape), tensor.float().abs().max().item())
