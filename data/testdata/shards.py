"""Writes testdata/shards and testdata/parquet with Python's tarfile, webdataset,
pyarrow and datasets, and what each file holds, as those read it, to
expected.json beside them. Pictures are random bytes: nothing here decodes them.

    python shards.py    (in this folder; pip install webdataset pyarrow datasets pillow)
"""

import glob, io, json, os, random, tarfile, zlib

import pyarrow as pa
import pyarrow.parquet as pq
import webdataset as wds

random.seed(7)


def content(size):
    return random.randbytes(size)


def facts(data, label):
    return {"size": len(data), "crc32": zlib.crc32(data), "label": label}


# --- tar shards ---


def write_tar(name, format, entries):
    with tarfile.open(f"shards/{name}.tar", "w", format=format) as tar:
        for path, data in entries:
            info = tarfile.TarInfo(path)
            if data is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


long = "a-folder-with-a-rather-long-name/" * 5
write_tar("ustar", tarfile.USTAR_FORMAT, [
    ("dir", None),
    ("dir/0001.jpg", content(700)), ("dir/0001.cls", b"3"),
    ("dir.x/0001.cls", b" 0\n"), ("dir.x/0001.JPG", content(512)), ("dir.x/0001.seg.png", b"mask"),
    ("README", b"not a sample"), (".hidden.jpg", b"nor this"),
    ("0003.json", b'{"caption": "x", "label": 2}'), ("0003.png", content(1)), ("0003.txt", b"7"),
    ("d" * 90 + "/" + "f" * 80 + ".webp", content(33)), ("d" * 90 + "/" + "f" * 80 + ".cls", b"1"),
])
write_tar("gnu", tarfile.GNU_FORMAT, [
    (long + "0001.jpg", content(100)), (long + "0001.cls", b"0"),
    ("0002.cls", b"1"), ("0002.tiff", content(2000)),
])
write_tar("pax", tarfile.PAX_FORMAT, [
    (long + "0001.jpg", content(100)), (long + "0001.cls", b"1"),
    ("Vögel/Zaunkönig.jpeg", content(40)), ("Vögel/Zaunkönig.cls", b"0"),
])
with wds.TarWriter("shards/writer.tar", mtime=0) as sink:
    for i in range(5):
        sink.write({"__key__": f"sample-{i:04d}", "jpg": content(100 + i), "cls": i % 2})

expected = {}
for path in sorted(glob.glob("shards/*.tar")):
    rows = []
    for sample in wds.WebDataset(path, shardshuffle=False):
        fields = {k.lower(): v for k, v in sample.items()}
        picture = [v for k, v in fields.items() if k in ("jpg", "jpeg", "png", "webp", "tiff")]
        label = int(fields["cls"]) if "cls" in fields else json.loads(fields["json"])["label"]
        rows.append(facts(picture[0], label) | {"key": sample["__key__"]})
    expected[os.path.basename(path)] = rows
json.dump(expected, open("shards/expected.json", "w"), indent=1)

# --- Parquet files ---

struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def table(n, label=pa.int64(), size=300, image=struct, labels=None):
    pictures = [content(random.randrange(size)) for _ in range(n)]
    if image == struct:
        pictures = [{"bytes": p, "path": f"{i}.jpg"} for i, p in enumerate(pictures)]
    labels = labels or [i * 7 % 3 for i in range(n)]
    return pa.table({"id": pa.array(range(n)), "image": pa.array(pictures, image), "tags": [["a", "b"][: i % 3] for i in range(n)], "label": pa.array(labels, label)})


def write(name, t, **options):
    pq.write_table(t, f"parquet/{name}.parquet", **options)


write("defaults", table(40), row_group_size=9)
write("plain-zstd-v2", table(40, pa.int32()), use_dictionary=False, compression="zstd", data_page_version="2.0", data_page_size=512, write_batch_size=2)
write("index-checksum", table(40, pa.uint8()), use_dictionary=["label"], data_page_size=512, write_batch_size=2, write_page_index=True, write_page_checksum=True, row_group_size=25)
write("delta-gzip", table(70, pa.int32()), use_dictionary=False, compression="gzip", column_encoding={"image.bytes": "DELTA_LENGTH_BYTE_ARRAY", "image.path": "DELTA_BYTE_ARRAY", "label": "DELTA_BINARY_PACKED"})
write("prefixes-none", table(12, image=pa.binary()), use_dictionary=False, compression="none", column_encoding={"image": "DELTA_BYTE_ARRAY"})
write("names", table(9, pa.string(), labels=["cat", "ape", "bee"] * 3))
write("names-dictionary", table(9, pa.dictionary(pa.int8(), pa.string()), labels=["cat", "ape", "bee"] * 3))
fallback = table(6, size=4000)
write("fallback", fallback, dictionary_pagesize_limit=3000, write_batch_size=2, data_page_size=2048)
same = content(50)
write("repeats", pa.table({"image": [{"bytes": same, "path": None}, {"bytes": None, "path": None}, {"bytes": b"", "path": None}, None] * 8, "label": [0, 1] * 16}, schema=pa.schema([("image", struct), ("label", pa.int64())])), data_page_version="2.0")
write("required", pa.table([pa.array([content(20), content(30)]), pa.array([0, 1])], schema=pa.schema([pa.field("image", pa.binary(), nullable=False), pa.field("label", pa.int64(), nullable=False)])))

write("paths", pa.table({"image": pa.array([{"bytes": None, "path": "pictures/a.png"}, {"bytes": b"own", "path": "pictures/a.png"}, {"bytes": None, "path": "../a.png"}], struct), "label": [0, 1, 0]}))

from datasets import ClassLabel, Dataset, Features, Image

features = Features({"image": Image(decode=False), "label": ClassLabel(names=["zebra", "ant"])})
rows = [{"image": {"bytes": content(60), "path": f"{i}.png"}, "label": i % 2} for i in range(5)]
Dataset.from_list(rows, features=features).to_parquet("parquet/datasets.parquet")

expected = {}
for path in sorted(glob.glob("parquet/*.parquet")):
    rows = []
    for row in pq.read_table(path).to_pylist():
        image = row["image"]
        data = image["bytes"] if isinstance(image, dict) else image
        rows.append(None if data is None else facts(data, row["label"]))
    expected[os.path.basename(path)] = rows
json.dump(expected, open("parquet/expected.json", "w"), indent=None)

# --- Parquet files that are refused ---

os.makedirs("parquet/refused", exist_ok=True)


def refuse(name, columns, **options):
    pq.write_table(pa.table(columns), f"parquet/refused/{name}.parquet", **options)


binary = pa.array([b"x", b"y"])
refuse("no-image", {"picture": binary, "label": [0, 1]})
refuse("no-label", {"image": binary, "target": [0, 1]})
refuse("image-text", {"image": ["a.jpg", "b.jpg"], "label": [0, 1]})
refuse("image-list", {"image": [[1, 2], [3]], "label": [0, 1]})
refuse("image-integer", {"image": [1, 2], "label": [0, 1]})
refuse("label-float", {"image": binary, "label": [0.5, 1.0]})
refuse("label-list", {"image": binary, "label": [[0], [1]]})
refuse("label-date", {"image": binary, "label": pa.array([0, 1], pa.date32())})
refuse("label-null", {"image": binary, "label": pa.array([0, None], pa.int64())})
refuse("label-negative", {"image": binary, "label": [0, -1]})
refuse("label-huge", {"image": binary, "label": [0, 1 << 40]})
refuse("no-rows", {"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())})
refuse("brotli", {"image": binary, "label": [0, 1]}, compression="brotli")
