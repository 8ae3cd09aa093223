"""Small SigLIPs as others publish them, with the features that their original code computes, and their texts' tokens.

Needs PyTorch (Debian: python3-torch), the code of the originals, and the packages tokenizers and sentencepiece:
    pip download --no-deps transformers==4.57.6 tokenizers sentencepiece     unpacked into PACKAGES
    git clone https://github.com/huggingface/pytorch-image-models TIMM
    git clone https://github.com/mlfoundations/open_clip OPEN_CLIP
Run from the module's folder:
    python3 src/test/python/write_siglip.py PACKAGES TIMM OPEN_CLIP           writes src/test/resources/org/rafclip/weights
    python3 src/test/python/write_siglip.py PACKAGES TIMM OPEN_CLIP full DIR  SigLIP B/16 with random weights, 813 MB
"""
import ast
import io
import json
import pathlib
import re
import string
import sys

import torch

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parents[4] / "onnx" / "export"))
packages, timm, open_clip = (pathlib.Path(argument) for argument in sys.argv[1:4])
sys.path.insert(1, str(packages))

import clip_models  # noqa: E402
import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
from tokenizers import models, normalizers, pre_tokenizers  # noqa: E402

import original_siglip  # noqa: E402
from protobuf_fields import fields  # noqa: E402

TEXTS = ["A Photo of a Red Dress.", "the  blue_jeans, with \"holes\"!", "T-shirt (cotton) & wool", "ÄRMEL über-long €5 ½",
         "", "a " * 40, "don't [stop] ~ now\\then", "ﬁne ｗｉｄｅ\tthing\n"]
CONTEXT = 16


def functions(file, names, **given):
    """Functions of a file, without running the rest of it."""
    found = {}

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef) and child.name in names and child.name not in found:
                child.decorator_list = []
                found[child.name] = child
            visit(child)

    visit(ast.parse(file.read_text()))
    scope = dict(re=re, string=string, **given)
    exec(compile(ast.Module([found[name] for name in names], []), str(file), "exec"), scope)
    return [scope[name] for name in names]


def pieces(kind, size, **more):
    """A SentencePiece model of SigLIP's kind, trained on a few lines: the bytes of its file."""
    lines = (HERE.parents[4] / "README.md").read_text() + HERE.read_text() * 2 + "\n".join(TEXTS)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line.lower() for line in lines.splitlines() if line.strip()]), model_writer=model,
        vocab_size=size, model_type=kind, minloglevel=2, num_threads=1, **more)
    return model.getvalue()


def unigram(model, processor):
    """tokenizer.json of a T5-like tokenizer, as published with SigLIP: neither cleaning nor filling."""
    rules = next(value for number, value in fields(model) if number == 3)
    charsmap = next(value for number, value in fields(rules) if number == 2)
    vocabulary = [(processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.get_piece_size())]
    made = tokenizers.Tokenizer(models.Unigram(vocabulary, unk_id=processor.unk_id(), byte_fallback=False))
    made.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Replace(
        tokenizers.Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.add_special_tokens(["<pad>", "</s>", "<unk>"])
    return made


def gemma(processor):
    """tokenizer.json of Gemma's kind: byte pairs over whole texts, blanks made ▁, bytes for what is unknown."""
    vocabulary = {processor.id_to_piece(i): i for i in range(processor.get_piece_size())}
    merges = []
    for piece in sorted(vocabulary, key=lambda p: -processor.get_score(vocabulary[p])):
        halves = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        known = [pair for pair in halves if pair[0] in vocabulary and pair[1] in vocabulary]
        merges += sorted(known, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
    made = tokenizers.Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>"])
    return made


def filled(rows, end, fill):
    """Cut to the context with the end token kept, filled up to it."""
    return [(row[:CONTEXT - 1] + [end] + [fill] * CONTEXT)[:CONTEXT] for row in rows]


def tokenized(folder, kind, clean, keep=True):
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "unigram":
        model = pieces("unigram", 400, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, normalization_rule_name="nmt_nfkc")
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        made = unigram(model, processor)
        end, fill = 1, 1
    else:
        model = pieces("bpe", 700, pad_id=0, eos_id=1, bos_id=2, unk_id=3, byte_fallback=True, eos_piece="<eos>",
                       bos_piece="<bos>", add_dummy_prefix=False, normalization_rule_name="identity",
                       remove_extra_whitespaces=False)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        made = gemma(processor)
        end, fill = 1, 0
    if keep:
        made.save(str(folder / "tokenizer.json"), pretty=False)
    rows = filled([processor.encode(clean(text)) for text in TEXTS], end, fill)
    (folder / "tokens.json").write_text(json.dumps({"texts": TEXTS, "tokens": rows}, ensure_ascii=False) + "\n")
    return processor.get_piece_size(), rows


def randomized(model, seed):
    """Biases and norms off their initial zeros and ones, and everything large enough to be seen."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "logit_scale":
                parameter.fill_(4.5)
            elif name == "logit_bias":
                parameter.fill_(-12.5)
            elif parameter.dim() < 2:
                parameter.copy_((1 if name.endswith(".weight") else 0) + 0.2 * torch.randn(parameter.shape))
            else:
                fan = parameter[0].numel() if parameter.dim() != 3 else 4
                parameter.copy_(torch.randn(parameter.shape) / fan ** 0.5)
    return model.eval()


def published(folder, file, model, config, config_file, preprocessor=None):
    folder.mkdir(parents=True, exist_ok=True)
    clip_models.save_safetensors(folder / file, dict(model.state_dict()), {"format": "pt"})
    (folder / config_file).write_text(json.dumps(config, indent=1) + "\n")
    if preprocessor:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1) + "\n")


def hugging_face(folder, vision, text, rows):
    siglip, configuration = original_siglip.siglip_of_transformers(packages / "transformers")
    model = randomized(siglip(configuration(text_config=dict(text), vision_config=dict(vision))), 7)
    config = {"architectures": ["SiglipModel"], "initializer_factor": 1.0, "model_type": "siglip",
              "text_config": {**text, "model_type": "siglip_text_model"}, "torch_dtype": "float32",
              "vision_config": {**vision, "model_type": "siglip_vision_model"}}
    published(folder, "model.safetensors", model, config, "config.json", {
        "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "SiglipImageProcessor", "image_std": [0.5, 0.5, 0.5], "resample": 3,
        "rescale_factor": 1 / 255, "size": {"height": vision["image_size"], "width": vision["image_size"]}})
    images, tokens = clip_models.example_images(vision["image_size"], 2), torch.tensor(rows)
    with torch.no_grad():
        image = model.vision_model(images)
        words = model.text_model(tokens)
        clip_models.save_safetensors(folder / "golden.safetensors", {
            "images": images, "tokens": tokens, "image_features": image.pooler_output,
            "image_tokens": image.last_hidden_state, "text_features": words.pooler_output,
            "text_tokens": model.text_model.head(words.last_hidden_state)})


def openclip(folder, config, rows):
    kind = original_siglip.custom_text_clip(timm, open_clip / "src")
    arguments = {key: value for key, value in config["model_cfg"].items() if key != "custom_text"}
    model = randomized(kind(**arguments), 8)
    published(folder, "open_clip_model.safetensors", model, config, "open_clip_config.json")
    images, tokens = clip_models.example_images(config["model_cfg"]["vision_cfg"]["image_size"], 2), torch.tensor(rows)
    with torch.no_grad():
        clip_models.save_safetensors(folder / "golden.safetensors", {
            "images": images, "tokens": tokens, "image_features": model.encode_image(images),
            "image_tokens": model.visual.trunk.forward_features(images), "text_features": model.encode_text(tokens)})


def openclip_config(vision, text):
    return {"model_cfg": {"embed_dim": vision["timm_model_kwargs"]["embed_dim"], "init_logit_bias": -10, "custom_text": True,
                          "vision_cfg": {**vision, "timm_model_pretrained": False, "timm_pool": "map", "timm_proj": "none"},
                          "text_cfg": {"context_length": CONTEXT, **text, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
                                       "tokenizer_kwargs": {"clean": "canonicalize"}, "no_causal_mask": True,
                                       "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6}}},
            "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "interpolation": "bicubic",
                               "resize_mode": "squash"}}


tokenization = packages / "transformers" / "models" / "siglip" / "tokenization_siglip.py"
remove, canonicalize = functions(tokenization, ["remove_punctuation", "canonicalize_text"])


class Slow:
    remove_punctuation = remove


def canonical_of_transformers(text):
    return canonicalize(Slow(), text.lower(), keep_punctuation_exact_string=None)


[canonical_of_open_clip] = functions(open_clip / "src" / "open_clip" / "tokenizer.py", ["canonicalize_text"])

if len(sys.argv) > 4:
    full = pathlib.Path(sys.argv[5])
    _, rows = tokenized(full, "unigram", canonical_of_transformers)
    rows = [(row + [1] * 64)[:64] for row in rows[:4]]
    hugging_face(full, {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
                        "image_size": 224, "patch_size": 16},
                 {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
                  "max_position_embeddings": 64, "vocab_size": 32000}, rows)
else:
    target = pathlib.Path("src/test/resources/org/rafclip/weights")
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 16,
             "patch_size": 4}
    texts = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3,
             "max_position_embeddings": CONTEXT, "projection_size": 32}
    size, rows = tokenized(target / "siglip-hf", "unigram", canonical_of_transformers)
    hugging_face(target / "siglip-hf", small, {**texts, "vocab_size": size}, rows)
    size, rows = tokenized(target / "siglip2-hf", "bpe", str.lower)
    hugging_face(target / "siglip2-hf", small, {**texts, "vocab_size": size}, rows)
    sizes = {"embed_dim": 32, "depth": 2, "num_heads": 2, "mlp_ratio": 2.0, "img_size": 32}
    size, rows = tokenized(target / "siglip-openclip", "unigram", canonical_of_open_clip, keep=False)
    shape = {"vocab_size": size, "width": 24, "heads": 3, "layers": 2, "mlp_ratio": 2.0}
    openclip(target / "siglip-openclip", openclip_config(
        {"image_size": 32, "timm_model_name": "vit_base_patch16_siglip_224", "timm_model_kwargs": sizes}, shape), rows)
    size, rows = tokenized(target / "siglip2-openclip", "bpe", canonical_of_open_clip, keep=False)
    openclip(target / "siglip2-openclip", openclip_config(
        {"image_size": 64, "timm_model_name": "vit_base_patch32_siglip_256",
         "timm_model_kwargs": {**sizes, "img_size": 64}},
        {**shape, "vocab_size": size, "act_kwargs": {"approximate": "tanh"}}), rows)
