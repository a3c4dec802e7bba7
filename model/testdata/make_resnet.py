"""Makes resnet.safetensors: what torchvision's ResNets answer.

    python3 make_resnet.py resnet.safetensors

Needs torch and torchvision. Weights and images are rebuilt from names (see
internal/golden), so the file holds only features, computed in float64 and
rounded to float32, and the names and shapes of torchvision's state dicts.
"""
import json
import math
import sys

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock

from golden import save, uniform


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
    save(path, arrays, metadata)


main(sys.argv[1])
