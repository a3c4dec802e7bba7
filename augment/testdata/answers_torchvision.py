"""Writes answers_torchvision.json: the tables of torchvision 0.14.1's policies,
digests of what each of their operations makes of three pictures, and digests of
what torchvision's transforms make of pictures when they draw from our streams.

Run with a Python that has torchvision 0.14.1 and Pillow 9.4."""

import json
import math
import os

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import autoaugment, transforms
from torchvision.transforms import functional as F

from stream import AUGMENT, Stream, digest, picture

FILL = (9, 80, 200)
BILINEAR, BICUBIC = F.InterpolationMode.BILINEAR, F.InterpolationMode.BICUBIC
stream = None  # the one in use


class Number:
    """One random number, in place of a tensor of one."""

    def __init__(self, value=0.0):
        self.value = value

    def uniform_(self, low, high):
        self.value = stream.uniform(float(low), float(high))
        return self

    def item(self):
        return self.value

    def __lt__(self, other):
        return self.value < other

    def __gt__(self, other):
        return self.value > other


class Torch:
    """torch, with our streams for its random numbers."""

    def __getattr__(self, name):
        return getattr(torch, name)

    @staticmethod
    def empty(n):
        return Number()

    @staticmethod
    def rand(n):
        return Number(stream.uniform())

    @staticmethod
    def randint(low, high, size):
        return Number(low + stream.integer(high - low))

    @staticmethod
    def exp(number):
        return Number(math.exp(number.value))


transforms.torch = Torch()


def fill_for(image):
    return FILL if image.mode == "RGB" else FILL[0]


# The tables.
def space_table(space):
    return {
        name: {"signed": signed, "magnitudes": [float(v) for v in values.reshape(-1)] if values.ndim else []}
        for name, (values, signed) in space.items()
    }


policies = {
    name: autoaugment.AutoAugment(policy).policies
    for name, policy in [
        ("imagenet", autoaugment.AutoAugmentPolicy.IMAGENET),
        ("cifar10", autoaugment.AutoAugmentPolicy.CIFAR10),
    ]
}
auto, wide = autoaugment.AutoAugment(), autoaugment.TrivialAugmentWide()
auto_sizes = [(33, 29), (224, 224), (375, 500)]
auto_space = {f"{h}x{w}": space_table(auto._augmentation_space(10, (h, w))) for h, w in auto_sizes}
wide_space = space_table(wide._augmentation_space(31))

# Every operation with every magnitude. AutoAugment's translations depend on
# the size, so that they are given by pixels for the first one.
SIZES = [(33, 29, 3), (24, 21, 1), (120, 111, 3)]
operations = {}
for policy, space in [("auto_augment", auto._augmentation_space(10, (33, 29))), ("wide", wide._augmentation_space(31))]:
    for name, (values, signed) in space.items():
        for i, value in enumerate(values.reshape(-1).tolist()):
            for sign in "+-" if signed else "+":
                operations[f"{policy}/{name}/{i}/{sign}"] = digest(*(
                    autoaugment._apply_op(im, name, value if sign == "+" else -value, F.InterpolationMode.NEAREST, fill_for(im))
                    for im in (picture(*size) for size in SIZES)))


# Whole steps.
def auto_augment(policy):
    def apply(image):
        transform = autoaugment.AutoAugment(policy, fill=fill_for(image))

        def get_params(n):
            number = stream.integer(n)
            draws = [(stream.uniform(), 1 - stream.integer(2)) for _ in range(2)]
            return number, [p for p, _ in draws], [s for _, s in draws]

        transform.get_params = get_params
        return transform(image)

    return apply


def trivial_augment(image):
    space = wide._augmentation_space(31)
    name = list(space)[stream.integer(len(space))]
    i, negative = stream.integer(31), stream.integer(2) == 1
    values, signed = space[name]
    magnitude = values[i].item() if values.ndim else 0.0
    if signed and negative:
        magnitude = -magnitude
    return autoaugment._apply_op(image, name, magnitude, F.InterpolationMode.NEAREST, fill_for(image))


def color_jitter(*strengths):
    transform = transforms.ColorJitter(*strengths)

    def get_params(*ranges):
        order = [0, 1, 2, 3]
        for i in 3, 2, 1:
            j = stream.integer(i + 1)
            order[i], order[j] = order[j], order[i]
        factors = [None] * 4
        for i in order:
            if ranges[i] is not None:
                factors[i] = stream.uniform(*ranges[i])
        return order, *factors

    transform.get_params = get_params
    return transform


def erase(p, scale, ratio):
    def apply(image):
        a = np.asarray(image)
        a = a[:, :, None] if a.ndim == 2 else a
        tensor = torch.from_numpy(a.transpose(2, 0, 1).copy())
        value = list(FILL[:tensor.shape[0]])
        erased = transforms.RandomErasing(p, scale, ratio, value)(tensor)
        a = erased.numpy().transpose(1, 2, 0)
        return Image.fromarray(a[:, :, 0] if a.shape[2] == 1 else a)

    return apply


def grey(image):
    return F.to_grayscale(image, 3 if image.mode == "RGB" else 1)


def maybe(p, f):
    return transforms.RandomApply([f], p)


fill = "fill: [9, 80, 200]"
STEPS = [
    ("random_resized_crop: {size: 24}", transforms.RandomResizedCrop(24)),
    ("random_resized_crop: {size: 17, scale: [0.3, 1], ratio: [0.5, 2], interpolation: bicubic}",
     transforms.RandomResizedCrop(17, (0.3, 1), (0.5, 2), BICUBIC)),
    ("random_resized_crop: {size: 20, scale: [0.9, 1], ratio: [2, 3]}", transforms.RandomResizedCrop(20, (0.9, 1), (2, 3))),
    ("random_resized_crop: {size: 20, scale: [1, 1], ratio: [0.2, 0.3]}", transforms.RandomResizedCrop(20, (1, 1), (0.2, 0.3))),
    ("resize: {size: 20}", transforms.Resize(20)),
    ("resize: {height: 20, width: 31, interpolation: bicubic}", transforms.Resize((20, 31), BICUBIC)),
    ("center_crop: {size: 15}", transforms.CenterCrop(15)),
    ("center_crop: {size: 40}", transforms.CenterCrop(40)),
    ("random_crop: {size: 19, padding: 3}", transforms.RandomCrop(19, 3)),
    ("random_crop: {size: 19, padding: 5, border: reflect}", transforms.RandomCrop(19, 5, padding_mode="reflect")),
    ("horizontal_flip: {probability: 0.4}", transforms.RandomHorizontalFlip(0.4)),
    ("vertical_flip: {probability: 0.7}", transforms.RandomVerticalFlip(0.7)),
    ("color_jitter: {brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1, probability: 0.8}",
     maybe(0.8, color_jitter(0.4, 0.4, 0.4, 0.1))),
    ("color_jitter: {brightness: 1.5, contrast: 0, saturation: 2, hue: 0.5, probability: 1}", maybe(1, color_jitter(1.5, 0, 2, 0.5))),
    ("random_grey: {probability: 0.4}", maybe(0.4, grey)),
    # Ours rounds to the same pixels here, not everywhere: see picture.GaussianBlur.
    ("gaussian_blur: {kernel: 7, sigma: [0.1, 2], probability: 0.6}", maybe(0.6, transforms.GaussianBlur(7, (0.1, 2)))),
    (f"auto_augment: {{policy: imagenet, {fill}}}", auto_augment(autoaugment.AutoAugmentPolicy.IMAGENET)),
    (f"auto_augment: {{policy: cifar10, {fill}}}", auto_augment(autoaugment.AutoAugmentPolicy.CIFAR10)),
    (f"trivial_augment_wide: {{{fill}}}", trivial_augment),
    (f"random_erasing: {{probability: 0.8, scale: [0.02, 0.33], ratio: [0.3, 3.3], {fill}}}", erase(0.8, (0.02, 0.33), (0.3, 3.3))),
    (f"random_erasing: {{probability: 1, scale: [0.9, 1], ratio: [0.9, 1.1], {fill}}}", erase(1, (0.9, 1), (0.9, 1.1))),
]
LISTS = [[i] for i in range(len(STEPS))] + [
    [4, 6],  # evaluation: the crop is cut from the resize
    [0, 10, 12, 14],  # SupCon's
    [0, 10, 18, 19],  # torchvision's second recipe
    [8, 10, 17, 19],  # for CIFAR
    [1, 16, 11, 5, 9],
]
KEYS = 24
# What torchvision can do to pictures of a few pixels. Its blur cannot, and its
# crop may be left with none (3).
TINY = [0, 1, 10, 11, 12, 14, 16, 17, 18, 19, 20]
steps = []


def compare(numbers, h, w, c):
    global stream
    digests = []
    for key in range(KEYS):
        stream = Stream(7, AUGMENT, 2, key)
        image = picture(h, w, c)
        for number in numbers:
            image = STEPS[number][1](image)
        digests.append(digest(image))
    steps.append({"steps": [STEPS[number][0] for number in numbers], "size": [h, w, c], "digests": digests})


for numbers in LISTS:
    for size in (33, 29, 3), (29, 41, 1), (60, 52, 3):
        compare(numbers, *size)
for number in TINY:
    for size in (3, 4, 3), (1, 7, 1), (1, 1, 3):
        compare([number], *size)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "answers_torchvision.json"), "w") as file:
    json.dump({
        "versions": {"torchvision": torchvision.__version__, "pillow": PIL.__version__},
        "policies": policies, "auto_augment": auto_space, "trivial_augment_wide": wide_space,
        "sizes": SIZES, "operations": operations, "seed": 7, "epoch": 2, "steps": steps,
    }, file, separators=(",", ":"))
    file.write("\n")
