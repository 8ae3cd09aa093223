"""An exported model in the code that it was exported for: the original transformers or OpenCLIP.

Where they are installed (pip install torch transformers open_clip_torch timm), run from the module's folder:
    python3 src/test/python/check_exported.py FOLDER --out golden.safetensors
loads FOLDER as its README says and writes images, tokens of texts and their features, for
    ./rafclip model check MODEL --against golden.safetensors
With --names FILE it writes the state dict's names and shapes, with --tokens FILE the texts' tokens as JSON.

A CLIP can be checked by their sources alone: with PyTorch and regex (Debian: python3-torch python3-regex python3-tqdm
python3-pil python3-packaging python3-filelock) and a checkout of huggingface/transformers (4.44) or mlfoundations/open_clip,
by --source CHECKOUT/src. What these import beside PyTorch and is not needed here is replaced by empty modules; safetensors is
read by the few lines below.

The files in src/test/resources/org/rafclip/weights/exported come from exports of the models beside them: hf and openclip from
weights/hf, by their sources; siglip-hf from weights/siglip-openclip, siglip-openclip from weights/siglip-hf and metaclip2-hf
from weights/worldwide-openclip, by transformers 5.18 and OpenCLIP 4.2.0.dev0 with timm 1.0.29, as installed.
"""
import argparse
import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import pathlib
import struct
import sys
import tempfile
import types

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[4] / "onnx" / "export"))
import clip_models  # noqa: E402

TEXTS = ["a red dress", "The BLUE dress  with long sleeves!", "denim jeans, 100% cotton", "caf\u00e9 \u00fc dress's",
         "a red shirt, a blue shirt, a red dress, a blue dress, denim jeans, a dress with long sleeves"]
ABSENT = ["huggingface_hub", "tokenizers", "safetensors", "torchvision", "timm", "ftfy", "torchaudio"]
NOWHERE = str(pathlib.Path(tempfile.gettempdir()) / "nothing")
KINDS = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}


class Nothing:
    """Stands for any class, function or constant that is imported and not used."""

    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, *args, **kwargs):
        return args[0] if len(args) == 1 and callable(args[0]) else Nothing()

    def __getattr__(self, name):
        return NOWHERE if name.isupper() else Nothing()

    def __mro_entries__(self, bases):
        return (object,)


class EmptyModule(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name.endswith("Error"):
            return type(name, (Exception,), {})
        return NOWHERE if name.isupper() else Nothing()


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] in ABSENT else None

    def create_module(self, spec):
        return EmptyModule(spec.name)

    def exec_module(self, module):
        pass


def read_safetensors(path, **_):
    content = pathlib.Path(path).read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        raw = bytearray(content[start + first:start + last])
        tensors[name] = torch.frombuffer(raw, dtype=KINDS[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


class SafeOpen:
    def __init__(self, path, framework="pt", **_):
        self.tensors, self.about = read_safetensors(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def keys(self):
        return list(self.tensors)

    def metadata(self):
        return self.about

    def get_tensor(self, name):
        return self.tensors[name]


def attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, **_):
    """What PyTorch 2 has built in."""
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if is_causal:
        attn_mask = clip_models.causal_mask(q.shape[-2])
    return (scores if attn_mask is None else scores + attn_mask).softmax(-1) @ v


def stub():
    sys.meta_path.append(Absent())
    version = importlib.metadata.version
    importlib.metadata.version = lambda name: "0.4.5" if name in ("safetensors",) else version(name)
    import safetensors
    import safetensors.torch
    safetensors.safe_open = SafeOpen
    safetensors.torch.load_file = lambda path, **_: read_safetensors(path)[0]
    import ftfy
    ftfy.fix_text = lambda text: text
    if not hasattr(torch, "compiler"):  # before PyTorch 2
        torch.compiler = types.SimpleNamespace(disable=lambda function: function, is_compiling=lambda: False)
        torch.nn.functional.scaled_dot_product_attention = attention
    sys.modules["open_clip.task"] = EmptyModule("open_clip.task")  # trainings, for a later PyTorch
    checked = types.ModuleType("transformers.dependency_versions_check")
    checked.dep_version_check = lambda *args: None
    sys.modules["transformers.dependency_versions_check"] = checked


def clip_tokenizer(folder, length):
    """Transformers' own, in Python."""
    from transformers import tokenization_utils_base
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    token = tokenization_utils_base.AddedToken  # compared by nothing where the library tokenizers is missing
    token.__eq__ = lambda self, other: str(self) == str(other)
    token.__hash__ = lambda self: hash(str(self))
    tokenizer = CLIPTokenizer.from_pretrained(str(folder))
    return lambda texts: tokenizer(texts, padding="max_length", truncation=True, max_length=length,
                                   return_tensors="pt")["input_ids"]


def installed_transformers(folder):
    import transformers

    model, report = transformers.AutoModel.from_pretrained(str(folder), output_loading_info=True,
                                                           attn_implementation="eager")
    if any(report.values()):
        raise SystemExit(f"{folder}: transformers says {report}")
    model.eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    length = model.config.text_config.max_position_embeddings

    def tokens(texts):
        return tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")["input_ids"]

    def pooled(output):
        return getattr(output, "pooler_output", output)

    return (model, model.config.vision_config.image_size, tokens,
            lambda images: pooled(model.get_image_features(pixel_values=images)),
            lambda ids: pooled(model.get_text_features(input_ids=ids)),
            transformers.AutoImageProcessor.from_pretrained(str(folder)))


def installed_open_clip(folder):
    import open_clip

    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    size = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]["vision_cfg"]["image_size"]
    model.eval()
    return model, size, open_clip.get_tokenizer(f"local-dir:{folder}"), model.encode_image, model.encode_text, preprocess


def of_transformers(folder):
    from transformers.models.clip.configuration_clip import CLIPConfig
    from transformers.models.clip.modeling_clip import CLIPModel

    model, report = CLIPModel.from_pretrained(str(folder), output_loading_info=True, attn_implementation="eager")
    if any(report.values()):
        raise SystemExit(f"{folder}: transformers says {report}")
    model.eval()
    length = CLIPConfig.from_pretrained(str(folder)).text_config.max_position_embeddings
    processor = None
    try:
        from transformers.models.clip.image_processing_clip import CLIPImageProcessor
        processor = CLIPImageProcessor.from_pretrained(str(folder))
    except ImportError as e:
        print("without its image processor:", e)
    return (model, model.config.vision_config.image_size, clip_tokenizer(folder, length),
            lambda images: model.get_image_features(pixel_values=images),
            lambda ids: model.get_text_features(input_ids=ids), processor)


def of_open_clip(folder):
    import open_clip
    from open_clip.factory import create_model

    model = create_model(f"local-dir:{folder}", require_pretrained=True).eval()
    config = json.loads((folder / "open_clip_config.json").read_text())
    size = config["model_cfg"]["vision_cfg"]["image_size"]
    if "hf_tokenizer_name" in config["model_cfg"]["text_cfg"]:
        tokens = clip_tokenizer(folder, config["model_cfg"]["text_cfg"]["context_length"])
    else:
        tokens = open_clip.get_tokenizer(f"local-dir:{folder}")
    return model, size, tokens, model.encode_image, model.encode_text, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--source", type=pathlib.Path, action="append", default=[],
                        help="src of a checkout, where nothing is installed; both for OpenCLIP with a tokenizer of its own")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--names", type=pathlib.Path)
    parser.add_argument("--tokens", type=pathlib.Path)
    options = parser.parse_args()
    for source in options.source:
        sys.path.insert(0, str(source))
    kinds = (installed_transformers, installed_open_clip)
    if options.source:
        stub()
        kinds = (of_transformers, of_open_clip)
    theirs = kinds[(options.folder / "open_clip_config.json").exists()]
    model, size, tokenize, image_features, text_features, processor = theirs(options.folder)
    state = model.state_dict()
    if options.names:
        options.names.write_text("".join(f"{name} {list(tensor.shape)}\n" for name, tensor in sorted(state.items())))
    images, ids = clip_models.example_images(size, 3), tokenize(TEXTS)
    ends = [int(max(row)) for row in ids]
    if options.tokens:
        rows = [row[:row.index(end) + 1] for row, end in zip(ids.tolist(), ends)]
        options.tokens.write_text(json.dumps({"texts": TEXTS, "tokens": rows}) + "\n")
    with torch.no_grad():
        features = {"image_features": image_features(images), "text_features": text_features(ids)}
    if options.out:
        clip_models.save_safetensors(options.out, {"images": images, "tokens": ids, **features})
    print(f"{options.folder}: {len(state)} tensors, image {features['image_features'].abs().max():.4f}, text "
          f"{features['text_features'].abs().max():.4f} at most; photos: {processor}")


if __name__ == "__main__":
    main()
