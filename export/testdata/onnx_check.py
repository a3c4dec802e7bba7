"""Compares an ONNX file with what cone says: onnx_check.py FOLDER

The folder holds model.onnx and, as raw float32, images, logits, embedding.
Exits with 77 where a library is missing."""
import os
import sys

try:
    import numpy as np
    import onnx
except ImportError as e:
    print(e)
    sys.exit(77)

folder = sys.argv[1]
path = os.path.join(folder, "model.onnx")
model = onnx.load(path)
onnx.checker.check_model(model)
assert model.ir_version == 8 and model.opset_import[0].version == 17
try:
    import onnxruntime
except ImportError as e:
    print(e)
    sys.exit(77)


def read(name):
    return np.fromfile(os.path.join(folder, name), "<f4")


session = onnxruntime.InferenceSession(path)
shape = session.get_inputs()[0].shape
images = read("images").reshape(-1, *shape[1:])
for name, got in zip(["logits", "embedding"], session.run(["logits", "embedding"], {"images": images})):
    want = read(name).reshape(got.shape)
    difference = np.abs(got - want).max()
    # Answers that do not depend on the picture would prove nothing.
    assert want.std(0).mean() > 100 * difference, (name, want.std(0).mean(), difference)
    print(f"{name}: largest difference {difference:.2g}, largest value {np.abs(want).max():.2g}, spread {want.std(0).mean():.2g}")
    # Random weights make large numbers in some networks: of those, 1e-4 is relative.
    assert difference <= 1e-4 * max(1, np.abs(want).max()), (name, difference)
