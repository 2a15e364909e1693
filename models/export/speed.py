"""How fast each family runs: `unweave`, ONNX Runtime alone on the bare graph, and PyTorch, one after the other.

    python speed.py --unweave PROGRAM [--threads N] [--seconds S] [FAMILY …]

Networks of full size with random weights: speed does not depend on weights. All three do the same segments of the
demo song on the same threads; ONNX Runtime and PyTorch are given their tensors ready made. Per family, each takes
its turn `--rounds` times, so that a slow minute of the machine hits all; the table has the medians. "we add" is what
`unweave` takes beyond ONNX Runtime: transforms, segments, residual, its own loop. Peak memory is of the whole command
`unweave separate`, from the kernel. A second table has what can run live: a hop must take less time than it lasts.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
}
# The bands of the paper: 2 bins each at first, some hundred in the end.
BANDS = (*[2] * 24, *[4] * 12, *[12] * 8, *[24] * 8, *[48] * 8, 128, 129)


def timed(run) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def session(path: Path, threads: int):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def manifest_value(text: str, key: str) -> int:
    return int(next(line for line in text.splitlines() if line.startswith(f"{key} = ")).split("=")[1])


def measure(name: str, args, folder: Path, clip: Path, frames: int) -> dict:
    family = FULL[name]()
    export(family, folder)
    text = (folder / "model.toml").read_text()
    trim = manifest_value(text, "trim_frames") if "trim_frames" in text else 0
    segment = manifest_value(text, "frames")
    hop = segment - 2 * trim - manifest_value(text, "overlap_frames")
    runs = [(session(path, args.threads), graph) for path, graph in
            ((folder / f"{stem or 'model'}.onnx", graph) for stem, graph in family.graphs.items())]
    inputs = list(next(iter(family.graphs.values())).inputs)
    if name == "openunmix":
        segment = min(segment, frames)
        inputs = [torch.rand(1, 2, 2049, segment // 1024 + 1)]
    count = 1 if segment >= frames else -(-frames // hop)

    def bare():
        for run, graph in runs:
            run.run(None, dict(zip(graph.input_names, (x.numpy() for x in inputs))))

    def pytorch():
        with torch.inference_mode():
            for graph in family.graphs.values():
                graph.module(*inputs)

    def command():
        out = subprocess.run([args.unweave, "bench", "--json", "--model", folder, "--threads", str(args.threads), clip],
                             capture_output=True, text=True, check=True).stdout
        steps = {step["step"]: step["seconds"] for step in json.loads(out)["steps"]}
        return steps["separate"]

    ours, alone, torches = [], [], []
    bare()
    for _ in range(args.rounds):
        ours.append(command())
        alone.append(sum(timed(bare) for _ in range(count)))
        torches.append(sum(timed(pytorch) for _ in range(count)))
    seconds = frames / RATE
    ours, alone, torches = (statistics.median(times) for times in (ours, alone, torches))
    return {"family": name, "segment": segment / RATE, "hop": hop / RATE, "rtf": ours / seconds,
            "adds": ours / alone - 1, "torch": torches / ours, "per_hop": alone / count}


def memory(args, folder: Path, clip: Path, out: Path) -> float:
    """MB that `unweave separate` takes at most; run in a process of its own, whose only child it is."""
    code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=-3, stderr=-3); "
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3)")
    command = [args.unweave, "separate", clip, "--model", folder, "--threads", str(args.threads), "--output", out]
    return float(subprocess.run([sys.executable, "-c", code, *map(str, command)],
                                capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="*", help=", ".join(FULL))
    parser.add_argument("--unweave", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    audio = song(ROOT / "assets/demo/paper-lanterns.flac")[:, :round(args.seconds * RATE)]
    rows = []
    with tempfile.TemporaryDirectory() as temp:
        clip = Path(temp) / "clip.wav"
        soundfile.write(clip, audio.T.numpy(), RATE)
        for name in args.family or FULL:
            row = measure(name, args, Path(temp) / name, clip, audio.shape[1])
            row["memory"] = memory(args, Path(temp) / name, clip, Path(temp) / "out")
            rows.append(row)
            print(f"{name} done", file=sys.stderr)
    print(f"{args.threads} threads, {args.seconds:g} s of the demo song, medians of {args.rounds}\n")
    print("| family | real-time factor | we add to ONNX Runtime | × PyTorch's speed | peak memory |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['family']} | {row['rtf']:.3f} | {100 * row['adds']:+.1f} % | {row['torch']:.2f} | {row['memory']:.0f} MB |")
    print("\n| family | segment | hop | one hop takes | live here | latency |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        is_live = row["per_hop"] <= row["hop"]
        latency = f"{row['segment'] + row['per_hop']:.1f} s" if is_live else "–"
        print(f"| {row['family']} | {row['segment']:.2f} s | {row['hop']:.2f} s | {row['per_hop']:.2f} s | "
              f"{'yes' if is_live else 'no'} | {latency} |")


if __name__ == "__main__":
    main()
