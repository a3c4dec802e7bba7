"""Makes layers.json: the layers that timm numbers for layer-wise decay.

    python3 make_layers.py > layers.json

Needs timm. Each network's parameters, in order, with their layer from 0.
"""
import json

import timm
from timm.models import group_parameters

result = {}
for name in ["resnet18", "resnet50", "vit_tiny_patch16_224", "convnext_atto", "swin_tiny_patch4_window7_224"]:
    model = timm.create_model(name)
    layers = group_parameters(model, model.group_matcher(coarse=False), reverse=True)
    last = max(layers.values())
    result[name] = [[n, layers.get(n, last)] for n, _ in model.named_parameters()]
print(json.dumps(result, separators=(",", ":")))
