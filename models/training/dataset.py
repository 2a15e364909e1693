"""Examples made on the fly from what `prepare.py` left in the work folder; no two are alike.

Three recipes: a real song as it is (EIF), stems of anything over anything, and synthetic songs in key and in time.
All give float32 stems [stem, channel, frame]; the mix is their sum.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy import fft, signal

import augment
from augment import SAMPLE_RATE, db
from prepare import HELD_OUT_PACKS, PAD_AND_BASS, STEMS
from songs import PARTS, pitch_of
from synthesiser import bass_line

DRUMS, BASS, VOCALS, OTHER = range(4)
HIGHEST_BASS = 55  # MIDI pitch
HALF_SECOND = SAMPLE_RATE // 2
# Items that are no pitched bass, voice, ...: key noises, effects.
NOISES = ("noise", "release", "_rel_")


@dataclass
class Pack:
    name: str
    audio: np.ndarray
    items: list[dict]
    is_bass: bool
    cumulative: np.ndarray = field(init=False)

    def __post_init__(self):
        self.items = [i for i in self.items if i["len"] > 2000 and not any(n in i["path"] for n in NOISES)]
        if self.is_bass:
            # Bass packs hold high notes, and other instruments at theirs, that nobody would call bass.
            self.items = [i for i in self.items if (pitch_of(i["path"]) or 0) <= HIGHEST_BASS]
        self.cumulative = np.cumsum([i["len"] for i in self.items])

    def item(self, rng: np.random.Generator, frames: int) -> np.ndarray:
        """The first `frames` or less of one item, the longer the likelier, [2, frame] in ±1."""
        i = self.items[int(np.searchsorted(self.cumulative, rng.uniform(0, self.cumulative[-1])))]
        return as_stereo(self.audio[i["start"] : i["start"] + min(frames, i["len"])])


def as_stereo(pcm: np.ndarray) -> np.ndarray:
    x = pcm.T.astype(np.float32) / 32768
    return np.repeat(x, 2, axis=0) if len(x) == 1 else x


def crossover(x: np.ndarray, hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high part that sum to `x`."""
    sos = signal.butter(4, hz, fs=SAMPLE_RATE, output="sos")
    low = signal.sosfiltfilt(sos, x).astype(np.float32)
    return low, x - low


class Multitrack:
    """A real song, of which every example is another mix.

    None has a bass line of its own: it sits inside a synthesiser or a pad. What these have under a crossover is bass, as
    a mix engineer would have it; in the track called pad and bass the pad has nothing below and the bass nothing above.
    Most examples go without: these basses fall and stop like kicks, and a network that learns bass from them calls every
    sustained bass of other music drums.
    """

    def __init__(self, path: Path):
        self.audio = np.load(path, mmap_mode="r")
        labels = json.loads(path.with_suffix(".json").read_text())
        self.stems = [OTHER if label == PAD_AND_BASS else STEMS.index(label) for label in labels]
        self.crossover_hz = [(200, 300) if label == PAD_AND_BASS else (100, 200) for label in labels]
        halves = self.audio[:, : self.audio.shape[1] // HALF_SECOND * HALF_SECOND, 0]
        halves = halves.reshape(len(labels), -1, HALF_SECOND // 90, 90)
        # Per track and half second. Means of 90 frames are what is left below some 200 Hz.
        self.loud = np.abs(halves[..., 0]).max(-1) > 60
        low = np.stack([np.abs(track.mean(-1)).max(-1) > 300 for track in halves])
        self.playing = [np.flatnonzero(self.loud[[s == stem for s in self.stems]].any(0)) for stem in range(4)]
        self.playing[BASS] = np.flatnonzero(low[[s == OTHER for s in self.stems]].any(0))

    def mix(self, rng: np.random.Generator, at: int, frames: int, bass: float = 0.3) -> np.ndarray:
        """Stems from about half second `at` on, [4, 2, frames]; with the likelihood of `bass` they have one."""
        has_bass = rng.random() < bass
        first = int(np.clip(at * HALF_SECOND - int(rng.uniform(0, 0.6) * frames), 0, self.audio.shape[1] - frames))
        stems = np.zeros((4, 2, frames), np.float32)
        halves = slice(first // HALF_SECOND, (first + frames) // HALF_SECOND + 1)
        for track, (stem, hz) in enumerate(zip(self.stems, self.crossover_hz, strict=True)):
            if not self.loud[track, halves].any() or rng.random() < 0.1:
                continue
            x = as_stereo(self.audio[track, first : first + frames]) * db(rng.normal(0, 3))
            x = augment.filtered(rng, x, 0.25, 0.05)
            if stem == OTHER:
                low, x = crossover(x, rng.uniform(*hz))
                if has_bass:
                    stems[BASS] += low
            stems[stem] += x
        return stems


class Examples:
    """Draws examples; `held_out` gives those for validation, from packs and synthetic songs that are never trained on.

    The real songs are too few to hold one out.
    """

    def __init__(self, work: Path, seconds: float, held_out: bool = False, without: tuple = ()):
        self.frames = fft.next_fast_len(int(seconds * SAMPLE_RATE), real=True)
        self.packs: dict[int, list[Pack]] = {}
        for stem_idx, stem in enumerate(STEMS):
            for path in sorted((work / "packs" / stem).glob("*.npy")):
                if path.stem.startswith("eif_") or (path.stem in HELD_OUT_PACKS) != held_out:
                    continue
                pack = Pack(path.stem, np.load(path, mmap_mode="r"), json.loads(path.with_suffix(".json").read_text()),
                            stem_idx == BASS)
                self.packs.setdefault(stem_idx, []).append(pack)
        self.real = [] if held_out else [
            Multitrack(path) for path in sorted((work / "real").glob("*.npy")) if path.stem not in without
        ]
        songs = sorted((work / "songs").glob("*.npy"))
        self.songs = [p for i, p in enumerate(songs) if (i % 20 == 0) == held_out]

    # --- sources: one stem, [2, frames] ---

    def real_stem(self, rng, stem: int, frames: int) -> np.ndarray | None:
        """Somewhere where this stem plays in a real song."""
        songs = [song for song in self.real if len(song.playing[stem])]
        if not songs:
            return None
        song = songs[int(rng.integers(len(songs)))]
        return song.mix(rng, int(rng.choice(song.playing[stem])), frames, bass=float(stem == BASS))[stem]

    def strung(self, rng, stem: int, frames: int) -> np.ndarray:
        """Items of one pack (of up to two for drums) one after the other, with and without rests."""
        out = np.zeros((2, frames), np.float32)
        for _ in range(int(rng.integers(1, 4)) if stem in (DRUMS, OTHER) else 1):
            packs = self.packs[stem]
            pack = packs[int(rng.integers(len(packs)))]
            gap = rng.uniform(0.1, 0.5) * SAMPLE_RATE if stem == DRUMS else rng.uniform(0, 0.4) * SAMPLE_RATE
            at = -int(rng.uniform(0, 0.5) * SAMPLE_RATE)
            for _ in range(40):
                if at >= frames:
                    break
                limit = int(rng.uniform(0.15, 4.0) * SAMPLE_RATE) if stem in (BASS, OTHER) else frames - at
                x = pack.item(rng, limit) * db(rng.uniform(-9, 0))
                length = x.shape[1]
                fade = min(400, length)
                x[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
                first, last = max(0, at), min(frames, at + length)
                if last > first:
                    out[:, first:last] += x[:, first - at : last - at]
                if stem == DRUMS:
                    at += int(gap * rng.choice([0.5, 1, 1, 2]))
                else:
                    at += int(length * rng.uniform(0.4, 1.0) if stem == OTHER else length) + int(rng.uniform(0, gap))
        return out

    def song_part(self, rng, stem: int, frames: int, path: Path | None = None, at: float | None = None) -> np.ndarray:
        path = path or self.songs[int(rng.integers(len(self.songs)))]
        line = np.load(path, mmap_mode="r")
        start = int((rng.random() if at is None else at) * (line.shape[1] - frames))
        parts = [i for i, p in enumerate(PARTS) if p.stem == STEMS[stem]]
        # One drummer, bassist, singer; of the rest one, some or all.
        chosen = rng.permutation(parts)[: 1 if stem != OTHER or rng.random() < 0.3 else int(rng.integers(2, len(parts) + 1))]
        return sum(as_stereo(line[p, start : start + frames]) * db(rng.uniform(-6, 0)) for p in chosen)

    # --- recipes ---

    def any_stem(self, rng, stem: int) -> np.ndarray:
        # Pitch and tempo of the source change together, up to three semitones.
        shift = rng.uniform(-3, 3) if rng.random() < 0.4 else 0.0
        frames = fft.next_fast_len(int(self.frames * 2 ** (shift / 12)), real=True) if shift else self.frames
        kind = rng.random()
        x = self.real_stem(rng, stem, frames) if kind < (0.5 if stem != BASS else 0.1) else None
        if x is None and stem == BASS and kind < 0.65:
            x = bass_line(rng, frames)
        if x is None and self.songs and kind < 0.8:
            x = self.song_part(rng, stem, frames)
        if x is None:
            x = self.strung(rng, stem, frames)
        if stem == VOCALS and rng.random() < 0.15:
            # A second voice: harmony or backing.
            y = self.strung(rng, stem, frames) if rng.random() < 0.5 else self.real_stem(rng, stem, frames)
            if y is not None:
                x = x + y * db(rng.uniform(-12, -3))
        return augment.resampled(x, self.frames) if shift else x

    def real_song(self, rng) -> np.ndarray:
        song = self.real[int(rng.integers(len(self.real)))]
        # Few real songs: in another key and tempo, and with the sides swapped, they are new ones.
        shift = rng.uniform(-4, 4) if rng.random() < 0.6 else 0.0
        frames = fft.next_fast_len(int(self.frames * 2 ** (shift / 12)), real=True) if shift else self.frames
        stems = song.mix(rng, int(rng.choice(np.concatenate(song.playing))), frames)
        if shift:
            stems = augment.resampled(stems.reshape(8, frames), self.frames).reshape(4, 2, self.frames)
        return stems[:, ::-1].copy() if rng.random() < 0.5 else stems

    def synthetic_song(self, rng) -> np.ndarray:
        path, at = self.songs[int(rng.integers(len(self.songs)))], rng.random()
        return np.stack([self.song_part(rng, stem, self.frames, path, at) for stem in range(4)])

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """One example, stems [4, 2, frames]; never all silent."""
        while True:
            stems = self.candidate(rng)
            if np.isfinite(stems).all() and np.square(stems).mean() > 1e-9:
                return stems

    def candidate(self, rng: np.random.Generator) -> np.ndarray:
        recipe = rng.random()
        if recipe < 0.5 and self.real:
            stems, natural = self.real_song(rng), True
            # Often another voice or bass on top of a real song.
            for stem in (BASS, VOCALS):
                if rng.random() < (0.75 if np.abs(stems[stem]).max() < 1e-3 else 0.2):
                    stems[stem] = self.any_stem(rng, stem)
                    stems[stem] *= db(rng.normal(-1, 4)) * augment.active_rms(stems.sum(0)) / augment.active_rms(stems[stem])
        elif recipe < 0.8 and self.songs:
            stems, natural = self.synthetic_song(rng), False
            for stem in range(4):
                if rng.random() < 0.25:
                    stems[stem] = self.any_stem(rng, stem)
        else:
            stems, natural = np.stack([self.any_stem(rng, stem) for stem in range(4)]), False
        return self.mastered(rng, stems, natural)

    def mastered(self, rng, stems: np.ndarray, natural: bool) -> np.ndarray:
        cut_hz = rng.uniform(9_000, 17_000) if rng.random() < 0.12 else None
        spread_db = 4 if rng.random() < 0.85 else 9
        for stem in range(4):
            x = stems[stem]
            level = augment.active_rms(x)
            if level < 1e-5:
                continue
            if rng.random() < (0.08 if natural else 0.18):
                stems[stem] = 0
                continue
            if stem == VOCALS:
                x = augment.sung_through(rng, x)
            elif stem == OTHER and rng.random() < 0.1:
                x = augment.doubled(rng, x)
            if rng.random() < (0.25, 0.3, 0.15, 0.15)[stem]:
                x = augment.saturated(rng, x)
            # Whoever mixes takes the lows out of what is neither drums nor bass, and some drums have none.
            low_cut_hz = rng.uniform(70, 180) if rng.random() < (0.25, 0, 0.8, 0.8)[stem] else None
            x = augment.filtered(rng, x, 0.5, (0.15, 0.1, 0.5, 0.4)[stem], cut_hz, low_cut_hz)
            x = augment.placed(rng, x, 0.04 if stem in (BASS, VOCALS) else 0.12)
            if not natural:
                # Usual balances: these stems within a few dB of each other when they play.
                x = x * (db((-20, -20, -20, -23)[stem]) / max(augment.active_rms(x), 1e-4))
            stems[stem] = x * db(rng.normal(0, spread_db if not natural else 0.7 * spread_db))
        mix = stems.sum(0)
        peak = np.abs(mix).max() + 1e-9
        if rng.random() < 0.3:
            stems *= augment.limiter_gain(mix, peak * db(rng.uniform(-12, -1)))
        # Any level: from quiet tracks to full scale.
        return (stems * (db(rng.uniform(-18, 0)) / peak)).astype(np.float32)
