"""Decode the packs once into 44.1 kHz int16 arrays and render what is too slow to make on the fly.

    python prepare.py --data ../../../shared/data --work WORKDIR [--tracks CLONE] [--songs 400] [--smoke]

CLONE is a clone of github.com/ichbinsoftware/everythingisremixed (CC0): the single tracks of the real songs, of which the
packs hold the sums. With them every example is another mix.

Resumable: what WORKDIR already holds is kept. Layout of WORKDIR:

    packs/CLASS/NAME.npy    int16 [frames, channels], all items one behind the other
    packs/CLASS/NAME.json   [{start, len, path, gain}] in frames at 44.1 kHz
    real/SONG.npy           int16 [track, frames, 2], real multitrack on its own time line
    real/SONG.json          the stem of each track, or "pad and bass"
    songs/NNNNN.npy         int16 [part, frames, 2], synthetic songs (songs.py), parts in key and in time
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

import numpy as np

SAMPLE_RATE = 44_100
STEMS = ("drums", "bass", "vocals", "other")
# The packs were coded at 48 kHz, items normalised to this peak.
PACK_RATE, PACK_PEAK = 48_000, 0.7
PAD_AND_BASS = "pad and bass"
# Never trained on: the evaluation songs are theirs.
EVALUATION_SONGS = {"2.Lithium", "3.Sodium"}
# One to three packs per stem are never trained on, so that validation means something.
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


def keep_song(work: Path, song: str, line: np.ndarray, stems: list[str]) -> None:
    target = work / "real" / f"{song}.npy"
    target.parent.mkdir(parents=True, exist_ok=True)
    np.save(target, line)
    target.with_suffix(".json").write_text(json.dumps(stems))
    print(f"multitrack {song}: {len(stems)} tracks, {line.shape[1] / SAMPLE_RATE:.0f} s", flush=True)


def assemble_multitracks(work: Path) -> None:
    """Lay the stems of each real song on one time line, at their original levels."""
    placed: dict[str, list] = {}
    for description in sorted((work / "packs").glob("*/eif_*.json")):
        audio = np.load(description.with_suffix(".npy"), mmap_mode="r")
        part = len(STEMS) if "padbass" in description.stem else STEMS.index(description.parent.name)
        for item in json.loads(description.read_text()):
            song = item["song"].split()[0]
            # What this song calls its bass plays above 400 Hz: by ear and by spectrum it is another synthesiser.
            here = STEMS.index("other") if part == STEMS.index("bass") and song == "7.Francium" else part
            placed.setdefault(song, []).append((here, item, audio))
    for song, items in placed.items():
        if (work / "real" / f"{song}.json").exists():
            continue
        frames = max(round(item["t0"] * SAMPLE_RATE) + item["len"] for _, item, _ in items)
        line = np.zeros((len(STEMS) + 1, frames, 2), np.int16)
        for part, item, audio in items:
            at = round(item["t0"] * SAMPLE_RATE)
            clip = audio[item["start"] : item["start"] + item["len"]].astype(np.float32) * item["gain"]
            line[part, at : at + len(clip)] = np.clip(line[part, at : at + len(clip)] + clip, -32768, 32767)
        keep_song(work, song, line, [*STEMS, PAD_AND_BASS])


def stem_of_track(name: str) -> str | None:
    """Of a track of "Everything is Free"; none where a name may mean anything (fills, risers, breaks)."""
    if re.fullmatch(r"BUILD|FILL BUILD|FILL SCRATCH|BREAK", name):
        return None
    if name == "DRUMS OUTRO":
        # Its kicks ring on for seconds as a bass line.
        return None
    if name == "PAD + BASS":
        return PAD_AND_BASS
    if "VOX" in name:
        return "vocals"
    return "drums" if re.search(r"DRUM|HH|HAT|KICK|SNARE|BEAT|CLAP|CRASH|CYMBAL|PERC", name) else "other"


def decode_tracks(clone: Path, work: Path) -> None:
    for folder in sorted((clone / "src").iterdir()):
        if folder.name in EVALUATION_SONGS or (work / "real" / f"{folder.name}.json").exists():
            continue
        tracks = {}
        # Full quality where it is there, else what is meant for phones.
        for path in sorted(folder.glob("*_Stem_*.m4a"), key=lambda p: p.stem.endswith("_mobile")):
            name = path.stem.split("_Stem_")[1].removesuffix("_mobile").replace("_", " ")
            if name not in tracks and stem_of_track(name):
                tracks[name] = decode(path, 2)
        if tracks:
            line = np.zeros((len(tracks), max(map(len, tracks.values())), 2), np.int16)
            for audio, track in zip(line, tracks.values(), strict=True):
                audio[: len(track)] = track
            keep_song(work, folder.name, line, [stem_of_track(name) for name in tracks])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here / "../../../shared/data", help="folder with train/ and eval/")
    parser.add_argument("--work", type=Path, required=True, help="folder to fill, about 8 GB")
    parser.add_argument("--tracks", type=Path, help="clone with the single tracks of the real songs")
    parser.add_argument("--songs", type=int, default=400, help="synthetic songs of 10 s")
    parser.add_argument("--smoke", action="store_true", help="one pack per stem and two songs")
    args = parser.parse_args()
    if not (args.data / "train").is_dir():
        parser.error(f"no training packs in {args.data}: give the folder that holds train/ with --data")
    decode_packs(args.data, args.work, SMOKE_PACKS if args.smoke else None)
    if args.tracks:
        decode_tracks(args.tracks, args.work)
    assemble_multitracks(args.work)
    from songs import make

    make(args.work, 2 if args.smoke else args.songs, HELD_OUT_PACKS)


if __name__ == "__main__":
    main()
