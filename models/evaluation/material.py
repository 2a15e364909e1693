"""What is listened to: songs with true stems, and single instruments. Audio is [channel, frame] at 44.1 kHz."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from scipy import signal

SAMPLE_RATE = 44_100
STEMS = ("drums", "bass", "vocals", "other")


@dataclass
class Song:
    mix: np.ndarray  # [2, frames]
    stems: np.ndarray  # [4, 2, frames]
    # Frames at which the true stems begin and end in the mix.
    known: slice = field(default_factory=lambda: slice(None))


def read(path: Path, stop: int | None = None) -> np.ndarray:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True, stop=stop)
    if rate != SAMPLE_RATE:
        raise SystemExit(f"{path}: {rate} Hz where {SAMPLE_RATE} were expected")
    return np.ascontiguousarray(audio.T)


def windows(folder: Path) -> dict[str, Song]:
    """The evaluation windows: one folder each, with the mixture and its stems."""
    found = {}
    for song in sorted(path.parent for path in folder.glob("*/mixture.flac")):
        stems = np.stack([read(song / f"{stem}.flac") for stem in STEMS])
        found[song.name] = Song(read(song / "mixture.flac"), stems)
    return found


def demo(folder: Path) -> Song:
    """The demo song up to the end of its true stems."""
    first = 945_000
    stems = np.stack([read(folder / "true-stems" / f"{stem}.flac") for stem in STEMS])
    end = first + stems.shape[-1]
    return Song(read(folder / "paper-lanterns.flac", end), stems, slice(first, end))


# Name in the table, pack, what the paths of its items must hold, the stem that it belongs to.
INSTRUMENTS = (
    ("upright piano", "other/upright_piano_cc0", "", "other"),
    ("old piano", "other/old_piano_cc0", "", "other"),
    ("electric pianos", "other/epianos_ccby", "", "other"),
    ("Spanish guitar", "other/spanish_guitar_cc0", "", "other"),
    ("saxophone", "other/bearsax_cc0", "_vl", "other"),
    ("double bass, plucked", "bass/dsmolken_doublebass_cc0", "pizz/pizz", "bass"),
    ("voices", "vocals/berklee_voices_ccby", "voice", "vocals"),
    ("drum kit", "drums/muldjordkit_ccby", "", "drums"),
)
SECONDS, LONGEST, GAP, FADE = 12.0, 1.5, 0.1, 0.03


def alone(folder: Path) -> dict[str, tuple[np.ndarray, str]]:
    """Name → (12 s of one instrument, its stem): items of its pack, spread over all of it, one after the other."""
    found = {}
    for name, pack, within, stem in INSTRUMENTS:
        path = folder / f"{pack}.json"
        if not path.is_file():
            continue
        facts = json.loads(path.read_text())
        items = [item for item in facts["items"] if within in item.get("path", "")]
        rate = facts["sample_rate"]
        fade = np.linspace(1, 0, int(FADE * rate), dtype=np.float32)[:, None]
        gap = np.zeros((int(GAP * rate), 2), np.float32)
        pieces, seconds, place = [], 0.0, 0.0
        with soundfile.SoundFile(path.with_suffix(".opus")) as file:
            while seconds < SECONDS:
                # Steps of the golden ratio come near every item, in an order that is always the same.
                place = (place + 0.6180339887) % 1
                item = items[int(place * len(items))]
                file.seek(item["start"])
                audio = file.read(min(item["len"], int(LONGEST * rate)), dtype="float32", always_2d=True)
                audio = np.repeat(audio, 2, 1)[:, :2] if audio.shape[1] == 1 else audio[:, :2]
                audio[-len(fade) :] *= fade[-len(audio) :]
                pieces += [audio, gap]
                seconds += (len(audio) + len(gap)) / rate
        audio = np.concatenate(pieces)[: int(SECONDS * rate)].T
        divisor = np.gcd(rate, SAMPLE_RATE)
        audio = signal.resample_poly(audio, SAMPLE_RATE // divisor, rate // divisor, axis=1)
        # As loud as an instrument in a song.
        found[name] = (audio * (0.1 / np.sqrt(np.mean(np.square(audio)))), stem)
    return found
