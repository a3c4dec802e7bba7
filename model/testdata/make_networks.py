"""Makes torchvision.safetensors and timm.safetensors: what other programs'
networks answer.

    python3 make_networks.py torchvision torchvision.safetensors   # Debian's torchvision 0.14.1
    python3 make_networks.py timm timm.safetensors                 # timm 1.0.31 from PyPI
    python3 make_networks.py counts counts.json                    # PyTorch 2 with both of them
    python3 make_networks.py names NAME                            # prints one network's state

Weights and pictures are rebuilt from names (see fill), so the files hold only
results, computed in float64 and rounded to float32: logits in evaluation
mode, logits in training mode (batch statistics; neither dropout nor stochastic
depth) and the L2 norm of each parameter's gradient of the cross-entropy after
the latter. Names and shapes of a state dict come as a digest.

WRN-28-10 is in neither program: WideResNet below is written from the paper.
"""
import hashlib
import json
import math
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from golden import fnv1a, save, uniform

CLASSES = 10


class WideBlock(nn.Module):
    """B(3,3) of arXiv 1605.07146, norm and ReLU first; where the shape changes
    the shortcut begins after them."""

    def __init__(self, inside, out, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inside)
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(inside, out, 1, stride, bias=False) if inside != out else None

    def forward(self, x):
        a = self.bn1(x).relu()
        if self.convShortcut is not None:
            x = self.convShortcut(a)
        return x + self.conv2(self.bn2(self.conv1(a)).relu())


class WideStage(nn.Module):
    def __init__(self, blocks, inside, out, stride):
        super().__init__()
        self.layer = nn.Sequential(
            *[WideBlock(inside if i == 0 else out, out, stride if i == 0 else 1) for i in range(blocks)])

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    def __init__(self, depth, widen, num_classes):
        super().__init__()
        blocks, width = (depth - 4) // 6, 16 * widen
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.block1 = WideStage(blocks, 16, width, 1)
        self.block2 = WideStage(blocks, width, 2 * width, 2)
        self.block3 = WideStage(blocks, 2 * width, 4 * width, 2)
        self.bn1 = nn.BatchNorm2d(4 * width)
        self.fc = nn.Linear(4 * width, num_classes)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(self.bn1(x).relu().mean((2, 3)))


def torchvisions(name):
    import torchvision
    net = getattr(torchvision.models, name)(num_classes=CLASSES)
    for m in net.modules():
        if isinstance(m, (nn.Dropout, torchvision.ops.StochasticDepth)):
            m.p = 0.0
    return net


def timms(name, **settings):
    import timm
    return timm.create_model(name, num_classes=CLASSES, **settings)


# The network, the pictures and the name of its last layer. Pictures are not
# square where that is possible, and as small as leaves the last stage some
# values per channel for its statistics.
PICTURES = (2, 3, 64, 96)
NETWORKS = {
    "torchvision": {
        **{name: (lambda name=name: torchvisions(name), PICTURES, "fc") for name in (
            "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
            "resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2")},
        "wrn-28-10": (lambda: WideResNet(28, 10, CLASSES), (2, 3, 16, 12), "fc"),
        "mobilenet_v2": (lambda: torchvisions("mobilenet_v2"), PICTURES, "classifier.1"),
        "convnext_tiny": (lambda: torchvisions("convnext_tiny"), PICTURES, "classifier.2"),
        "swin_t": (lambda: torchvisions("swin_t"), PICTURES, "head"),
    },
    "timm": {
        "resnet200": (lambda: timms("resnet200"), PICTURES, "fc"),
        # An odd side, so that the pooling of the shortcut meets the border.
        **{name: (lambda name=name: timms(name), (2, 3, 72, 96), "fc") for name in (
            "resnet18d", "resnet34d", "resnet50d", "resnet101d", "resnet152d", "resnet200d")},
        "vit_small_patch16": (lambda: timms("vit_small_patch16_224", img_size=64), (2, 3, 64, 64), "head"),
    },
}


def ours(name, last):
    """The name in our encoder: the last layer is fc, all before it is net."""
    if name.startswith(last + "."):
        return "fc." + name[len(last) + 1:]
    return "net." + name


def fill(net, last):
    """METHOD's rule for tensors of two or more dimensions; vectors differ from
    0 and 1, so that leaving one out shows: biases and running means within
    ±0.1, running variances from 0.5 to 1.5, other vectors from 0.5 to 0.9."""
    ranges = {"bias": (-0.1, 0.1), "running_mean": (-0.1, 0.1), "running_var": (0.5, 1.5)}
    for name, p in net.state_dict().items():
        if not p.is_floating_point():
            continue
        name = ours(name, last)
        if p.dim() < 2:
            low, high = ranges.get(name.rsplit(".", 1)[1], (0.5, 0.9))
        else:
            bound = math.sqrt(3 / (p.numel() // p.shape[0]))
            bound *= {2: 0.25, 4: math.sqrt(2)}.get(p.dim(), 1)
            high = float(np.float32(bound))
            low = -high
        p.copy_(uniform(name, tuple(p.shape), low, high))


def counts(path):
    """Parameters, multiplications and outputs of convolutions and matrix
    products, as PyTorch sees them pass, for the usual pictures and classes."""
    from timm.layers import set_fused_attn
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    class Outputs(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if function.overloadpacket.__name__ in ("convolution", "mm", "addmm", "bmm"):
                self.total += result.numel()
            return result

    global CLASSES
    set_fused_attn(False)
    found = {}
    for networks in NETWORKS.values():
        for name, (make, _, _) in networks.items():
            side, CLASSES = (32, 10) if name == "wrn-28-10" else (224, 1000)
            net = timms("vit_small_patch16_224") if name.startswith("vit") else make()
            net.eval()
            x = torch.zeros(1, 3, side, side)
            with torch.no_grad(), FlopCounterMode(display=False) as flops:
                net(x)
            with torch.no_grad(), Outputs() as outputs:
                net(x)
            found[name] = {
                "parameters": sum(p.numel() for p in net.parameters()),
                "macs": flops.get_total_flops() // 2,
                "activations": outputs.total,
            }
            print(name, found[name], flush=True)
    with open(path, "w") as f:
        json.dump(found, f, indent=1)
        f.write("\n")


def listing(net, last):
    return [[ours(name, last), list(p.shape)] for name, p in net.state_dict().items()]


def answer(case, make, shape, last):
    net = make()
    fill(net, last)
    text = json.dumps(listing(net, last), separators=(",", ":"))
    net.double()
    x = uniform(case + "/x", shape, -2, 2).double()
    labels = torch.tensor([(fnv1a(case) + i) % CLASSES for i in range(shape[0])])
    arrays = {}
    with torch.no_grad():
        arrays[case + "/eval"] = net.eval()(x)
    logits = net.train()(x)
    F.cross_entropy(logits, labels).backward()
    arrays[case + "/training"] = logits.detach()
    arrays[case + "/gradients"] = torch.stack([p.grad.norm() for p in net.parameters()])
    print(case, {k.split("/")[1]: f"{v.std().item():.3g}" for k, v in arrays.items()}, flush=True)
    return arrays, {
        case + "/shape": json.dumps(shape),
        case + "/labels": json.dumps(labels.tolist()),
        case + "/state": hashlib.sha256(text.encode()).hexdigest(),
    }


def main(program, path):
    if program == "counts":
        counts(path)
        return
    if program == "names":
        for networks in NETWORKS.values():
            if path in networks:
                make, _, last = networks[path]
                for name, shape in listing(make(), last):
                    print(name, shape)
        return
    arrays, metadata = {}, {}
    for case, network in NETWORKS[program].items():
        a, m = answer(case, *network)
        arrays.update(a)
        metadata.update(m)
    save(path, arrays, metadata)


main(*sys.argv[1:])
