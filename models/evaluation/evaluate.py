"""The table of the model card: the exported ONNX file, streamed frame by frame, beside what it must beat.

    python evaluate.py [--model ../builtin] [--data ../../../shared/data] [--readme ../README.md] [--work WORKDIR]
                       [--museval] [--smoke]

uSDR per stem over the windows where the stem plays (above −60 dBFS), and the mean over the active stems of a window,
then over windows; what muting the vocals does; with `--work` also packs that training never saw. `--museval` adds BSS
Eval v4 (needs the package `museval`; minutes per row). `--readme` writes the table between its markers.
"""

import argparse
import json
import tomllib
from pathlib import Path

import numpy as np
import soundfile
import torch

import metrics
import references
from network import STEMS
from streaming import Streaming

BEGIN, END = "<!-- begin: evaluate.py -->", "<!-- end: evaluate.py -->"
VOCALS = STEMS.index("vocals")


def windows(data: Path, seconds: float | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name → (mix [2, frames], stems [4, 2, frames])."""
    found = {}
    for folder in sorted((data / "eval").iterdir()):
        if not folder.is_dir():
            continue
        frames = -1 if seconds is None else int(seconds * 44_100)

        def read(name: str) -> np.ndarray:
            audio, rate = soundfile.read(folder / f"{name}.flac", dtype="float32", frames=frames)
            assert rate == 44_100
            return np.ascontiguousarray(audio.T)

        found[folder.name] = read("mixture"), np.stack([read(stem) for stem in STEMS])
    return found


def demo(folder: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """The demo song up to the end of its true stems [2, frames], these stems, and the frame at which they begin."""
    first = 945_000
    stems = np.stack([
        np.ascontiguousarray(soundfile.read(folder / "true-stems" / f"{s}.flac", dtype="float32")[0].T) for s in STEMS
    ])
    song = soundfile.read(folder / "paper-lanterns.flac", dtype="float32", stop=first + stems.shape[-1])[0]
    return np.ascontiguousarray(song.T), stems, first


def row(songs: dict, separate, museval: bool) -> dict:
    """Figures of one method; `separate(mix, stems)` gives [4, 2, frames]."""
    per_stem, means, mutes, bss, each = {s: [] for s in STEMS}, [], [], {s: [] for s in STEMS}, {}
    for name, (mix, stems) in songs.items():
        estimates = separate(mix, stems)
        active = [metrics.level_db(s) > metrics.SILENT_DB for s in stems]
        values = {s: metrics.usdr(stems[i], estimates[i]) for i, s in enumerate(STEMS) if active[i]}
        for stem, value in values.items():
            per_stem[stem].append(value)
        means.append(float(np.mean(list(values.values()))))
        each[name] = values | {"mean": means[-1]}
        if active[VOCALS]:
            rest = mix - stems[VOCALS]
            mutes.append(metrics.mute(stems[VOCALS], rest, mix - estimates[VOCALS]))
        if museval:
            for stem, value in bss_eval(stems, estimates, active).items():
                bss[stem].append(value)
    return {
        "usdr": {s: float(np.mean(v)) if v else float("nan") for s, v in per_stem.items()} | {"mean": float(np.mean(means))},
        "mute": [float(np.mean(v)) for v in zip(*mutes, strict=True)] if mutes else [float("nan")] * 2,
        "bss": {s: float(np.median(v)) for s, v in bss.items() if v},
        "each": each,
    }


def bss_eval(stems: np.ndarray, estimates: np.ndarray, active: list[bool]) -> dict:
    """BSS Eval v4 SDR, median over frames of 1 s, of the active stems."""
    import museval

    chosen = [i for i, yes in enumerate(active) if yes]
    sdr, *_ = museval.evaluate(
        stems[chosen].transpose(0, 2, 1), np.asarray(estimates)[chosen].transpose(0, 2, 1), win=44_100, hop=44_100
    )
    return {STEMS[i]: float(np.nanmedian(sdr[k])) for k, i in enumerate(chosen)}


def unseen_packs(work: Path, streaming: Streaming, count: int) -> dict[str, tuple[float, float]]:
    """Per stem (uSDR with this stem from training packs, from packs left out), the rest of the mix from training packs."""
    from dataset import Examples

    seen, unseen = Examples(work, 6.0), Examples(work, 6.0, held_out=True)
    result = {}
    for target in range(3):
        values = []
        for source in (seen, unseen):
            snr = []
            for i in range(count):
                rng, company = np.random.default_rng([target, i, 5]), np.random.default_rng([target, i, 6])
                stems = np.stack([
                    (source.strung(rng, stem, source.frames) if stem == target else seen.strung(company, stem, seen.frames))
                    for stem in range(4)
                ])
                levels = np.sqrt(np.square(stems).mean((1, 2), keepdims=True)) + 1e-6
                stems = (stems * (0.07 / levels)).astype(np.float32)
                estimates = streaming.separate(stems.sum(0), 64)
                snr.append(metrics.usdr(stems[target], estimates[target]))
            values.append(float(np.mean(snr)))
        result[STEMS[target]] = tuple(values)
    return result


def number(x: float) -> str:
    return "–" if np.isnan(x) else f"{x:.1f}".replace("-", "−")


def cells(values: dict, columns: tuple) -> str:
    return " | ".join(number(values.get(c, float("nan"))) for c in columns)


def table(rows: dict, version: str, unseen: dict | None, on_demo: dict) -> str:
    lines = [
        f"Version {version}, windows of the evaluation songs, uSDR in dB, higher is better; muting: attenuation of the "
        "vocals (higher is better) and damage to the rest (lower is better).", "",
        "| | drums | bass | vocals | other | mean | mute: attenuation | mute: damage |", "|---|---|---|---|---|---|---|---|",
    ]
    for name, figures in rows.items():
        mute = " | ".join(number(x) for x in figures["mute"])
        lines.append(f"| {name} | {cells(figures['usdr'], (*STEMS, 'mean'))} | {mute} |")
    ours = next(f for n, f in rows.items() if n.startswith("**"))
    lines += ["", "This model, window by window:", "", "| | drums | bass | vocals | other | mean |", "|---|---|---|---|---|---|"]
    for name, values in ours["each"].items():
        lines.append(f"| {name} | {cells(values, (*STEMS, 'mean'))} |")
    if any(f["bss"] for f in rows.values()):
        lines += ["", "BSS Eval v4 SDR (`museval`, median over 1 s frames, then over windows):", "",
                  "| | drums | bass | vocals | other |", "|---|---|---|---|---|"]
        for name, f in rows.items():
            if f["bss"]:
                lines.append(f"| {name} | {cells(f['bss'], STEMS)} |")
    if on_demo:
        lines += ["", "The demo song (`assets/demo`, where its true stems are known):", "",
                  "| | drums | bass | vocals | other | mean |", "|---|---|---|---|---|---|"]
        lines += [f"| {name} | {cells(values, (*STEMS, 'mean'))} |" for name, values in on_demo.items()]
    if unseen:
        lines += ["", "Random mixes of single sounds (no music) in which one stem comes from packs that were trained on, or "
                  "from packs that were left out:", "", "| stem | trained on | left out |", "|---|---|---|"]
        lines += [f"| {stem} | {number(a)} | {number(b)} |" for stem, (a, b) in unseen.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parent
    parser.add_argument("--model", type=Path, default=here / "../builtin")
    parser.add_argument("--data", type=Path, default=here / "../../../shared/data")
    parser.add_argument("--demo", type=Path, default=here / "../../assets/demo", help="the demo song")
    parser.add_argument("--readme", type=Path, help="file to put the table into")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--work", type=Path, help="folder made by prepare.py: also measure packs left out")
    parser.add_argument("--museval", action="store_true")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--save", type=Path, help="folder for the separated stems")
    parser.add_argument("--smoke", action="store_true", help="the first 4 s of each window")
    args = parser.parse_args()
    if not (args.data / "eval").is_dir():
        parser.error(f"no evaluation windows in {args.data}: give the folder that holds eval/ with --data")
    torch.set_num_threads(1)
    songs = windows(args.data, 4 if args.smoke else None)
    manifest = tomllib.loads((args.model / "model.toml").read_text())
    streaming = Streaming(args.model / "model.onnx", manifest["stft"]["n_fft"], manifest["stft"]["hop"])
    separated = {}

    def ours(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
        separated[len(separated)] = out = streaming.separate(mix)
        return out

    rows = {}
    if not args.ours_only:
        rows["the mix as every stem"] = row(songs, references.mixture, args.museval)
        rows["without learning: HPSS, low-pass, centre"] = row(songs, references.unlearned, args.museval)
        for folder, name, enhance in references.ENHANCERS:
            weights = args.data / "weights" / folder
            if not weights.is_dir():
                continue

            def only_vocals(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
                out = np.zeros_like(stems)
                out[VOCALS] = enhance(weights, mix)
                return out

            figures = row(songs, only_vocals, False)
            figures["usdr"] = {"vocals": figures["usdr"]["vocals"]}
            rows[f"speech enhancer {name}"] = figures
    rows["**this model, streamed**"] = row(songs, ours, args.museval)
    if not args.ours_only:
        rows["ceiling: oracle ratio mask, same STFT"] = row(songs, references.oracle, args.museval)
    on_demo = {}
    if args.demo.is_dir() and not args.smoke:
        song, stems, first = demo(args.demo)
        mix = song[:, first:]
        for name, estimates in {
            "the mix as every stem": references.mixture(mix, stems),
            "without learning: HPSS, low-pass, centre": references.unlearned(mix, stems),
            "**this model, streamed**": streaming.separate(song)[..., first:],
            "ceiling: oracle ratio mask, same STFT": references.oracle(mix, stems),
        }.items():
            values = {s: metrics.usdr(stems[i], estimates[i]) for i, s in enumerate(STEMS)}
            on_demo[name] = values | {"mean": float(np.mean(list(values.values())))}
    unseen = unseen_packs(args.work, streaming, 4 if args.smoke else 24) if args.work else None
    text = table(rows, manifest["version"], unseen, on_demo)
    print(text)
    if args.save:
        for name, out in zip(songs, separated.values(), strict=True):
            (args.save / name).mkdir(parents=True, exist_ok=True)
            for stem, audio in zip(STEMS, out, strict=True):
                soundfile.write(args.save / name / f"{stem}.flac", np.clip(audio.T, -1, 1), 44_100)
    if args.json:
        args.json.write_text(json.dumps({"rows": rows, "demo": on_demo, "unseen": unseen}, indent=1))
    if args.readme:
        card = args.readme.read_text()
        before, rest = card.split(BEGIN)
        args.readme.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
