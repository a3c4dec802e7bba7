"""Writes answers_timm.json: how timm 1.0.31 reads RandAugment's strings, what its
operations make of a level, and digests of what its RandAugment and Mixup make
of pictures when they draw from our streams.

    python3 answers_timm.py FOLDER

FOLDER is timm's data folder; only two of its files are loaded, so that the
Python may be one with Pillow 9.4, NumPy 1 and an old PyTorch."""

import importlib.util
import json
import os
import sys

import numpy as np
import PIL

from stream import AUGMENT, MIX, Stream, digest, picture, synthetic

FILL = (9, 80, 200)
stream = None  # the one in use


def load(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(sys.argv[1], name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


aa, mixup = load("auto_augment"), load("mixup")


class Numpy:
    """numpy, with another numpy.random."""

    def __init__(self, random):
        self.random = random

    def __getattr__(self, name):
        return getattr(np, name)


class Random:
    """Python's random and numpy.random, from our stream."""

    last = 0.0
    centres = None  # of CutMix's boxes, row and column in turn

    def random(self):
        self.last = stream.uniform()
        return self.last

    def uniform(self, low, high):
        return stream.uniform(low, high)

    def gauss(self, mean, deviation):
        return mean + deviation * stream.normal()

    def choice(self, items, n=None, replace=True, p=None):
        if n is None:
            return items[stream.integer(len(items))]
        return [items[stream.integer(len(items))] for _ in range(n)]

    def rand(self):
        return stream.uniform()

    def beta(self, a, b):
        return stream.beta(a)

    def randint(self, low, high, size=None):
        if self.centres is not None:
            return self.centres.pop(0)
        return low + stream.integer(high - low)


shim = Random()
aa.random, aa.np, mixup.np = shim, Numpy(shim), Numpy(shim)


class Aligned:
    """An operation that draws as many numbers as ours: whether it happens and,
    of two, the interpolation are drawn in any case."""

    def __init__(self, op):
        self.op = op

    def __call__(self, image):
        shim.last = 0.0
        if self.op.prob >= 1:
            stream.uniform()
            happens = True
        else:
            copy = Stream(0)
            copy.state = stream.state
            happens = not copy.uniform() > self.op.prob
        image = self.op(image)
        moves = self.op.name.startswith(("Rotate", "Shear", "Translate"))
        if happens and not moves and not isinstance(self.op.kwargs["resample"], int):
            stream.integer(2)
        return image


# How strings are read.
CONFIGS = [
    "rand", "rand-m7-mstd0.5-inc1", "rand-m6-mstd0.5-inc1", "rand-m9-n3-mstd0.5", "rand-m0-n1-p1", "rand-inc1-p0.25-m4",
    "rand-m5-n4-p1-mstd101-inc1", "rand-mstd100", "rand-m15-mmax20-inc1", "rand-m15-mstd0.5-inc1", "rand-inc0", "rand-m3-inc2",
]
REFUSED = ["rand-w0", "rand-x3", "random-m3", "augmix-m3", "rand-m2.5", "rand-n1.5", "rand-inc0.5", "rand-mmax9.5", "rand-p.5"]


def reading(config):
    r = aa.rand_augment_transform(config, dict(img_mean=FILL))
    op = r.ops[0]
    return {
        "magnitude": op.magnitude, "operations": r.num_layers, "probability": op.prob,
        "deviation": -1 if op.magnitude_std == float("inf") else op.magnitude_std,
        "bound": op.magnitude_max or aa._LEVEL_DENOM, "names": [op.name for op in r.ops],
    }


refused = []
for config in REFUSED:
    try:
        reading(config)
    except (AssertionError, ValueError):
        refused.append(config)
assert refused == REFUSED, refused


# What levels mean: [without the minus sign, with it] for each level.
class Sign:
    def random(self):
        return self.value


sign = Sign()
levels = [i / 4 for i in range(0, 41)] + [11.0, 15.5, 20.0, 30.0]
arguments = {}
aa.random = sign
for name in sorted(set(aa._RAND_TRANSFORMS + aa._RAND_INCREASING_TRANSFORMS)):
    function = aa.LEVEL_TO_ARG[name]
    if function is None:
        arguments[name] = []
        continue
    arguments[name] = []
    for level in levels:
        pair = []
        for sign.value in 0.0, 0.9:
            pair.append(function(level, dict(img_mean=FILL))[0])
        arguments[name].append(pair)
aa.random = shim

# Whole steps.
STEPS = [
    ("rand-m7-mstd0.5-inc1", "random"),
    ("rand-m9-mstd0.5-inc1", "bicubic"),
    ("rand-m9-mstd0.5-inc1", "bilinear"),
    ("rand-m9-n3-mstd0.5", "random"),
    ("rand-m5-n4-p1-mstd101-inc1", "random"),
    ("rand-m15-mmax20-mstd2-inc1-p0.9", "random"),
    ("rand", "random"),
]
interpolation = {"bilinear": 2, "bicubic": 3}
steps = []
for config, name in STEPS:
    for h, w, c in (33, 29, 3), (29, 41, 1), (60, 52, 3):
        hparams = dict(img_mean=FILL if c == 3 else FILL[0])
        if name != "random":
            hparams["interpolation"] = interpolation[name]
        transform = aa.rand_augment_transform(config, hparams)
        transform.ops = [Aligned(op) for op in transform.ops]
        digests = []
        for key in range(24):
            stream = Stream(3, AUGMENT, 5, key)
            digests.append(digest(transform(picture(h, w, c))))
        step = f"rand_augment: {{config: {config}, interpolation: {name}, fill: [9, 80, 200]}}"
        steps.append({"steps": [step], "size": [h, w, c], "digests": digests})


# Mixed batches.
def plan(settings, n):
    """What our mixer draws, picture by picture: shares, and CutMix's centres in
    timm's order."""
    lam, cut, centres = np.ones(n, np.float32), np.zeros(n, bool), [None] * n

    def draw(i):
        if stream.uniform() >= settings["prob"]:
            return
        both = settings["mixup_alpha"] > 0 and settings["cutmix_alpha"] > 0
        cut[i] = stream.uniform() < settings["switch_prob"] if both else settings["mixup_alpha"] == 0
        lam[i] = stream.beta(settings["cutmix_alpha" if cut[i] else "mixup_alpha"])
        if cut[i]:
            centres[i] = (stream.integer(size[0]), stream.integer(size[1]))

    if settings["mode"] == "pair":
        for i in range(n):
            draw(i)
    else:
        for i in range(n // 2):
            draw(i)
            draw(n - 1 - i)
    shim.centres = [v for i in range(n) if cut[i] and lam[i] != 1 for v in centres[i]]
    return lam, cut


MIXES = [
    dict(mixup_alpha=0.2, cutmix_alpha=0.0, switch_prob=0.5, prob=1.0),
    dict(mixup_alpha=0.0, cutmix_alpha=1.0, switch_prob=0.5, prob=1.0),
    dict(mixup_alpha=0.8, cutmix_alpha=1.0, switch_prob=0.5, prob=0.75),
    dict(mixup_alpha=1.0, cutmix_alpha=0.3, switch_prob=0.2, prob=0.5),
]
mixes = []
for settings in MIXES:
    for mode in "batch", "pair", "elem":
        for size in (64, 63, 3), (8, 9, 1):
            n = 6
            settings = dict(settings, mode=mode)
            batches = []
            for place in range(16):
                stream = Stream(9, MIX, 1, place)
                images = [(synthetic(*size).astype(int) + 37 * i).astype(np.uint8) for i in range(n)]
                collate = mixup.FastCollateMixup(**settings, label_smoothing=0, num_classes=n)
                shim.centres = None
                if mode != "batch":
                    collate._params_per_elem = lambda count: plan(settings, count)
                mixed, target = collate([(im.transpose(2, 0, 1).copy(), i) for i, im in enumerate(images)])
                shares = [round(float(target[i, i]), 7) for i in range(n)]
                for i in range(n):  # the rest belongs to the partner
                    assert abs(shares[i] + float(target[i, n - 1 - i]) - 1) < 1e-6
                batches.append({"digest": digest(mixed.numpy().transpose(0, 2, 3, 1)), "shares": shares})
            mixes.append({**settings, "size": size, "batches": batches})

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "answers_timm.json"), "w") as file:
    json.dump({
        "versions": {"timm": "1.0.31", "pillow": PIL.__version__},
        "readings": {c: reading(c) for c in CONFIGS}, "refused": refused, "levels": levels, "arguments": arguments,
        "seed": 3, "epoch": 5, "steps": steps, "mixSeed": 9, "mixEpoch": 1, "pictures": 6, "mixes": mixes,
    }, file, separators=(",", ":"))
    file.write("\n")
