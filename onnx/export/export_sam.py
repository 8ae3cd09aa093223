"""Segment Anything and MobileSAM to ONNX: the image encoder, run once a photo, and the mask decoder, run once a box.

    python3 export_sam.py --checkpoint sam_vit_b_01ec64.pth --model vit_b --out exported/sam
    ./rafclip data masks --segmenter sam --sam-encoder exported/sam/encoder.onnx --sam-decoder exported/sam/decoder.onnx ...

The released checkpoints of vit_b, vit_l, vit_h and MobileSAM's vit_t (mobile_sam.pt) load into the PyTorch model beside
this script; segment-anything itself is not needed. With --random the weights are random:
    python3 export_sam.py --random tiny --out exported/random
"""
import torch

import exporting
import sam_model

parser = exporting.arguments(__doc__)
parser.add_argument("--model", choices=["vit_b", "vit_l", "vit_h", "vit_t"], default="vit_b", help="default: %(default)s")
parser.add_argument("--checkpoint", metavar="FILE", help="a released .pth file")
parser.add_argument("--random", metavar="SIZE", help="vit_b, vit_l, vit_h, vit_t, tiny or tiny_mobile: random weights instead")
parser.add_argument("--single", action="store_true", help="the decoder answers one mask, not four")
options = parser.parse_args()

if options.random:
    sam = sam_model.random_model(options.random)
elif options.checkpoint:
    sam = sam_model.SegmentAnything(**sam_model.SIZES[options.model])
    # Checkpoints only: weights_only refuses files that carry code, where the installed PyTorch knows it.
    try:
        state = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    except TypeError:
        state = torch.load(options.checkpoint, map_location="cpu")
    sam_model.load(sam, state)
else:
    parser.error("--checkpoint or --random is needed")

generator = torch.Generator().manual_seed(4)
image = torch.randn(1, 3, sam.image, sam.image, generator=generator)
exporting.export(sam.image_encoder, (image,), options.out / "encoder.onnx", ["image"], ["image_embeddings"], {}, options)

with torch.no_grad():
    embeddings = sam.image_encoder(image)
decoder = sam_model.Decoder(sam, options.single).eval()
side = 4 * sam.grid


def prompt(points, labels, height, width):
    return (embeddings, torch.tensor([points]) * sam.image, torch.tensor([labels]), torch.zeros(1, 1, side, side),
            torch.zeros(1), torch.tensor([float(height), float(width)]))


exporting.export(
    decoder, prompt([[0.1, 0.2], [0.5, 0.9]], [2.0, 3.0], 3 * side, 2 * side), options.out / "decoder.onnx",
    ["image_embeddings", "point_coords", "point_labels", "mask_input", "has_mask_input", "orig_im_size"],
    ["masks", "iou_predictions", "low_res_masks"],
    {"point_coords": {1: "num_points"}, "point_labels": {1: "num_points"}, "masks": {2: "height", 3: "width"}}, options,
    prompt([[0.3, 0.4], [0.6, 0.1], [0.0, 0.0]], [1.0, 0.0, -1.0], side, 3 * side))
