"""Makes torch.json and timm.json: weights after steps of other programs' optimizers.

    python3 make_adaptive.py torch > torch.json   # torch.optim: AdamW, RMSprop
    python3 make_adaptive.py timm > timm.json     # timm.optim: Lamb, Lars, RMSpropTF

Starting weights and gradients are rebuilt from names (see internal/golden), so
the files hold only settings and results, in float64. `zero` starts from zeros
and `still` gets no gradient but zero, for the ratios of norms.
"""
import importlib
import json
import math
import sys

import numpy as np
import torch

SHAPES = {
    "conv.weight": (3, 2, 3, 3), "bn.weight": (3,), "bn.bias": (3,),
    "point.weight": (5, 3, 1, 1), "zero.weight": (2, 3), "still.weight": (2, 2),
    "fc.weight": (4, 5), "fc.bias": (4,),
}
RATES = [0.05, 0.03, 0.0, 0.07, 0.01, 0.02, 0.04, 0.06, 0.05, 0.03, 0.02, 0.01]

# Settings by the recipe's names.
CASES = {
    "torch": {
        "adamw": {"name": "adamw", "weight_decay": 0.1},
        "adamw, all decayed": {"name": "adamw", "weight_decay": 0.1, "decay_norm_and_bias": True},
        "adamw, no decay": {"name": "adamw", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
        "adamw, clipped": {"name": "adamw", "weight_decay": 0.05, "clip_norm": 2.5},
        "rmsprop": {"name": "rmsprop"},
        "rmsprop, momentum": {"name": "rmsprop", "momentum": 0.9, "weight_decay": 0.1},
        "rmsprop, centred": {"name": "rmsprop", "centered": True, "alpha": 0.9, "epsilon": 0.1},
        "rmsprop, all": {"name": "rmsprop", "centered": True, "momentum": 0.8, "alpha": 0.9, "epsilon": 0.1,
                         "weight_decay": 0.05, "decay_norm_and_bias": True, "clip_norm": 2.5},
    },
    "timm": {
        "lamb": {"name": "lamb", "weight_decay": 0.02, "clip_norm": 1.0},
        "lamb, not clipped": {"name": "lamb", "weight_decay": 0.02},
        "lamb, all decayed": {"name": "lamb", "weight_decay": 0.1, "decay_norm_and_bias": True, "clip_norm": 1.0},
        "lamb, no decay": {"name": "lamb", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3},
        "lamb, always": {"name": "lamb", "weight_decay": 0.02, "always_adapt": True},
        "lamb, trust clip": {"name": "lamb", "weight_decay": 0.02, "always_adapt": True, "trust_clip": True,
                             "clip_norm": 1.0},
        "lars": {"name": "lars", "momentum": 0.9, "weight_decay": 0.1},
        "lars, nesterov": {"name": "lars", "momentum": 0.9, "nesterov": True, "weight_decay": 0.1,
                           "trust_coefficient": 0.02},
        "lars, always": {"name": "lars", "weight_decay": 0.1, "always_adapt": True, "epsilon": 0.01},
        "lars, trust clip": {"name": "lars", "momentum": 0.9, "weight_decay": 0.1, "trust_clip": True,
                             "trust_coefficient": 0.05},
        "lars, no decay": {"name": "lars", "momentum": 0.9},
        "rmsprop-tf": {"name": "rmsprop-tf", "momentum": 0.9, "weight_decay": 0.1},
        "rmsprop-tf, no momentum": {"name": "rmsprop-tf", "epsilon": 1e-3},
        "rmsprop-tf, centred": {"name": "rmsprop-tf", "centered": True, "momentum": 0.8, "alpha": 0.95,
                                "epsilon": 1e-3, "weight_decay": 0.05, "decay_norm_and_bias": True},
    },
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


def optimizer(module, s, groups):
    """The other program's optimizer by the recipe's settings; what a case
    leaves out has that program's default, but LARS its momentum and LAMB its
    bound from the case."""
    given = {theirs: s[ours] for ours, theirs in [
        ("alpha", "alpha"), ("epsilon", "eps"), ("centered", "centered"), ("momentum", "momentum"),
        ("nesterov", "nesterov"), ("trust_coefficient", "trust_coeff"), ("trust_clip", "trust_clip"),
        ("always_adapt", "always_adapt")] if ours in s}
    if "beta1" in s:
        given["betas"] = (s["beta1"], s["beta2"])
    if s["name"] == "lamb":
        given["max_grad_norm"] = s.get("clip_norm")
    kind = {"adamw": "AdamW", "rmsprop": "RMSprop", "lamb": "Lamb", "lars": "Lars", "rmsprop-tf": "RMSpropTF"}[s["name"]]
    return getattr(module, kind)(groups, lr=1.0, **given)


def train(module, s):
    weights = {n: uniform(n, shape, -1, 1).double() for n, shape in SHAPES.items()}
    weights["zero.weight"].zero_()
    for w in weights.values():
        w.requires_grad_()
    decay = s.get("weight_decay", 0)
    vectors = decay if s.get("decay_norm_and_bias") else 0
    o = optimizer(module, s, [
        {"params": [w for w in weights.values() if w.dim() > 1], "weight_decay": decay},
        {"params": [w for w in weights.values() if w.dim() < 2], "weight_decay": vectors}])
    for step, rate in enumerate(RATES):
        for name, w in weights.items():
            w.grad = uniform(f"{name}/{step}", w.shape, -1, 1).double()
            if name == "still.weight":
                w.grad.zero_()
        if "clip_norm" in s and s["name"] != "lamb":  # LAMB has its own
            torch.nn.utils.clip_grad_norm_(weights.values(), s["clip_norm"])
        for group in o.param_groups:
            group["lr"] = rate
        o.step()
    return {n: [float(f"{v:.17g}") for v in w.detach().flatten().tolist()] for n, w in weights.items()}


which = sys.argv[1]
module = importlib.import_module(which + ".optim")
version = importlib.import_module(which).__version__
cases = [{"name": name, "settings": s, "weights": train(module, s)} for name, s in CASES[which].items()]
print(json.dumps({"from": f"{which} {version}", "shapes": SHAPES, "rates": RATES, "cases": cases}))
