"""Peer: a CoNe training step written as the authors' script writes it.

Meant for Debian's python3-torch (1.13.1). float32, NCHW; the key encoder moves
parameter by parameter in a Python loop that allocates each result; each loss
clones the part of the bank that it reads (so the queue is cloned twice); masks
select rows; the bank is written before backward; three `.item()` per step;
torch.optim.SGD and zero_grad as they are by default. Nothing is tuned, with one
exception in its favour: threads are set to one per core, because Debian's build
may start with one thread only. The authors' float16 and loss scaling need a GPU
and are left out, as are their gathers among processes.

Options, reports and the --serve protocol: see common.py.
Example: python3 authors_way.py --case a --repetitions 5
"""

import sys

import torch
import torch.nn.functional as F

import common


def normalised_encoder(encoder, images):
    """Return the normalised embedding z (N×D) and the logits (N×C)."""
    embedding, logits = encoder(images)
    return F.normalize(embedding), logits


@torch.no_grad()
def update_key_encoder(query, key, m):
    for q, k in zip(query.parameters(), key.parameters()):
        k.data = k.data * m + q.data * (1 - m)


def neighbour_probability(problem, z, labels):
    """Return p (N): each sample's softmax weight on neighbours of its own class."""
    case = problem.case
    queue = problem.queue.clone().detach()
    queue_label = problem.queue_label.clone().detach()
    similarity = torch.mm(z, queue)
    nearest = similarity.topk(k=case.neighbours, dim=-1)[1]
    weight = F.softmax(similarity.gather(1, nearest) / case.neighbour_temperature, dim=-1)
    same_class = torch.eq(labels.unsqueeze(1), queue_label[nearest])
    return (weight * same_class).sum(1)


@torch.no_grad()
def consistency_target(problem, z):
    """Return q (N×C): the bank's class probabilities as z's similarities weigh them."""
    queue = problem.queue.clone().detach()
    queue_label_prob = problem.queue_label_prob.clone().detach()
    similarity = torch.mm(z, queue)
    weight = F.softmax(similarity / problem.case.consistency_temperature, dim=-1)
    return torch.mm(weight, queue_label_prob.T)


def losses(problem, z_query, logits, z_key, labels):
    """Return the losses (neighbours, cross-entropy, consistency), each a scalar."""
    case = problem.case
    n = labels.shape[0]

    probability = neighbour_probability(problem, z_query, labels)
    neighbour = -torch.log(probability[probability > 1e-8]).sum() / n

    with torch.no_grad():
        target = consistency_target(problem, z_key)
        off = case.label_smoothing / (case.classes - 1)
        onehot = torch.full_like(logits, off)
        onehot.scatter_(1, labels.unsqueeze(1), 1 - case.label_smoothing)
        unsure = F.softmax(logits, dim=1).min(dim=1)[0] > 1e-8

    entropy = -(onehot[unsure] * F.log_softmax(logits[unsure], dim=1)).sum() / n
    consistency = F.kl_div(F.log_softmax(logits[unsure], dim=1), target[unsure],
                           reduction="sum") / n
    return neighbour, entropy, consistency


@torch.no_grad()
def write_bank(problem, z_key, labels, probability):
    first, last = problem.queue_ptr, problem.queue_ptr + labels.shape[0]
    problem.queue[:, first:last] = z_key.T
    problem.queue_label[first:last] = labels
    problem.queue_label_prob[:, first:last] = probability.T
    problem.queue_ptr = last % problem.case.bank


def make_step(problem):
    """Return the function that runs step i and returns its three losses."""
    case = problem.case
    optimizer = torch.optim.SGD(problem.query.parameters(), case.lr,
                                momentum=case.momentum, weight_decay=case.weight_decay)

    def step(i):
        images, labels = problem.images, problem.labels
        update_key_encoder(problem.query, problem.key, problem.key_momentum(i))
        with torch.no_grad():
            z_key, logits_key = normalised_encoder(problem.key, images)
        z_query, logits = normalised_encoder(problem.query, images)
        neighbour, entropy, consistency = losses(problem, z_query, logits, z_key, labels)
        write_bank(problem, z_key, labels, F.softmax(logits_key, dim=1))

        total = (entropy + case.neighbour_weight * neighbour
                 + case.consistency_weight * consistency)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        return neighbour.item(), entropy.item(), consistency.item()

    return step


def main():
    args = common.options(__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(args.threads)
    problem = common.Problem(common.CASES[args.case])
    variant = {"precision": "float32", "layout": "NCHW", "compile": "none"}
    clock = common.Clock("authors_way", variant, args, problem.case, make_step(problem))
    return clock.run()


if __name__ == "__main__":
    sys.exit(main())
