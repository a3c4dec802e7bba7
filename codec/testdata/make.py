"""Makes the pictures of this folder and pixels.sha256, what Pillow decodes them to.

Needs numpy, Pillow and libjpeg-turbo's headers: python3 make.py
"""

import hashlib, io, os, struct, subprocess, zlib
import numpy as np
from PIL import Image, ImageOps

os.chdir(os.path.dirname(os.path.abspath(__file__)))
subprocess.run(["cc", "-O1", "encode.c", "-o", "/tmp/encode", "-ljpeg"], check=True)


def photo(seed, h, w, power=1.3, spread=45):
    """RGB noise whose amplitude falls with frequency, as in photographs."""
    rng = np.random.default_rng(seed)
    f = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None, :])
    f[0, 0] = 1

    def plane(p):
        s = (rng.normal(size=f.shape) + 1j * rng.normal(size=f.shape)) / f**p
        s[0, 0] = 0
        a = np.fft.irfft2(s, s=(h, w))
        return a / a.std()

    y, a, b = plane(power) * spread + 120, plane(power) * 25, plane(power) * 25
    return np.stack([y + a, y - a / 2 - b / 3, y + b], -1).clip(0, 255).astype(np.uint8)


def encode(name, samples, colour, sampling, quality=60, restart=0, mode="baseline"):
    h, w = samples.shape[:2]
    n = 1 if samples.ndim == 2 else samples.shape[2]
    out = subprocess.run(["/tmp/encode", *map(str, (w, h, n, colour, sampling, quality, restart, mode))],
                         input=samples.tobytes(), capture_output=True, check=True)
    open(name + ".jpg", "wb").write(out.stdout)


rgb = photo(1, 131, 203)
grey = rgb[:, :, 1].copy()
cmyk = 255 - np.concatenate([rgb, photo(2, 131, 203)[:, :, :1]], -1)
ones = "1x1,1x1,1x1"
for name, sampling in {"444": ones, "422": "2x1,1x1,1x1", "420": "2x2,1x1,1x1", "440": "1x2,1x1,1x1",
                       "411": "4x1,1x1,1x1", "410": "4x2,1x1,1x1", "uneven": "2x2,2x1,1x2",
                       "chroma-larger": "1x1,2x2,2x2"}.items():
    encode("ycc-" + name, rgb, "ycc", sampling)
encode("ycc-420-best", photo(3, 77, 93, 0.8), "ycc", "2x2,1x1,1x1", quality=98)
encode("ycc-420-saturated", photo(4, 77, 93, 0.5, 200), "ycc", "2x2,1x1,1x1", quality=15)
encode("optimised-420", rgb, "ycc", "2x2,1x1,1x1", mode="optimised")
# Long codes and large values: noise at the highest quality.
encode("noise", np.random.default_rng(9).choice([0, 255], (40, 56, 3)).astype(np.uint8), "ycc", ones, quality=100,
       mode="optimised")
encode("noise-standard", np.random.default_rng(9).choice([0, 255], (40, 56, 3)).astype(np.uint8), "ycc", ones, quality=100)
encode("flat", np.full((50, 70, 3), (200, 30, 90), np.uint8), "ycc", "2x2,1x1,1x1", mode="optimised")
encode("rgb", rgb, "rgb", ones)
encode("grey", grey, "y", "1x1")
encode("grey-2x2", grey, "y", "2x2")
encode("cmyk", cmyk, "cmyk", "1x1,1x1,1x1,1x1")
encode("ycck-420", cmyk, "ycck", "2x2,1x1,1x1,2x2")
for sampling, factors in {"420": "2x2,1x1,1x1", "444": ones, "422": "2x1,1x1,1x1"}.items():
    encode("progressive-" + sampling, rgb, "ycc", factors, mode="progressive")
encode("restart-420", rgb, "ycc", "2x2,1x1,1x1", restart=3)
encode("restart-422-progressive", rgb, "ycc", "2x1,1x1,1x1", restart=5, mode="progressive")
encode("arithmetic-420", rgb, "ycc", "2x2,1x1,1x1", mode="arithmetic")
encode("scans-420", rgb, "ycc", "2x2,1x1,1x1", mode="scans")
encode("dc-only-420", rgb, "ycc", "2x2,1x1,1x1", mode="dc")
for h, w in ((1, 1), (1, 65), (65, 1), (2, 3), (8, 8), (15, 17), (16, 16), (17, 33)):
    encode(f"size-{h}x{w}", rgb[:h, :w].copy(), "ycc", "2x2,1x1,1x1")

# Other formats, small.
small = photo(5, 21, 34)
alpha = np.concatenate([small, photo(6, 21, 34)[:, :, :1]], -1)
Image.fromarray(small).save("rgb.png")
Image.fromarray(alpha, "RGBA").save("rgba.png")
Image.fromarray(small[:, :, 0]).save("grey.png")
Image.fromarray(np.stack([small[:, :, 0], alpha[:, :, 3]], -1), "LA").save("grey-alpha.png")
Image.fromarray(small[:, :, 0]).convert("1").save("bits.png")
Image.fromarray(small).quantize(16).save("palette.png")
Image.fromarray(small).quantize(16).save("palette-transparent.png", transparency=3)
Image.fromarray(small).save("rgb-transparent.png", transparency=(1, 2, 3))


def png(name, depth, kind, rows, interlace=0, between=b""):
    """A PNG that Pillow cannot write: rows are bytes without filter."""
    def chunk(tag, data):
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
    h, w = small.shape[:2]
    with open(name, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, interlace)))
        f.write(between + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows), 9)) + chunk(b"IEND", b""))


wide = (small.astype(np.uint16) << 8 | 77).astype(">u2")
png("rgb-16.png", 16, 2, [r.tobytes() for r in wide])
passes = []
for y0, x0, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)):
    passes += [r.tobytes() for r in small[y0::dy, x0::dx]]
png("interlaced.png", 8, 2, passes, 1)

Image.fromarray(small).save("rgb.bmp")
Image.fromarray(small[:, :, 0]).save("grey.bmp")
Image.fromarray(small).quantize(16).save("palette.bmp")
Image.fromarray(alpha, "RGBA").save("rgba.bmp")
Image.fromarray(small).save("rgb.tiff")
Image.fromarray(small).save("lzw.tiff", compression="tiff_lzw")
Image.fromarray(small).save("deflate.tiff", compression="tiff_adobe_deflate")
Image.fromarray(small[:, :, 0]).save("grey.tiff")
Image.fromarray(small).quantize(16).save("palette.tiff")
Image.fromarray(alpha, "RGBA").save("rgba.tiff")
Image.fromarray(small[:, :, 0]).convert("1").save("bits.tiff")
for h, w in ((21, 34), (20, 33), (1, 1), (2, 2), (7, 1)):
    Image.fromarray(photo(7, h, w) if h * w > 10 else small[:h, :w]).save(f"lossy-{h}x{w}.webp", quality=70)
Image.fromarray(small).save("lossless.webp", lossless=True)
Image.fromarray(small).save("rgb.ppm")
Image.fromarray(small[:, :, 0]).save("grey.pgm")
Image.fromarray(small[:, :, 0]).convert("1").save("bits.pbm")
open("text.ppm", "w").write("P3\n# a comment\n3 2 100\n" + " ".join(str(v * 7 % 101) for v in range(18)) + "\n")
open("text.pbm", "w").write("P1\n3 2\n010\n1 1 0\n")
Image.fromarray(small).quantize(16).save("palette.gif")
Image.fromarray(small).quantize(16).save("transparent.gif", transparency=5)
frames = [Image.fromarray(photo(8 + i, 21, 34)).quantize(8) for i in range(2)]
frames[0].save("animated.gif", save_all=True, append_images=frames[1:])
# A first frame that does not fill its canvas, with a transparent colour and without.
b = open("transparent.gif", "rb").read()
at = b.index(b"\x2c", 13 + 3 * 16)
moved = b[:6] + struct.pack("<HH", 40, 30) + b[10:at + 1] + struct.pack("<HH", 4, 5) + b[at + 5:]
open("offset-transparent.gif", "wb").write(moved)
control = moved.index(b"\x21\xf9")
open("offset.gif", "wb").write(moved[:control + 3] + bytes([moved[control + 3] & ~1]) + moved[control + 4:])

# Orientations: pictures that are the same once turned.
for o in range(1, 9):
    exif = Image.Exif()
    exif[274] = o
    Image.fromarray(rgb).save(f"turned-{o}.jpg", exif=exif, quality=40)
exif = Image.Exif()
exif[274] = 6
Image.fromarray(small).save("turned.png", exif=exif)
Image.fromarray(small).save("turned.webp", exif=exif, lossless=True)
Image.fromarray(small).save("turned.tiff", tiffinfo={274: 6})

with open("pixels.sha256", "w") as sums:
    for name in sorted(os.listdir(".")):
        if name.endswith((".py", ".c", ".sha256")) or os.path.isdir(name):
            continue
        im = Image.open(name)
        if name.startswith("turned") and not name.endswith(".tiff"):  # Pillow turns TIFFs by itself.
            im = ImageOps.exif_transpose(im)
        im = im.convert("RGB")
        sums.write(f"{hashlib.sha256(im.tobytes()).hexdigest()} {im.height} {im.width} {name}\n")
