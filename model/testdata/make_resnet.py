"""Makes resnet.safetensors: what torchvision's ResNets answer.

    python3 make_resnet.py resnet.safetensors

Needs torch and torchvision. Weights and images are rebuilt from names (see
internal/golden), so the file holds only features, computed in float64 and
rounded to float32, and the names and shapes of torchvision's state dicts.
"""
import json
import math
import struct
import sys

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def uniform(name, shape, lo, hi):
    """Element i is lo + (hi-lo)·u in float32, u from splitmix64(fnv1a64(name) + i)."""
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(count, dtype=np.uint64)
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
    values = np.float32(lo) + np.float32(hi - lo) * u
    return torch.from_numpy(values.reshape(shape))


def fill(net):
    for name, p in net.named_parameters():
        if p.dim() < 2:
            nn.init.constant_(p, 0.0 if name.endswith("bias") else 1.0)
            continue
        bound = math.sqrt(3 / (p.numel() // p.shape[0])) * math.sqrt(2)
        bound = float(np.float32(bound))
        p.data.copy_(uniform("net." + name, tuple(p.shape), -bound, bound))


class Narrow(nn.Module):
    """ResNet-20's three stages, with 1×1 convolutions where shapes change."""

    def __init__(self, channels, width, depth):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inside = width
        for stage in range(3):
            out = width * 2**stage
            blocks = []
            for i in range(depth):
                stride = 2 if stage > 0 and i == 0 else 1
                down = None
                if stride > 1:
                    down = nn.Sequential(
                        nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))
                blocks.append(BasicBlock(inside, out, stride, down))
                inside = out
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x))).mean((2, 3))


def imagenet(make, channels=3):
    net = make()
    net.fc = nn.Identity()
    if channels != 3:
        net.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
    return net


def small(make, channels):
    net = imagenet(make)
    net.conv1 = nn.Conv2d(channels, 64, 3, 1, 1, bias=False)
    net.maxpool = nn.Identity()
    return net


# Images are large enough that the last stage has batch statistics over 12 or 18
# values: over the 2 that 32×32 leaves, rounding alone turns signs around.
CASES = {
    "resnet18": (lambda: imagenet(torchvision.models.resnet18), (2, 3, 96, 96)),
    "resnet50": (lambda: imagenet(torchvision.models.resnet50), (2, 3, 96, 96)),
    "gray": (lambda: imagenet(torchvision.models.resnet18, 1), (2, 1, 64, 96)),
    "small": (lambda: small(torchvision.models.resnet18, 3), (2, 3, 17, 17)),
    "narrow": (lambda: Narrow(1, 16, 3), (2, 1, 28, 28)),
}


def main(path):
    arrays, metadata = {}, {}
    for case, (make, shape) in CASES.items():
        net = make()
        fill(net)
        x = uniform(case + "/x", shape, -2, 2)
        metadata[case] = json.dumps(
            [[name, list(p.shape)] for name, p in net.state_dict().items()], separators=(",", ":"))
        metadata[case + "/shape"] = json.dumps(shape)
        net.double()
        with torch.no_grad():
            arrays[case + "/eval"] = net.eval()(x.double())
            arrays[case + "/training"] = net.train()(x.double())
            # With the running statistics that the training pass left behind.
            arrays[case + "/eval_after"] = net.eval()(x.double())
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, value in arrays.items():
        blob = value.float().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


main(sys.argv[1])
