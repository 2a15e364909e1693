"""Train the network for a given wall-clock time; stop and go on as often as needed.

    python train.py --work WORKDIR --run RUNDIR --hours 2 [--resume RUNDIR/last.pt | --init weights.pt] [--smoke]

RUNDIR gets `config.json` (with the git revision), `log.csv`, `curves.png`, `last.pt` (everything, to resume) and
`weights.pt` (the averaged weights, to export). The learning rate falls to zero at the end of the planned time,
whatever the machine got done by then.
"""

import os
import sys

# Freed blocks of tens of megabytes must stay in the process: with glibc's default every tensor is mapped anew and
# page faults cost more than the arithmetic (measured: 5 against 20 s of audio per second).
if os.environ.get("MALLOC_MMAP_MAX_") != "0" and sys.platform == "linux":
    os.environ |= {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
    os.execv(sys.executable, [sys.executable, *sys.argv])

import argparse
import csv
import json
import multiprocessing
import subprocess
import time
from pathlib import Path

import numpy as np
import torch

import stft
from dataset import Examples
from dealing import Dealer
from network import STEMS, Separator, Shape
from objective import loss, sums
from optimiser import Optimiser

VALIDATION_EXAMPLES = 40


class Batches:
    """Stems [batch, 4, 2, frames], for ever."""

    def __init__(self, args: argparse.Namespace, seed: list[int]):
        self.examples = Examples(args.work, args.seconds, without=args.hold_out)
        self.rng, self.size = np.random.default_rng(seed), args.batch

    def __next__(self) -> torch.Tensor:
        return torch.from_numpy(np.stack([self.examples.draw(self.rng) for _ in range(self.size)]))


class Producers:
    """The same batches from several processes, for an accelerator that one process can't feed."""

    def __init__(self, args: argparse.Namespace, seed: list[int]):
        context = multiprocessing.get_context("spawn")
        self.queue = context.Queue(maxsize=2 * args.producers)
        for i in range(args.producers):
            context.Process(target=self.run, args=(args, [*seed, i], self.queue), daemon=True).start()

    @staticmethod
    def run(args, seed, queue):
        torch.set_num_threads(1)
        batches = Batches(args, seed)
        while True:
            queue.put(next(batches).numpy())

    def __next__(self) -> torch.Tensor:
        return torch.from_numpy(self.queue.get())


def objective(net: Separator, stems: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and SNR of a batch, from the spectra of its stems."""
    with torch.no_grad():
        power, cross, energy = sums(stems, net.shape)
    return masked(net, power, cross, energy)


def masked(net: Separator, power, cross, energy) -> tuple[torch.Tensor, torch.Tensor]:
    masks, _ = net.core(power, net.state(power.shape[1]))
    return loss(masks, power, cross, energy, net.shape)


class Gradient:
    """Leaves the gradient of the next batch in the parameters and gives its loss."""

    def __init__(self, net: Separator, batches, seed: list[int], compiled: bool):
        self.net, self.dealer = net, Dealer(batches, net.shape, seed, str(net.embed.device))
        # Most of the time goes into small products and elementwise steps: compiled ones take half as long.
        self.sums, self.masked = (torch.compile(f) if compiled else f for f in (sums, masked))

    def __call__(self) -> float:
        with torch.no_grad():
            parts = self.sums(next(self.dealer), self.net.shape)
        value, _ = self.masked(self.net, *parts)
        self.net.zero_grad()
        value.backward()
        return value.item()


class Helper:
    """A second process that works out gradients at its own pace, from weights that may be a few steps old.

    Two processes of one thread each instead of one of two threads: where other programs take a part of a core, threads
    that wait for one another at every operation nearly stop (measured: 6 s instead of 0.4 s per step).
    """

    # A gradient older than this came from a starved process and is dropped.
    STALE_STEPS = 12

    def __init__(self, args: argparse.Namespace, shape: Shape, parameters: int, seed: list[int]):
        context = multiprocessing.get_context("spawn")
        self.weights, self.grads = (torch.zeros(parameters).share_memory_() for _ in range(2))
        self.step = context.Value("q", 0)
        self.ready, self.asked = context.Event(), context.Event()
        self.outcome = context.Array("d", 2)  # loss, step of the weights
        self.process = context.Process(
            target=self.run, daemon=True,
            args=(args, shape, seed, self.weights, self.grads, self.step, self.ready, self.asked, self.outcome),
        )

    @staticmethod
    def run(args, shape, seed, weights, grads, step, ready, asked, outcome):
        torch.set_num_threads(1)
        net = Separator(shape)
        net.half = True
        gradient = Gradient(net, Batches(args, seed), seed, not args.eager)
        while True:
            # Not for ever: who asks may have been killed.
            while not asked.wait(10):
                if not multiprocessing.parent_process().is_alive():
                    return
            asked.clear()
            outcome[1] = step.value
            torch.nn.utils.vector_to_parameters(weights.clone(), net.parameters())
            outcome[0] = gradient()
            grads.copy_(torch.cat([p.grad.flatten() for p in net.parameters()]))
            ready.set()

    def publish(self, net: Separator, step: int) -> None:
        self.weights.copy_(torch.nn.utils.parameters_to_vector(net.parameters()).detach())
        self.step.value = step

    def collect(self, net: Separator, step: int) -> float | None:
        """Puts a finished gradient into the parameters and asks for the next; its loss, or none if there is none."""
        if not self.ready.is_set():
            return None
        self.ready.clear()
        value, fresh = self.outcome[0], step - self.outcome[1] <= self.STALE_STEPS
        if fresh:
            torch.nn.utils.vector_to_parameters(self.grads.clone(), (p.grad for p in net.parameters()))
        self.asked.set()
        return value if fresh else None


def validation_set(args: argparse.Namespace, count: int) -> torch.Tensor:
    rng = np.random.default_rng(1)
    examples = Examples(args.work, args.seconds, held_out=True)
    return torch.from_numpy(np.stack([examples.draw(rng) for _ in range(count)]))


@torch.no_grad()
def validate(net: Separator, examples: torch.Tensor) -> dict:
    """Mean SNR in dB per stem over the examples where it plays, and of all, beside the loss."""
    losses, snr, active = [], [], []
    net.half = True
    net.eval()
    for stems in examples.split(4):
        value, per_stem = objective(net, stft.spectra(stems.to(net.embed.device), net.shape.n_fft, net.shape.hop))
        losses.append(value.item())
        snr.append(per_stem.cpu())
        level = stems.square().mean((2, 3))
        active.append(level > 1e-3 * level.sum(1, keepdim=True))
    snr, active = torch.cat(snr), torch.cat(active)
    means = {stem: float(snr[active[:, i], i].mean()) for i, stem in enumerate(STEMS)}
    return {"val_loss": float(np.mean(losses)), **means, "mean": float(np.mean(list(means.values())))}


def draw_curves(log: Path, target: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with log.open() as file:
        rows = list(csv.DictReader(file))
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4))
    hours = [float(r["audio_hours"]) for r in rows]
    left.plot(hours, [float(r["loss"]) for r in rows], label="training, running mean")
    left.plot(hours, [float(r["val_loss"]) for r in rows], label="held out, averaged weights")
    left.set(xlabel="hours of audio", ylabel="loss")
    left.legend()
    for stem in (*STEMS, "mean"):
        right.plot(hours, [float(r[stem]) for r in rows], label=stem)
    right.set(xlabel="hours of audio", ylabel="SNR on held-out examples (dB)")
    right.legend()
    figure.tight_layout()
    figure.savefig(target, dpi=80)
    pyplot.close(figure)


def revision() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                          cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


def save(path: Path, content: dict) -> None:
    torch.save(content, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").rename(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--run", type=Path, required=True, help="folder for this run")
    parser.add_argument("--hours", type=float, default=2.0, help="wall-clock time of the whole schedule")
    parser.add_argument("--resume", type=Path, help="last.pt of an interrupted run")
    parser.add_argument("--init", type=Path, help="weights to start a new schedule from")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of an example")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--warm-up", type=int, default=50, help="steps")
    parser.add_argument("--average", type=float, default=0.995, help="decay of the averaged weights per step")
    parser.add_argument("--save-minutes", type=float, default=5.0)
    parser.add_argument("--alone", action="store_true", help="no second process")
    parser.add_argument("--device", default="cpu", help="where the network is: cpu, cuda, ...; other than cpu means --alone")
    parser.add_argument("--producers", type=int, default=0, help="processes that make examples; 0: the training does it itself")
    parser.add_argument("--eager", action="store_true", help="don't compile: slower, but starts at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hold-out", nargs="*", default=[], help="real songs not to train on")
    parser.add_argument("--smoke", action="store_true", help="a tiny network for half a minute")
    args = parser.parse_args()
    if args.smoke:
        args.width, args.layers, args.seconds, args.batch, args.hours = 16, 1, 2.0, 2, 25 / 3600
        args.save_minutes, args.warm_up, args.eager = 0.2, 5, True

    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    args.run.mkdir(parents=True, exist_ok=True)
    saved = torch.load(args.resume or args.init, weights_only=True, map_location=args.device) if args.resume or args.init else None
    shape = Shape(**saved["shape"]) if saved else Shape(width=args.width, layers=args.layers)
    net, averaged = Separator(shape).to(args.device), Separator(shape).to(args.device)
    net.half = True
    parameters = sum(p.numel() for p in net.parameters())
    if saved:
        net.load_state_dict(saved["net"] if "net" in saved else saved["averaged"])
    averaged.load_state_dict(saved["averaged"] if saved else net.state_dict())
    optimiser = Optimiser(net)
    spent, step, audio_hours = 0.0, 0, 0.0
    if args.resume:
        optimiser.load_state_dict(saved["optimiser"])
        spent, step = saved["spent"], saved["step"]
    if saved:
        audio_hours = saved["audio_hours"]
    config = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
    config |= {"shape": shape.as_dict(), "parameters": parameters, "revision": revision(), "torch": torch.__version__}
    (args.run / "config.json").write_text(json.dumps(config, indent=1))
    print(f"{parameters / 1e6:.2f} M parameters, {shape.num_bands} bands, {args.hours:.2f} h", flush=True)

    seed = [args.seed, step, 0]
    gradient = Gradient(net, (Producers if args.producers else Batches)(args, seed), seed, not args.eager)
    helper = None
    if not args.alone and args.device == "cpu":
        helper = Helper(args, shape, parameters, [args.seed, step, 1])
        helper.publish(net, step)
        helper.asked.set()
        helper.process.start()
    validation = validation_set(args, 4 if args.smoke else VALIDATION_EXAMPLES)

    running, log = None, args.run / "log.csv"
    planned = args.hours * 3600
    clock = saved_at = time.monotonic()
    helped = 0
    while True:
        value = helper.collect(net, step) if helper and step else None
        helped += value is not None
        if value is None:
            value = gradient()
        fraction = min(1.0, spent / planned)
        rate = args.rate * min(1.0, (step + 1) / args.warm_up) * (1 - fraction + 1e-3)
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        if torch.isfinite(norm):
            optimiser.step(rate)
        with torch.no_grad():
            keep = min(args.average, (step + 1) / (step + 10))
            torch._foreach_lerp_(list(averaged.parameters()), list(net.parameters()), 1 - keep)
        step += 1
        if helper:
            helper.publish(net, step)
        audio_hours += args.batch * args.seconds / 3600
        running = value if running is None else 0.99 * running + 0.01 * value
        now = time.monotonic()
        spent += now - clock
        clock = now
        done = spent >= planned
        if step % 50 == 0:
            print(f"step {step} {spent / 60:.1f} min loss {running:.3f} norm {float(norm):.2f} rate {rate:.2e} "
                  f"audio {audio_hours:.2f} h, {helped} steps by the helper", flush=True)
        if done or now - saved_at > args.save_minutes * 60:
            saved_at = now
            result = validate(averaged, validation)
            row = {"step": step, "minutes": round(spent / 60, 2), "audio_hours": round(audio_hours, 3),
                   "rate": rate, "loss": round(running, 4), **{k: round(v, 3) for k, v in result.items()}}
            with log.open("a", newline="") as file:
                writer = csv.DictWriter(file, row)
                if file.tell() == 0:
                    writer.writeheader()
                writer.writerow(row)
            print(row, flush=True)
            weights = {"shape": shape.as_dict(), "averaged": averaged.state_dict(), "audio_hours": audio_hours,
                       "step": step}
            save(args.run / "weights.pt", weights)
            save(args.run / "last.pt", {**weights, "net": net.state_dict(), "optimiser": optimiser.state_dict(),
                                        "spent": spent})
            draw_curves(log, args.run / "curves.png")
            clock = time.monotonic()
        if done:
            break
    if helper:
        helper.process.terminate()


if __name__ == "__main__":
    main()
