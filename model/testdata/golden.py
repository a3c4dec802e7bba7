"""What the scripts in this folder share: numbers rebuilt from names, as
internal/golden does, and the safetensors format."""
import json
import math
import struct

import numpy as np
import torch


def fnv1a(name):
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def uniform(name, shape, lo, hi):
    """Element i is lo + (hi-lo)·u in float32, u from splitmix64(fnv1a64(name) + i)."""
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(count, dtype=np.uint64)
        z += np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
    values = np.float32(lo) + np.float32(hi - lo) * u
    return torch.from_numpy(values.reshape(shape))


def save(path, arrays, metadata):
    """Writes tensors as float32."""
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, value in arrays.items():
        blob = value.float().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
