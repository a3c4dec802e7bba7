"""Peer: pictures prepared the way torchvision users do it, on one core.

--way pillow: Pillow decodes; RandomResizedCrop(224) and RandomHorizontalFlip, or
Resize(256) and CenterCrop(224); ToTensor; Normalize. The result is float32.
--way tensor: torchvision.io.decode_jpeg and v2 transforms on uint8 with
antialiasing; the result is uint8 and left to be normalised on the device.

The files are read into memory before the clock starts, on our side too. The
core is chosen by whoever starts the program (taskset); torch gets one thread.

--serve protocol: a JSON line when ready, then one pass over all pictures, and
one line, per line "go" on standard input; "quit" ends. See bench/program.go.
"""

import argparse
import io
import json
import pathlib
import sys
import time

import torch
import torchvision
from torchvision import transforms

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def pillow_way(evaluate):
    """Return a function from a file's bytes to 3×224×224 float32."""
    from PIL import Image

    if evaluate:
        steps = [transforms.Resize(256), transforms.CenterCrop(224)]
    else:
        steps = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    transform = transforms.Compose(
        steps + [transforms.ToTensor(), transforms.Normalize(MEAN, STD, inplace=True)])

    def prepare(content):
        with Image.open(io.BytesIO(content)) as image:
            return transform(image.convert("RGB"))

    return prepare


def tensor_way(evaluate):
    """Return a function from a file's bytes to 3×224×224 uint8."""
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms import v2

    if evaluate:
        transform = v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224)])
    else:
        transform = v2.Compose([v2.RandomResizedCrop(224, antialias=True),
                                v2.RandomHorizontalFlip()])

    def prepare(content):
        encoded = torch.frombuffer(content, dtype=torch.uint8)
        return transform(decode_jpeg(encoded, mode=ImageReadMode.RGB))

    return prepare


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--way", choices=["pillow", "tensor"], required=True)
    parser.add_argument("--evaluate", action="store_true", help="the evaluation transform")
    parser.add_argument("--pictures", required=True, help="folder with *.jpg, at any depth")
    parser.add_argument("--serve", action="store_true", required=True)
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(0)
    prepare = {"pillow": pillow_way, "tensor": tensor_way}[args.way](args.evaluate)
    paths = sorted(pathlib.Path(args.pictures).rglob("*.jpg"))
    # Of memory that may be written to, as frombuffer likes it.
    files = [bytearray(path.read_bytes()) for path in paths]
    version = "torchvision %s" % torchvision.__version__
    if args.way == "pillow":
        import PIL
        version += ", Pillow %s" % PIL.__version__

    def report(seconds, cpu):
        print(json.dumps({"versions": version, "batch": len(files),
                          "seconds_per_step": seconds, "cpu_seconds": cpu}), flush=True)

    for content in files[:16]:
        prepare(content)
    report([], [])
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        start, cpu = time.perf_counter(), time.process_time()
        for content in files:
            prepare(content)
        report([time.perf_counter() - start], [time.process_time() - cpu])


if __name__ == "__main__":
    main()
