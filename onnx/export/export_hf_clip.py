"""A CLIPModel of Hugging Face's transformers to ONNX.

    pip install transformers onnx onnxruntime
    python3 export_hf_clip.py --model patrickjohncyh/fashion-clip --out exported/fashion-clip

With --random the model has the true architecture and random weights, and PyTorch is all that is needed:
    python3 export_hf_clip.py --random vit-b-32 --out exported/random
"""
import exporting

parser = exporting.clip_arguments(__doc__)
parser.add_argument("--model", metavar="NAME|DIR", help="a model's name or folder")
parser.add_argument("--random", metavar="SIZE", help="vit-b-32 or tiny: random weights instead")
parser.add_argument("--joint", action="store_true", help="both towers in one file, with the logits")
options = parser.parse_args()

if options.random:
    import clip_models

    size = clip_models.SIZES[options.random]
    model = clip_models.random_model("hf", options.random)
    exporting.export_clip(model, model.encode_image, model.encode_text, size["image"], size["vocabulary"],
                          size["context"], options, model.image_tokens, model.text_tokens, options.joint)
else:
    if not options.model:
        parser.error("--model or --random is needed")
    import transformers

    try:
        model = transformers.CLIPModel.from_pretrained(options.model, attn_implementation="eager").eval()
    except TypeError:  # before the choice of attention existed
        model = transformers.CLIPModel.from_pretrained(options.model).eval()
    vision, text = model.config.vision_config, model.config.text_config

    def image_tokens(images):
        states = model.vision_model(pixel_values=images).last_hidden_state
        return model.visual_projection(model.vision_model.post_layernorm(states))

    def image_features(images):
        return image_tokens(images)[:, 0]

    def text_tokens(tokens):
        return model.text_projection(model.text_model(input_ids=tokens).last_hidden_state)

    def text_features(tokens):
        return model.text_projection(model.text_model(input_ids=tokens).pooler_output)

    if text.eos_token_id not in (2, text.vocab_size - 1):
        raise SystemExit(f"eos_token_id {text.eos_token_id} is not the last token: the check's texts would not end")
    exporting.export_clip(model, image_features, text_features, vision.image_size, text.vocab_size,
                          text.max_position_embeddings, options, image_tokens, text_tokens, options.joint)
