"""Whole programs side by side: synthgen and the reference generator, the same mesh, size and number of layers.

    python benches/peers/generator.py --program target/release/synthgen --reference PEERS/ref_generator.py \
        --mesh featuretype.stl --mesh counter.stl [--size 256] [--runs 5] [--layers 200] [--python PYTHON]

Writes a scenario with the reference's stages (two fresh fields of four octaves per layer, decay, blur of 0.8 to
2 px at 256 px, 8 bits, image and nominal slice as PNG), runs both programs in turn and prints a table of
the medians of their CPU seconds (user + system, of the whole program). Beside what two threads gain stands what the machine allows: two
programs of one thread at once, over twice the time of one alone. Every run writes to a new folder: a file system is slower where
files were just deleted.
"""

import argparse
import math
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

SCENARIO = """\
name = "speed"
seed = {seed}
[camera]
image_px = {size}
range_c = [20.0, 90.0]
blur_px = {{ uniform = [{blur_low}, {blur_high}] }}
gain = {{ uniform = [0.85, 1.0] }}
offset = {{ uniform = [0.0, 0.08] }}
[bed]
fit = true
margin = 0.1
temperature_c = {{ uniform = [40.0, 48.0], jitter = {{ normal = [0.0, 0.7] }} }}
[bed.texture]
kind = "cloud"
octaves = 4
amplitude_c = {{ uniform = [1.0, 2.5] }}
feature_mm = {coarse_mm}
[print]
temperature_c = {{ uniform = [58.0, 70.0], jitter = {{ normal = [0.0, 0.7] }} }}
[print.texture]
kind = "cloud"
octaves = 4
amplitude_c = {{ uniform = [1.0, 3.0] }}
feature_mm = {fine_mm}
[layers]
height_mm = {height_mm}
max = {layers}
[[part]]
file = '{mesh}'
unit = "mm"
pose = "fixed"
[thermal]
retain = {{ uniform = [0.3, 0.7] }}
[dataset]
training_jobs = {jobs}
validation_jobs = 0
test_jobs = 0
"""


def extents(path):
    """Width, depth and height of a binary STL."""
    low, high = [math.inf] * 3, [-math.inf] * 3
    with open(path, "rb") as file:
        data = file.read()
    (count,) = struct.unpack_from("<I", data, 80)
    for numbers in struct.iter_unpack("<12fH", data[84 : 84 + 50 * count]):
        for i in range(3, 12):
            low[i % 3], high[i % 3] = min(low[i % 3], numbers[i]), max(high[i % 3], numbers[i])
    return [b - a for a, b in zip(low, high)]


def scenario(mesh, size, layers, jobs, seed):
    width, depth, height = extents(mesh)
    side = max(width, depth) / 0.8
    return SCENARIO.format(
        seed=seed, size=size, layers=layers, jobs=jobs, mesh=os.path.abspath(mesh),
        blur_low=0.8 * size / 256, blur_high=2.0 * size / 256, coarse_mm=side / 8, fine_mm=side / 16,
        height_mm=height / layers * (1 - 1e-5),
    )  # fmt: skip


def run(command):
    """CPU and wall seconds of a program and its threads."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def pair(commands):
    """Wall seconds of programs that run at once."""
    start = time.perf_counter()
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if any(program.wait() for program in [subprocess.Popen(command, **quiet) for command in commands]):
        sys.exit("one of two programs at once failed")
    return time.perf_counter() - start


def images(folder):
    return sum(name.endswith(".png") for _, _, names in os.walk(folder) for name in names) // 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--mesh", action="append", required=True)
    parser.add_argument("--size", action="append", type=int)
    parser.add_argument("--layers", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--textures", nargs="*", default=["lite", "tile"])
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="synthgen-speed-")
    try:
        print("| mesh | px | synthgen, images per CPU s | wall, 2 threads over 1 (4 jobs) | two programs at once | peer | peer's | ratio |")
        print("|---|---|---|---|---|---|---|---|")
        for mesh in args.mesh:
            for size in args.size or [128, 256, 512]:
                table(args, work, mesh, size)
    finally:
        shutil.rmtree(work)


def table(args, work, mesh, size):
    one, many = os.path.join(work, "one.toml"), os.path.join(work, "many.toml")
    for path, jobs in ((one, 1), (many, 4)):
        with open(path, "w") as file:
            file.write(scenario(mesh, size, args.layers, jobs, 1))
    ours, walls, at_once, theirs = [], {1: [], 2: []}, [], {texture: [] for texture in args.textures}
    count = args.layers

    def command(path, threads):
        out = tempfile.mkdtemp(dir=work)
        return out, [args.program, "generate", path, "--out", out, "--threads", str(threads)]

    def generate(path, threads):
        out, words = command(path, threads)
        return out, run(words)

    for _ in range(args.runs):
        out, (cpu, _) = generate(one, 1)
        ours.append(cpu)
        count = images(out)
        for threads in walls:
            walls[threads].append(generate(many, threads)[1][1])
        at_once.append(pair([command(many, 1)[1] for _ in range(2)]))
        for texture in args.textures:
            out = tempfile.mkdtemp(dir=work)
            words = [args.python, args.reference, mesh, out, "--layers", str(args.layers)]
            theirs[texture].append(run(words + ["--size", str(size), "--texture", texture])[0])
    rate = count / statistics.median(ours)
    parallel = statistics.median(walls[2]) / statistics.median(walls[1])
    allowed = statistics.median(at_once) / statistics.median(walls[1]) / 2
    name = os.path.splitext(os.path.basename(mesh))[0]
    ours = f"| {name} | {size} | {rate:.0f} | {parallel:.2f} | {allowed:.2f} |"
    for texture in args.textures:
        peer = args.layers / statistics.median(theirs[texture])
        print(f"{ours} {texture} | {peer:.1f} | {rate / peer:.1f} |", flush=True)
    if not args.textures:
        print(f"{ours} | | |", flush=True)


if __name__ == "__main__":
    main()
