"""OpenCLIP to ONNX.

    pip install open_clip_torch onnx onnxruntime
    python3 export_openclip.py --model ViT-B-32 --pretrained laion2b_s34b_b79k --out exported/vit-b-32
    ./rafclip onnx import-clip --image exported/vit-b-32/image.onnx --text exported/vit-b-32/text.onnx ...

With --random the model has the true architecture and random weights, and PyTorch is all that is needed:
    python3 export_openclip.py --random vit-b-32 --out exported/random
"""
import exporting

parser = exporting.clip_arguments(__doc__)
parser.add_argument("--model", default="ViT-B-32", help="OpenCLIP's name; default: %(default)s")
parser.add_argument("--pretrained", metavar="TAG|FILE", help="OpenCLIP's tag, or a checkpoint file")
parser.add_argument("--random", metavar="SIZE", help="vit-b-32 or tiny: random weights instead")
parser.add_argument("--activation", choices=["gelu", "quick_gelu"], default="gelu", help="of a random model")
parser.add_argument("--joint", action="store_true", help="both towers in one file, with the logits")
options = parser.parse_args()

if options.random:
    import clip_models

    size = clip_models.SIZES[options.random]
    model = clip_models.random_model("openclip", options.random, options.activation)
    exporting.export_clip(model, model.encode_image, model.encode_text, size["image"], size["vocabulary"],
                          size["context"], options, model.image_tokens, model.text_tokens, options.joint)
else:
    if not options.pretrained:
        parser.error("--pretrained or --random is needed")
    import open_clip

    model = open_clip.create_model(options.model, pretrained=options.pretrained).eval()
    image_size = model.visual.image_size
    image_size = image_size[0] if isinstance(image_size, (tuple, list)) else image_size
    exporting.export_clip(model, model.encode_image, model.encode_text, image_size,
                          model.token_embedding.num_embeddings, model.positional_embedding.shape[0], options,
                          joint=options.joint)
