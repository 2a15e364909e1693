"""Decode the packs once into 44.1 kHz int16 arrays and render what is too slow to make on the fly.

    python prepare.py --data ../../../shared/data --work WORKDIR [--songs 400] [--smoke]

Resumable: what WORKDIR already holds is kept. Layout of WORKDIR:

    packs/CLASS/NAME.npy    int16 [frames, channels], all items one behind the other
    packs/CLASS/NAME.json   [{start, len, path, gain}] in frames at 44.1 kHz
    eif/SONG.npy            int16 [stem, frames, 2], real multitrack on its own time line
    songs/NNNNN.npy         int16 [part, frames, 2], synthetic songs (songs.py), parts in key and in time
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np

SAMPLE_RATE = 44_100
STEMS = ("drums", "bass", "vocals", "other")
# The packs were coded at 48 kHz, items normalised to this peak.
PACK_RATE, PACK_PEAK = 48_000, 0.7
# One real song and one to three packs per stem are never trained on, so that validation means something.
HELD_OUT_SONG = "4.Potassium"
HELD_OUT_PACKS = {
    "sonicpi_loops_cc0", "sonicpi_bass_cc0", "freepats_ebassYR_cc0", "resung_sung_yuki_pd", "sung_yuki_pd", "epianos_ccby",
    "sonicpi_other_cc0",
}
# Small ones that are enough to run everything.
SMOKE_PACKS = {
    "uzu_unlicense", "sonicpi_loops_cc0", "eif_bass_cc0", "freepats_ebassYR_cc0", "meatbass_cc0",
    "berklee_voices_ccby", "sung_erithacus_ccby", "resung_sung_yuki_pd", "ganjo_cc0", "sonicpi_other_cc0",
}


def decode(opus: Path, channels: int) -> np.ndarray:
    """Whole pack as int16 [frames, channels] at 44.1 kHz."""
    command = ["ffmpeg", "-v", "error", "-i", str(opus), "-ar", str(SAMPLE_RATE), "-ac", str(channels)]
    raw = subprocess.run([*command, "-f", "s16le", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.int16).reshape(-1, channels)


def decode_packs(data: Path, work: Path, only: set[str] | None = None) -> None:
    for description in sorted((data / "train").glob("*/*.json")):
        name, stem = description.stem, description.parent.name
        target = work / "packs" / stem / f"{name}.npy"
        if target.exists() or (only is not None and name not in only):
            continue
        pack = json.loads(description.read_text())
        audio = decode(description.with_suffix(".opus"), pack["channels"])
        scale = SAMPLE_RATE / PACK_RATE
        items = [
            {
                "start": round(item["start"] * scale),
                "len": round(item["len"] * scale),
                "path": item.get("path", item.get("src", "")),
                "gain": item["peak"] / PACK_PEAK,
                **({"song": item["song"], "t0": item["t0"]} if "song" in item else {}),
            }
            for item in pack["items"]
        ]
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, audio)
        target.with_suffix(".json").write_text(json.dumps(items, ensure_ascii=False))
        print(f"decoded {stem}/{name}: {len(audio) / SAMPLE_RATE:.0f} s, {len(items)} items", flush=True)


def assemble_multitracks(work: Path) -> None:
    """Lay the stems of each real song on one time line, at their original levels."""
    placed: dict[str, list] = {}
    for description in sorted((work / "packs").glob("*/eif_*.json")):
        audio = np.load(description.with_suffix(".npy"), mmap_mode="r")
        name = description.stem
        # "padbass": pad and bass in one file; kept as a fifth part so that nobody takes it for either.
        part = len(STEMS) if "padbass" in name else STEMS.index(description.parent.name)
        for item in json.loads(description.read_text()):
            song = item["song"].split()[0]
            placed.setdefault(song, []).append((part, item, audio))
    for song, items in placed.items():
        target = work / "eif" / f"{song}.npy"
        if target.exists():
            continue
        frames = max(round(item["t0"] * SAMPLE_RATE) + item["len"] for _, item, _ in items)
        line = np.zeros((len(STEMS) + 1, frames, 2), np.int16)
        for part, item, audio in items:
            at = round(item["t0"] * SAMPLE_RATE)
            clip = audio[item["start"] : item["start"] + item["len"]].astype(np.float32) * item["gain"]
            line[part, at : at + len(clip)] = np.clip(clip, -32768, 32767)[: frames - at]
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, line)
        print(f"multitrack {song}: {frames / SAMPLE_RATE:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here / "../../../shared/data", help="folder with train/ and eval/")
    parser.add_argument("--work", type=Path, required=True, help="folder to fill, about 8 GB")
    parser.add_argument("--songs", type=int, default=400, help="synthetic songs of 10 s")
    parser.add_argument("--smoke", action="store_true", help="one pack per stem and two songs")
    args = parser.parse_args()
    if not (args.data / "train").is_dir():
        parser.error(f"no training packs in {args.data}: give the folder that holds train/ with --data")
    decode_packs(args.data, args.work, SMOKE_PACKS if args.smoke else None)
    assemble_multitracks(args.work)
    from songs import make

    make(args.work, 2 if args.smoke else args.songs, HELD_OUT_PACKS)


if __name__ == "__main__":
    main()
