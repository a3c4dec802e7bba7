"""Peer: cross-entropy training on several processes by DistributedDataParallel.

Meant for Debian's python3-torch (1.13.1), gloo, channels_last, float32. Alone
(without WORLD_SIZE) it does the same steps on one process without DDP. Batch
norm uses each process's own images: torch.nn.SyncBatchNorm takes no tensors of
CPUs.

RANK, WORLD_SIZE and MASTER_PORT say which process this is; the batch of the
case is shared out among them.

Options, reports and the --serve protocol: see common.py.
"""

import os
import sys

import torch
import torch.nn.functional as F

import common


def make_step(problem, rank, size):
    case = problem.case
    network = problem.query.to(memory_format=torch.channels_last)
    part = slice(case.batch * rank // size, case.batch * (rank + 1) // size)
    images = problem.images[part].contiguous(memory_format=torch.channels_last)
    labels = problem.labels[part]
    optimizer = torch.optim.SGD(network.parameters(), case.lr, momentum=case.momentum,
                                weight_decay=case.weight_decay)
    if size > 1:
        network = torch.nn.parallel.DistributedDataParallel(network)

    def step(_):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(network(images)[1], labels)
        loss.backward()
        optimizer.step()
        return 0, loss.item(), 0

    return step


def main():
    args = common.options(__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(args.threads)
    rank, size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if size > 1:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        torch.distributed.init_process_group("gloo", rank=rank, world_size=size)
    problem = common.Problem(common.CASES[args.case])
    variant = {"precision": "float32", "layout": "channels_last", "processes": str(size)}
    clock = common.Clock("ddp", variant, args, problem.case, make_step(problem, rank, size))
    return clock.run()


if __name__ == "__main__":
    sys.exit(main())
