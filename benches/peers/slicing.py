"""Slicing against trimesh and PrusaSlicer: CPU seconds (user + system), programs interleaved, medians.

    python benches/peers/slicing.py [--runs N] [--prusa prusa-slicer] OURS MESH...

OURS is the example `contours` of the generators, built for release. trimesh is timed inside a process of its
own, imports excluded; PrusaSlicer and OURS as whole processes on one thread, each of them writing all its masks into one
archive. Prints a Markdown table.
Needs trimesh, shapely, networkx and rtree in the Python that runs it.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

LAYERS = 200
PX = 256

TRIMESH = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, trimesh
start = time.process_time()
mesh = trimesh.load_mesh(sys.argv[1])
low, high = mesh.bounds[:, 2]
heights = (np.arange(%d) + 0.5) * (high - low) / %d
loops = 0
for section in mesh.section_multiplane(plane_origin=[0, 0, low], plane_normal=[0, 0, 1], heights=heights):
    loops += 0 if section is None else len(section.discrete)
print(loops, time.process_time() - start)
""" % (LAYERS, LAYERS)


def cpu(command):
    """CPU seconds of a process, and what it said."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    one = dict(os.environ, RAYON_NUM_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    said = subprocess.run(command, env=one, check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said


def height(mesh):
    data = Path(mesh).read_bytes()
    import numpy as np

    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
    corners = np.frombuffer(data, record, int.from_bytes(data[80:84], "little"), 84)["corners"].reshape(-1, 3)
    return [float(size) for size in np.ptp(corners, axis=0)]


def prusa(program, mesh, folder):
    """SLA export of the bare part: no pad, no supports, no hollowing, as many layers and pixels as ours."""
    width, depth, tall = height(mesh)
    # Printable at any size: the slicer takes parts in mm up to its bed.
    scale = 60.0 / max(width, depth, tall)
    step = tall * scale / LAYERS
    side = max(width, depth) * scale / 0.95
    return [
        program, "--export-sla", mesh, "--scale", repr(scale), "--loglevel", "0",
        "--layer-height", repr(step), "--initial-layer-height", repr(step),
        "--no-supports-enable", "--no-pad-enable", "--display-orientation", "landscape",
        "--display-pixels-x", str(PX), "--display-pixels-y", str(PX),
        "--display-width", repr(side), "--display-height", repr(side),
        "--bed-shape", f"0x0,{side}x0,{side}x{side},0x{side}", "--max-print-height", "1000",
        "--output", f"{folder}/out.sl1",
    ]


arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("--runs", type=int, default=5)
arguments.add_argument("--prusa", default="")
arguments.add_argument("ours")
arguments.add_argument("meshes", nargs="+")
given = arguments.parse_args()

print("| mesh | contours, ours / trimesh | trimesh s | ours s | ratio | PrusaSlicer s | ours with masks s | ratio |")
print("|---|---|---|---|---|---|---|---|")
for mesh in given.meshes:
    times = {"trimesh": [], "ours": [], "prusa": [], "masks": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.runs):
            seconds, said = cpu([given.ours, mesh, str(LAYERS)])
            times["ours"].append(seconds)
            ours = said.split()[0]
            loops, seconds = subprocess.run(
                [sys.executable, "-c", TRIMESH, mesh], check=True, capture_output=True, text=True
            ).stdout.split()
            times["trimesh"].append(float(seconds))
            times["masks"].append(cpu([given.ours, mesh, str(LAYERS), str(PX), f"{folder}/masks.tar"])[0])
            if given.prusa:
                times["prusa"].append(cpu(prusa(given.prusa, mesh, folder))[0])
    trimesh, own, masks = (statistics.median(times[name]) for name in ("trimesh", "ours", "masks"))
    slicer = statistics.median(times["prusa"]) if given.prusa else float("nan")
    print(
        f"| {Path(mesh).name} | {ours} / {loops} | {trimesh:.3f} | {own:.4f} | {trimesh / own:.0f} "
        f"| {slicer:.3f} | {masks:.4f} | {slicer / masks:.1f} |",
        flush=True,
    )
