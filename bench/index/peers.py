"""Searches of numpy and faiss among the vectors that bench/index wrote.

usage: OMP_NUM_THREADS=2 python peers.py DIR N [--graphs]

Prints the median milliseconds per query, as bench/index does; with --graphs
also faiss's HNSW and IVF, with recall@10 and build time.
"""
import statistics
import sys
import time

import numpy as np

DIM, QUERIES, K, TURNS = 256, 256, 10, 20


def median_ms(search, queries, q):
    took = []
    for turn in range(TURNS + 1):
        at = turn * q % (len(queries) - q + 1)
        start = time.perf_counter()
        search(queries[at : at + q])
        took.append((time.perf_counter() - start) * 1e3 / q)
    return statistics.median(took[1:])


def main():
    folder, n = sys.argv[1], int(sys.argv[2])
    data = np.fromfile(f"{folder}/vectors-{n}.f32", np.float32).reshape(-1, DIM)
    data /= np.linalg.norm(data, axis=1, keepdims=True)
    vectors, queries = data[:n], data[n:]

    def by_numpy(q):
        scores = q @ vectors.T
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1)
        return np.take_along_axis(best, order, 1)

    for q in (1, 16):
        print(f"numpy {np.__version__} fp32, {n} vectors, {q} queries: {median_ms(by_numpy, queries, q):.3f} ms per query")
    try:
        import faiss
    except ImportError:
        print("faiss is missing: pip install faiss-cpu adds it")
        return
    scalar = faiss.ScalarQuantizer
    ip = faiss.METRIC_INNER_PRODUCT
    kinds = {
        "flat fp32": lambda: faiss.IndexFlatIP(DIM),
        "flat fp16": lambda: faiss.IndexScalarQuantizer(DIM, scalar.QT_fp16, ip),
        "flat int8": lambda: faiss.IndexScalarQuantizer(DIM, scalar.QT_8bit, ip),
    }
    for name, make in kinds.items():
        index = make()
        index.train(vectors)
        index.add(vectors)
        for q in (1, 16):
            ms = median_ms(lambda x: index.search(x, K), queries, q)
            print(f"faiss {faiss.__version__} {name}, {n} vectors, {q} queries: {ms:.3f} ms per query")
    if "--graphs" not in sys.argv:
        return
    truth = by_numpy(queries)

    def show(name, index, built):
        found = index.search(queries, K)[1]
        recall = np.mean([len(set(f) & set(t)) / K for f, t in zip(found, truth)])
        ms = median_ms(lambda x: index.search(x, K), queries, 1)
        print(f"faiss {name}, {n} vectors: built in {built:.0f} s, recall@10 {recall:.4f}, {ms:.3f} ms per query")

    start = time.perf_counter()
    hnsw = faiss.IndexHNSWFlat(DIM, 16, ip)
    hnsw.hnsw.efConstruction = 200
    hnsw.add(vectors)
    built = time.perf_counter() - start
    for effort in (16, 32, 64, 128, 256):
        hnsw.hnsw.efSearch = effort
        show(f"HNSW16, effort {effort}", hnsw, built)
    start = time.perf_counter()
    lists = int(4 * n**0.5)
    ivf = faiss.IndexIVFFlat(faiss.IndexFlatIP(DIM), DIM, lists, ip)
    ivf.train(vectors)
    ivf.add(vectors)
    built = time.perf_counter() - start
    for probes in (4, 16, 64):
        ivf.nprobe = probes
        show(f"IVF{lists}, {probes} probes", ivf, built)


main()
