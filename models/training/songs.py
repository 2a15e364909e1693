"""Synthetic songs, in key and in time: drums, bass, chords and tunes from the FluidR3 GM soundfont and from the packs.

A song is 10 s of four-bar music: tempo, key, chord progression and patterns are drawn, then every part is played
twice where possible, by the soundfont and by samples, so that examples can choose.
"""

import json
import re
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import synthesiser

SAMPLE_RATE = 44_100
SECONDS = 10.0
# Debian's fluid-soundfont-gm, MIT licence.
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
SONGS_PER_RENDER = 20
TICKS_PER_SECOND = 960


@dataclass(frozen=True)
class Part:
    name: str
    stem: str


PARTS = (
    Part("kit-soundfont", "drums"), Part("kit-samples", "drums"),
    Part("bass-soundfont", "bass"), Part("bass-samples", "bass"),
    Part("sung", "vocals"),
    Part("chords", "other"), Part("tune", "other"),
    Part("kit-machine", "drums"), Part("bass-synth", "bass"), Part("chords-synth", "other"), Part("tune-synth", "other"),
)


@dataclass
class Note:
    start: float
    length: float
    pitch: int
    velocity: int
    program: int = 0
    channel: int = 0


# Scale degrees of the chords of a bar each.
PROGRESSIONS = ((0, 4, 5, 3), (5, 3, 0, 4), (0, 3, 4, 3), (0, 5, 3, 4), (0, 0, 3, 4), (1, 4, 0, 0), (0, 6, 5, 6), (0, 2, 3, 4))
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10), "dorian": (0, 2, 3, 5, 7, 9, 10)}
GM_KITS = (0, 8, 16, 24, 25, 32, 40)
GM_BASS = tuple(range(32, 40))
GM_CHORDS = (*range(0, 8), *range(16, 21), *range(24, 32), *range(44, 52), 55, *range(61, 64), *range(88, 96))
GM_TUNES = (*range(0, 16), *range(21, 32), *range(40, 47), *range(56, 60), *range(64, 88), *range(104, 109))


class Composer:
    """The score of one song."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.beat = 60 / rng.uniform(72, 165)
        self.root = int(rng.integers(36, 48))
        self.scale = SCALES[str(rng.choice(list(SCALES)))]
        self.progression = PROGRESSIONS[int(rng.integers(len(PROGRESSIONS)))]
        self.swing = rng.uniform(0, 0.12) if rng.random() < 0.3 else 0.0
        self.steps = int(SECONDS / (self.beat / 4))

    def at(self, step: int) -> float:
        late = self.swing * self.beat if step % 2 else 0
        return step * self.beat / 4 + late + abs(self.rng.normal(0, 0.004))

    def degree(self, step: int) -> int:
        return self.progression[step // 16 % 4]

    def pitch(self, degree: int, octave: int = 0) -> int:
        return self.root + self.scale[degree % 7] + 12 * (degree // 7 + octave)

    def drums(self) -> list[tuple[float, str, int]]:
        """(start, kind of drum, velocity)."""
        rng, out = self.rng, []
        kick = rng.choice([0.0, 0.15, 0.5], size=16, p=[0.6, 0.25, 0.15])
        kick[0] = 1
        if rng.random() < 0.4:
            kick[::4] = 1
        snare = np.zeros(16)
        snare[[4, 12]] = 1
        if rng.random() < 0.2:
            snare[:] = 0
            snare[8] = 1
        snare += rng.choice([0, 0.08, 0.2], size=16, p=[0.8, 0.15, 0.05])
        hat = np.zeros(16)
        hat[:: int(rng.choice([1, 2, 2, 4]))] = 0.95
        hat *= rng.random() < 0.9
        open_hat = np.where(np.arange(16) % 4 == 2, rng.choice([0, 0, 0.3, 1]), 0)
        extra, extra_kind = rng.choice([0, 0.1, 0.3], size=16, p=[0.85, 0.1, 0.05]), str(rng.choice(["tom", "percussion", "ride"]))
        backbeat = str(rng.choice(["snare", "snare", "clap", "rim"]))
        for step in range(self.steps):
            s = step % 16
            for kind, chance in (("kick", kick), (backbeat, snare), ("hat", hat), ("open", open_hat), (extra_kind, extra)):
                if rng.random() < chance[s]:
                    accent = 100 if s % 4 == 0 else 80
                    out.append((self.at(step), kind, int(np.clip(rng.normal(accent, 12), 20, 127))))
            if step % 64 == 0 and rng.random() < 0.6:
                out.append((self.at(step), "crash", 100))
            if step % 64 >= 60 and rng.random() < 0.5:
                out.append((self.at(step), "tom", int(rng.integers(60, 120))))
        return out

    def bass(self) -> list[Note]:
        rng, notes = self.rng, []
        pattern = rng.choice([0.0, 0.5, 0.9], size=16, p=[0.55, 0.15, 0.3])
        pattern[0] = 0.97
        if rng.random() < 0.3:
            pattern[::2] = 0.95
        moves = rng.choice([0, 0, 0, 4, 7, 2, -3], size=16)
        long = rng.random() < 0.3
        program = int(rng.choice(GM_BASS))
        hits = [step for step in range(self.steps) if rng.random() < (pattern[step % 16] if not long or step % 8 == 0 else 0.03)]
        for step, following in zip(hits, [*hits[1:], self.steps], strict=True):
            pitch = self.pitch(self.degree(step) + int(moves[step % 16]))
            while pitch > 52:
                pitch -= 12
            length = (following - step) * self.beat / 4 * rng.choice([0.5, 0.95])
            notes.append(Note(self.at(step), max(0.08, length), pitch, int(rng.integers(70, 120)), program))
        return notes

    def chords(self) -> list[Note]:
        rng, notes = self.rng, []
        program, octave = int(rng.choice(GM_CHORDS)), int(rng.integers(1, 3))
        style = str(rng.choice(["sustained", "comp", "arpeggio", "strum"]))
        rhythm = np.flatnonzero(rng.random(16) < 0.3)
        every = int(rng.choice([1, 2]))
        for step in range(self.steps):
            chord = [self.pitch(self.degree(step) + d, octave) for d in ((0, 2, 4) if rng.random() < 0.7 else (0, 2, 4, 6))]
            velocity = int(rng.integers(55, 110))
            if style == "sustained" and step % 16 == 0:
                notes += [Note(self.at(step), self.beat * 3.9, p, velocity, program, 1) for p in chord]
            elif style == "comp" and (step % 16 in rhythm or step % 16 == 0):
                notes += [Note(self.at(step), self.beat * rng.uniform(0.2, 0.9), p, velocity, program, 1) for p in chord]
            elif style == "arpeggio" and step % every == 0:
                notes.append(Note(self.at(step), self.beat * 0.4, chord[step // every % len(chord)], velocity, program, 1))
            elif style == "strum" and step % 8 == 0:
                notes += [Note(self.at(step) + 0.012 * i, self.beat * 1.9, p, velocity, program, 1) for i, p in enumerate(chord)]
        return notes

    def tune(self) -> list[Note]:
        rng, notes = self.rng, []
        program, octave, degree = int(rng.choice(GM_TUNES)), int(rng.integers(2, 4)), 0
        step = int(rng.integers(0, 16))
        while step < self.steps:
            length = int(rng.choice([1, 2, 2, 4, 6]))
            if rng.random() < 0.8:
                degree = int(np.clip(degree + rng.integers(-2, 3), -3, 9))
                notes.append(Note(self.at(step), length * self.beat / 4 * 0.95, self.pitch(degree, octave),
                                  int(rng.integers(65, 115)), program, 2))
            step += length
        return notes


GM_DRUM = {"kick": (35, 36), "snare": (38, 40), "clap": (39,), "rim": (37,), "hat": (42, 44), "open": (46,), "ride": (51, 53),
           "crash": (49, 57, 55), "tom": (41, 43, 45, 47, 48, 50), "percussion": (54, 56, 60, 61, 62, 63, 64, 67, 69, 70, 75, 76)}


def midi_file(notes: list[Note], programs: list[tuple[float, int, int]]) -> bytes:
    """Standard MIDI file, type 0; `programs` are (time, channel, program) changes."""
    events = [(int(t * TICKS_PER_SECOND), 0, bytes([0xC0 | c, p])) for t, c, p in programs]
    for n in notes:
        start, end = int(n.start * TICKS_PER_SECOND), int((n.start + n.length) * TICKS_PER_SECOND)
        events.append((start, 2, bytes([0x90 | n.channel, n.pitch, n.velocity])))
        events.append((end, 1, bytes([0x80 | n.channel, n.pitch, 0])))
    events.sort(key=lambda e: e[:2])
    track, now = bytearray(), 0
    for tick, _, message in events:
        delta, encoded = tick - now, bytearray()
        now = tick
        encoded.append(delta & 0x7F)
        while delta := delta >> 7:
            encoded.insert(0, 0x80 | (delta & 0x7F))
        track += encoded + message
    track += b"\x00\xff\x2f\x00"
    # 120 beats per minute is the default tempo, so a beat is half a second.
    return (b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS_PER_SECOND // 2) + b"MTrk" + struct.pack(">I", len(track)) + track)


def rendered(notes: list[Note], programs: list, seconds: float) -> np.ndarray:
    """[2, frames] by fluidsynth."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "a.mid", Path(folder) / "a.wav"
        midi.write_bytes(midi_file(notes, programs))
        subprocess.run(["fluidsynth", "-ni", "-q", "-g", "0.5", "-R", "0", "-C", "0", "-r", str(SAMPLE_RATE),
                        "-F", str(wav), str(SOUNDFONT), str(midi)], check=True, capture_output=True)
        audio, rate = soundfile.read(wav, dtype="float32")
    assert rate == SAMPLE_RATE
    frames = int(seconds * SAMPLE_RATE)
    return np.pad(audio, ((0, max(0, frames - len(audio))), (0, 0)))[:frames].T


KINDS = {
    "kick": r"kick|bass.?drum|\bbd|_bd|/bd|kdrum|bd_", "snare": r"snare|\bsn_|/sn|sd\b|/sd|sn_", "clap": r"clap|/cp|handclap",
    "rim": r"rim|stick|/rs|ss_", "hat": r"hat.?cl|hihat|closed|/hh|\bch\b|hh", "open": r"open|/oh",
    "ride": r"ride", "crash": r"crash|/cr|cymbal|cym", "tom": r"tom|/lt|/mt|/ht",
    "percussion": r"conga|bongo|shaker|tamb|cow|clav|marac|snap|stomp|cajon|bobobo|tri|agogo|wood",
}
NAMES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}


def pitch_of(path: str) -> int | None:
    """MIDI pitch that a sample's name says, c4 = 60."""
    found = re.search(r"(?:^|[_/])([a-g])(b|#|s)?(-?\d)(?=[_./])", path.lower())
    if not found:
        return None
    letter, accidental, octave = found.groups()
    return NAMES[letter] + {"b": -1, "#": 1, "s": 1, None: 0}[accidental] + 12 * (int(octave) + 1)


def measured_pitch(x: np.ndarray, low_hz: float, high_hz: float) -> float | None:
    """MIDI pitch of a steady tone by autocorrelation, or none."""
    x = x[len(x) // 8 : len(x) // 8 + 16384].astype(np.float64)
    if len(x) < 8192:
        return None
    spectrum = np.fft.rfft(x * np.hanning(len(x)), 2 * len(x))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)
    first, last = int(SAMPLE_RATE / high_hz), int(SAMPLE_RATE / low_hz)
    lag = first + int(np.argmax(correlation[first:last]))
    return 69 + 12 * np.log2(SAMPLE_RATE / lag / 440) if correlation[lag] > 0.5 * correlation[0] else None


class Sampler:
    """Plays packs: drums by the kind their names tell, bass and voices by pitch."""

    def __init__(self, work: Path, held_out: set[str]):
        self.drums: dict[str, list] = {kind: [] for kind in KINDS}
        self.bass: dict[str, list] = {}
        self.voices: dict[str, list] = {}
        for path in sorted((work / "packs").glob("*/*.npy")):
            stem, name = path.parent.name, path.stem
            if name.startswith("eif_") or name in held_out:
                continue
            audio = np.load(path, mmap_mode="r")
            for item in json.loads(path.with_suffix(".json").read_text()):
                clip = (audio, item["start"], item["len"])
                lower = item["path"].lower()
                if stem == "drums":
                    for kind, pattern in KINDS.items():
                        if re.search(pattern, lower):
                            self.drums[kind].append((name, clip))
                            break
                elif "noise" in lower or "rel" in lower or item["len"] < 12_000:
                    continue
                elif stem == "bass" and (pitch := pitch_of(lower)) is not None and 24 <= pitch <= 62:
                    self.bass.setdefault(name, []).append((pitch, clip))
                elif stem == "vocals":
                    x = np.asarray(audio[item["start"] : item["start"] + item["len"]]).mean(1)
                    if (pitch := measured_pitch(x, 90, 700)) is not None:
                        self.voices.setdefault(name, []).append((pitch, clip))
        self.voices = {k: v for k, v in self.voices.items() if len(v) >= 8}

    @staticmethod
    def clip(clip) -> np.ndarray:
        audio, start, length = clip
        x = audio[start : start + length].astype(np.float32).T / 32768
        return np.repeat(x, 2, 0) if len(x) == 1 else x

    @staticmethod
    def put(out: np.ndarray, x: np.ndarray, at: float, length: float | None = None) -> None:
        start = int(at * SAMPLE_RATE)
        if length is not None and (frames := int(length * SAMPLE_RATE)) < x.shape[1]:
            x = x[:, :frames].copy()
            fade = min(1500, frames)
            x[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        end = min(out.shape[1], start + x.shape[1])
        if end > start:
            out[:, start:end] += x[:, : end - start]

    @staticmethod
    def pitched(x: np.ndarray, semitones: float) -> np.ndarray:
        ratio = 2 ** (semitones / 12)
        grid = np.arange(int(x.shape[1] / ratio)) * ratio
        return np.stack([np.interp(grid, np.arange(x.shape[1]), c).astype(np.float32) for c in x])

    def play_drums(self, rng, hits, frames: int) -> np.ndarray:
        # One pack where it has the kind, anything else otherwise; two hits per kind that take turns.
        packs = sorted({name for clips in self.drums.values() for name, _ in clips})
        favourite, kit = packs[int(rng.integers(len(packs)))], {}
        for kind, clips in self.drums.items():
            if not clips:  # so few packs, as in the smoke run, that none has it
                continue
            own = [c for name, c in clips if name == favourite] or [c for _, c in clips]
            chosen = [self.clip(own[int(rng.integers(len(own)))]) for _ in range(2)]
            angle = 0 if kind in ("kick", "snare") else rng.normal(0, 0.3)
            gains = np.array([[np.cos(np.pi / 4 + angle)], [np.sin(np.pi / 4 + angle)]], np.float32) * 1.4
            level = {"kick": 1, "snare": 0.8, "clap": 0.6, "rim": 0.5, "tom": 0.7}.get(kind, 0.3)
            kit[kind] = [c * gains * level * 10 ** (rng.normal(0, 3) / 20) for c in chosen]
        out = np.zeros((2, frames), np.float32)
        for start, kind, velocity in hits:
            if kind in kit:
                self.put(out, kit[kind][int(rng.integers(2))] * (velocity / 127) ** 1.5, start)
        return out

    def play_bass(self, rng, notes: list[Note], frames: int) -> np.ndarray:
        packs = list(self.bass)
        pack = self.bass[packs[int(rng.integers(len(packs)))]]
        out = np.zeros((2, frames), np.float32)
        for note in notes:
            nearest = min(abs(p - note.pitch) for p, _ in pack)
            near = [c for c in pack if abs(c[0] - note.pitch) <= nearest + 0.5]
            pitch, clip = near[int(rng.integers(len(near)))]
            self.put(out, self.pitched(self.clip(clip), note.pitch - pitch) * (note.velocity / 127), note.start, note.length)
        return out

    def sing(self, rng, composer: Composer, frames: int) -> np.ndarray:
        """Items of one voice bank at the nearest tone of the scale, some doubled or in thirds."""
        banks = list(self.voices)
        bank = self.voices[banks[int(rng.integers(len(banks)))]]
        out, at = np.zeros((2, frames), np.float32), rng.uniform(0, 1.5)
        shift = rng.uniform(-2, 2)
        double, third = rng.random() < 0.25, rng.random() < 0.2
        while at < SECONDS:
            pitch, clip = bank[int(rng.integers(len(bank)))]
            tones = [composer.root + 12 * o + s for o in range(-1, 5) for s in composer.scale]
            target = min(tones, key=lambda tone: abs(tone - pitch - shift))
            x = self.clip(clip)
            voice = self.pitched(x, target - pitch)
            length = min(voice.shape[1] / SAMPLE_RATE, rng.uniform(1, 5))
            self.put(out, voice, at, length)
            if double:
                self.put(out, self.pitched(x, target - pitch + rng.normal(0, 0.08)) * 0.6, at + rng.uniform(0.01, 0.03), length)
            if third:
                self.put(out, self.pitched(x, target - pitch + 4) * 0.4, at + rng.uniform(0, 0.02), length)
            at += length + (rng.uniform(0.2, 1.5) if rng.random() < 0.4 else 0.0)
            at = np.round(at / (composer.beat / 2)) * composer.beat / 2
        return out


def electronic(rng: np.random.Generator, score: tuple, frames: int) -> dict[str, np.ndarray]:
    """The same score on synthesisers and a drum machine."""
    hits, *lines = score
    kicks = [start for start, kind, _ in hits if kind == "kick"]
    sustained = np.mean([n.length for n in lines[1]] or [0]) > 0.8
    parts = {"kit-machine": synthesiser.play_drums(rng, hits, frames)}
    for part, line, role in zip(
        ("bass-synth", "chords-synth", "tune-synth"), lines, ("bass", "pad" if sustained else "pluck", "lead"), strict=True
    ):
        parts[part] = synthesiser.play(rng, line, frames, role, kicks)
    return parts


def normalised(x: np.ndarray) -> np.ndarray:
    return x * (0.6 / max(float(np.abs(x).max()), 1e-3))


def make(work: Path, count: int, held_out: set[str]) -> None:
    """Songs number 0 … count − 1 into `work/songs`; what is there is kept."""
    folder, frames = work / "songs", int(SECONDS * SAMPLE_RATE)
    folder.mkdir(parents=True, exist_ok=True)
    sampler = None
    for first in range(0, count, SONGS_PER_RENDER):
        numbers = [n for n in range(first, min(count, first + SONGS_PER_RENDER)) if not (folder / f"{n:05}.npy").exists()]
        if not numbers:
            continue
        sampler = sampler or Sampler(work, held_out)
        rngs = [np.random.default_rng([7, n]) for n in numbers]
        composers = [Composer(rng) for rng in rngs]
        scores = [(c.drums(), c.bass(), c.chords(), c.tune()) for c in composers]
        # One long file per part: loading the soundfont costs more than playing it. A second of rest between songs.
        slot = SECONDS + 1
        played = {}
        for part, pick in (("kit-soundfont", 0), ("bass-soundfont", 1), ("chords", 2), ("tune", 3)):
            notes, programs = [], []
            for i, (rng, score) in enumerate(zip(rngs, scores, strict=True)):
                if pick == 0:
                    programs.append((i * slot, 9, int(rng.choice(GM_KITS))))
                    notes += [Note(i * slot + t, 0.2, int(rng.choice(GM_DRUM[kind])), v, 0, 9) for t, kind, v in score[0]]
                    continue
                for note in score[pick]:
                    notes.append(Note(i * slot + note.start, min(note.length, SECONDS - note.start), note.pitch, note.velocity, 0, note.channel))
                if score[pick]:
                    programs.append((i * slot, score[pick][0].channel, score[pick][0].program))
            played[part] = rendered([n for n in notes if n.length > 0], programs, slot * len(numbers))
        for i, (number, rng, composer, score) in enumerate(zip(numbers, rngs, composers, scores, strict=True)):
            at = int(i * slot * SAMPLE_RATE)
            song = {part: audio[:, at : at + frames] for part, audio in played.items()}
            song["kit-samples"] = sampler.play_drums(rng, score[0], frames)
            song["bass-samples"] = sampler.play_bass(rng, score[1], frames)
            song["sung"] = sampler.sing(rng, composer, frames)
            song |= electronic(np.random.default_rng([13, number]), score, frames)
            pcm = np.stack([normalised(song[p.name]).T for p in PARTS]) * 32767
            temporary = folder / f"{number:05}.tmp"
            with temporary.open("wb") as file:
                np.save(file, pcm.astype(np.int16))
            temporary.rename(folder / f"{number:05}.npy")
        print(f"songs {first} … {numbers[-1]}", flush=True)
