"""Makes the files of torch.save that the tests read.

    python3 make.py [FOLDER]

Run once with PyTorch 1.13.1 and once with a 2.x; files carry the major version
in their names. Beside each file lies a JSON with what is in it: by name, the
type, the shape and the bytes, row-major and little-endian, in hexadecimal.
"""
import argparse
import collections
import io
import json
import os
import sys
import zipfile

import numpy as np
import torch

folder = sys.argv[1] if len(sys.argv) > 1 else "."
major = torch.__version__.split(".")[0]
NAMES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "BOOL", torch.complex64: "C64",
}
WIDE = {torch.bfloat16: torch.int16}
if major != "1":
    NAMES |= {torch.uint16: "U16", torch.uint32: "U32", torch.uint64: "U64", torch.float8_e4m3fn: "F8_E4M3"}
    WIDE |= {torch.float8_e4m3fn: torch.uint8}


def raw(t):
    t = t.detach().contiguous().reshape(-1)
    if t.dtype in WIDE:
        t = t.view(WIDE[t.dtype])
    return t.numpy().tobytes().hex()


def save(name, value, tensors, **options):
    path = os.path.join(folder, f"{name}-{major}")
    torch.save(value, path + ".pth", **options)
    text = {n: [NAMES[t.dtype], list(t.shape), raw(t)] for n, t in tensors.items()}
    with open(path + ".json", "w") as f:
        json.dump(text, f, separators=(",", ":"))
        f.write("\n")


base = torch.arange(24, dtype=torch.float32) / 8 - 1
types = collections.OrderedDict()
for dtype, name in NAMES.items():
    types["t." + name] = (torch.arange(6).reshape(2, 3) % 5).to(dtype)
types["scalar"] = torch.tensor(2.5)
types["empty"] = torch.zeros(0, 3)
types["parameter"] = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
save("types", types, types)

views = {
    "whole": base,
    "slice": base[4:10],
    "transposed": base.view(4, 6).t(),
    "strided": base.view(4, 6)[1:, ::2],
    "channels_last": base.view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
    "tied": base,
}
save("views", {"state_dict": views, "epoch": 7}, views)

# What training programs put beside the weights.
torch.manual_seed(3)
net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
net(torch.randn(4, 3)).square().sum().backward()
optimizer.step()
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
beside = {
    "epoch": 12, "arch": "tiny", "args": argparse.Namespace(lr=0.1, names=["a"], nested=argparse.Namespace(b=None)),
    "best": np.float64(0.75), "count": np.int64(5), "flag": np.bool_(True), "size": torch.Size([1, 2]),
    "device": torch.device("cpu"), "dtype": torch.float16, "set": {1}, "bytes": b"\x00\xff", "big": 1 << 70,
    "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "float": -1.5, "default": collections.defaultdict(list, a=[1]),
}
wrapped = collections.OrderedDict(("module." + k, v) for k, v in net.state_dict().items())
tensors = dict(net.state_dict())
for i, p in enumerate(optimizer.state_dict()["state"].values()):
    tensors[f"optimizer.state.{i}.momentum_buffer"] = p["momentum_buffer"]
save("beside", {"model": wrapped, **beside}, tensors)
save("legacy", {"model": wrapped, **beside}, tensors, _use_new_zipfile_serialization=False)
save("protocol4", {"model": wrapped, **beside}, tensors, pickle_protocol=4)

if major != "1":  # without checksums
    torch.serialization.set_crc32_options(False)
    save("unsummed", {"state_dict": views}, views)
    torch.serialization.set_crc32_options(True)

# The same file from a big-endian machine, and compressed by another program.
small = {"a": base[:6].view(2, 3).clone(), "b": torch.tensor([1, -2]), "c": torch.tensor([1 + 2j])}
buffer = io.BytesIO()
torch.save(small, buffer)
source = zipfile.ZipFile(buffer)
widths = {"0": 4, "1": 8, "2": 4}
for kind in ("big", "deflated"):
    path = os.path.join(folder, f"{kind}-{major}")
    method = zipfile.ZIP_DEFLATED if kind == "deflated" else zipfile.ZIP_STORED
    with zipfile.ZipFile(path + ".pth", "w", method) as z:
        for entry in source.namelist():
            content, key = source.read(entry), entry.split("/")[-1]
            if kind == "big" and "/data/" in entry:
                content = np.frombuffer(content, f"<u{widths[key]}").byteswap().tobytes()
            if key != "byteorder":
                z.writestr(entry, content)
        z.writestr("archive/byteorder", "big" if kind == "big" else "little")
    with open(path + ".json", "w") as f:
        json.dump({n: [NAMES[t.dtype], list(t.shape), raw(t)] for n, t in small.items()}, f, separators=(",", ":"))
        f.write("\n")


# What is refused: a program, a whole module, a TorchScript archive, a view that
# repeats elements, and a file without a network.
class System:
    def __reduce__(self):
        return os.system, ("touch owned",)


class Sneaky(collections.OrderedDict):
    def __reduce__(self):
        return collections.OrderedDict, ([("a", System())],)


refused = os.path.join(folder, "refused")
os.makedirs(refused, exist_ok=True)
for name, value in {
    "system": {"state_dict": {"weight": base}, "x": System()}, "sneaky": Sneaky(), "module": net,
    "expanded": {"weight": base[:1].expand(1000, 1000)}, "numbers": {"a": 1, "b": [base]},
}.items():
    torch.save(value, os.path.join(refused, f"{name}-{major}.pth"))
    if name != "module":  # the old format keeps the paths of sources
        torch.save(value, os.path.join(refused, f"{name}-{major}-legacy.pth"), _use_new_zipfile_serialization=False)
torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), os.path.join(refused, f"script-{major}.pth"))
