"""Reads a dataset in every format with the programs that it is made for, and holds them against each other.

    python read.py DATASET

The truth is the default layout: the PNG files, read with Pillow, and ledger.parquet, read with pyarrow. Every image and mask
is compared pixel by pixel. Ends with 0 where everything is equal; the first difference is an AssertionError.
"""

import glob
import hashlib
import io
import json
import os
import sys
import tomllib

import numpy as np
import pyarrow.parquet
from PIL import Image


def pixels(file):
    """The grey values of an image file, 8 or 16 bits, as they are stored."""
    with Image.open(file) as image:
        assert image.mode in ("L", "I;16"), f"{file} is of mode {image.mode}"
        return np.array(image)


class Truth:
    """The dataset in its default layout."""

    def __init__(self, folder):
        self.folder = folder
        with open(self.path("manifest.json")) as file:
            self.manifest = json.load(file)
        self.rows = pyarrow.parquet.read_table(self.path("ledger.parquet")).to_pylist()
        self.labels = sorted({label(row) for row in self.rows} - {None})
        self.splits = sorted({row["split"] for row in self.rows})

    def path(self, file):
        return os.path.join(self.folder, file)

    def image(self, row):
        return pixels(self.path(row["file"]))

    def mask(self, row):
        """The footprint as 0 and 1; all 0 for a healthy image."""
        if row["mask"] is None:
            return np.zeros_like(self.image(row), dtype=np.uint8)
        mask = pixels(self.path(row["mask"]))
        assert set(np.unique(mask)) <= {0, 255}
        return (mask == 255).astype(np.uint8)

    def of(self, split):
        return [row for row in self.rows if row["split"] == split]


def label(row):
    return row["fault"] or row["defect"]


COLUMNS = {"file", "split", "defect", "fault", "twin", "mask", "change", "nominal", "stream", "afterglow", "job", "layer", "temperature"}


def parameters(row):
    return {name: value for name, value in row.items() if name not in COLUMNS | {"temperature"} and value is not None}


def check_ledger(truth):
    files = truth.manifest["files"]
    for file, expected in files.items():
        with open(truth.path(file), "rb") as opened:
            assert hashlib.sha256(opened.read()).hexdigest() == expected, file
    side, bits = truth.manifest["image_px"], truth.manifest["bits"]
    for row in truth.rows:
        image = truth.image(row)
        assert image.shape == (side, side) and image.dtype == {8: np.uint8, 16: np.uint16}[bits], row["file"]
        assert row["file"] in files and (row["mask"] is None) == (label(row) is None)
        assert len(parameters(row)) > 5
    # Two rows of one file, or a file without a row, would not be noticed above.
    listed = {file for file in files if file.startswith(tuple(f"{split}/" for split in truth.splits))}
    assert listed == {row["file"] for row in truth.rows} and len(listed) == len(truth.rows)
    return f"{len(truth.rows)} rows, {len(files)} files"


def check_coco(truth):
    from pycocotools.coco import COCO

    annotated = 0
    for split in truth.splits:
        coco = COCO(truth.path(f"coco/{split}.json"))
        rows = {row["file"]: row for row in truth.of(split)}
        names = {category["id"]: category["name"] for category in coco.loadCats(coco.getCatIds())}
        assert sorted(names.values()) == truth.labels
        assert {image["file_name"] for image in coco.dataset["images"]} == set(rows)
        for image in coco.loadImgs(coco.getImgIds()):
            row = rows[image["file_name"]]
            mask = truth.mask(row)
            assert (image["height"], image["width"]) == mask.shape
            annotations = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
            assert len(annotations) == int(mask.any()), row["file"]
            for annotation in annotations:
                annotated += 1
                assert names[annotation["category_id"]] == label(row)
                assert np.array_equal(coco.annToMask(annotation), mask), row["file"]
                (y, x), box = np.nonzero(mask), annotation["bbox"]
                assert annotation["area"] == mask.sum() and annotation["iscrowd"] == 0
                assert box == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1], row["file"]
    return f"{annotated} annotations"


def fill(points, side):
    """The pixels whose centres lie in a polygon (even-odd), whose coordinates are in pixels."""
    centres = np.arange(side) + 0.5
    inside = np.zeros((side, side), dtype=bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0)):
        rows = (y1 > centres) != (y2 > centres)
        if rows.any():
            crossing = x1 + (centres[rows] - y1) / (y2 - y1) * (x2 - x1)
            inside[rows] ^= centres[None, :] < crossing[:, None]
    return inside


def check_yolo(truth):
    import yaml

    with open(truth.path("yolo/data.yaml")) as file:
        data = yaml.safe_load(file)
    assert [data["names"][number] for number in range(len(data["names"]))] == truth.labels
    for key, split in [("train", "train"), ("val", "validation"), ("test", "test")]:
        found = glob.glob(truth.path(f"yolo/{data[key]}/**/*.png"), recursive=True)
        assert len(found) == len(truth.of(split)) > 0
    side, polygons = truth.manifest["image_px"], 0
    for row in truth.rows:
        image = truth.path(f"yolo/images/{row['file']}")
        assert np.array_equal(pixels(image), truth.image(row))
        # As the reader finds it: the last "images" becomes "labels", the ending ".txt".
        text = "labels".join(image.rsplit("images", 1)).rsplit(".", 1)[0] + ".txt"
        drawn = np.zeros((side, side), dtype=bool)
        with open(text) as lines:
            for line in lines:
                number, *numbers = line.split()
                points = np.array(numbers, dtype=float).reshape(-1, 2)
                assert truth.labels[int(number)] == label(row) and len(points) >= 4
                assert (points >= 0).all() and (points <= 1).all()
                component = fill(points * side, side)
                assert component.any() and not (component & drawn).any(), "components overlap"
                drawn |= component
                polygons += 1
        assert np.array_equal(drawn, truth.mask(row) == 1), row["file"]
    return f"{polygons} polygons"


def check_webdataset(truth):
    import webdataset

    shards = 0
    for split in truth.splits:
        rows = {row["file"]: row for row in truth.of(split)}
        urls = sorted(glob.glob(truth.path(f"webdataset/{split}-*.tar")))
        shards += len(urls)
        assert urls == [truth.path(f"webdataset/{split}-{number:06}.tar") for number in range(len(urls))]
        for sample in webdataset.WebDataset(urls, shardshuffle=False).decode():
            facts = sample["json"]
            row = rows.pop(facts["file"])
            assert sample["__key__"] == row["file"].removesuffix(".png")
            assert np.array_equal(pixels(io.BytesIO(sample["png"])), truth.image(row))
            assert np.array_equal(pixels(io.BytesIO(sample["mask.png"])) == 255, truth.mask(row) == 1)
            assert np.array_equal(pixels(io.BytesIO(sample["nominal.png"])), pixels(truth.path(row["nominal"])))
            number = 0 if label(row) is None else 1 + truth.labels.index(label(row))
            assert sample["cls"] == facts["label"] == number
            assert facts["parameters"] == parameters(row)
            for name in ["split", "defect", "fault", "afterglow", "job", "layer", "twin", "stream"]:
                assert facts[name] == row[name], name
        assert not rows
    return f"{shards} shards"


def check_croissant(truth):
    import logging

    import mlcroissant

    class Refuse(logging.Handler):
        def emit(self, record):
            raise AssertionError(record.getMessage())

    from absl import logging as absl

    absl.get_absl_logger().addHandler(Refuse(logging.WARNING))
    dataset = mlcroissant.Dataset(truth.path("croissant.json"))
    assert dataset.metadata.conforms_to == ["http://mlcommons.org/croissant/1.1"], dataset.metadata.conforms_to

    def records(name):
        """As the reader gives them, with bytes as text and without the name of the set."""
        for record in dataset.records(name):
            text = {key.removeprefix(f"{name}/"): value for key, value in record.items()}
            yield {key: value.decode() if isinstance(value, bytes) else value for key, value in text.items()}

    assert sorted(split["name"] for split in records("splits")) == truth.splits
    assert [entry["name"] for entry in records("labels")] == truth.labels
    rows = {row["file"]: row for row in truth.rows}
    for record in records("images"):
        row, image = rows.pop(record["file"]), record.pop("image")
        assert {name: value for name, value in record.items() if name not in COLUMNS and value is not None} == parameters(row)
        assert all(record[name] == row[name] for name in COLUMNS), record["file"]
        # The reader makes RGB of 8 bits of every PNG; deeper images have to be opened by their path.
        assert image.size == truth.image(row).shape
        if truth.manifest["bits"] == 8:
            assert np.array_equal(np.array(image)[:, :, 0], truth.image(row))
    assert not rows
    masks = {row["mask"]: row for row in truth.rows if row["mask"] is not None}
    for record in records("masks"):
        row = masks.pop(record["file"])
        assert np.array_equal(np.array(record["mask"])[:, :, 0] == 255, truth.mask(row) == 1)
    assert not masks
    return f"{len(truth.rows)} records"


def check_temperature(truth):
    """The camera's equation turns the temperatures into the image, to a level that rounding decides."""
    import tifffile

    scale = truth.manifest["temperature"]
    with open(truth.path("scenario.toml"), "rb") as file:
        camera = tomllib.load(file)["camera"]
    (low, high), white = camera["range_c"], 2 ** truth.manifest["bits"] - 1
    dark, span = (high, low - high) if camera.get("invert", True) else (low, high - low)
    files = 0
    for row in truth.rows:
        assert (row["temperature"] is None) == (row["fault"] is not None)
        if row["fault"] is not None:
            continue
        file = truth.path(row["temperature"])
        files += 1
        if scale["encoding"] == "tiff":
            with tifffile.TiffFile(file) as opened:
                assert opened.pages[0].description == "degrees Celsius"
                celsius = opened.asarray()
            assert celsius.dtype == np.float32
            step_c = 0
        else:
            with Image.open(file) as opened:
                stated = {name: float(opened.text[name]) for name in ["offset_c", "scale_c"]}
            assert stated == {name: scale[name] for name in stated}
            levels, step_c = pixels(file), scale["scale_c"]
            assert levels.dtype == np.uint16
            celsius = scale["offset_c"] + step_c * levels.astype(float)
        grey = (celsius.astype(float) - dark) / span * row["camera.gain"] + row["camera.offset"]
        error = np.abs(truth.image(row) - np.clip(grey, 0, 1) * white).max()
        # Half a level of each file, and what the program loses by computing with 24 bits.
        assert error <= 0.5 + 0.5 * step_c / abs(span) * white + 1e-6 * white, f"{row['file']}: {error} levels"
    return f"{files} files"


def main(folder):
    truth = Truth(folder)
    for check in [check_ledger, check_coco, check_yolo, check_webdataset, check_croissant, check_temperature]:
        print(f"{check.__name__.removeprefix('check_')}: {check(truth)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
