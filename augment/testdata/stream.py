"""The random streams of package augment, and the pictures of its tests, in
Python: what the comments in stream.go say, written a second time."""

import hashlib
import math

import numpy as np
from PIL import Image

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
AUGMENT, MIX = 2, 3  # purposes


def mix(z):
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


class Stream:
    def __init__(self, seed, *keys):
        h = mix(seed + GOLDEN & MASK)
        for key in keys:
            h = mix((h ^ key) + GOLDEN & MASK)
        self.state = h

    def bits(self):
        self.state = self.state + GOLDEN & MASK
        return mix(self.state)

    def integer(self, n):
        while True:
            product = self.bits() * n
            if product & MASK >= 2**64 % n:
                return product >> 64

    def uniform(self, low=0.0, high=1.0):
        return low + (high - low) * ((self.bits() >> 11) * 2.0**-53)

    def normal(self):
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        return radius * math.cos(2 * math.pi * self.uniform())

    def beta(self, alpha):
        x, y = self.log_gamma(alpha), self.log_gamma(alpha)
        return 1 / (1 + math.exp(y - x))

    def log_gamma(self, alpha):
        if alpha < 1:
            return self.log_gamma(alpha + 1) + math.log(1 - self.uniform()) / alpha
        d = alpha - 1 / 3
        c = 1 / math.sqrt(9 * d)
        while True:
            x = self.normal()
            v = 1 + c * x
            if v <= 0:
                continue
            v = v * v * v
            if math.log(1 - self.uniform()) < x * x / 2 + d - d * v + d * math.log(v):
                return math.log(d * v)


def synthetic(h, w, c):
    i = np.arange(1, h * w * c + 1, dtype=np.uint64)
    noise = (i * 2654435761 % 2**32 >> 24).astype(np.int64)
    y, x, k = np.indices((h, w, c))
    slope = (y * 3 + x * 2 + k * 60) % 256
    return ((noise.reshape(h, w, c) + 3 * slope) // 4).astype(np.uint8)


def picture(h, w, c):
    a = synthetic(h, w, c)
    return Image.fromarray(a[:, :, 0] if c == 1 else a)


def digest(*images):
    h = hashlib.sha256()
    for image in images:
        h.update(np.ascontiguousarray(image).tobytes())
    return h.hexdigest()[:12]
