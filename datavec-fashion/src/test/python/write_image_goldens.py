"""Writes the image files and the reference results that the tests of org.rafclip.data.image and .prepare read.

Run with Debian's python3 and python3-pil from the directory datavec-fashion:
    /usr/bin/python3 src/test/python/write_image_goldens.py
Pillow is the reference: results are what it (9.4.0 with libjpeg-turbo 2.1.5) makes of the same input.
"""

import io
import random
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

RESOURCES = Path("src/test/resources/org/rafclip/data")


def picture(width, height, seed):
    """Gradients, hard edges and noise, so that ringing, clipping and rounding all show."""
    rng = random.Random(seed)
    pixels = []
    for y in range(height):
        for x in range(width):
            if (x // 7 + y // 5) % 3 == 0:
                pixels.append((255, 255, 255) if (x + y) % 2 else (0, 0, 0))
            elif (x // 7 + y // 5) % 3 == 1:
                pixels.append((x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)))
            else:
                pixels.append(tuple(rng.randrange(256) for _ in range(3)))
    image = Image.new("RGB", (width, height))
    image.putdata(pixels)
    return image


def smooth(width, height):
    image = Image.new("RGB", (width, height))
    image.putdata([(x * 255 // width, y * 255 // height, 200 - x * 100 // width) for y in range(height) for x in range(width)])
    return image


def write_preparations(folder):
    folder.mkdir(parents=True, exist_ok=True)
    source = picture(61, 43, 1)
    source.save(folder / "source.png")
    sizes = [(96, 96), (17, 11), (61, 20), (30, 43), (122, 86), (150, 7), (1, 1), (61, 43), (60, 44), (5, 99)]
    for width, height in sizes:
        source.resize((width, height), Image.BICUBIC).save(folder / f"bicubic-{width}x{height}.png")
    for width, height in [(96, 67), (17, 11), (30, 43)]:
        source.resize((width, height), Image.BILINEAR).save(folder / f"bilinear-{width}x{height}.png")
        source.resize((width, height), Image.LANCZOS).save(folder / f"lanczos-{width}x{height}.png")
    strip = picture(3, 200, 2)
    strip.save(folder / "strip.png")
    strip.resize((32, 32), Image.BICUBIC).save(folder / "strip-bicubic-32x32.png")
    source.crop((10, 5, 47, 40)).resize((24, 24), Image.BICUBIC).save(folder / "window-10-5-37x35-bicubic-24x24.png")

    # torchvision's Resize(32), CenterCrop(32) in its own arithmetic
    for name, image in (("source", source), ("portrait", picture(40, 57, 3))):
        image.save(folder / f"{name}.png")
        width, height = image.size
        if width <= height:
            resized = image.resize((32, int(32 * height / width)), Image.BICUBIC)
        else:
            resized = image.resize((int(32 * width / height), 32), Image.BICUBIC)
        left = int(round((resized.size[0] - 32) / 2.0))
        top = int(round((resized.size[1] - 32) / 2.0))
        resized.crop((left, top, left + 32, top + 32)).save(folder / f"{name}-clip-32.png")

    # the padding rule of CLIP4Cir's TargetPad
    for width, height in ((61, 20), (20, 61), (50, 41), (50, 40)):
        image = source.resize((width, height))
        image.save(folder / f"pad-{width}x{height}.png")
        longest = max(width, height) / 1.25
        x, y = max(int((longest - width) / 2), 0), max(int((longest - height) / 2), 0)
        ImageOps.expand(image, (x, y, x, y), 0).save(folder / f"pad-{width}x{height}-target-1.25.png")

    for factor in (0.0, 0.3, 1.7):
        for enhancer in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            enhancer(source).enhance(factor).save(folder / f"{enhancer.__name__.lower()}-{factor}.png")
    source.transpose(Image.FLIP_LEFT_RIGHT).save(folder / "mirrored.png")


def over_white(image):
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")


def png_16_bit(width, height, channels):
    """Pillow cannot write 16-bit color, so by hand. The low bytes are noise that a reader has to drop."""
    rng = random.Random(7)
    rows, high = b"", b""
    for _ in range(height):
        rows += b"\0"
        for _ in range(width * channels):
            sample = rng.randrange(65536)
            rows += struct.pack(">H", sample)
            high += bytes([sample >> 8])

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return png, Image.frombytes("RGB" if channels == 3 else "L", (width, height), high).convert("RGB")


def write_files(folder):
    expected = folder / "expected"
    expected.mkdir(parents=True, exist_ok=True)
    image = smooth(25, 18)
    noisy = picture(25, 18, 4)

    def save(name, picture_, reference=None, **options):
        picture_.save(folder / name, **options)
        if reference is None:
            reference = ImageOps.exif_transpose(Image.open(folder / name)).convert("RGB")
        reference.save(expected / (name + ".png"))

    save("420.jpg", noisy, quality=90, subsampling=2)
    save("422.jpg", noisy, quality=90, subsampling=1)
    save("444.jpg", noisy, quality=90, subsampling=0)
    save("progressive.jpg", noisy, quality=90, progressive=True)
    save("gray.jpg", noisy.convert("L"), quality=90)
    save("cmyk.jpg", image.convert("CMYK"), quality=95)
    exif = Image.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        save(f"orientation-{orientation}.jpg", image, quality=90, exif=exif)
    exif[0x0112] = 6
    save("orientation-6.png", image, exif=exif)
    save("orientation-6.webp", image, lossless=True, exif=exif)
    exif[0x0112] = 99
    save("orientation-99.jpg", image, reference=Image.open(folder / "orientation-1.jpg"), quality=90, exif=exif)

    # YCCK: the same four channels, told apart only by the transform byte of Adobe's marker
    data = bytearray((folder / "cmyk.jpg").read_bytes())
    adobe = data.index(b"Adobe")
    assert data[adobe + 11] == 0
    data[adobe + 11] = 2
    (folder / "ycck.jpg").write_bytes(data)
    Image.open(io.BytesIO(data)).convert("RGB").save(expected / "ycck.jpg.png")

    save("palette.png", noisy.quantize(16))
    translucent = noisy.convert("RGBA")
    translucent.putalpha(Image.linear_gradient("L").resize(noisy.size))
    save("rgba.png", translucent, reference=over_white(translucent))
    save("gray-alpha.png", translucent.convert("LA"), reference=over_white(translucent.convert("LA")))
    palette = noisy.quantize(16)
    save("palette-transparent.png", palette, reference=None, transparency=3)
    over_white(Image.open(folder / "palette-transparent.png")).save(expected / "palette-transparent.png.png")
    save("gray.png", noisy.convert("L"))
    save("bits.png", noisy.convert("1"))
    for channels, name in ((3, "rgb-16.png"), (1, "gray-16.png")):
        data, reference = png_16_bit(25, 18, channels)
        (folder / name).write_bytes(data)
        reference.save(expected / (name + ".png"))
    save("lossy.webp", image, quality=80)
    save("lossless.webp", noisy, lossless=True)
    save("alpha.webp", translucent, reference=over_white(translucent), lossless=True)
    clear = image.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    save("alpha-lossy.webp", clear, reference=over_white(clear), quality=90)
    save("plain.bmp", noisy)
    save("gray.bmp", noisy.convert("L"))
    save("plain.gif", noisy.quantize(32))
    save("transparent.gif", palette, transparency=3)
    over_white(Image.open(folder / "transparent.gif")).save(expected / "transparent.gif.png")


write_preparations(RESOURCES / "prepare")
write_files(RESOURCES / "image")
