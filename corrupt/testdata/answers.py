"""Writes answers.safetensors: what other programs make of the test's pictures.

    pip install imagecorruptions==1.1.2   # and what it brings: OpenCV, SciPy, scikit-image, Pillow
    python answers.py

imagecorruptions is Michaelis et al.'s package of ImageNet-C's functions; those
of them whose formula is still the authors' are run as they are, with the
constants of the three sizes. Zoom, motion blur, snow, elastic and pixelate
differ there from the authors' program; they are put together here from the
same libraries' operations, as the authors describe them.

Every random number comes from the counter below, which the Go test has too, so
that the same formula meets the same draws. Of every answer each 23rd byte is
kept.
"""
import json
import struct
import sys
import types
import warnings

import cv2
import numpy as np
import scipy.ndimage
import skimage.filters
from PIL import Image

warnings.simplefilter("ignore")
# What today's versions of the libraries have renamed since imagecorruptions.
np.float_ = np.float64
sys.modules["scipy.ndimage.interpolation"] = scipy.ndimage
import imagecorruptions.corruptions as ic  # noqa: E402


def gaussian(x, sigma, multichannel=False, **more):
    return skimage.filters.gaussian(x, sigma=sigma, channel_axis=-1 if multichannel else None, **more)


ic.gaussian = gaussian


class Draws:
    """Numbers that only look random, by a counter."""

    def restart(self):
        self.at = 0

    def random(self, shape=()):
        n = int(np.prod(shape))
        x = (np.arange(self.at + 1, self.at + 1 + n, dtype=np.uint64) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
        self.at += n
        x ^= x >> np.uint64(15)
        x = (x * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
        x ^= x >> np.uint64(13)
        return ((x.astype(np.float64) + 0.5) / 2**32).reshape(shape)

    def normal(self, loc=0.0, scale=1.0, size=()):
        return loc + scale * (np.sqrt(12) * (self.random(size) - 0.5))

    def uniform(self, low, high, size=()):
        return low + (high - low) * self.random(size)

    def randint(self, low, high, size=()):
        return low + np.floor((high - low) * self.random(size)).astype(int)

    def poisson(self, mean):
        return np.floor(2 * mean * self.random(mean.shape))


draws = Draws()
np.random.normal, np.random.uniform = draws.normal, draws.uniform
np.random.randint, np.random.poisson = draws.randint, draws.poisson
np.random.default_rng = lambda _=None: draws


def synthetic(side):
    i = np.arange(side * side * 3, dtype=np.uint64)
    noise = (((i + np.uint64(1)) * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)) >> np.uint64(24)
    pixel, c = i // np.uint64(3), i % np.uint64(3)
    slope = (pixel // np.uint64(side) * np.uint64(3) + pixel % np.uint64(side) * np.uint64(2) + c * np.uint64(60)) % np.uint64(256)
    return ((noise + np.uint64(3) * slope) // np.uint64(4)).astype(np.uint8).reshape(side, side, 3)


def with_constants(f, constants):
    """The function f with its list of five constants replaced."""
    code = f.__code__
    constants = tuple(tuple(c) if isinstance(c, list) else c for c in constants)
    at = [i for i, c in enumerate(code.co_consts) if isinstance(c, tuple) and len(c) == 5 and not isinstance(c[0], str)]
    assert len(at) == 1, (f.__name__, code.co_consts)
    consts = list(code.co_consts)
    consts[at[0]] = constants
    return types.FunctionType(code.replace(co_consts=tuple(consts)), f.__globals__)


plain = {
    "gaussian_noise": [[.04, .06, .08, .09, .10], [.04, .08, .12, .15, .18], None],
    "shot_noise": [[500, 250, 100, 75, 50], [250, 100, 50, 30, 15], None],
    "impulse_noise": [[.01, .02, .03, .05, .07], [.01, .02, .05, .08, .14], None],
    "defocus_blur": [[[.3, .4], [.4, .5], [.5, .6], [1, .2], [1.5, .1]], [[.5, .6], [1, .1], [1.5, .1], [2.5, .01], [3, .1]], None],
    "glass_blur": [[[.05, 1, 1], [.25, 1, 1], [.4, 1, 1], [.25, 1, 2], [.4, 1, 2]], [[.1, 1, 1], [.5, 1, 1], [.6, 1, 2], [.7, 2, 1], [.9, 2, 2]], None],
    "fog": [[[.2, 3], [.5, 3], [.75, 2.5], [1, 2], [1.5, 1.75]], [[.4, 3], [.7, 3], [1, 2.5], [1.5, 2], [2, 1.75]], None],
    "brightness": [[.05, .1, .15, .2, .3], [.1, .2, .3, .4, .5], None],
    "contrast": [[.75, .5, .4, .3, .15], [.4, .3, .2, .1, .05], None],
    "jpeg_compression": [[80, 65, 58, 50, 40], [65, 58, 50, 40, 25], None],
    "speckle_noise": [[.06, .1, .12, .16, .2], [.15, .2, .25, .3, .35], None],
    "gaussian_blur": [[.4, .6, .7, .8, 1], [.5, .75, 1, 1.25, 1.5], None],
    "saturate": [[[.3, 0], [.1, 0], [1.5, 0], [2, .1], [2.5, .2]], [[.3, 0], [.1, 0], [2, 0], [5, .1], [30, .2]], None],
}


def zoomed(x, factor):
    n = x.shape[0]
    part = int(np.ceil(n / factor))
    first = (n - part) // 2
    big = scipy.ndimage.zoom(x[first:first + part, first:first + part], (factor, factor, 1), order=1, mode="nearest")
    skip = (big.shape[0] - n) // 2
    return big[skip:skip + n, skip:skip + n]


def zoom_blur(x, factors):
    x = np.array(x) / 255.
    layers = [zoomed(x, z) for z in factors]
    return np.clip((x + sum(layers)) / (len(layers) + 1), 0, 1) * 255


def motion_blur(x, c):
    return np.round(np.clip(ic._motion_blur(np.array(x) / 1., c[0], c[1], draws.uniform(-45, 45)), 0, 255))


def snow(x, c):
    x = np.array(x) / 255.
    layer = draws.normal(c[0], c[1], x.shape[:2])
    layer = zoomed(layer[..., None], c[2])[..., 0]
    layer[layer < c[3]] = 0
    layer = np.floor(np.clip(layer, 0, 1) * 255)
    layer = np.round(ic._motion_blur(layer, c[4], c[5], draws.uniform(-135, -45)))[..., None] / 255
    grey = cv2.cvtColor(x.astype(np.float32), cv2.COLOR_RGB2GRAY)[..., None]
    x = c[6] * x + (1 - c[6]) * np.maximum(x, grey * 1.5 + 0.5)
    return np.clip(x + layer + np.rot90(layer, 2), 0, 1) * 255


def elastic_transform(x, c):
    x = np.array(x, np.float32) / 255
    n = x.shape[0]
    middle, side = n // 2, n // 3
    source = np.float32([[middle + side, middle + side], [middle + side, middle - side], [middle - side, middle - side]])
    target = source + draws.uniform(-c[2], c[2], source.shape).astype(np.float32)
    x = cv2.warpAffine(x, cv2.getAffineTransform(source, target), (n, n), borderMode=cv2.BORDER_REFLECT_101)
    dx = gaussian(draws.uniform(-1, 1, (n, n)), c[1], mode="reflect", truncate=3) * c[0]
    dy = gaussian(draws.uniform(-1, 1, (n, n)), c[1], mode="reflect", truncate=3) * c[0]
    rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    moved = [scipy.ndimage.map_coordinates(x[..., k], [rows + dy, columns + dx], order=1, mode="reflect") for k in range(3)]
    return np.clip(np.stack(moved, -1), 0, 1) * 255


def pixelate(x, share):
    w, h = x.size
    return x.resize((int(w * share), int(h * share)), Image.BOX).resize((w, h), Image.BOX)


own = {
    zoom_blur: [[np.arange(1, e, .01) for e in (1.06, 1.11, 1.16, 1.21, 1.26)]] * 2 + [
        [np.arange(1, 1.11, .01), np.arange(1, 1.16, .01), np.arange(1, 1.21, .02), np.arange(1, 1.26, .02), np.arange(1, 1.31, .03)]],
    motion_blur: [[(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)], [(10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)],
                  [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)]],
    snow: [[(.1, .2, 1, .6, 8, 3, a), (.1, .2, 1, .5, 10, 4, b), (.15, .3, 1.75, .55, 10, 4, c), (.25, .3, 2.25, .6, 12, 6, d), (.3, .3, 1.25, .65, 14, 12, e)]
           for a, b, c, d, e in ((.95, .9, .9, .85, .8), (.8, .8, .7, .65, .6))] + [
        [(.1, .3, 3, .5, 10, 4, .8), (.2, .3, 2, .5, 12, 4, .7), (.55, .3, 4, .9, 12, 8, .7), (.55, .3, 4.5, .85, 12, 8, .65), (.55, .3, 2.5, .85, 12, 12, .55)]],
    elastic_transform: [[(n * a, n * b, n * c) for a, b, c in shares] for n, shares in (
        (32, ((0, 0, .08), (.05, .2, .07), (.08, .06, .06), (.1, .04, .05), (.1, .03, .03))),
        (64, ((0, 0, .08), (.05, .3, .06), (.1, .08, .06), (.1, .03, .03), (.16, .03, .02))),
        (244, ((2, .7, .1), (2, .08, .2), (.05, .01, .02), (.07, .01, .02), (.12, .01, .02))))],
    pixelate: [[.95, .9, .85, .75, .65], [.9, .8, .7, .6, .5], [.6, .5, .4, .3, .25]],
}

answers = {}
for scale, side in enumerate((32, 64, 128)):
    image = Image.fromarray(synthetic(side))
    for severity in range(1, 6):
        for name, constants in plain.items():
            f = getattr(ic, name)
            if constants[scale]:
                f = with_constants(f, constants[scale])
            draws.restart()
            answers[f"{name}/{side}/{severity}"] = np.uint8(f(image, severity))
        for f, constants in own.items():
            draws.restart()
            answers[f"{f.__name__}/{side}/{severity}"] = np.uint8(f(image, constants[scale][severity - 1]))

header, content = {}, b""
for key in sorted(answers):
    kept = answers[key].reshape(-1)[::23].tobytes()
    header[key] = {"dtype": "U8", "shape": [len(kept)], "data_offsets": [len(content), len(content) + len(kept)]}
    content += kept
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("answers.safetensors", "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + content)
