"""What both peers of the CoNe training-step benchmark share.

The problem (network, weights, memory bank, images), the options, the clock and
the reports live here; how a step is computed is each peer's own affair. Works
with PyTorch 1.13 and later; needs numpy besides.

Shape legend: N batch, C classes, D embedding, F backbone output, K bank
entries, k neighbours, R image side.

Everything random is computed from names (`uniform`, `integers`), so that
another program can rebuild the same numbers: weights by their own names, the
bank as TAG/queue, TAG/queue_label and TAG/queue_label_prob, images as TAG/x0
and labels as TAG/y0, with TAG = "bench-a" and so on. Every step sees the
same images.

Reports
-------
A report is one JSON object on one line of standard output:

    peer, variant, torch   which program, its settings, PyTorch's version
    threads, case, batch   threads of the step; the case; N
    images_per_s           one figure per repetition of this report
    images_per_s_median    their median
    seconds_per_step       one figure per step of this report
    first_losses           for each of the first 3 steps since the weights were
                           made (warm-up steps count):
                           [cross-entropy, neighbours, consistency, total]
    peak_rss_mb            peak resident memory of the process, in 2^20 bytes

Without --serve a program warms up, runs its repetitions and prints one report.

Taking turns: --serve
---------------------
So that two programs can be timed alternately on one machine, with only one of
them computing at any time:

1. The program sets up, runs its warm-up steps, then prints a report with
   "ready": true and empty lists of figures.
2. It waits for a line on standard input. "go" runs one repetition and prints
   its report (lists of one repetition). "quit", or the end of the input, ends
   the program with status 0. Any other line ends it with status 2.

--repetitions does not apply then; --seconds bounds each repetition.
"""

import argparse
import copy
import dataclasses
import json
import math
import os
import resource
import statistics
import sys
import time

import numpy as np
import torch
from torch import nn


@dataclasses.dataclass(frozen=True)
class Case:
    """One whole training step to time; the recipe's constants are the authors'."""

    name: str
    depth: int  # of the ResNet
    side: int  # R
    batch: int  # N
    bank: int  # K
    dim: int  # D
    classes: int  # C
    neighbours: int  # k
    tag: str = ""
    neighbour_temperature: float = 0.1  # τ_sup
    consistency_temperature: float = 0.07  # τ_dc
    neighbour_weight: float = 0.7  # α
    consistency_weight: float = 0.4  # β
    label_smoothing: float = 0.0  # ε
    key_momentum: float = 0.996  # m₀
    total_steps: int = 1_000_000  # T: so long that m stays at m₀
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4


CASES = {
    "a": Case("a", depth=18, side=28, batch=256, bank=16384, dim=128, classes=10,
              neighbours=256, tag="bench-a"),
    "b": Case("b", depth=50, side=224, batch=32, bank=65536, dim=256, classes=1000,
              neighbours=512, tag="bench-b"),
    "c": Case("c", depth=18, side=224, batch=64, bank=512, dim=128, classes=8,
              neighbours=64, tag="bench-c"),
}


# --- numbers from names -------------------------------------------------------

_MASK = (1 << 64) - 1


def _fnv1a64(text):
    """64-bit FNV-1a of the UTF-8 bytes of text."""
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & _MASK
    return h


def _hashes(name, count):
    """Yield (start, splitmix64(fnv1a64(name) + i) for i from start on) in pieces.

    Pieces keep the set-up out of the peak memory that is reported.
    """
    first = (_fnv1a64(name) + 0x9E3779B97F4A7C15) & _MASK
    piece = 1 << 20
    for start in range(0, count, piece):
        z = np.arange(start, min(start + piece, count), dtype=np.uint64)
        z += np.uint64(first)
        z ^= z >> np.uint64(30)
        z *= np.uint64(0xBF58476D1CE4E5B9)
        z ^= z >> np.uint64(27)
        z *= np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
        yield start, z


def uniform(name, shape, low, high):
    """Return a float32 tensor of numbers in [low, high) that name decides."""
    low, high = np.float32(low), np.float32(high)
    values = np.empty(math.prod(shape), dtype=np.float32)
    for start, z in _hashes(name, values.size):
        u = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
        values[start:start + z.size] = low + (high - low) * u
    return torch.from_numpy(values).reshape(shape)


def integers(name, shape, modulus):
    """Return an int64 tensor of numbers in [0, modulus) that name decides."""
    values = np.empty(math.prod(shape), dtype=np.int64)
    for start, z in _hashes(name, values.size):
        values[start:start + z.size] = z % np.uint64(modulus)
    return torch.from_numpy(values).reshape(shape)


# --- network ------------------------------------------------------------------

def _conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


class _Block(nn.Module):
    """A residual block: convolutions with BN, ReLU between, and a shortcut."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        self.bottleneck = bottleneck
        outputs = width * (4 if bottleneck else 1)
        if bottleneck:  # the stride is on the 3×3 convolution ("v1.5")
            self.conv1 = _conv(inputs, width, 1)
            self.conv2 = _conv(width, width, 3, stride)
            self.conv3 = _conv(width, outputs, 1)
            self.bn3 = nn.BatchNorm2d(outputs)
        else:
            self.conv1 = _conv(inputs, width, 3, stride)
            self.conv2 = _conv(width, width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(_conv(inputs, outputs, 1, stride),
                                            nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.bottleneck:
            y = self.bn3(self.conv3(self.relu(y)))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class _ResNet(nn.Module):
    """ResNet with ImageNet's stem and no last layer: N×3×R×R to N×F."""

    def __init__(self, depth):
        super().__init__()
        blocks = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}[depth]
        bottleneck = depth >= 50
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        inputs = 64
        for stage, count in enumerate(blocks):
            layer = []
            for block in range(count):
                stride = 2 if stage > 0 and block == 0 else 1
                layer.append(_Block(inputs, 64 << stage, stride, bottleneck))
                inputs = (64 << stage) * (4 if bottleneck else 1)
            setattr(self, "layer%d" % (stage + 1), nn.Sequential(*layer))
        self.features = inputs

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean((2, 3))


class _Head(nn.Module):
    """The projection head with one hidden layer: N×F to N×D."""

    def __init__(self, features, dim):
        super().__init__()
        hidden = max(2 * features, 4096)
        self.head = nn.Sequential(nn.Linear(features, hidden), nn.BatchNorm1d(hidden),
                                  nn.ReLU(inplace=True), nn.Linear(hidden, dim))

    def forward(self, x):
        return self.head(x)


class Encoder(nn.Module):
    """Backbone, head and classifier: N×3×R×R to the embedding N×D, as it is
    before normalisation, and the logits N×C."""

    def __init__(self, case):
        super().__init__()
        self.net = _ResNet(case.depth)
        self.head = _Head(self.net.features, case.dim)
        self.fc = nn.Linear(case.dim, case.classes)

    def forward(self, images):
        embedding = self.head(self.net(images))
        return embedding, self.fc(embedding)


def _fill(module):
    """Set every parameter from its name."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            shape = tuple(parameter.shape)
            if len(shape) >= 2:
                gain = math.sqrt(2) if len(shape) == 4 else 0.25
                bound = math.sqrt(3 / math.prod(shape[1:])) * gain
                parameter.copy_(uniform(name, shape, -bound, bound))
            else:
                parameter.fill_(0 if name.endswith("bias") else 1)


class Problem:
    """All that a step starts from; `dtype` is that of weights and data.

    query, key        the encoders, in training mode; key needs no gradient
    queue             the bank's embeddings, D×K, columns normalised
    queue_label       their labels, K
    queue_label_prob  their class probabilities, C×K
    queue_ptr         the slot that is written next
    images, labels    the batch, N×3×R×R and N
    """

    def __init__(self, case, dtype=torch.float32):
        self.case = case
        self.query = Encoder(case)
        _fill(self.query)
        self.query.to(dtype)
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        size = case.bank
        self.queue = uniform(case.tag + "/queue", (case.dim, size), -1, 1)
        self.queue = nn.functional.normalize(self.queue, dim=0).to(dtype)
        self.queue_label = integers(case.tag + "/queue_label", (size,), case.classes)
        probability = uniform(case.tag + "/queue_label_prob", (case.classes, size), -1, 1)
        for columns in probability.split(4096, dim=1):  # in pieces: see _hashes
            columns.copy_((columns * 4).softmax(0))
        self.queue_label_prob = probability.to(dtype)
        self.queue_ptr = 0
        shape = (case.batch, 3, case.side, case.side)
        self.images = uniform(case.tag + "/x0", shape, -2, 2).to(dtype)
        self.labels = integers(case.tag + "/y0", (case.batch,), case.classes)

    def key_momentum(self, step):
        """m of the given step: from m₀ to 1 along a cosine over T steps."""
        case = self.case
        turn = math.cos(math.pi * step / case.total_steps) + 1
        return 1 - (1 - case.key_momentum) * turn / 2


# --- options, clock, reports --------------------------------------------------

def options(description):
    """Return the parser of the options that both peers have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--case", choices=sorted(CASES), required=True)
    parser.add_argument("--steps-per-repetition", type=int, default=10, metavar="STEPS")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=3, metavar="STEPS",
                        help="steps before the first one that is timed")
    parser.add_argument("--seconds", type=float, default=math.inf,
                        help="start no further step after so many seconds of timed work")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)),
                        help="threads of the step; default: one per core")
    parser.add_argument("--serve", action="store_true",
                        help='take turns: one repetition per line "go" on standard input')
    return parser


class Clock:
    """Runs steps, times them and writes reports.

    step(i) must run step i from start to end and return its losses: three
    scalars (neighbours, cross-entropy, consistency), numbers or tensors.
    """

    def __init__(self, peer, variant, args, case, step):
        self.about = {"peer": peer, "variant": variant, "torch": torch.__version__,
                      "threads": torch.get_num_threads(), "case": case.name,
                      "batch": case.batch}
        self.args, self.case, self.step = args, case, step
        self.done = 0
        self.first_losses = []

    def run(self):
        """Warm up, then time what the options ask for. Returns the exit status."""
        for _ in range(self.args.warmup):
            self._step()
        if self.args.serve:
            return self._serve()
        repetitions, spent = [], 0.0
        while len(repetitions) < self.args.repetitions and spent < self.args.seconds:
            repetitions.append(self._repetition(self.args.seconds - spent))
            spent += sum(repetitions[-1])
        self._report(repetitions)
        return 0

    def _serve(self):
        self._report([], ready=True)
        for line in sys.stdin:
            if line.strip() == "quit":
                break
            if line.strip() != "go":
                print('expected "go" or "quit", not %r' % line.strip(), file=sys.stderr)
                return 2
            self._report([self._repetition(self.args.seconds)])
        return 0

    def _step(self):
        """Run one step and return its seconds."""
        start = time.perf_counter()
        losses = self.step(self.done)
        seconds = time.perf_counter() - start
        self.done += 1
        if len(self.first_losses) < 3:
            neighbour, entropy, consistency = (float(x) for x in losses)
            total = (entropy + self.case.neighbour_weight * neighbour
                     + self.case.consistency_weight * consistency)
            self.first_losses.append([entropy, neighbour, consistency, total])
        return seconds

    def _repetition(self, limit):
        """Return the seconds of each step of one repetition; at least one step."""
        seconds = [self._step()]
        while len(seconds) < self.args.steps_per_repetition and sum(seconds) < limit:
            seconds.append(self._step())
        return seconds

    def _report(self, repetitions, **more):
        rates = [self.case.batch * len(r) / sum(r) for r in repetitions]
        print(json.dumps({
            **self.about, **more,
            "images_per_s": [round(rate, 3) for rate in rates],
            "images_per_s_median": round(statistics.median(rates), 3) if rates else None,
            "seconds_per_step": [round(s, 5) for r in repetitions for s in r],
            "first_losses": self.first_losses,
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }), flush=True)
