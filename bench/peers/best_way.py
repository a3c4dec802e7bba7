"""Peer: a CoNe training step as fast as PyTorch makes it on a CPU.

Meant for the newest PyTorch; the same mathematics as authors_way.py.

Options, reports and the --serve protocol: see common.py.
"""

import argparse
import contextlib
import ctypes.util
import os
import sys

MARK = "CONE_PEER_ALLOCATOR"


def restart_with(allocator):
    """Start this program again with a memory allocator in front of libc's.

    glibc gives every large activation back to the kernel when it is freed and
    faults its pages in again at the next step; these allocators keep them.
    """
    if MARK in os.environ:
        return
    environment = dict(os.environ)
    environment[MARK] = "libc"
    names = {"jemalloc": "jemalloc", "tcmalloc": "tcmalloc_minimal"}
    library = ctypes.util.find_library(names[allocator]) if allocator in names else None
    if library:
        environment[MARK] = allocator
        environment["LD_PRELOAD"] = library
        # As PyTorch's tuning guide has it.
        environment.setdefault("MALLOC_CONF", "oversize_threshold:1,background_thread:true,"
                               "metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1")
    os.execve(sys.executable, [sys.executable] + sys.argv, environment)


def first_options():
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--allocator", choices=["jemalloc", "tcmalloc", "libc"], default="jemalloc")
    return parser


if __name__ == "__main__":
    restart_with(first_options().parse_known_args()[0].allocator)

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import common  # noqa: E402


class Bank:
    """The bank: queue by rows (K×D), so that neighbours are gathered from
    contiguous memory; label (K); probability (C×K)."""

    def __init__(self, problem):
        self.queue = problem.queue.T.contiguous()
        self.label = problem.queue_label
        self.probability = problem.queue_label_prob
        self.next = problem.queue_ptr
        problem.queue = None

    @torch.no_grad()
    def write(self, z_key, labels, probability):
        last = self.next + labels.shape[0]
        self.queue[self.next:last] = z_key
        self.label[self.next:last] = labels
        self.probability[:, self.next:last] = probability.T
        self.next = last % self.label.shape[0]


def losses(case, e_query, logits, z_key, labels, queue, queue_label, queue_probability):
    """Return the losses (neighbours, cross-entropy, consistency), each a scalar."""
    n = labels.shape[0]
    z_query = F.normalize(e_query)

    # The search needs no gradient: only the k similarities that are kept do, so
    # they are computed again from the k rows, and backward stays k wide, not K.
    # Both encoders' similarities are one product: the bank is read once.
    with torch.no_grad():
        z_both = torch.cat([z_query, z_key])
        similarity, similarity_key = (z_both @ queue.T).split(n)
        nearest = similarity.topk(case.neighbours, dim=1, sorted=False)[1]
        same_class = queue_label[nearest] == labels[:, None]
        rows = queue[nearest]
    kept = torch.bmm(rows, z_query[:, :, None])[:, :, 0]
    weight = (kept / case.neighbour_temperature).softmax(1)
    p = (weight * same_class).sum(1)
    p = torch.where(p > 1e-8, p, 1.0)
    neighbour = -p.log().sum() / n

    log_q = logits.log_softmax(1)
    with torch.no_grad():
        weight = (similarity_key / case.consistency_temperature).softmax(1)
        target = weight @ queue_probability.T
        unsure = log_q.amin(1).exp() > 1e-8
    divergence = F.kl_div(log_q, target, reduction="none").sum(1)
    consistency = torch.where(unsure, divergence, 0.0).sum() / n

    off = case.label_smoothing / (case.classes - 1)
    own = log_q.gather(1, labels[:, None])[:, 0]
    cross = (1 - case.label_smoothing - off) * own + off * log_q.sum(1)
    entropy = -torch.where(unsure, cross, 0.0).sum() / n
    return neighbour, entropy, consistency


def make_step(problem, precision, compiled, mode=None):
    case = problem.case
    query = problem.query.to(memory_format=torch.channels_last)
    key = problem.key.to(memory_format=torch.channels_last)
    images = problem.images.contiguous(memory_format=torch.channels_last)
    labels = problem.labels
    bank = Bank(problem)
    query_parameters = list(query.parameters())
    key_parameters = list(key.parameters())
    optimizer = torch.optim.SGD(query_parameters, case.lr, momentum=case.momentum,
                                weight_decay=case.weight_decay, fused=True)

    def autocast():
        if precision == "bfloat16":
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def at_least_float32(x):
        return x.float() if x.dtype == torch.bfloat16 else x

    def encode_key(images):
        with torch.no_grad(), autocast():
            e, logits = key(images)
        return F.normalize(at_least_float32(e)), at_least_float32(logits).softmax(1)

    def encode_query(images):
        with autocast():
            e, logits = query(images)
        return at_least_float32(e), at_least_float32(logits)

    def all_losses(*inputs):
        return losses(case, *inputs)

    def forward(images, labels, *bank):
        z_key, probability = encode_key(images)
        e_query, logits = encode_query(images)
        three = all_losses(e_query, logits, z_key, labels, *bank)
        total = (three[1] + case.neighbour_weight * three[0]
                 + case.consistency_weight * three[2])
        return total, torch.stack([x.detach() for x in three]), z_key.detach(), probability

    kw = dict(fullgraph=True, dynamic=False, mode=mode)
    if compiled == "step":
        forward = torch.compile(forward, **kw)
    elif compiled == "encoders":
        encode_key = torch.compile(encode_key, **kw)
        encode_query = torch.compile(encode_query, **kw)

    def step(i):
        m = problem.key_momentum(i)
        with torch.no_grad():
            torch._foreach_lerp_(key_parameters, query_parameters, 1 - m)
        total, three, z_key, probability = forward(images, labels, bank.queue, bank.label,
                                                   bank.probability)
        total.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        bank.write(z_key, labels, probability)
        return three

    return step


def main():
    parser = common.options(__doc__.splitlines()[0])
    parser.add_argument("--allocator", choices=["jemalloc", "tcmalloc", "libc"], default="jemalloc")
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--compile", choices=["none", "encoders", "step"], default="step")
    parser.add_argument("--mode", default=None)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    problem = common.Problem(common.CASES[args.case])
    step = make_step(problem, args.precision, args.compile, args.mode)
    variant = {"precision": args.precision, "layout": "channels_last", "compile": args.compile,
               "allocator": os.environ[MARK]}
    return common.Clock("best_way", variant, args, problem.case, step).run()


if __name__ == "__main__":
    sys.exit(main())
