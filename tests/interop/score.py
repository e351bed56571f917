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
from PIL import Image


def identifier(name):
    return "_".join(part for part in re.split("[^A-Za-z0-9]+", name) if part)


def agree(what, found, expected):
    tolerance = 1e-4 * np.abs(expected) + 1e-7 * np.abs(expected).max()
    worst = np.max(np.abs(found - expected) / tolerance)
    assert worst <= 1, f"{what}: {worst} times the tolerance"
    return worst * 1e-4


def check(run, record, detector):
    model = os.path.join(run, "models", detector["name"], "model.onnx")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["synthgen.architecture"])["kind"] == detector["kind"]
    [images] = session.get_inputs()
    side = record["scenario"]["image_px"]
    assert images.name == "images" and images.shape == ["batch", 1, side, side], images.shape
    files = [os.path.join(run, "dataset", image["id"]) for image in record["test_images"]]
    x = np.stack([np.array(Image.open(file), dtype=np.float32)[None] / np.float32(255) for file in files])
    names = [output.name for output in session.get_outputs()]
    y = dict(zip(names, session.run(names, {"images": x})))
    worst = 0
    for component in detector["components"]:
        expected = np.array(component["values"])
        worst = max(worst, agree(component["name"], y[identifier(component["name"])], expected))
    # One image by itself.
    alone = dict(zip(names, session.run(names, {"images": x[3:4]})))
    headline = detector["components"][0]
    agree("alone", alone[identifier(headline["name"])], np.array(headline["values"][3:4]))
    if "map" in y:
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
