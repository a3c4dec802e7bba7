"""Checks exported files the way their readers use them.

    python3 check.py pth FILE CHECKPOINT       a state_dict equals a checkpoint
    python3 check.py authors FILE CHECKPOINT   so does the authors' state; SGD takes its optimizer
    python3 check.py timm-make NAME FILE       saves a timm network
    python3 check.py timm NAME FILE FOLDER     timm loads FOLDER and answers as the network of FILE
    python3 check.py torchvision-make NAME FILE   saves a network of torchvision
    python3 check.py torchvision NAME FILE OTHER  OTHER is the same network as FILE

Exits with 77 where a library is missing.
"""
import json
import struct
import sys

try:
    import torch
    if sys.argv[1].startswith("timm"):
        import timm
    if sys.argv[1].startswith("torchvision"):
        import torchvision
except ImportError as e:
    print(e)
    sys.exit(77)

TYPES = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64, "U8": torch.uint8}


def checkpoint(path):
    with open(path, "rb") as f:
        content = f.read()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    out = {}
    for name, t in json.loads(content[8:start]).items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            raw = bytearray(content[start + a:start + b])
            out[name] = torch.frombuffer(raw, dtype=TYPES[t["dtype"]]).reshape(t["shape"]) if raw else torch.zeros(t["shape"])
    return out


def equal(name, got, want):
    assert got.dtype == want.dtype and got.shape == want.shape and torch.equal(got, want), name


def load(path, **options):
    major, minor = (int(n) for n in torch.__version__.split(".")[:2])
    if (major, minor) >= (2, 1):
        torch.load(path, weights_only=True, mmap=True)
    return torch.load(path, **options)


def pth(path, run):
    state, want = load(path, weights_only=True), checkpoint(run)
    names = [n[len("encoder_q."):] for n in want if n.startswith("encoder_q.")]
    if "conv1.weight" in state:
        names = [n.removeprefix("net.") for n in names]
    assert set(state) == set(names) and len(names) == len(state), set(state) ^ set(names)
    for name, value in state.items():
        full = "encoder_q." + name
        equal(name, value, want[full] if full in want else want["encoder_q.net." + name])


def authors(path, run):
    # PyTorch 1.13's weights_only reads no floats, and the rates are some.
    safe = not torch.__version__.startswith("1.")
    top, want = load(path, weights_only=safe), checkpoint(run)
    assert list(top) == ["model", "optimizer", "scaler", "epoch"] and top["epoch"] == 2, list(top)
    model = top["model"]
    for name, value in model.items():
        assert name.startswith("module."), name
        name = name[len("module."):]
        if name == "queue":
            value, name = value.t(), "bank.embedding"
        elif name == "queue_label_prob":
            value, name = value.t(), "bank.probability"
        elif name == "queue_label":
            name = "bank.label"
        elif name == "queue_ptr":
            assert value.shape == (1,)
            value, name = value[0], "bank.position"
        equal(name, value, want[name])
    assert len(model) == sum(n.startswith(("encoder", "bank")) for n in want) - 1  # the images' indices
    buffers = ("running_mean", "running_var", "num_batches_tracked", "queue", "queue_ptr", "queue_label", "queue_label_prob")
    names = [n for n in model if n.split(".")[-1] not in buffers]
    parameters = [torch.nn.Parameter(model[n].clone()) for n in names]
    optimizer = torch.optim.SGD(parameters, lr=1, momentum=0.5)
    optimizer.load_state_dict(top["optimizer"])
    momenta = 0
    for name, p in zip(names, parameters):
        name = name[len("module."):]
        if name.startswith("encoder_q."):
            momenta += 1
            equal(name, optimizer.state[p]["momentum_buffer"], want["optimizer.momentum." + name[len("encoder_q."):]])
        else:
            assert p not in optimizer.state, name
    assert momenta == sum(n.startswith("optimizer.") for n in want)
    for p in parameters:
        p.grad = torch.ones_like(p)
    optimizer.step()


SIDE, CHANNELS = 32, 1


def timm_network(name, classes):
    sized = {"img_size": SIDE} if name.startswith("vit") else {}
    return timm.create_model(name, num_classes=classes, in_chans=CHANNELS, **sized)


def torchvision_network(name):
    return getattr(torchvision.models, name)(num_classes=4)


def stir(net, channels, path):
    torch.manual_seed(1)
    net.train()
    for p in net.parameters():
        p.data += 0.01 * torch.randn_like(p)
    net(torch.randn(8, channels, SIDE, SIDE))
    torch.save(net.state_dict(), path)


def timm_make(name, path):
    stir(timm_network(name, 4), CHANNELS, path)


def timm_check(name, path, folder):
    exported = timm.create_model("local-dir:" + folder, pretrained=True).eval()
    assert exported.pretrained_cfg["input_size"][1] == SIDE, exported.pretrained_cfg
    net = timm_network(name, exported.num_classes)
    last = net.pretrained_cfg["classifier"] + "."
    net.load_state_dict({k: v for k, v in torch.load(path, weights_only=True).items() if exported.num_classes or not k.startswith(last)})
    x = torch.randn(3, CHANNELS, SIDE, SIDE)
    with torch.no_grad():
        got, want = exported(x), net.eval()(x)
    assert got.shape == want.shape and torch.equal(got, want), (got - want).abs().max()
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=exported))
    print(transform)


def torchvision_make(name, path):
    stir(torchvision_network(name), 3, path)


def torchvision_check(name, path, other):
    want, got = torch.load(path), load(other, weights_only=True)
    for key, value in got.items():
        equal(key, value, want[key])
    # What is computed from the shape need not travel.
    missing = torchvision_network(name).load_state_dict(got, strict=False).missing_keys
    assert all(key.endswith("relative_position_index") for key in missing), missing


{"pth": pth, "authors": authors, "timm-make": timm_make, "timm": timm_check,
 "torchvision-make": torchvision_make, "torchvision": torchvision_check}[sys.argv[1]](*sys.argv[2:])
