"""Writes the small exports of SAM's relatives that tests import, made by the original code, with the answers that PyTorch
computes.

Needs PyTorch and onnx (Debian: python3-torch, python3-onnx) and, side by side in a folder, the repositories EfficientSAM
(yformer), sam2 (facebookresearch) and samexporter (vietanhdev). Run from the module's folder:
    python3 src/test/python/write_sam_kinds.py SOURCES              writes src/test/resources/org/rafclip/onnx/exports
    python3 src/test/python/write_sam_kinds.py SOURCES full DIR     EfficientSAM-Ti and SAM 2 Hiera-T of full size, random weights
"""
import pathlib
import sys
import types
import warnings

import onnx
import torch
import torch.nn.functional as F
from onnx import helper
from torch import nn

HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[3] / "export"), str(HERE.parent)]
import clip_models  # noqa: E402
import sam_model  # noqa: E402
from bare import strip  # noqa: E402

SOURCES = pathlib.Path(sys.argv[1])


def absent(name, **members):
    """A module that the original code imports and that nothing here calls."""
    module = types.ModuleType(name)
    for key, value in members.items():
        setattr(module, key, value)
    sys.modules[name] = module


def attention(q, k, v, dropout_p=0.0):
    """What PyTorch has under this name since 2.0, as the exporter of later versions writes it."""
    return (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1) @ v


absent("segment_anything")
absent("segment_anything.modeling", Sam=object)
absent("iopath")
absent("iopath.common")
absent("iopath.common.file_io", g_pathmgr=None)
absent("sam2.build_sam", build_sam2=None)
absent("sam2.modeling.sam2_base", SAM2Base=nn.Module)
absent("sam2.utils.misc", mask_to_box=None)
# PyTorch 1.13 does not export tile; repeat is the same where every dimension is given. Later ones export it with branches:
# see tiled_in_branches.
torch.tile = torch.Tensor.tile = lambda x, repeats: x.repeat(repeats)
# A number beside single precision is written in double precision by it.
where = torch.where
torch.where = lambda condition, x, y: where(condition, x, torch.tensor(y) if isinstance(y, float) else y)
F.scaled_dot_product_attention = getattr(F, "scaled_dot_product_attention", attention)
for repository in ("EfficientSAM", "sam2", "samexporter"):
    sys.path.insert(0, str(SOURCES / repository))
sys.modules.pop("sam2", None)
absent("sam2")
sys.modules["sam2"].__path__ = [str(SOURCES / "sam2" / "sam2")]

import onnx_models  # noqa: E402
from efficient_sam.efficient_sam import EfficientSam  # noqa: E402
from efficient_sam import efficient_sam_decoder, efficient_sam_encoder, two_way_transformer  # noqa: E402
from sam2.modeling.backbones.hieradet import Hiera  # noqa: E402
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder  # noqa: E402
from sam2.modeling.position_encoding import PositionEmbeddingSine  # noqa: E402
from sam2.modeling.sam.mask_decoder import MaskDecoder  # noqa: E402
from sam2.modeling.sam.prompt_encoder import PromptEncoder  # noqa: E402
from sam2.modeling.sam.transformer import TwoWayTransformer  # noqa: E402
from samexporter.export_sam2 import SAM2ImageDecoder, SAM2ImageEncoder  # noqa: E402
from samexporter.onnx_utils import ImageEncoderOnnxModel  # noqa: E402


def randomize(model, seed=1):
    """Random weights of such sizes that every parameter shows in the masks."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() < 2:
                parameter.copy_((1 if name.endswith("weight") else 0) + 0.1 * noise)
            elif "embed" in name and "patch_embed" not in name or "token" in name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(noise * parameter[0].numel() ** -0.5)
        for name, buffer in model.named_buffers():
            if "gaussian" in name:
                buffer.copy_(torch.randn(buffer.shape, generator=generator))
    return model.eval()


def tiled_in_branches(file):
    """Repeats of a Tile as PyTorch exports them since 2.0: ones are put before them where they are fewer than dimensions."""
    model = onnx.load(str(file))
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Tile":
            data, repeats = node.input
            name = node.output[0] + "_"
            nodes += [
                helper.make_node("Shape", [data], [name + "shape"]),
                helper.make_node("Size", [name + "shape"], [name + "rank"]),
                helper.make_node("Size", [repeats], [name + "given"]),
                helper.make_node("Sub", [name + "rank", name + "given"], [name + "fewer"]),
                helper.make_node("Constant", [], [name + "zero"],
                                 value=helper.make_tensor("", onnx.TensorProto.INT64, [1], [0])),
                helper.make_node("Greater", [name + "fewer", name + "zero"], [name + "short"])]
            padded = [
                helper.make_node("Constant", [], [name + "one"], value=helper.make_tensor("", onnx.TensorProto.INT64, [1], [1])),
                helper.make_node("Reshape", [name + "fewer", name + "one"], [name + "count"]),
                helper.make_node("Expand", [name + "one", name + "count"], [name + "ones"]),
                helper.make_node("Concat", [name + "ones", repeats], [name + "padded"], axis=0)]
            same = [helper.make_node("Identity", [repeats], [name + "same"])]
            result = [helper.make_tensor_value_info(name + end, onnx.TensorProto.INT64, ["n" + end])
                      for end in ("padded", "same")]
            nodes.append(helper.make_node(
                "If", [name + "short"], [name + "repeats"],
                then_branch=helper.make_graph(padded, "then", [], result[:1]),
                else_branch=helper.make_graph(same, "else", [], result[1:])))
            node.input[1] = name + "repeats"
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def export(module, example, file, inputs, outputs, dynamic=None):
    file.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, example, str(file), opset_version=17, do_constant_folding=True, input_names=inputs,
                          output_names=outputs, dynamic_axes=dynamic)
    strip(file)
    tiled_in_branches(file)
    print(f"{file}: {file.stat().st_size} bytes")


def photo(height, width):
    """Smooth color, so that a resize shows little of its kernel, with some noise."""
    y = torch.arange(height)[:, None, None] / height
    x = torch.arange(width)[None, :, None] / width
    waves = 127 + 90 * torch.sin(6 * x + torch.tensor([0.0, 1.0, 2.0])) * torch.cos(5 * y)
    noise = torch.randn(height, width, 3, generator=torch.Generator().manual_seed(8))
    return (waves + 10 * noise).clamp(0, 255).to(torch.uint8)


CORNERS = [[10.0, 20.0], [50.0, 40.0]]


# ------------------------------------------------------------------------------------------------------- EfficientSAM

def efficient_sam(image=64, width=12, heads=3, depth=2, channels=16, mlp=24, upscaling=(8, 4), head=16, decoder_heads=2):
    """As build_efficient_sam puts it together, which has these numbers fixed."""
    encoder = efficient_sam_encoder.ImageEncoderViT(
        img_size=image, patch_size=16, in_chans=3, patch_embed_dim=width, normalization_type="layer_norm", depth=depth,
        num_heads=heads, mlp_ratio=4.0, neck_dims=[channels, channels], act_layer=nn.GELU)
    grid = encoder.image_embedding_size
    return randomize(EfficientSam(
        image_encoder=encoder,
        prompt_encoder=efficient_sam_decoder.PromptEncoder(
            embed_dim=channels, image_embedding_size=(grid, grid), input_image_size=(image, image)),
        decoder_max_num_input_points=6,
        mask_decoder=efficient_sam_decoder.MaskDecoder(
            transformer_dim=channels,
            transformer=two_way_transformer.TwoWayTransformer(
                depth=2, embedding_dim=channels, num_heads=decoder_heads, mlp_dim=mlp, activation=nn.GELU,
                normalize_before_activation=False),
            num_multimask_outputs=3, activation=nn.GELU, normalization_type="layer_norm",
            normalize_before_activation=False, iou_head_depth=2, iou_head_hidden_dim=head,
            upscaling_layer_dims=list(upscaling))))


def write_efficient_sam(folder, size):
    """The calls of the repository's own export_to_onnx.py."""
    model = efficient_sam(**size)
    side, channels = model.image_encoder.img_size, model.image_encoder.transformer_output_dim
    grid = model.image_encoder.image_embedding_size
    export(onnx_models.OnnxEfficientSamEncoder(model), torch.randn(1, 3, side + 56, 2 * side), folder / "encoder.onnx",
           ["batched_images"], ["image_embeddings"], {"batched_images": {0: "batch", 2: "height", 3: "width"}})
    decoder = onnx_models.OnnxEfficientSamDecoder(model)
    points = torch.randint(0, side, (1, 1, 5, 2)).float()
    export(decoder,
           (torch.randn(1, channels, grid, grid), points, torch.randint(0, 4, (1, 1, 5)).float(),
            torch.tensor([side + 56, 2 * side])),
           folder / "decoder.onnx",
           ["image_embeddings", "batched_point_coords", "batched_point_labels", "orig_im_size"],
           ["output_masks", "iou_predictions"],
           {"image_embeddings": {0: "batch"}, "batched_point_coords": {2: "num_points"},
            "batched_point_labels": {2: "num_points"}})
    image = photo(side, side)
    with torch.no_grad():
        embeddings = model.get_image_embeddings(image.permute(2, 0, 1)[None] / 255)
        # The photo is twice as wide as high; corners in its pixels.
        size = torch.tensor([side, 2 * side])
        corners = torch.tensor(CORNERS) * side / 64
        masks, scores, low = decoder(embeddings, corners[None, None] * torch.tensor([2.0, 1.0]),
                                     torch.tensor([[[2.0, 3.0]]]), size)
    clip_models.save_safetensors(folder / "golden.safetensors", {
        "photo": image.half(), "embedding_0": embeddings, "corners": corners, "logits": low[0], "scores": scores[0, 0],
        "masks": masks[0, 0]})


# -------------------------------------------------------------------------------------------------------------- SAM 2

class Sam2(nn.Module):
    """The parts of SAM2Base that its image predictor uses."""

    def __init__(self, image, channels, sines, trunk, decoder_heads, mlp, head):
        super().__init__()
        hiera = Hiera(**trunk)
        self.image_size, self.backbone_stride, self.num_feature_levels = image, 16, 3
        self.image_encoder = ImageEncoder(
            scalp=1, trunk=hiera,
            neck=FpnNeck(PositionEmbeddingSine(sines, normalize=True, scale=None, temperature=10000), channels,
                         hiera.channel_list, fpn_top_down_levels=[2, 3], fpn_interp_model="nearest"))
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, channels))
        grid = image // 16
        self.sam_prompt_encoder = PromptEncoder(channels, (grid, grid), (image, image), 16)
        self.sam_mask_decoder = MaskDecoder(
            num_multimask_outputs=3,
            transformer=TwoWayTransformer(depth=2, embedding_dim=channels, mlp_dim=mlp, num_heads=decoder_heads),
            transformer_dim=channels, iou_head_depth=3, iou_head_hidden_dim=head, use_high_res_features=True,
            iou_prediction_use_sigmoid=True, pred_obj_scores=True, pred_obj_scores_mlp=True,
            use_multimask_token_for_obj_ptr=True, dynamic_multimask_via_stability=True,
            dynamic_multimask_stability_delta=0.05, dynamic_multimask_stability_thresh=0.98)


TINY_SAM2 = dict(image=64, channels=16, sines=16, decoder_heads=2, mlp=24, head=16,
                 trunk=dict(embed_dim=4, num_heads=1, stages=(1, 1, 2, 1), global_att_blocks=(3,),
                            window_pos_embed_bkg_spatial_size=(7, 7), window_spec=(4, 2, 3, 2)))
HIERA_T = dict(image=1024, channels=256, sines=256, decoder_heads=8, mlp=2048, head=256,
               trunk=dict(embed_dim=96, num_heads=1, stages=(1, 2, 7, 2), global_att_blocks=(5, 7, 9),
                          window_pos_embed_bkg_spatial_size=(7, 7)))


def write_sam2(folder, size):
    """The calls of samexporter's export_sam2.py, with both of its kinds of decoder."""
    model = randomize(Sam2(**size))
    encoder = SAM2ImageEncoder(model).eval()
    side = size["image"]
    image = photo(side, side)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = ((image / 255 - mean) / std).permute(2, 0, 1)[None]
    with torch.no_grad():
        fine, middle, coarse = encoder(pixels)
    export(encoder, pixels, folder / "encoder.onnx", ["image"], ["high_res_feats_0", "high_res_feats_1", "image_embed"])
    corners = torch.tensor(CORNERS) * side / 64
    goldens = {"photo": image.half(), "embedding_0": coarse, "embedding_1": fine, "embedding_2": middle, "corners": corners}
    grid = side // 16
    names = ["image_embed", "high_res_feats_0", "high_res_feats_1", "point_coords", "point_labels", "mask_input",
             "has_mask_input"]
    for several in (True, False):
        decoder = SAM2ImageDecoder(model, multimask_output=several).eval()
        export(decoder, (coarse, fine, middle, torch.randint(0, side, (1, 5, 2)).float(), torch.zeros(1, 5),
                         torch.randn(1, 1, 4 * grid, 4 * grid), torch.ones(1)),
               folder / ("decoder.onnx" if several else "single.onnx"), names, ["masks", "iou_predictions"],
               {"point_coords": {0: "num_labels", 1: "num_points"}, "point_labels": {0: "num_labels", 1: "num_points"},
                "mask_input": {0: "num_labels"}, "has_mask_input": {0: "num_labels"}})
        with torch.no_grad():
            masks, scores = decoder(coarse, fine, middle, corners[None], torch.tensor([[2.0, 3.0]]),
                                    torch.zeros(1, 1, 4 * grid, 4 * grid), torch.zeros(1))
        if several:
            goldens.update(logits=masks[0], scores=scores[0])
            goldens["masks"] = F.interpolate(masks, (side, 2 * side), mode="bilinear", align_corners=False)[0]
        else:
            goldens["single"] = masks[0]
    clip_models.save_safetensors(folder / "golden.safetensors", goldens)


# ---------------------------------------------------------------------------------------- MobileSAM that normalises itself

class Bytes(nn.Module):
    """A graph that is fed with bytes: samexporter's preprocessing, or the same for a batch with channels first."""

    def __init__(self, sam, first):
        super().__init__()
        self.inner = ImageEncoderOnnxModel(sam, use_preprocess=not first)
        self.first = first

    def forward(self, image):
        image = image.to(torch.float32)
        if self.first:
            image = (image - self.inner.pixel_mean[:, None, None]) / self.inner.pixel_std[:, None, None]
        return self.inner(image)


def write_bytes(folder, size):
    """Decoders are those of the exports without preprocessing: the weights are the same."""
    sam = sam_model.random_model(size)
    sam.image_encoder.img_size = sam.image
    inner = photo(sam.image * 2 // 3, sam.image)
    for first in (False, True):
        module = Bytes(sam, first).eval()
        target = pathlib.Path(f"{folder}-{'bchw' if first else 'hwc'}")
        whole = photo(sam.image, sam.image)
        export(module, whole.permute(2, 0, 1)[None] if first else inner, target / "encoder.onnx", ["input_image"],
               ["image_embeddings"], None if first else {"input_image": {0: "image_height", 1: "image_width"}})
        with torch.no_grad():
            clip_models.save_safetensors(target / "golden.safetensors", {
                "photo": (whole if first else inner).half(),
                "embedding_0": module(whole.permute(2, 0, 1)[None] if first else inner)})


torch.manual_seed(3)
if len(sys.argv) > 2:
    target = pathlib.Path(sys.argv[3])
    write_efficient_sam(target / "efficient-sam", dict(image=1024, width=192, heads=3, depth=12, channels=256, mlp=2048,
                                                       upscaling=(64, 32), head=256, decoder_heads=8))
    write_sam2(target / "sam2", HIERA_T)
    write_bytes(target / "mobile-sam", "vit_t")
else:
    target = pathlib.Path("src/test/resources/org/rafclip/onnx/exports")
    write_efficient_sam(target / "efficient-sam-17", {})
    write_sam2(target / "sam2-17", TINY_SAM2)
    write_bytes(target / "mobile-sam-17", "tiny_mobile")
