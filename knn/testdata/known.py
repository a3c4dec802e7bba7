"""Known answers for package knn from numpy, scikit-learn and cleanlab:
    python3 knn/testdata/known.py > knn/testdata/known.json"""
import json

import numpy as np
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import roc_auc_score

random = np.random.default_rng(7)
N, C, M, K, D = 12, 4, 40, 9, 5
index = random.normal(size=(M, D)).astype(np.float32)
index /= np.linalg.norm(index, axis=1, keepdims=True)
queries = random.normal(size=(N, D)).astype(np.float32)
queries /= np.linalg.norm(queries, axis=1, keepdims=True)
labels = random.integers(0, C, M)
truth = random.integers(0, C, N)
logits = random.normal(size=(N, C)).astype(np.float32) * 2
similarity = queries @ index.T
place = np.argsort(-similarity, axis=1, kind="stable")[:, :K]
near = np.take_along_axis(similarity, place, 1)
tau = 0.3
votes = np.zeros((N, C))
for i in range(N):
    np.add.at(votes[i], labels[place[i]], np.exp(near[i].astype(float) / tau))
votes /= votes.sum(1, keepdims=True)
softmax = np.exp(logits.astype(float))
softmax /= softmax.sum(1, keepdims=True)

# The best mixture by trying all weights: k 5 is all that fits beside K 9.
best = None
for temperature in [0.02, 0.05, 0.07, 0.1, 0.2]:
    v = np.zeros((N, C))
    for i in range(N):
        np.add.at(v[i], labels[place[i, :5]], np.exp(near[i, :5].astype(float) / temperature))
    v /= v.sum(1, keepdims=True)
    a = np.maximum(softmax[np.arange(N), truth], 1e-6)
    b = np.maximum(v[np.arange(N), truth], 1e-6)
    for weight in np.linspace(0, 1, 10001):
        nll = -np.log((1 - weight) * a + weight * b).mean()
        if best is None or nll < best["nll"]:
            best = {"nll": nll, "weight": weight, "k": 5, "temperature": temperature}

inside, outside = random.integers(0, 9, 30) / 4, random.integers(0, 9, 20) / 4 - 0.3
outside[:5] += 0.3  # ties
given = votes.argmax(1)
given[::3] = (given[::3] + 1) % C
confidence = get_label_quality_scores(given, votes, method="self_confidence")
margin = get_label_quality_scores(given, votes, method="normalized_margin")
print(json.dumps({
    "classes": C, "k": K, "temperature": tau, "labels": labels.tolist(), "truth": truth.tolist(),
    "similarity": near.ravel().tolist(), "place": place.ravel().tolist(), "logits": logits.ravel().tolist(),
    "votes": votes.ravel().tolist(), "softmax": softmax.ravel().tolist(), "mixture": best,
    "means": near[:, :4].mean(1).tolist(),
    "inside": inside.tolist(), "outside": outside.tolist(),
    "auroc": roc_auc_score([1] * 30 + [0] * 20, np.concatenate([inside, outside])),
    "given": given.tolist(), "normalized_margin": margin.tolist(), "self_confidence": confidence.tolist(),
    "accuracy": float((votes.argmax(1) == truth).mean()),
}))
