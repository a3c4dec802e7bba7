"""Writes imagefolder.json beside it: a tree of files and links, and the classes
and samples that torchvision's ImageFolder finds in it.

    python imagefolder.py    (pip install torchvision; made with 0.14.1)
"""

import json, os, pathlib, tempfile

from torchvision.datasets import ImageFolder

files = [
    "Zebra/2.jpg", "Zebra/10.jpg", "Zebra/1.JPG",
    "ant/a.jpeg", "ant/b.png", "ant/c.ppm", "ant/d.bmp", "ant/e.pgm", "ant/f.tif", "ant/g.tiff", "ant/h.webp", "ant/I.WebP",
    "ant/notes.txt", "ant/noextension", "ant/.hidden.jpg", "ant/.thumbnails/a.jpg", "ant/._a.jpeg", "ant/j.jpg.part",
    "bee/z.jpg", "bee/deep/1.jpg", "bee/deep/er/0.jpg", "bee/deep.er/2.jpg", "bee/a.jpg",
    "Äpfel/rot.jpg", "Äpfel/grün.jpg",
    "not-a-class.jpg",
    "outside/linked.jpg", "outside/folder/x.jpg",
]
links = {"bee/link.jpg": "../ant/a.jpeg", "linked": "Zebra", "ant/more": "../outside/folder"}

with tempfile.TemporaryDirectory() as root:
    for name in files:
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name, target in links.items():
        os.symlink(target, os.path.join(root, name))
    found = ImageFolder(root)
    samples = [{"path": os.path.relpath(path, root), "label": label} for path, label in found.samples]

here = pathlib.Path(__file__).parent
known = {"files": files, "links": links, "classes": found.classes, "samples": samples}
(here / "imagefolder.json").write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
