"""Runs layers in onnxruntime and holds what they give against what they gave in synthgen.

    python layers.py FOLDER

FOLDER holds NAME.onnx, and NAME.x and NAME.y: an input and its result, little-endian f32. Results have to agree to 1e-5 of
the largest value.
"""

import glob
import os
import sys

import numpy as np
import onnxruntime


def main(folder):
    models = sorted(glob.glob(os.path.join(folder, "*.onnx")))
    assert models, folder
    for model in models:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        [x], [y] = session.get_inputs(), session.get_outputs()
        stem = os.path.splitext(model)[0]
        given, expected = (
            np.fromfile(f"{stem}.{end}", dtype="<f4").reshape([-1, *value.shape[1:]]) for end, value in (("x", x), ("y", y))
        )
        [found] = session.run([y.name], {x.name: given})
        assert found.shape == expected.shape, (stem, found.shape, expected.shape)
        off = np.abs(found - expected).max() / np.abs(expected).max()
        assert off < 1e-5, f"{stem}: differs by {off} of the largest value"
        print(f"{os.path.basename(stem)}: differs by {off:.1e} of the largest value at most", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
