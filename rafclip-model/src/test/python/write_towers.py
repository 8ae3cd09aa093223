"""Small CLIPs with further towers as OpenCLIP publishes them, with the features that its original code computes: CLIPA's, timm's
plain vision transformers, transformers' XLM-RoBERTa.

Needs PyTorch (Debian: python3-torch), the code of the originals, and the packages tokenizers and sentencepiece:
    pip download --no-deps transformers==4.57.6 tokenizers sentencepiece     unpacked into PACKAGES
    git clone https://github.com/huggingface/pytorch-image-models TIMM
    git clone https://github.com/mlfoundations/open_clip OPEN_CLIP
Run from the module's folder:
    python3 src/test/python/write_towers.py PACKAGES TIMM OPEN_CLIP           writes src/test/resources/org/rafclip/weights
    python3 src/test/python/write_towers.py PACKAGES TIMM OPEN_CLIP full DIR NAME
        one of OpenCLIP's own configurations at full size, with random weights, such as xlm-roberta-base-ViT-B-32 (1.5 GB)
"""
import html
import io
import json
import pathlib
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
from tokenizers import normalizers, pre_tokenizers, processors  # noqa: E402

import original_siglip  # noqa: E402
import original_xlm_roberta  # noqa: E402
from protobuf_fields import fields  # noqa: E402

sys.path.remove(str(packages))  # so that OpenCLIP does not take transformers for installed

CONTEXT = 12
TEXTS = ["A Photo of a Red Dress.", "the  blue_jeans, with \"holes\"!", "T-shirt (cotton) & wool", "ÄRMEL über-long €5 ½",
         "", "a " * 40, "don't [stop] ~ now\\then", "ﬁne ｗｉｄｅ\tthing\n", "rock &amp; roll", "赤いドレス red", "naïve café"]
TARGET = pathlib.Path("src/test/resources/org/rafclip/weights")


def randomized(model, seed):
    """Biases and norms off their initial zeros and ones, and everything large enough to be seen."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "logit_scale":
                parameter.fill_(4.5)
            elif not parameter.requires_grad:
                continue
            elif parameter.dim() < 2:
                parameter.copy_((1 if name.endswith(".weight") else 0) + 0.2 * torch.randn(parameter.shape))
            else:
                fan = parameter[0].numel() if parameter.dim() != 3 else 4
                parameter.copy_(torch.randn(parameter.shape) / fan ** 0.5)
    return model.eval()


def lines():
    text = (HERE.parents[4] / "README.md").read_text() + "\n".join(TEXTS)
    return [line for line in text.splitlines() if line.strip()]


def cleaned(text):
    """As OpenCLIP cleans texts before tokenizers of transformers, ftfy's repairs left out."""
    return " ".join(html.unescape(html.unescape(text)).split())


def sentence_pieces(folder):
    """tokenizer.json as transformers makes it of XLM-RoBERTa's pieces, and the tokens that its Python code makes of them."""
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines()), model_writer=file, vocab_size=420, model_type="unigram", minloglevel=2,
        num_threads=1, unk_id=0, bos_id=1, eos_id=2, pad_id=-1, normalization_rule_name="nmt_nfkc")
    rules = next(value for number, value in fields(file.getvalue()) if number == 3)
    charsmap = next(value for number, value in fields(rules) if number == 2)
    model = sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces = [(model.id_to_piece(i), model.get_score(i)) for i in range(3, model.get_piece_size())]
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(special + pieces + [("<mask>", 0.0)], unk_id=3))
    made.normalizer = normalizers.Precompiled(charsmap)
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    made.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"), pretty=False)
    rows = [[0] + [i + 1 if i else 3 for i in model.encode(cleaned(text))][:CONTEXT - 2] + [2] for text in TEXTS]
    (folder / "tokens.json").write_text(json.dumps({"texts": TEXTS, "tokens": rows}, ensure_ascii=False) + "\n")
    return made.get_vocab_size(), [(row + [1] * CONTEXT)[:CONTEXT] for row in rows]


def word_pieces(folder):
    """tokenizer.json of BERT's kind, and the tokens that OpenCLIP makes of texts by BERT's own Python code."""
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(lines(), tokenizers.trainers.WordPieceTrainer(
        vocab_size=420, special_tokens=special, show_progress=False))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"), pretty=False)
    source = (packages / "transformers" / "models" / "bert" / "tokenization_bert.py").read_text()
    start, end = source.index("class BasicTokenizer"), len(source)
    scope = {"unicodedata": __import__("unicodedata")}
    utils = (packages / "transformers" / "tokenization_utils.py").read_text()
    for name in ("_is_whitespace", "_is_control", "_is_punctuation"):
        at = utils.index(f"def {name}(")
        exec(utils[at:utils.index("\n\n\n", at)], scope)
    exec(source[source.index("def whitespace_tokenize"):source.index("class BertTokenizer")], scope)
    body = source[start:end].split("\n__all__")[0]
    exec(body, scope)
    basic = scope["BasicTokenizer"](do_lower_case=True)
    pieces = scope["WordpieceTokenizer"](made.get_vocab(), "[UNK]")
    rows = []
    for text in TEXTS:
        ids = [made.token_to_id(piece) for word in basic.tokenize(cleaned(text)) for piece in pieces.tokenize(word)]
        # strip_sep_token: what would be the separator is filling.
        rows.append(([2] + ids[:CONTEXT - 2] + [0] * CONTEXT)[:CONTEXT])
    (folder / "tokens.json").write_text(json.dumps({"texts": TEXTS, "tokens": rows}, ensure_ascii=False) + "\n")
    return made.get_vocab_size(), rows


def clip_rows(vocabulary, context):
    """Rows of a start token, a few others, the end token and zeros."""
    torch.manual_seed(3)
    rows = torch.zeros(3, context, dtype=torch.long)
    for row, length in enumerate((5, context, 3)):
        rows[row, 0] = vocabulary - 2
        rows[row, 1:length - 1] = torch.randint(0, vocabulary - 2, (length - 2,))
        rows[row, length - 1] = vocabulary - 1
    return rows


def published(name, config, rows, seed, image_tokens, folder=None):
    """Writes a model of OpenCLIP's with its features."""
    original_siglip.custom_text_clip(timm, open_clip / "src")
    kinds = sys.modules["open_clip.model"]
    arguments = json.loads(json.dumps(config["model_cfg"]))
    hugging = "hf_model_name" in arguments["text_cfg"]
    custom = arguments.pop("custom_text", hugging)
    if hugging:
        arguments["text_cfg"]["hf_model_pretrained"] = False
    model = randomized((kinds.CustomTextCLIP if custom else kinds.CLIP)(**arguments), seed)
    folder = folder or TARGET / name
    folder.mkdir(parents=True, exist_ok=True)
    clip_models.save_safetensors(folder / "open_clip_model.safetensors", dict(model.state_dict()), {"format": "pt"})
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")
    images = clip_models.example_images(config["model_cfg"]["vision_cfg"]["image_size"], 2)
    tokens = torch.as_tensor(rows)
    text = model.text if custom else model
    normed = []
    last = text.transformer.encoder if hugging else text.ln_final
    hook = last.register_forward_hook(lambda module, inputs, output: normed.append(output))
    with torch.no_grad():
        features = model.encode_text(tokens)
        hook.remove()
        if hugging:
            seen = (tokens != 1)[..., None]
            text_tokens = text.proj(normed[0].last_hidden_state) * seen
        else:
            text_tokens = normed[0] @ text.text_projection
        clip_models.save_safetensors(folder / "golden.safetensors", {
            "images": images, "tokens": tokens, "image_features": model.encode_image(images),
            "image_tokens": image_tokens(model.visual, images), "text_features": features,
            "text_tokens": text_tokens})


def openclip_tokens(first):
    """The projected tokens of OpenCLIP's own tower from the first that is given out."""
    def tokens(visual, images):
        return visual.ln_post(visual.transformer(visual._embeds(images)))[:, first:] @ visual.proj
    return tokens


def timm_tokens(first):
    def tokens(visual, images):
        normed = visual.trunk.fc_norm(visual.trunk.forward_features(images))[:, first:]
        return visual.head(visual.trunk.head(normed))
    return tokens


VISION = {"image_size": 16, "layers": 2, "width": 32, "head_width": 16, "patch_size": 4, "mlp_ratio": 2.0}
SMALL = {"embed_dim": 32, "depth": 2, "num_heads": 2, "mlp_ratio": 2.0, "img_size": 32}


def clip(vision, text, **more):
    return {"model_cfg": {"embed_dim": 20, "vision_cfg": vision, "text_cfg": text, **more},
            "preprocess_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "interpolation": "bilinear",
                               "resize_mode": "squash"}}


def bert(vocabulary):
    return {"context_length": CONTEXT, "vocab_size": vocabulary + 7, "hf_tokenizer_name": "bert-base-uncased",
            "tokenizer_kwargs": {"strip_sep_token": True}, "width": 24, "heads": 3, "layers": 2, "mlp_ratio": 2.0,
            "pool_type": "last", "no_causal_mask": True}


# The words of the fixture openclip, whose tokenizer has as many entries.
WORDS = {"context_length": 10, "vocab_size": 520, "width": 12, "heads": 3, "layers": 2, "mlp_ratio": 2.0}


def worldwide(vocabulary):
    """MetaCLIP 2's texts, by XLM-V's tokenizer, which is of XLM-RoBERTa's kind."""
    return {"context_length": CONTEXT, "vocab_size": vocabulary, "hf_tokenizer_name": "facebook/xlm-v-base",
            "pool_type": "eos", "eos_id": 2, "width": 24, "heads": 3, "layers": 2, "mlp_ratio": 2.0}


def timm_vision(name, pool, **more):
    return {"image_size": 32, "timm_model_name": name, "timm_model_pretrained": False, "timm_pool": pool,
            "timm_model_kwargs": SMALL, **more}


# MobileCLIP 2's largest tower is a plain vision transformer; its texts see what fills them up.
MOBILE = {"image_size": 28, "timm_model_name": "vit_large_patch14_clip_224", "timm_model_pretrained": False,
          "timm_pool": "token", "timm_proj": None, "timm_drop": 0.0, "timm_drop_path": 0.1,
          "timm_model_kwargs": {**SMALL, "img_size": 28}}


def roberta(vocabulary, **more):
    return {"context_length": CONTEXT, "hf_model_name": "xlm-roberta-base", "hf_tokenizer_name": "xlm-roberta-base",
            "hf_model_pretrained": False, "hf_pooler_type": "mean_pooler", **more,
            "hf_model_config": {"vocab_size": vocabulary, "hidden_size": 24, "num_hidden_layers": 2,
                                "num_attention_heads": 3, "intermediate_size": 48, "max_position_embeddings": 20}}


def full(folder, name):
    """A configuration as OpenCLIP has it."""
    config = json.loads((open_clip / "src" / "open_clip" / "model_configs" / (name + ".json")).read_text())
    vision, text = config["vision_cfg"], config["text_cfg"]
    folder.mkdir(parents=True, exist_ok=True)
    if text.get("hf_model_name") or text.get("pool_type") == "eos":
        rows = sentence_pieces(folder)[1]
    elif text.get("hf_tokenizer_name") == "bert-base-uncased":
        rows = [(row + [0] * text["context_length"])[:text["context_length"]] for row in word_pieces(folder)[1]]
    else:
        rows = clip_rows(text["vocab_size"], text["context_length"])
        words = "bpe_simple_vocab_16e6.txt.gz"
        (folder / words).write_bytes((open_clip / "src" / "open_clip" / words).read_bytes())
    first = 1 if "avg" in (vision.get("pool_type"), vision.get("timm_pool")) else 0
    tokens = timm_tokens if "timm_model_name" in vision else openclip_tokens
    published(name, {"model_cfg": config, "preprocess_cfg": {}}, rows, 41, tokens(first), folder)


if __name__ == "__main__":
    original_xlm_roberta.install(packages / "transformers")
    if len(sys.argv) > 4:
        full(pathlib.Path(sys.argv[5]), sys.argv[6])
        sys.exit()
    vocabulary, rows = word_pieces(TARGET / "clipa-openclip")
    published("clipa-openclip", clip({**VISION, "no_ln_pre": True, "pool_type": "avg", "final_ln_after_pool": True},
                                     bert(vocabulary)), rows, 21, openclip_tokens(1))
    published("avg-openclip", clip({**VISION, "pool_type": "avg", "pos_embed_type": "sin_cos_2d"}, WORDS),
              clip_rows(520, 10), 22, openclip_tokens(1))
    published("timm-token-openclip", clip(
        timm_vision("vit_base_patch16_clip_quickgelu_224", "token", timm_proj=None, timm_drop=0.0), WORDS, custom_text=True),
        clip_rows(520, 10), 23, timm_tokens(0))
    published("timm-avg-openclip", clip(timm_vision("vit_small_patch16_224.augreg_in21k", "avg", timm_proj="linear"), WORDS),
              clip_rows(520, 10), 24, timm_tokens(1))
    published("timm-avg-head-openclip", clip(timm_vision("vit_tiny_patch16_224", "avg", timm_proj=None), WORDS),
              clip_rows(520, 10), 25, timm_tokens(1))
    published("timm-gap-openclip", clip(timm_vision("vit_base_patch16_gap_224", "", timm_proj="linear",
                                                    timm_proj_bias=True), WORDS),
              clip_rows(520, 10), 26, timm_tokens(0))
    vocabulary, rows = sentence_pieces(TARGET / "xlmr-openclip")
    published("xlmr-openclip", clip(VISION, roberta(vocabulary), custom_text=True), rows, 31, openclip_tokens(0))
    published("xlmr-linear-openclip", clip(VISION, roberta(vocabulary, hf_proj_type="linear"), custom_text=True,
                                           quick_gelu=True), rows[:4], 32, openclip_tokens(0))
    published("worldwide-openclip", clip(VISION, worldwide(vocabulary), quick_gelu=True), rows, 33, openclip_tokens(0))
    published("mobileclip2-openclip", clip(MOBILE, {**WORDS, "no_causal_mask": True}, custom_text=True),
              clip_rows(520, 10), 34, timm_tokens(0))
