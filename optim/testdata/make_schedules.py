"""Makes schedules.json: the rates of every step under torch's and timm's schedulers.

    python3 make_schedules.py > schedules.json

Needs torch and timm. Settings have the recipe's names; the full rate is 1.
"""
import json
import warnings

import torch
from timm.scheduler import CosineLRScheduler
from torch.optim import lr_scheduler as s

warnings.simplefilter("ignore")
PER_EPOCH = 10


def sgd():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)


def torch_rates(make, steps):
    o = sgd()
    scheduler = make(o)
    out = []
    for _ in range(steps):
        out.append(o.param_groups[0]["lr"])
        o.step()
        scheduler.step()
    return out


def warm(o, steps, start, after):
    """torchvision's: linear warm-up, then another scheduler."""
    first = s.LinearLR(o, start_factor=start, total_iters=steps)
    return s.SequentialLR(o, [first, after(o)], milestones=[steps])


def timm_rates(epochs, warmup, start, end, in_epochs):
    unit = 1 if in_epochs else PER_EPOCH
    scheduler = CosineLRScheduler(sgd(), t_initial=(epochs - warmup) * unit, lr_min=end, warmup_t=warmup * unit,
                                  warmup_lr_init=start, warmup_prefix=True, t_in_epochs=in_epochs)
    return [scheduler._get_lr(t // PER_EPOCH if in_epochs else t)[0] for t in range(epochs * PER_EPOCH)]


cases = [
    {"from": "torch LinearLR, CosineAnnealingLR", "epochs": 6,
     "optim": {"schedule": "cosine-step", "warmup_epochs": 2, "warmup_start": 0.01, "min_lr_ratio": 0.1},
     "rates": torch_rates(lambda o: warm(o, 20, 0.01, lambda o: s.CosineAnnealingLR(o, 40, eta_min=0.1)), 60)},
    {"from": "torch LinearLR, MultiStepLR", "epochs": 6,
     "optim": {"schedule": "step", "warmup_epochs": 1, "warmup_start": 0.25, "milestones": [2, 3.5, 5], "gamma": 0.3},
     "rates": torch_rates(lambda o: warm(o, 10, 0.25, lambda o: s.MultiStepLR(o, [10, 25, 40], 0.3)), 60)},
    {"from": "torch MultiStepLR", "epochs": 4,
     "optim": {"schedule": "step", "warmup_epochs": 0, "milestones": [1, 3], "gamma": 0.1},
     "rates": torch_rates(lambda o: s.MultiStepLR(o, [10, 30], 0.1), 40)},
    {"from": "torch LinearLR", "epochs": 3,
     "optim": {"schedule": "constant", "warmup_epochs": 1.5, "warmup_start": 0.1},
     "rates": torch_rates(lambda o: s.LinearLR(o, start_factor=0.1, total_iters=15), 30)},
    {"from": "torch OneCycleLR", "epochs": 5,
     "optim": {"schedule": "one-cycle", "warmup_epochs": 1.5, "warmup_start": 1 / 25, "min_lr_ratio": 1 / 25e4},
     "rates": torch_rates(lambda o: s.OneCycleLR(o, 1.0, total_steps=50, pct_start=0.3), 50)},
    {"from": "torch OneCycleLR, other factors", "epochs": 4,
     "optim": {"schedule": "one-cycle", "warmup_epochs": 1, "warmup_start": 0.1, "min_lr_ratio": 0.001},
     "rates": torch_rates(lambda o: s.OneCycleLR(o, 1.0, total_steps=40, pct_start=0.25, div_factor=10,
                                                 final_div_factor=100, cycle_momentum=False), 40)},
    {"from": "timm CosineLRScheduler by step", "epochs": 5,
     "optim": {"schedule": "cosine-step", "warmup_epochs": 2, "warmup_start": 1e-4, "min_lr_ratio": 0.01},
     "rates": timm_rates(5, 2, 1e-4, 0.01, False)},
    {"from": "timm CosineLRScheduler by epoch", "epochs": 6,
     "optim": {"schedule": "cosine-epoch", "warmup_epochs": 0, "min_lr_ratio": 0.01},
     "rates": timm_rates(6, 0, 0, 0.01, True)},
]
print(json.dumps({"steps_per_epoch": PER_EPOCH, "cases": cases}))
