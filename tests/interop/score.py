"""Scores the test images of a run with onnxruntime, and holds what comes out against the run's own record.

    python score.py RUN

Every detector of the run has its model.onnx beside its model.safetensors (`synthgen export-onnx`). Every score of every image
has to agree to 1e-4 of its value; feature vectors and maps have to be those that the scores are made of.
"""

import json
import os
import re
import sys

import numpy as np
import onnxruntime
import pyarrow.parquet
from PIL import Image


def identifier(name):
    return "_".join(part for part in re.split("[^A-Za-z0-9]+", name) if part)


def agree(what, found, expected):
    tolerance = 1e-4 * np.abs(expected) + 1e-7 * np.abs(expected).max()
    worst = np.max(np.abs(found - expected) / tolerance)
    assert worst <= 1, f"{what}: {worst} times the tolerance"
    return worst * 1e-4


def grey(run, file):
    return np.array(Image.open(os.path.join(run, "dataset", file)), dtype=np.float32) / np.float32(255)


def context(run, record, layers):
    """Slices of each test image and of the layers before it, then the images of those layers, the nearest first."""
    rows = pyarrow.parquet.read_table(os.path.join(run, "dataset", "ledger.parquet")).to_pylist()
    of_file = {row["file"]: row for row in rows}
    of_layer = {(row["job"], row["layer"], row["defect"]): row for row in rows}
    layers_of = {job: sorted({r["layer"] for r in rows if r["job"] == job}) for job in {r["job"] for r in rows}}
    channels = []
    for image in record["test_images"]:
        row = of_file[image["id"]]
        earlier = [layer for layer in layers_of[row["job"]] if layer < row["layer"]][::-1][:layers]
        # The job as it was with the defect, and before the defect began.
        keys = [[(row["job"], layer, defect) for defect in (row["defect"], None)] for layer in earlier]
        before = [next(of_layer[key] for key in pair if key in of_layer) for pair in keys]
        none = [np.zeros_like(grey(run, row["file"]))] * (layers - len(before))
        slices = [grey(run, r["nominal"]) for r in [row] + before]
        channels.append(np.stack(slices + none + [grey(run, r["file"]) for r in before] + none))
    return np.stack(channels)


def check(run, record, detector):
    model = os.path.join(run, "models", detector["name"], "model.onnx")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["synthgen.architecture"])["kind"] == detector["kind"]
    images, *beside = session.get_inputs()
    side = record["scenario"]["image_px"]
    assert images.name == "images" and images.shape == ["batch", 1, side, side], images.shape
    x = np.stack([grey(run, image["id"])[None] for image in record["test_images"]])
    inputs = {"images": x}
    for extra in beside:
        # With k layers before: k + 1 slices and k images.
        assert extra.name == "context", extra.name
        inputs["context"] = context(run, record, extra.shape[1] // 2)
        assert list(inputs["context"].shape[1:]) == extra.shape[1:], extra.shape
    names = [output.name for output in session.get_outputs()]
    y = dict(zip(names, session.run(names, inputs)))
    worst = 0
    for component in detector["components"]:
        expected = np.array(component["values"])
        worst = max(worst, agree(component["name"], y[identifier(component["name"])], expected))
    # One image by itself.
    alone = dict(zip(names, session.run(names, {name: values[3:4] for name, values in inputs.items()})))
    headline = detector["components"][0]
    agree("alone", alone[identifier(headline["name"])], np.array(headline["values"][3:4]))
    if "map" in y and "A_R" in y:
        agree("map", y["map"].mean(axis=(1, 2, 3)), y["A_R"])
    if "stack" in y:
        real, made = np.split(y["stack"], 2, axis=1)
        agree("D_f(x)", y["D_f_x"], real)
        agree("features", np.mean((real - made) ** 2, axis=1), y["A_D"])
        agree("difference", y["difference"], real - made)
    return f"{detector['name']}: {len(x)} images, {len(names)} outputs, scores differ by {worst:.1e} at most"


def main(run):
    with open(os.path.join(run, "record.json")) as file:
        record = json.load(file)
    for detector in record["detectors"]:
        if "scored_images" in detector:
            print(f"{detector['name']}: searches, which is no graph", flush=True)
            continue
        print(check(run, record, detector), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
