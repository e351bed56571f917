"""Training steps and scoring in PyTorch and in synthgen, side by side.

    python benches/peers/torch_training.py [--threads 1] [--rounds 7] [--batches 16 64] [--only REGEX]
        [--device cpu|cuda] [--json FILE]

Needs torch and numpy. It builds `benches/training.rs`, then lets the two programs take turns, one run each, the other one
waiting: whatever else the machine does meets both. It prints a Markdown table: medians of wall time, ours over PyTorch's,
the same of CPU time (all threads), and the peak memory of a fresh process that takes three WGAN-GP steps.

On a GPU both may use TF32 in convolutions and matrix products.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--batches", type=int, nargs="+", help="16 and 64, and 256 on a card, where it is not said")
parser.add_argument("--only", default="", help="regular expression: which measurements")
parser.add_argument("--device", default="cpu")
parser.add_argument("--program", help="the built benchmark, where cargo is not to build it")
parser.add_argument("--json", help="write the raw seconds there")
parser.add_argument("--peak", help=argparse.SUPPRESS)
arguments = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import torch  # noqa: E402  (after the threads are set)
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
torch.backends.cudnn.benchmark = True
DEVICE = torch.device(arguments.device)
CHANNELS = [1, 32, 64, 128, 256, 512]


class Critic(nn.Module):
    def __init__(self, kernel=4, padding=1, outputs=1):
        super().__init__()
        pairs = zip(CHANNELS, CHANNELS[1:])
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, kernel, 2, padding) for a, b in pairs)
        self.score = nn.Linear(512 * 16, outputs)

    def features(self, x):
        for convolution in self.convolutions:
            x = F.leaky_relu(convolution(x), 0.2)
        return x.flatten(1)

    def forward(self, x):
        return self.score(self.features(x))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        back = CHANNELS[::-1]
        self.start = nn.Linear(128, 512 * 16)
        self.convolutions = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(back, back[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(a) for a in back[:5])

    def forward(self, z):
        x = self.start(z).view(-1, 512, 4, 4)
        for norm, convolution in zip(self.norms, self.convolutions):
            x = convolution(F.relu(norm(x)))
        return torch.tanh(x)


class Autoencoder(nn.Module):
    """Variational, at 64 px."""

    def __init__(self):
        super().__init__()
        there, back = CHANNELS[:5], CHANNELS[4::-1]
        self.encoder = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip(there, there[1:]))
        self.mean, self.log_variance, self.start = nn.Linear(4096, 64), nn.Linear(4096, 64), nn.Linear(64, 4096)
        self.decoder = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1) for a, b in zip(back, back[1:]))

    def forward(self, x, noise):
        h = x
        for convolution in self.encoder:
            h = F.leaky_relu(convolution(h), 0.2)
        mean, log_variance = self.mean(h.flatten(1)), self.log_variance(h.flatten(1))
        h = F.leaky_relu(self.start(mean + noise * torch.exp(0.5 * log_variance)), 0.2).view(-1, 256, 4, 4)
        for i, convolution in enumerate(self.decoder):
            h = F.leaky_relu(convolution(h), 0.2) if i < 3 else torch.sigmoid(convolution(h))
        reconstruction = ((h - x) ** 2).sum((1, 2, 3)).mean()
        return reconstruction + (-0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1)).mean()


def draw(*shape):
    return torch.randn(*shape, device=DEVICE)


def wgan_gp(batch):
    """One critic step: real, generated, exact penalty, optimiser."""
    critic = Critic().to(DEVICE)
    adam = torch.optim.Adam(critic.parameters(), 1e-4, betas=(0.0, 0.9))
    real, fake, share = draw(batch, 1, 128, 128), draw(batch, 1, 128, 128), torch.rand(batch, 1, 1, 1, device=DEVICE)

    def step():
        adam.zero_grad(set_to_none=True)
        mixed = (real * share + fake * (1 - share)).requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        penalty = ((gradient.flatten(1).pow(2).sum(1) + 1e-12).sqrt() - 1).pow(2).mean() * 10
        loss = critic(fake).mean() - critic(real).mean() + penalty
        loss.backward()
        adam.step()

    return step


def passes(network, *inputs, backward):
    network = network.to(DEVICE)

    def forward():
        with torch.no_grad():
            network(*inputs)

    def both():
        network.zero_grad(set_to_none=True)
        network(*inputs).mean().backward()

    return both if backward else forward


def f_anogan(batch):
    """Scores of A_R and A_D: encoder, generator, the critic's features of both images."""
    encoder, generator, critic = Critic(outputs=128).to(DEVICE), Generator().to(DEVICE).eval(), Critic().to(DEVICE)
    x = draw(batch, 1, 128, 128)

    def score():
        with torch.no_grad():
            made = generator(encoder(x))
            residual = (x - made).pow(2).flatten(1).mean(1)
            features = (critic.features(x) - critic.features(made)).pow(2).mean(1)
            (0.9 * residual + 0.1 * features).cpu()

    return score


def measurements():
    """Each by name, as `benches/training.rs` calls it: a function that sets it up and returns one run."""
    batches = arguments.batches or ([16, 64] if DEVICE.type == "cpu" else [16, 64, 256])
    for batch in batches:
        yield f"wgan-gp step B{batch}", lambda b=batch: wgan_gp(b)
    for backward, name in ((False, "forward"), (True, "forward+backward")):
        for batch in batches:
            for kernel in (4, 5):
                yield f"critic k{kernel} B{batch} {name}", lambda b=batch, k=kernel, w=backward: passes(
                    Critic(k, k // 2 if k == 5 else 1), draw(b, 1, 128, 128), backward=w
                )
            yield f"generator B{batch} {name}", lambda b=batch, w=backward: passes(
                Generator(), draw(b, 128), backward=w
            )
        for batch in batches:
            yield f"vae B{batch} {name}", lambda b=batch, w=backward: passes(
                Autoencoder(), torch.rand(b, 1, 64, 64, device=DEVICE), draw(b, 64), backward=w
            )
    for batch in (1, max(batches)):
        yield f"f-anogan score B{batch}", lambda b=batch: f_anogan(b)


def repeated(name):
    """Runs in one measurement: short ones are timed together."""
    return 20 if name.endswith("score B1") else 1


def timed(run, count):
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        run()
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - wall) / count, (time.process_time() - cpu) / count


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    works = dict(measurements())
    if arguments.peak:
        run = works[arguments.peak]()
        for _ in range(3):
            run()
        print(peak_mib())
        return
    program = arguments.program
    if program is None:
        features = ["--features", "cuda"] if DEVICE.type == "cuda" else []
        build = ["cargo", "bench", "--bench", "training", "--no-run", "--message-format", "json", *features]
        for line in subprocess.run(build, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines():
            program = json.loads(line).get("executable") or program
    ours = subprocess.Popen(
        [program, "--serve", "--device", arguments.device], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(name):
        print(name, repeated(name), file=ours.stdin, sep="\t", flush=True)
        return tuple(map(float, ours.stdout.readline().split()))

    def memory(name):
        """Peak MiB of a fresh process of ours and of PyTorch; nothing for what is no step of training, or on a card."""
        if DEVICE.type != "cpu" or not name.startswith("wgan-gp"):
            return None
        ours = [program, "--peak", name]
        theirs = [sys.executable, __file__, "--threads", str(arguments.threads), "--peak", name, "--batches", *map(str, sizes)]
        return [float(subprocess.run(run, stdout=subprocess.PIPE, check=True, text=True).stdout) for run in (ours, theirs)]

    sizes = arguments.batches or [16, 64]
    print(f"PyTorch {torch.__version__}, {arguments.device}, {arguments.threads} thread(s), medians of {arguments.rounds} runs.\n")
    print("| work | batch | synthgen, ms | PyTorch, ms | ratio | ratio of CPU time | peak memory, MiB: synthgen | PyTorch | ratio |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    raw = {}
    for name, make in works.items():
        if not re.search(arguments.only, name):
            continue
        run, count = make(), repeated(name)
        timed(run, 1), ask(name)
        pairs = [(ask(name), timed(run, count)) for _ in range(arguments.rounds)]
        del run
        raw[name] = {"ours": [a for a, _ in pairs], "torch": [b for _, b in pairs]}
        (mine, theirs), (my_cpu, their_cpu) = (
            [statistics.median(pair[who][clock] for pair in pairs) * 1e3 for who in (0, 1)] for clock in (0, 1)
        )
        # Kernel 4 is the usual one.
        work = re.sub(r" B\d+", "", name).replace(" k4", "").replace(" k5", ", kernel 5,")
        batch = re.search(r" B(\d+)", name)[1]
        line = f"| {work} | {batch} | {mine:.1f} | {theirs:.1f} | {mine / theirs:.2f} | {my_cpu / their_cpu:.2f} |"
        if peak := memory(name):
            raw[name]["peak MiB"] = peak
            line += f" {peak[0]:.0f} | {peak[1]:.0f} | {peak[0] / peak[1]:.2f} |"
        else:
            line += " | | |"
        print(line, flush=True)
    ours.stdin.close()
    ours.wait()
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(raw, file, indent=1)


if __name__ == "__main__":
    main()
