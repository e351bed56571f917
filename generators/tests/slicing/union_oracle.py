"""Areas of the union of overlapping bodies, layer by layer, by a boolean overlay: no chaining, no nesting rules.

    python union_oracle.py FOLDER_OF_STL > union_areas.csv

Each layer's raw cuts are noded on a fine grid, the faces of the arrangement are collected, and those with a
winding number other than zero (summed over the oriented cuts) are added up.
Made with Python 3.11, numpy 2.4.6, shapely 2.2.0 on binary files whose bodies are closed.
"""
import sys
from pathlib import Path

import numpy as np
import shapely

FILES = ["trimesh/box.STL", "numpy-stl/stl_binary/rear_case.stl", "trimesh/counter.unitsmm.STL"]
LAYERS = 200


def facets(path):
    data = Path(path).read_bytes()
    count = int.from_bytes(data[80:84], "little")
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
    return np.frombuffer(data, record, count, 84)["corners"].astype(float)


def cuts(triangles, z):
    """Oriented pieces of outline, material on their left."""
    above = triangles[:, :, 2] >= z
    triangles, above = [a[above.any(1) & ~above.all(1)] for a in (triangles, above)]
    ends = np.empty((len(triangles), 2, 2))
    for side in range(3):
        a, b = triangles[:, side], triangles[:, (side + 1) % 3]
        t = (z - a[:, 2]) / np.where(a[:, 2] == b[:, 2], 1.0, b[:, 2] - a[:, 2])
        point = a[:, :2] + t[:, None] * (b[:, :2] - a[:, :2])
        down = above[:, side] & ~above[:, (side + 1) % 3]
        up = ~above[:, side] & above[:, (side + 1) % 3]
        ends[down, 0] = point[down]
        ends[up, 1] = point[up]
    return ends


def winding(ends, x, y):
    """How often the pieces go round (x, y): crossings of the ray to the right, signed."""
    a, b = ends[:, 0], ends[:, 1]
    crosses = (a[:, 1] <= y) != (b[:, 1] <= y)
    a, b = a[crosses], b[crosses]
    at = a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    return int(np.sum(np.where(b[:, 1] > a[:, 1], 1, -1)[at > x]))


def area(triangles, z, grid):
    ends = cuts(triangles, z)
    if len(ends) == 0:
        return 0.0
    noded = shapely.unary_union(shapely.linestrings(ends), grid_size=grid)
    faces = shapely.get_parts(shapely.polygonize([noded]))
    inside = (shapely.point_on_surface(face) for face in faces)
    return float(sum(f.area for f, p in zip(faces, inside) if winding(ends, p.x, p.y) != 0))


print("file,layer,area_mm2")
for name in FILES:
    triangles = facets(Path(sys.argv[1]) / name)
    low, high = triangles.reshape(-1, 3).min(0), triangles.reshape(-1, 3).max(0)
    for layer in range(LAYERS):
        z = low[2] + (layer + 0.5) * (high[2] - low[2]) / LAYERS
        print(f"{name},{layer},{area(triangles, z, 1e-10 * np.max(high - low))!r}")
