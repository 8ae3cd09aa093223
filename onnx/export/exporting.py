"""What the export scripts share: options, the export itself, and the check that ends every script.

Names are the same whichever library a model comes from:

    image file   images [batch, 3, size, size]   -> image_features [batch, d], image_tokens [batch, tokens, d] where known
    text file    tokens [batch, length] (int64)  -> text_features [batch, d], text_tokens [batch, length, d] where known
    joint file   images, tokens                  -> image_features, text_features, logits_per_image [images, texts]

Features are projected and not normalised.
"""
import argparse
import pathlib
import warnings

import torch
from torch import nn

TOLERANCE = 1e-4


def arguments(description, **defaults):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="DIR", help="folder for the files")
    parser.add_argument("--opset", type=int, default=defaults.get("opset", 17), help="default: %(default)s")
    parser.add_argument("--no-constant-folding", dest="folding", action="store_false",
                        help="leave shape arithmetic, transposed weights and batch norms to the reader")
    return parser


def clip_arguments(description, **defaults):
    parser = arguments(description, **defaults)
    parser.add_argument("--features-only", action="store_true", help="no tokens: what search alone needs")
    return parser


class ImageTower(nn.Module):
    outputs = ["image_features", "image_tokens"]

    def __init__(self, encode, tokens=None):
        super().__init__()
        self.encode, self.tokens = encode, tokens

    def forward(self, images):
        features = self.encode(images)
        return features if self.tokens is None else (features, self.tokens(images))


class TextTower(ImageTower):
    outputs = ["text_features", "text_tokens"]

    def forward(self, tokens):
        return super().forward(tokens)


class BothTowers(nn.Module):
    outputs = ["image_features", "text_features", "logits_per_image"]

    def __init__(self, image, text, logit_scale):
        super().__init__()
        self.image, self.text, self.logit_scale = image, text, logit_scale

    def forward(self, images, tokens):
        images, texts = self.image(images), self.text(tokens)
        logits = (images / images.norm(dim=-1, keepdim=True)) @ (texts / texts.norm(dim=-1, keepdim=True)).t()
        return images, texts, logits * self.logit_scale.exp()


class Logits(nn.Module):
    """OpenAI's own forward, which gives the features of neither tower."""

    outputs = ["logits_per_image", "logits_per_text"]

    def __init__(self, image, text, logit_scale):
        super().__init__()
        self.image, self.text, self.logit_scale = image, text, logit_scale

    def forward(self, images, tokens):
        images, texts = self.image(images), self.text(tokens)
        images = images / images.norm(dim=1, keepdim=True)
        texts = texts / texts.norm(dim=1, keepdim=True)
        logits = self.logit_scale.exp() * images @ texts.t()
        return logits, logits.t()


def owner(model, module):
    """Makes the parameters of a model those of a module that calls the model's methods."""
    module.model = model
    return module.eval()


def export(module, example, file, inputs, outputs, dynamic, options, other=None):
    """Writes the file and compares it with the module on the example and on `other` inputs.

    @param dynamic: the free axes by input or output name
    @param other: inputs of another size, to see that nothing was frozen
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        training = torch.onnx.TrainingMode.EVAL if options.folding else torch.onnx.TrainingMode.PRESERVE
        torch.onnx.export(module, example, str(file), opset_version=options.opset, do_constant_folding=options.folding,
                          training=training, input_names=inputs, output_names=outputs, dynamic_axes=dynamic)
    print(f"{file}: {file.stat().st_size / 1e6:.1f} MB, opset {options.opset}")
    check(module, file, inputs, [example] + ([other] if other is not None else []))


def check(module, file, inputs, cases):
    """ONNX Runtime's answers against PyTorch's; without ONNX Runtime a trace against the module itself."""
    try:
        import onnx
        onnx.checker.check_model(str(file))
    except ImportError:
        pass
    try:
        import onnxruntime
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        known = {i.name for i in session.get_inputs()}

        def answer(case):
            fed = {name: value.numpy() for name, value in zip(inputs, case) if name in known}
            return [torch.from_numpy(array) for array in session.run(None, fed)]
        what = "ONNX Runtime against PyTorch"
    except ImportError:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(module, cases[0], check_trace=False)

        def answer(case):
            result = traced(*case)
            return list(result) if isinstance(result, tuple) else [result]
        what = "trace against PyTorch (install onnxruntime to check the file itself)"
    worst = 0.0
    for case in cases:
        with torch.no_grad():
            expected = module(*case)
        expected = list(expected) if isinstance(expected, tuple) else [expected]
        for actual, wanted in zip(answer(case), expected):
            if actual.shape != wanted.shape:
                raise SystemExit(f"{file}: FAILED, {what}: shape {list(actual.shape)}, expected {list(wanted.shape)}")
            worst = max(worst, (actual - wanted).abs().max().item())
    if not worst <= TOLERANCE:
        raise SystemExit(f"{file}: FAILED, {what}: worst error {worst:.1e}, allowed {TOLERANCE:.0e}")
    print(f"{file}: {what}: worst error {worst:.1e}")


def export_clip(model, encode_image, encode_text, image_size, vocabulary, context, options, image_tokens=None,
                text_tokens=None, joint=False):
    """The two towers in a file each, or both in one."""
    from clip_models import example_images, example_tokens

    if options.features_only:
        image_tokens = text_tokens = None

    images, more_images = example_images(image_size, 2), example_images(image_size, 3, seed=5)
    tokens, more_tokens = example_tokens(vocabulary, context, 2), example_tokens(vocabulary, context, 3, seed=7)
    batch = {0: "batch"}
    if joint:
        module = owner(model, BothTowers(encode_image, encode_text, model.logit_scale))
        dynamic = {"images": {0: "images"}, "tokens": {0: "texts"}, "image_features": {0: "images"},
                   "text_features": {0: "texts"}, "logits_per_image": {0: "images", 1: "texts"}}
        export(module, (images, tokens), options.out / "clip.onnx", ["images", "tokens"], module.outputs, dynamic,
               options, (more_images, tokens))
        return
    image = owner(model, ImageTower(encode_image, image_tokens))
    names = image.outputs[:2 if image_tokens else 1]
    export(image, (images,), options.out / "image.onnx", ["images"], names,
           {name: batch for name in ["images"] + names}, options, (more_images,))
    text = owner(model, TextTower(encode_text, text_tokens))
    names = text.outputs[:2 if text_tokens else 1]
    export(text, (tokens,), options.out / "text.onnx", ["tokens"], names,
           {name: batch for name in ["tokens"] + names}, options, (more_tokens,))
