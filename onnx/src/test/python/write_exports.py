"""Writes the small exports that tests import: several styles of exporters, with the features PyTorch computes.

Needs PyTorch and onnx (Debian: python3-torch, python3-onnx). Run from the module's folder:
    python3 src/test/python/write_exports.py            writes src/test/resources/org/rafclip/onnx/exports
    python3 src/test/python/write_exports.py full DIR   ViT-B/32 and SAM ViT-B of full size, random weights, into DIR
"""
import pathlib
import subprocess
import sys

import onnx
import torch

EXPORT = pathlib.Path(__file__).resolve().parents[3] / "export"
sys.path.insert(0, str(EXPORT))
import clip_models  # noqa: E402
import sam_model  # noqa: E402

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
    "sam-14": (["--opset", "14", "--single"], True),
    "sam-17": (["--opset", "17"], True),
}


def run(script, size, out, options):
    subprocess.run([sys.executable, str(EXPORT / f"export_{script}.py"), "--random", size, "--out", str(out), *options],
                   check=True)


def strip(path):
    """Takes every name away but those of inputs and outputs, as graph optimizers do."""
    model = onnx.load(str(path))
    graph = model.graph
    kept = {value.name for value in list(graph.input) + list(graph.output)}
    names = {}

    def short(name):
        if not name or name in kept:
            return name
        return names.setdefault(name, f"v{len(names)}")

    for initializer in graph.initializer:
        initializer.name = short(initializer.name)
    for node in graph.node:
        node.name, node.doc_string = "", ""
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


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


def sam_goldens(single, folder):
    sam = sam_model.random_model("tiny")
    image = torch.randn(1, 3, sam.image, sam.image, generator=torch.Generator().manual_seed(8))
    side = 4 * sam.grid
    points, labels = torch.tensor([[[10.0, 20.0], [50.0, 40.0]]]), torch.tensor([[2.0, 3.0]])
    size = torch.tensor([50.0, 75.0])
    with torch.no_grad():
        embeddings = sam.image_encoder(image)
        masks, scores, low = sam_model.Decoder(sam, single)(
            embeddings, points, labels, torch.zeros(1, 1, side, side), torch.zeros(1), size)
    clip_models.save_safetensors(folder / "golden.safetensors", {
        "image": image, "image_embeddings": embeddings, "point_coords": points, "point_labels": labels,
        "orig_im_size": size, "masks": masks, "iou_predictions": scores, "low_res_masks": low})


if len(sys.argv) > 1:
    target = pathlib.Path(sys.argv[2])
    run("openclip", "vit-b-32", target / "openclip", [])
    run("hf_clip", "vit-b-32", target / "hf", [])
    run("sam", "vit_b", target / "sam", [])
else:
    target = pathlib.Path("src/test/resources/org/rafclip/onnx/exports")
    for name, (script, options, bare) in CLIP.items():
        run(script, "tiny", target / name, options)
        clip_goldens(script, target / name)
        for path in (target / name).glob("*.onnx") if bare else []:
            strip(path)
    for name, (options, bare) in SAM.items():
        run("sam", "tiny", target / name, options)
        sam_goldens("--single" in options, target / name)
        for path in (target / name).glob("*.onnx") if bare else []:
            strip(path)
