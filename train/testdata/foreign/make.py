"""Makes checkpoints as other programs write them, and what they answer.

    python3 make.py

Run once with PyTorch 1.13.1 and once with a 2.x; files carry the major version
in their names. authors-N.tar is a state of CoNe's authors' program after two
steps of SGD, resnet-N.pth a ResNet under torchvision's and timm's names with
its classifier on the features, resnet-N-legacy.pth the same as PyTorch wrote
it before 1.6. known-N.safetensors holds pictures, the logits of both networks
in evaluation mode and in float64, and the authors' momenta by the names of
their parameters.
"""
import collections
import json
import struct

import torch
from torch import nn

MAJOR = torch.__version__.split(".")[0]
CLASSES, CHANNELS, WIDTH, HIDDEN, DIM, BANK = 4, 1, 4, 16, 8, 48


class Basic(nn.Module):
    def __init__(self, inside, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride > 1 or inside != out:
            self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Narrow(nn.Module):
    def __init__(self, classes=None):
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, WIDTH, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTH)
        inside = WIDTH
        for stage in range(3):
            out = WIDTH * 2**stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(Basic(inside, out, 2 if stage else 1)))
            inside = out
        self.fc = nn.Linear(inside, classes) if classes else nn.Identity()

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(
            nn.Linear(4 * WIDTH, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, DIM))

    def forward(self, x):
        return self.head(x)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.head, self.fc = Narrow(), Head(), nn.Linear(DIM, CLASSES)

    def forward(self, x):
        return self.fc(self.head(self.net(x)))


class State(nn.Module):
    """What the authors' program saves: two encoders and the bank's buffers."""

    def __init__(self):
        super().__init__()
        self.encoder_q, self.encoder_k = Encoder(), Encoder()
        for q, k in zip(self.encoder_q.parameters(), self.encoder_k.parameters()):
            k.data.copy_(q.data + 0.25)
            k.requires_grad = False
        self.register_buffer("queue", nn.functional.normalize(torch.randn(DIM, BANK), dim=0))
        self.register_buffer("queue_ptr", torch.tensor([20]))
        self.register_buffer("queue_label_prob", torch.rand(CLASSES, BANK))
        self.register_buffer("queue_label", torch.randint(CLASSES, (BANK,)))


def train(net, optimizer):
    for _ in range(2):
        loss = nn.functional.cross_entropy(net(torch.randn(8, CHANNELS, 12, 12)), torch.arange(8) % CLASSES)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def logits(net, x):
    with torch.no_grad():
        return net.double().eval()(x.double())


torch.manual_seed(5)
known = {"images": torch.randn(3, CHANNELS, 12, 12)}

state = State()
optimizer = torch.optim.SGD(state.parameters(), lr=0.1, weight_decay=1e-4, momentum=0.9)
train(state.encoder_q, optimizer)
state.encoder_k(torch.randn(8, CHANNELS, 12, 12))  # its running statistics are its own
for name, p in state.encoder_q.named_parameters():
    known["momentum." + name] = optimizer.state[p]["momentum_buffer"].clone()
torch.save({
    "model": collections.OrderedDict(("module." + k, v) for k, v in state.state_dict().items()),
    "optimizer": optimizer.state_dict(),
    "scaler": {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000, "_growth_tracker": 2},
    "epoch": 2,
}, f"authors-{MAJOR}.tar")
for name in ("queue", "queue_ptr", "queue_label_prob", "queue_label"):
    known[name] = getattr(state, name).clone()
known["authors"] = logits(state.encoder_q, known["images"])
known["authors.key"] = logits(state.encoder_k, known["images"])

resnet = Narrow(CLASSES)
train(resnet, torch.optim.SGD(resnet.parameters(), lr=0.1))
torch.save(resnet.state_dict(), f"resnet-{MAJOR}.pth")
torch.save({"state_dict": resnet.state_dict()}, f"resnet-{MAJOR}-legacy.pth", _use_new_zipfile_serialization=False)
known["resnet"] = logits(resnet, known["images"])

header, blobs, at = {}, [], 0
for name, value in known.items():
    dtype = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}[value.dtype]
    blob = value.contiguous().numpy().tobytes()
    header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [at, at + len(blob)]}
    blobs.append(blob)
    at += len(blob)
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(f"known-{MAJOR}.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
