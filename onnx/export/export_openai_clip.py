"""OpenAI's CLIP to ONNX.

    pip install git+https://github.com/openai/CLIP onnx onnxruntime
    python3 export_openai_clip.py --model ViT-B/32 --out exported/openai-vit-b-32

Its state dict has OpenCLIP's names and its MLPs QuickGELU. With --random the model has the true architecture and random
weights, and PyTorch is all that is needed:
    python3 export_openai_clip.py --random vit-b-32 --out exported/random
"""
import exporting

parser = exporting.clip_arguments(__doc__)
parser.add_argument("--model", default="ViT-B/32", help="a name that clip.load knows, or a .pt file; default: %(default)s")
parser.add_argument("--random", metavar="SIZE", help="vit-b-32 or tiny: random weights instead")
parser.add_argument("--joint", action="store_true", help="both towers in one file, with the logits")
options = parser.parse_args()

if options.random:
    import clip_models

    size = clip_models.SIZES[options.random]
    model = clip_models.random_model("openclip", options.random, "quick_gelu")
    exporting.export_clip(model, model.encode_image, model.encode_text, size["image"], size["vocabulary"],
                          size["context"], options, model.image_tokens, model.text_tokens, options.joint)
else:
    import clip

    model = clip.load(options.model, device="cpu", jit=False)[0].float().eval()
    exporting.export_clip(model, model.encode_image, model.encode_text, model.visual.input_resolution, model.vocab_size,
                          model.context_length, options, joint=options.joint)
