"""Precision at the number of flipped labels by cleanlab (confident learning,
https://arxiv.org/abs/1911.00068) on the embeddings that bench/neighbors --dump
wrote, from cross-validated probabilities as cleanlab's documentation asks for:

    python3 bench/peers/cleanlab_audit.py DUMP RUN/label_noise.csv
"""
import csv
import sys

import cleanlab
import numpy as np
import sklearn
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

dump, record = sys.argv[1:3]
labels = np.loadtxt(f"{dump}/labels.txt", dtype=int)
x = np.fromfile(f"{dump}/embeddings.f32", dtype="<f4").reshape(len(labels), -1)
with open(record, newline="") as f:
    flipped = {int(row["index"]) for row in csv.DictReader(f)}
wrong = np.array([i in flipped for i in range(len(labels))])
n = int(wrong.sum())
print(f"cleanlab {cleanlab.__version__}, scikit-learn {sklearn.__version__}: {len(labels)} images, {n} flipped")
folds = StratifiedKFold(5, shuffle=True, random_state=0)
for name, model in {
    "k-NN, k 20": KNeighborsClassifier(20, weights="distance"),
    "k-NN, k 200": KNeighborsClassifier(200, weights="distance"),
    "logistic regression": LogisticRegression(max_iter=200),
}.items():
    p = cross_val_predict(model, x, labels, cv=folds, method="predict_proba")
    for method in ["self_confidence", "normalized_margin"]:
        scores = get_label_quality_scores(labels, p, method=method)
        top = np.argsort(scores, kind="stable")[:n]
        print(f"{name}, {method}: precision at {n} {wrong[top].mean():.4f}", flush=True)
    issues = find_label_issues(labels, p)
    found = (issues & wrong).sum()
    print(f"{name}, find_label_issues: {issues.sum()} named, precision {found / issues.sum():.4f}, recall {found / n:.4f}", flush=True)
