"""Makes losses.json: known answers for the methods' losses, in float64.

Cross-entropy comes from torch.nn.CrossEntropyLoss, BCE from timm's
BinaryCrossEntropy with timm's mixup targets; the others are written here with
plain loops over images, straight from the papers. Needs torch and timm:

    python3 losses.py > losses.json
"""

import json
import math
import sys

import torch
from timm.data.mixup import mixup_target
from timm.loss import BinaryCrossEntropy

torch.set_default_dtype(torch.float64)
random = torch.Generator().manual_seed(20041)
cases = []


def normal(*shape, scale=1.0):
    return torch.randn(*shape, generator=random) * scale


def integers(n, below):
    return torch.randint(0, below, (n,), generator=random)


def case(kind, loss, inputs, **settings):
    """Keeps the loss, its gradients and everything that it was made of."""
    loss.backward()
    out = {"kind": kind, "loss": loss.item(), "settings": settings, "inputs": {}, "gradients": {}}
    for name, x in inputs.items():
        out["inputs"][name] = x.detach().tolist()
        if x.requires_grad:
            out["gradients"][name] = x.grad.tolist()
    cases.append(out)


# Cross-entropy.
for smoothing in (0.0, 0.1):
    for weighted in (False, True):
        for mixed in (False, True):
            logits = normal(6, 5, scale=3).requires_grad_()
            labels, partners = integers(6, 5), integers(6, 5)
            shares = torch.rand(6, generator=random)
            weights = torch.rand(5, generator=random) + 0.1 if weighted else None
            inputs = {"logits": logits, "labels": labels}
            if weighted:
                inputs["weights"] = weights
            if not mixed:
                loss = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)(logits, labels)
            else:
                inputs |= {"partners": partners, "shares": shares}
                each = torch.nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing, reduction="none")
                own, other = each(logits, labels), each(logits, partners)
                w = weights if weighted else torch.ones(5)
                divisor = (shares * w[labels] + (1 - shares) * w[partners]).sum()
                loss = (shares * own + (1 - shares) * other).sum() / divisor
            case("cross_entropy", loss, inputs, smoothing=smoothing, all=True)

# The convention of CoNe's authors, which torch has only as soft targets.
logits, labels = normal(6, 5, scale=3).requires_grad_(), integers(6, 5)
soft = torch.full((6, 5), 0.2 / 4).scatter(1, labels[:, None], 0.8)
case("cross_entropy", torch.nn.CrossEntropyLoss()(logits, soft), {"logits": logits, "labels": labels}, smoothing=0.2, all=False)

# Binary cross-entropy.
for smoothing, threshold, total, share in (
    (0.0, None, False, None), (0.1, None, False, None), (0.1, None, True, None), (0.1, 0.2, False, None),
    (0.0, None, False, 0.7), (0.1, None, True, 0.7), (0.1, 0.2, False, 0.7), (0.1, 0.2, True, 0.1), (0.0, 0.0, False, 0.6),
):
    logits, labels = normal(6, 5, scale=3).requires_grad_(), integers(6, 5)
    inputs = {"logits": logits, "labels": labels}
    target = labels
    if share is not None:
        target = mixup_target(labels, 5, share, smoothing).double()
        inputs |= {"partners": labels.flip(0), "shares": torch.full((6,), share)}
    loss = BinaryCrossEntropy(smoothing=smoothing, target_threshold=threshold, sum_classes=total)(logits, target)
    case("bce", loss, inputs, smoothing=smoothing, all=True, threshold=-1.0 if threshold is None else threshold, sum=total)


# Triplets: embeddings are normalised first where it says so.
def distance(a, b, squared):
    d = ((a - b) ** 2).sum()
    return d if squared else d.sqrt()


def hinge(x, margin, soft):
    return torch.log1p(torch.exp(x)) if soft else torch.clamp(x + margin, min=0)


def triplet(z, labels, mining, margin, soft, squared):
    n = len(labels)
    d = lambda i, j: distance(z[i], z[j], squared)
    terms = []
    for a in range(n):
        positives = [p for p in range(n) if p != a and labels[p] == labels[a]]
        negatives = [k for k in range(n) if labels[k] != labels[a]]
        if not positives or not negatives:
            continue
        if mining == "batch-hard":
            terms.append(hinge(max(d(a, p) for p in positives) - min(d(a, k) for k in negatives), margin, soft))
            continue
        for p in positives:
            if mining == "batch-all":
                terms += [t for t in (hinge(d(a, p) - d(a, k), margin, soft) for k in negatives) if t > 0]
                continue
            beyond = [d(a, k) for k in negatives if d(a, k) > d(a, p)]
            terms.append(hinge(d(a, p) - (min(beyond) if beyond else max(d(a, k) for k in negatives)), margin, soft))
    return sum(terms) / max(len(terms), 1)


for mining in ("batch-hard", "batch-all", "semi-hard"):
    for soft, squared, normalize in ((False, False, True), (True, False, True), (False, True, True), (False, False, False)):
        embedding = normal(12, 4).requires_grad_()
        # Three, three, four, one and one of a class.
        labels = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 3, 4])
        z = embedding / embedding.norm(dim=1, keepdim=True) if normalize else embedding
        loss = triplet(z, labels.tolist(), mining, 0.3, soft, squared)
        case("triplet", loss, {"embedding": embedding, "labels": labels},
             mining=mining, margin=0.3, soft=soft, squared=squared, normalize=normalize)


# Margins, one image after the other, by angles.
def psi(theta, m):
    k = min(int(theta.item() * m / math.pi), m - 1)
    return (-1) ** k * torch.cos(m * theta) - 2 * k


def margin_loss(x, w, labels, kind, m, s, lam):
    total = 0
    for i, y in enumerate(labels):
        logits = []
        for c in range(len(w)):
            lengths = x[i].norm() * w[c].norm()
            theta = torch.acos((x[i] @ w[c]) / lengths)
            if kind == "large-margin":
                value = lengths * torch.cos(theta)
                if c == y:
                    value = lengths * (lam * torch.cos(theta) + psi(theta, int(m))) / (1 + lam)
            else:
                cosine = torch.cos(theta)
                if c == y and kind == "cosface":
                    cosine = cosine - m
                elif c == y and theta + m <= math.pi:
                    cosine = torch.cos(theta + m)
                elif c == y:
                    cosine = cosine - m * math.sin(m)
                value = s * cosine
            logits.append(value)
        total = total - torch.log_softmax(torch.stack(logits), 0)[y]
    return total / len(labels)


for kind, m, s, start, step in (
    ("large-margin", 1, 1, 0, 0), ("large-margin", 2, 1, 0, 0), ("large-margin", 3, 1, 4, 0), ("large-margin", 4, 1, 1000, 5000),
    ("cosface", 0.35, 8, 0, 0), ("arcface", 0.5, 8, 0, 0), ("arcface", 1.2, 3, 0, 0),
):
    # Few dimensions, so that angles are large, too.
    x, w, labels = normal(16, 2).requires_grad_(), normal(5, 2).requires_grad_(), integers(16, 5)
    lam = max(0.5, start / (1 + 0.12 * step))
    case("margin", margin_loss(x, w, labels.tolist(), kind, m, s, lam), {"x": x, "w": w, "labels": labels},
         margin=kind, m=m, scale=s, start=start, step=step, least=0.5)

# Contrast with a queue whose last entries were never written.
query, key, queue = normal(6, 4).requires_grad_(), normal(6, 4), normal(9, 4)
labels, queued = integers(6, 3), integers(9, 3)
unit = lambda t: t / t.norm(dim=1, keepdim=True)
q, others = unit(query), torch.cat([unit(key), unit(queue)])
other_labels, total, tau = torch.cat([labels, queued]), 0, 0.2
for i in range(6):
    counted = [j for j in range(15) if j < 6 + 7]
    positives = [j for j in counted if other_labels[j] == labels[i]]
    every = torch.logsumexp(torch.stack([q[i] @ others[j] / tau for j in counted]), 0)
    total = total - sum(q[i] @ others[j] / tau - every for j in positives) / len(positives)
case("queue", total / 6 * tau / 0.07, {"query": query, "key": key, "queue": queue, "labels": labels, "queue_labels": queued},
     temperature=tau, base=0.07, written=7)

# Parametric contrast: C logits and all images but the anchor, in one softmax.
logits, query, key, queue = normal(6, 3).requires_grad_(), normal(6, 4).requires_grad_(), normal(6, 4), normal(9, 4)
labels, queued, alpha, beta, total = integers(6, 3), integers(9, 3), 0.05, 0.8, 0
q, others, other_labels = unit(query), torch.cat([unit(query), unit(key), unit(queue)]), torch.cat([labels, labels, queued])
for i in range(6):
    counted = [j for j in range(12 + 7) if j != i]
    every = torch.logsumexp(torch.cat([logits[i], torch.stack([q[i] @ others[j] / tau for j in counted])]), 0)
    positives = [j for j in counted if other_labels[j] == labels[i]]
    sum_ = beta * (logits[i, labels[i]] - every) + sum(alpha * (q[i] @ others[j] / tau - every) for j in positives)
    total = total - sum_ / (beta + alpha * len(positives))
case("paco", total / 6, {"logits": logits, "query": query, "key": key, "queue": queue, "labels": labels, "queue_labels": queued},
     temperature=tau, alpha=alpha, beta=beta, written=7)

json.dump(cases, sys.stdout)
