"""Makes evaluation.json: figures of random logits, computed with numpy.

    python3 evaluation.py > evaluation.json
"""
import json

import numpy as np

N, C, BINS = 48, 7, 15
random = np.random.default_rng(3)
# Multiples of 1/2, so that there are ties and the text is short.
logits = np.round(random.normal(0, 2, (N, C)) * 2) / 2
labels = np.where(random.random(N) < 0.6, logits.argmax(1), random.integers(0, C, N))

x = logits.astype(np.float64)
p = np.exp(x - x.max(1, keepdims=True))
p /= p.sum(1, keepdims=True)
order = np.argsort(-logits, axis=1, kind="stable")
predicted, sure = order[:, 0], p.max(1)
correct = predicted == labels
ece = 0.0
for m in range(BINS):
    inside = (sure > m / BINS) & (sure <= (m + 1) / BINS)
    if inside.any():
        ece += inside.mean() * abs(correct[inside].mean() - sure[inside].mean())
confusion = np.zeros((C, C), int)
np.add.at(confusion, (labels, predicted), 1)
print(json.dumps({
    "logits": logits.tolist(), "labels": labels.tolist(),
    "top1": correct.mean(),
    "top5": (order[:, :5] == labels[:, None]).any(1).mean(),
    "nll": -np.log(p[np.arange(N), labels]).mean(),
    "ece": ece,
    "accuracy": (np.diag(confusion) / confusion.sum(1)).tolist(),
    "confusion": confusion.tolist(),
}))
