"""Makes sgd.json: weights and momenta after steps of torch.optim.SGD.

    python3 make_sgd.py > sgd.json

Needs torch. Starting weights and gradients are rebuilt from names (see
internal/golden), so the file holds only settings and results.
"""
import json
import math

import numpy as np
import torch

SHAPES = {
    "conv.weight": (3, 2, 3, 3), "bn.weight": (3,), "bn.bias": (3,),
    "point.weight": (5, 3, 1, 1), "fc.weight": (4, 5), "fc.bias": (4,),
}
RATES = [0.5, 0.3, 0.0, 0.7, 0.1]

# Settings by the recipe's names.
CASES = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.8, "nesterov": True},
    "decay": {"weight_decay": 0.05, "decay_norm_and_bias": True},
    "groups": {"momentum": 0.9, "weight_decay": 0.1},
    "everything": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "clip_norm": 2.5},
    "clip": {"clip_norm": 1.0},
    "loose": {"momentum": 0.5, "clip_norm": 100.0},
}


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def uniform(name, shape, lo, hi):
    """Element i is lo + (hi-lo)·u in float32, u from splitmix64(fnv1a64(name) + i)."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(math.prod(shape), dtype=np.uint64)
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
    return torch.from_numpy((np.float32(lo) + np.float32(hi - lo) * u).reshape(shape))


def train(settings, dtype):
    weights = {n: uniform(n, s, -1, 1).to(dtype).requires_grad_() for n, s in SHAPES.items()}
    decay = settings.get("weight_decay", 0)
    vectors = decay if settings.get("decay_norm_and_bias") else 0
    sgd = torch.optim.SGD(
        [{"params": [w for w in weights.values() if w.dim() > 1], "weight_decay": decay},
         {"params": [w for w in weights.values() if w.dim() < 2], "weight_decay": vectors}],
        lr=1, momentum=settings.get("momentum", 0), nesterov=settings.get("nesterov", False))
    norms = []
    for step, rate in enumerate(RATES):
        for name, w in weights.items():
            w.grad = uniform(f"{name}/{step}", w.shape, -1, 1).to(dtype)
        if "clip_norm" in settings:
            norms.append(float(torch.nn.utils.clip_grad_norm_(weights.values(), settings["clip_norm"])))
        for group in sgd.param_groups:
            group["lr"] = rate
        sgd.step()
    result = {"weights": {n: values(w) for n, w in weights.items()}, "norms": norms}
    if settings.get("momentum"):
        result["momenta"] = {n: values(sgd.state[w]["momentum_buffer"]) for n, w in weights.items()}
    return result


def values(w):
    digits = 9 if w.dtype == torch.float32 else 17
    return [float(f"{v:.{digits}g}") for v in w.detach().flatten().tolist()]


print(json.dumps({
    "shapes": SHAPES, "rates": RATES,
    "cases": [
        {"name": name, "settings": settings,
         "float32": train(settings, torch.float32), "float64": train(settings, torch.float64)}
        for name, settings in CASES.items()],
}))
