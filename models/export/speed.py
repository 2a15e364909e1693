"""How fast each family runs: `unweave`, ONNX Runtime alone on the bare graph, and the family's own program.

    python speed.py --unweave PROGRAM --work FOLDER [--threads N] [--rounds N] [FAMILY …]
    python speed.py --unweave PROGRAM --work FOLDER --live [--seconds S] …
    python speed.py --unweave PROGRAM --work FOLDER --memory [--seconds S] …

Networks of full size with random weights, kept in the folder: speed does not depend on weights. The first form compares
processor time, all threads together, of one more segment: of the whole command `unweave separate`, by its difference
between two lengths of the demo song; of ONNX Runtime, which is given its tensors ready made; and of the reference in
PyTorch, transforms and filters included. Processor time suffers less than the clock from whatever else the machine
does; per family, each takes its turn `--rounds` times, and the table has the medians. `--live` times `unweave` on short segments by the clock, on an idle machine: an
inference must be done in 7/8 of a hop, which is what the plug-in waits for. `--memory` is the peak of the command,
from the kernel.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

# PyTorch's threads would wait for work at full speed.
os.environ["OMP_WAIT_POLICY"] = "passive"

import soundfile
import torch

import families
from families import RATE, export, song

ROOT = Path(__file__).resolve().parents[2]

FULL = {
    "htdemucs": lambda: families.htdemucs(48, 4, 5, 8, 512, 8, 2),
    "mdx": lambda: families.mdx_net(width=24, blocks=6),
    "roformer": lambda: families.bs_roformer(64, 6, 8, 64, 2, 8, BANDS),
    "openunmix": lambda: families.open_unmix(512, 3, ("vocals", "drums", "bass", "other")),
    "spleeter": lambda: families.spleeter(16, 512, 6),
    "scnet": lambda: families.scnet(False, (4, 32, 64, 128), (3, 2, 1), 6, 11),
}
# The same at segments that are short enough to play along with.
LIVE = {
    "htdemucs": lambda: families.htdemucs(48, 4, 5, 8, 512, 8, 2, Fraction(2)),
    "mdx": lambda: families.mdx_net(width=24, dim_t=64, blocks=6),
    "roformer": lambda: families.bs_roformer(64, 6, 8, 64, 2, 1, BANDS),
    "openunmix": lambda: families.open_unmix(512, 3, ("vocals", "drums", "bass", "other"), 2),
    "spleeter": lambda: families.spleeter(16, 64, 6),
    "scnet": lambda: families.scnet(False, (4, 32, 64, 128), (3, 2, 1), 6, 1),
}
# The bands of the paper: 2 bins each at first, some hundred in the end.
BANDS = (*[2] * 24, *[4] * 12, *[12] * 8, *[24] * 8, *[48] * 8, 128, 129)


def timed(run) -> float:
    """Processor time of this process."""
    start = time.process_time()
    run()
    return time.process_time() - start


def session(path: Path, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def manifest_value(text: str, key: str) -> int:
    return int(next(line for line in text.splitlines() if line.startswith(f"{key} = ")).split("=")[1])


def lengths(folder: Path) -> tuple[int, int, int]:
    """Segment, hop, and the window that live stems need, in frames."""
    text = (folder / "model.toml").read_text()
    trim = manifest_value(text, "trim_frames") if "trim_frames" in text else 0
    segment = manifest_value(text, "frames")
    return segment, segment - 2 * trim - manifest_value(text, "overlap_frames"), segment - trim


def separate(args, folder: Path, audio: torch.Tensor) -> tuple[float, float]:
    """Processor time in seconds and peak memory in bytes of the whole command; in a process whose only child it is."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=-3, stderr=-3); "
            "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
            "print(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)")
    with tempfile.TemporaryDirectory() as out:
        clip = Path(out) / "clip.wav"
        soundfile.write(clip, audio.T.numpy(), RATE)
        command = [args.unweave, "separate", clip, "--model", folder, "--threads", args.threads, "--output", out]
        said = subprocess.run([sys.executable, "-c", code, *map(str, command)], capture_output=True, text=True, check=True)
    seconds, peak = said.stdout.split()
    return float(seconds), float(peak)


def against(name: str, args, folder: Path, audio: torch.Tensor) -> str:
    """A row: ours beside ONNX Runtime alone and PyTorch."""
    family = FULL[name]()
    segment, hop, _ = lengths(folder)
    runs = [(session(folder / f"{stem or 'model'}.onnx", args.threads), graph) for stem, graph in family.graphs.items()]
    inputs = list(next(iter(family.graphs.values())).inputs)
    if name == "openunmix":
        # Any length will do: a song shorter than its segment is one.
        segment = hop = 20 * RATE
        inputs = [torch.rand(1, 2, 2049, segment // 1024)]

    def bare():
        for run, graph in runs:
            run.run(None, dict(zip(graph.input_names, (x.numpy() for x in inputs))))

    def pytorch():
        torch.backends.mha.set_fastpath_enabled(True)
        with torch.inference_mode():
            family.separate(audio[:, :hop if name == "openunmix" else hop // 2])

    def own():
        short, long = (separate(args, folder, audio[:, :frames])[0] for frames in (hop // 2, hop // 2 + hop))
        return long - short

    bare()
    pytorch()
    times = [(own(), timed(bare), timed(pytorch)) for _ in range(args.rounds)]
    ours, alone, torches = (statistics.median(column) for column in zip(*times))
    return (f"| {name} | {segment / RATE:.1f} s | {hop / RATE:.1f} s | {ours:.2f} s | {alone:.2f} s | "
            f"{100 * (ours / alone - 1):+.0f} % | {torches:.2f} s |")


def live(name: str, args, folder: Path, audio: torch.Tensor) -> str:
    """A row: what one hop takes, and the latency if it can be kept up with."""
    segment, hop, window = lengths(folder)
    times = []
    with tempfile.TemporaryDirectory() as temp:
        clip = Path(temp) / "clip.wav"
        soundfile.write(clip, audio.T.numpy(), RATE)
        command = [args.unweave, "bench", "--json", "--model", folder, "--threads", str(args.threads), clip]
        for _ in range(args.rounds):
            steps = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["steps"]
            times.append(next(step["seconds"] for step in steps if step["step"] == "separate"))
    takes = statistics.median(times) / -(-audio.shape[1] // hop)
    waits = 7 / 8 * hop / RATE
    latency = f"{window / RATE + waits:.1f} s" if takes <= waits else "–"
    return f"| {name} | {segment / RATE:.2f} s | {hop / RATE:.2f} s | {takes:.2f} s | {'yes' if takes <= waits else 'no'} | {latency} |"


def memory(name: str, args, folder: Path, audio: torch.Tensor) -> str:
    """A row."""
    return f"| {name} | {separate(args, folder, audio)[1] / 1e6:.0f} MB |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="*", help=", ".join(FULL))
    parser.add_argument("--unweave", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder where the networks are, or are put")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0, help="of the demo song, for --live and --memory")
    parser.add_argument("--rounds", type=int, default=3)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--live", action="store_true")
    what.add_argument("--memory", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folders = {name: args.work / f"{name}{'-live' if args.live else ''}" for name in args.family or FULL}
    for name, folder in folders.items():
        if not (folder / "model.toml").exists():
            export((LIVE if args.live else FULL)[name](), folder)
    audio = song(ROOT / "assets/demo/paper-lanterns.flac")
    row, head = against, ["family", "segment", "hop", "unweave", "ONNX Runtime alone", "we add", "PyTorch"]
    if args.live or args.memory:
        audio = audio[:, :round(args.seconds * RATE)]
    if args.live:
        row, head = live, ["family", "segment", "hop", "one hop takes", "live here", "latency"]
    elif args.memory:
        row, head = memory, ["family", "peak memory"]
    print(f"{args.threads} threads, medians of {args.rounds}\n")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for name, folder in folders.items():
        print(row(name, args, folder, audio), flush=True)


if __name__ == "__main__":
    main()
