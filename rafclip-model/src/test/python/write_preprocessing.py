"""What OpenCLIP and transformers make of photos by a model's description, in their arithmetic, with Pillow.

Run with a python that has Pillow (Debian: python3-pil) from the module's folder:
    python3 src/test/python/write_preprocessing.py     writes src/test/resources/org/rafclip/weights/preprocessing
"""
import json
import math
import pathlib
import random

from PIL import Image

FILTERS = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR, 1: Image.LANCZOS, 2: Image.BILINEAR, 3: Image.BICUBIC}
SIZE = 32


def picture(width, height, seed):
    rng = random.Random(seed)
    image = Image.new("RGB", (width, height))
    image.putdata([(255, 255, 255) if (x // 7 + y // 5) % 3 == 0 and (x + y) % 2 else
                   (x * 255 // width, y * 255 // height, 90) if (x // 7 + y // 5) % 3 else
                   tuple(rng.randrange(256) for _ in range(3)) for y in range(height) for x in range(width)])
    return image


def short_side(image, size, kind):
    width, height = image.size
    if width <= height:
        return image.resize((size, int(size * height / width)), kind)
    return image.resize((int(size * width / height), size), kind)


def open_clip(image, config):
    kind = FILTERS[config.get("interpolation", "bicubic")]
    mode = config.get("resize_mode", "shortest")
    if mode == "squash":
        return image.resize((SIZE, SIZE), kind)
    if mode == "longest":
        width, height = image.size
        ratio = max(height / SIZE, width / SIZE)
        image = image.resize((round(width / ratio), round(height / ratio)), kind)
        fill = config.get("fill_color", 0)
        whole = Image.new("RGB", (SIZE, SIZE), tuple(fill) if isinstance(fill, list) else (fill,) * 3)
        whole.paste(image, ((SIZE - image.size[0]) // 2, (SIZE - image.size[1]) // 2))
        return whole
    image = short_side(image, SIZE, kind)
    left, top = (int(round((length - SIZE) / 2.0)) for length in image.size)
    return image.crop((left, top, left + SIZE, top + SIZE))


def hugging_face(image, config):
    kind = FILTERS[config.get("resample", 3)]
    size = config["size"]
    if config.get("do_resize", True):
        if isinstance(size, dict) and "height" in size:
            image = image.resize((size["width"], size["height"]), kind)
        else:
            image = short_side(image, size["shortest_edge"] if isinstance(size, dict) else size, kind)
    if config.get("do_center_crop", True):
        # Rows and columns are padded to the crop's size first, the larger half before.
        width, height = image.size
        whole = Image.new("RGB", (max(SIZE, width), max(SIZE, height)))
        whole.paste(image, (math.ceil((whole.size[0] - width) / 2), math.ceil((whole.size[1] - height) / 2)))
        left, top = ((length - SIZE) // 2 for length in whole.size)
        image = whole.crop((left, top, left + SIZE, top + SIZE))
    return image


CLIP = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
HF_CLIP = {"image_mean": CLIP["mean"], "image_std": CLIP["std"]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
CASES = {
    "openclip-usual": {**CLIP},
    "openclip-squash": {"size": SIZE, "mode": "RGB", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
                        "interpolation": "bicubic", "resize_mode": "squash", "fill_color": 0},
    "openclip-squash-bilinear": {**CLIP, "size": [SIZE, SIZE], "interpolation": "bilinear", "resize_mode": "squash"},
    "openclip-longest": {**CLIP, "resize_mode": "longest"},
    "openclip-longest-gray": {**CLIP, "resize_mode": "longest", "interpolation": "bilinear", "fill_color": 127},
    "openclip-shortest-bilinear": {**CLIP, "resize_mode": "shortest", "interpolation": "bilinear"},
    "hf-clip": {**HF_CLIP, "feature_extractor_type": "CLIPFeatureExtractor", "size": SIZE, "crop_size": SIZE,
                "resample": 3, "do_center_crop": True, "do_normalize": True, "do_resize": True},
    "hf-clip-new": {**HF_CLIP, "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": SIZE},
                    "crop_size": {"height": SIZE, "width": SIZE}, "resample": 2, "do_rescale": True,
                    "rescale_factor": 0.00392156862745098, "do_convert_rgb": True},
    "hf-larger": {**HF_CLIP, "size": {"shortest_edge": 37}, "crop_size": SIZE, "resample": 1},
    "hf-smaller": {**HF_CLIP, "size": {"shortest_edge": 29}, "crop_size": SIZE},
    "hf-siglip": {**HALF, "image_processor_type": "SiglipImageProcessor", "size": {"height": SIZE, "width": SIZE},
                  "resample": 2, "do_center_crop": False, "processor_class": "SiglipProcessor"},
}

target = pathlib.Path("src/test/resources/org/rafclip/weights/preprocessing")
target.mkdir(parents=True, exist_ok=True)
photos = {"wide": picture(61, 43, 1), "tall": picture(40, 57, 3)}
for photo, image in photos.items():
    image.save(target / f"{photo}.png")
cases = []
for name, config in CASES.items():
    for photo, image in photos.items():
        made = (open_clip if name.startswith("openclip") else hugging_face)(image, config)
        made.save(target / f"{name}-{photo}.png")
        mean, std = config.get("mean", config.get("image_mean")), config.get("std", config.get("image_std"))
        pixel = made.getpixel((16, 16))
        cases.append({"name": name, "photo": photo, "config": config,
                      "middle": [(pixel[i] / 255 - mean[i]) / std[i] for i in range(3)]})
(target / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
