"""Writes pillow.safetensors: what Pillow 9.4 and torchvision 0.14.1 make of
synthetic pictures. A key is operation/H×W×C/arguments, as picture's test reads
it; the pictures are synthetic(H, W, C). Prints digests of exhaustive tests."""

import hashlib
import json
import struct

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torchvision import transforms
from torchvision.transforms import functional as F

FILTERS = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
answers = {}


def synthetic(h, w, c):
    i = np.arange(1, h * w * c + 1, dtype=np.uint64)
    noise = (i * 2654435761 % 2**32 >> 24).astype(np.int64)
    y, x, k = np.indices((h, w, c))
    slope = (y * 3 + x * 2 + k * 60) % 256
    a = ((noise.reshape(h, w, c) + 3 * slope) // 4).astype(np.uint8)
    return Image.fromarray(a[:, :, 0] if c == 1 else a, {1: "L", 3: "RGB", 4: "CMYK"}[c])


def add(operation, size, arguments, function):
    key = "/".join([operation, "x".join(map(str, size))] + [str(a) for a in arguments])
    image = np.asarray(function(synthetic(*size)))
    answers[key] = image[:, :, None] if image.ndim == 2 else image


def resize(size, to, filter, box=None):
    h, w, _ = size
    left, top, right, bottom = box or (0, 0, w, h)
    add("resize", size, [to[0], to[1], filter, left, top, right, bottom],
        lambda im: im.resize((to[1], to[0]), FILTERS[filter], (left, top, right, bottom)))


def oriented(orientation):
    def function(im):
        im.getexif()[0x0112] = orientation
        return ImageOps.exif_transpose(im)
    return function


for f in FILTERS:
    for c in 1, 3:
        resize((33, 29, c), (17, 41), f)
        resize((33, 29, c), (12, 9), f, (1.25, 2.75, 27.6, 30.1))
        resize((33, 29, c), (7, 50), f, (3, 0, 20.3333, 33))
        resize((33, 29, c), (33, 10), f)
        resize((33, 29, c), (10, 29), f)
        resize((33, 29, c), (4, 4), f, (10.1, 10.2, 10.6, 10.9))
        resize((1, 37, c), (5, 11), f)
        resize((37, 1, c), (11, 5), f)
        resize((1, 1, c), (3, 7), f)
        resize((2, 3, c), (64, 1), f)
    resize((20000, 3, 3), (10, 2), f)
    resize((3, 20000, 3), (2, 10), f)
    resize((2, 20000, 1), (2, 10), f)
    resize((150, 200, 3), (30, 40), f)
    resize((150, 200, 3), (16, 16), f, (0.5, 20, 199.5, 149))
    resize((150, 40, 3), (33, 14), f)
    resize((40, 150, 4), (30, 22), f)

for o in range(1, 9):
    add("orient", (7, 5, 3), [o], oriented(o))
    add("orient", (4, 6, 1), [o], oriented(o))

for size in (1, 1, 3), (2, 2, 3), (3, 3, 3), (1, 5, 1), (8, 13, 1), (20, 31, 3):
    for factor in 0.0, 0.4, 1.0, 1.7, 3.5:
        add("sharpness", size, [factor], lambda im: ImageEnhance.Sharpness(im).enhance(factor))
for size in (16, 32, 1), (23, 22, 3), (9, 7, 1):
    for factor in 0.0, 0.3, 1.0, 2.5:
        add("contrast", size, [factor], lambda im: ImageEnhance.Contrast(im).enhance(factor))
        add("brightness", size, [factor], lambda im: ImageEnhance.Brightness(im).enhance(factor))
        add("color", size, [factor], lambda im: ImageEnhance.Color(im).enhance(factor))
    for shift in -0.5, -0.013, 0.0, 0.25, 0.5:
        add("hue", size, [shift], lambda im: F.adjust_hue(im, shift))
    add("equalize", size, [], ImageOps.equalize)
    add("autocontrast", size, [], ImageOps.autocontrast)

for size in (19, 27, 3), (14, 9, 1), (1, 30, 3), (30, 1, 1), (1, 1, 3):
    for radius in 0.1, 0.5, 1.0, 2.0, 3.7, 25.0:
        add("boxes", size, [radius], lambda im: im.filter(ImageFilter.GaussianBlur(radius)))
for size in (40, 51, 3), (25, 24, 1):
    for kernel, sigma in (3, 0.8), (5, 1.5), (23, 0.1), (23, 2.0):
        add("blur", size, [kernel, sigma], lambda im: F.gaussian_blur(im, [kernel, kernel], [sigma, sigma]))

for f in FILTERS:
    for size in (21, 34, 3), (20, 20, 1), (18, 18, 3), (1, 9, 3):
        for degrees in 0, 90, 180, 270, -90, 45, -123.456, 359.5, 720:
            add("rotate", size, [degrees, f],
                lambda im: im.rotate(degrees, FILTERS[f], fillcolor=9 if size[2] == 1 else (9, 80, 200)))
        for m in (0.8, 0.1, 2.5, -0.2, 1.1, 3.25), (2, 0, -3.5, 0, 0.5, 1.5), (1, 0.3, 0, 0, 1, 0), (-1, 0, 20, 0, -1, 15), (1e5, 0, 0, 3, 1, 0):
            add("affine", size, [*m, f],
                lambda im: im.transform(im.size, Image.AFFINE, m, FILTERS[f], fillcolor=9 if size[2] == 1 else (9, 80, 200)))

header, data = {"__metadata__": {"pillow": "9.4.0", "torchvision": "0.14.1"}}, b""
for key in sorted(answers):
    image = np.ascontiguousarray(answers[key])
    header[key] = {"dtype": "U8", "shape": list(image.shape), "data_offsets": [len(data), len(data) + image.size]}
    data += image.tobytes()
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("pillow.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)

# Every colour once.
colours = np.arange(2**24, dtype=np.uint32)
colours = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(np.uint8)
every = Image.fromarray(colours.reshape(4096, 4096, 3))
for name, image in [
    ("hue 0", F.adjust_hue(every, 0)),
    ("hue 0.1", F.adjust_hue(every, 0.1)),
    ("hue -0.3", F.adjust_hue(every, -0.3)),
    ("grey", every.convert("L").convert("RGB")),
    ("color 0.37", ImageEnhance.Color(every).enhance(0.37)),
    ("color 1.83", ImageEnhance.Color(every).enhance(1.83)),
]:
    print(f"{name}: {hashlib.sha256(np.asarray(image).tobytes()).hexdigest()}")
