#!/usr/bin/env python3
"""Writes the demo song: paper-lanterns.flac, and the true stems of eight bars of it.

Needs Debian's flite, fluidsynth and fluid-soundfont-gm, and numpy, scipy, soundfile.

    python3 assets/demo/render.py            writes the files
    python3 assets/demo/render.py --check    renders again and compares with the files
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile

import instruments
import mixing
import song
from mixing import RATE, biquad
from singer import Voice, sing

FOLDER = Path(__file__).parent
MIX = FOLDER / "paper-lanterns.flac"
STEMS = ("drums", "bass", "vocals", "other")
#: The last two bars of the verse and the first two of the chorus: every stem plays, quiet and loud.
EXCERPT_S = ((song.CHORUS - 8) * song.BEAT_S, (song.CHORUS + 8) * song.BEAT_S)
FRAMES = int(song.LENGTH_S * RATE)

# General MIDI programs, counted from 0.
ELECTRIC_PIANO, GLOCKENSPIEL, STEEL_GUITAR, FINGERED_BASS, STRINGS = 4, 9, 25, 33, 48

LEAD, DOUBLE, THIRD = Voice("slt", 200.0), Voice("slt", 200.0, 1.03), Voice("slt", 200.0, 0.97)
BARITONE = Voice("rms", 110.0)


def fitted(sound):
    """As long as the song."""
    return np.pad(sound[:FRAMES], ((0, max(0, FRAMES - len(sound))), (0, 0)))


def played(notes, program, seed, is_drums=False):
    """An instrument's part by a human hand."""
    notes = song.human(notes, np.random.default_rng(seed))
    return fitted(instruments.play(notes, program, RATE, song.BEATS_PER_MINUTE, is_drums))


def choir(lines, voice, position, seed, late_s=0.0):
    """One voice singing these lines, at this place between the speakers."""
    track = np.zeros(FRAMES)
    for i, line in enumerate(lines):
        start, sound = sing(line, voice, RATE, song.BEAT_S, 100 * seed + i)
        start += int(late_s * RATE)
        end = min(start + len(sound), FRAMES)
        track[start:end] += sound[: end - start]
    return mixing.pan(track, position)


def drums(hall):
    dry = played(song.drums(), 0, 1, is_drums=True)
    dry = biquad(biquad(dry, "peak", 350, -3, 0.9), "highshelf", 7000, 2.5)
    squeezed = mixing.compress(dry, -30, 6, 0.003, 0.09)
    wet = mixing.reverb(biquad(dry, "highpass", 300), mixing.room(0.7, 0.0, 11))
    return dry + 0.7 * squeezed + 0.16 * wet + 0.02 * mixing.reverb(dry, hall)


def bass():
    dry = mixing.width(played(song.bass(), FINGERED_BASS, 2), 0)
    dry = mixing.compress(biquad(dry, "highpass", 35), -28, 4, 0.01, 0.12)
    driven = np.tanh(4 * dry / np.abs(dry).max())
    driven = biquad(driven, "highpass", 250) * np.abs(dry).max()
    return biquad(dry, "lowpass", 3500) + 0.12 * biquad(driven, "lowpass", 3500)


def vocals(hall):
    def polished(sound):
        sound = biquad(biquad(sound, "highpass", 110), "peak", 300, -2.5, 1.0)
        sound = biquad(biquad(sound, "peak", 3200, 2.0, 0.8), "highshelf", 6000, 5.0)
        return mixing.compress(sound / np.abs(sound).max(), -20, 3.5, 0.004, 0.12)

    lead = polished(choir(song.LINES, LEAD, 0.0, 3))
    doubles = polished(
        choir(song.CHORUS_LINES, DOUBLE, -0.75, 4, 0.018) + choir(song.CHORUS_LINES, DOUBLE, 0.75, 5, 0.027)
    )
    below = [song.harmony(line) for line in song.CHORUS_LINES]
    thirds = polished(choir(below, THIRD, -0.5, 6, 0.012) + choir(below, THIRD, 0.5, 7, 0.022))
    octave = polished(choir([song.octave_below(line) for line in song.CHORUS_LINES], BARITONE, 0.1, 8, 0.015))
    dry = lead + 0.28 * doubles + 0.38 * thirds + 0.22 * octave
    wet = mixing.reverb(biquad(dry, "highpass", 250), hall)
    repeats = mixing.echoes(biquad(lead, "highpass", 300), 0.75 * song.BEAT_S, 0.35, 4)
    return dry + 0.22 * wet + 0.35 * repeats


def other(hall):
    piano = played(song.electric_piano(), ELECTRIC_PIANO, 9)
    piano = biquad(mixing.width(biquad(piano, "highpass", 120), 1.4), "peak", 400, -2, 0.8)
    guitar = biquad(played(song.acoustic_guitar(), STEEL_GUITAR, 10), "highpass", 130)
    guitar = mixing.pan(guitar.mean(axis=1), 0.55) + 0.35 * mixing.delayed(mixing.pan(guitar.mean(axis=1), -0.7), 0.017)
    strings = biquad(mixing.width(played(song.strings(), STRINGS, 12), 1.5), "highpass", 200)
    bells = mixing.pan(played(song.bells(), GLOCKENSPIEL, 13).mean(axis=1), -0.3)
    dry = piano + 0.85 * guitar + 0.55 * strings + 0.5 * bells
    sends = 0.10 * piano + 0.10 * guitar + 0.22 * strings + 0.3 * bells
    return dry + 1.6 * mixing.reverb(sends, hall) + 0.3 * mixing.echoes(bells, 0.75 * song.BEAT_S, 0.5, 5)


#: Each stem's loudness before the master, in LU against the loudest.
BALANCE = {"drums": -1.5, "bass": -4.0, "vocals": -1.0, "other": -3.0}


def render():
    """The mastered stems, 16-bit integers in float64: name -> (frames, 2)."""
    hall = mixing.room(2.2, 0.025, 21)
    stems = {"drums": drums(hall), "bass": bass(), "vocals": vocals(hall), "other": other(hall)}
    beats, gains_db = zip(*song.DYNAMICS)
    fader_db = np.interp(np.arange(FRAMES) / RATE / song.BEAT_S, beats, gains_db)[:, None]
    for name, stem in stems.items():
        stem *= 10 ** ((BALANCE[name] + fader_db - mixing.loudness(stem)) / 20)
    stems = mixing.master(stems, target_lufs=-12.0, ceiling_db=-1.0)
    fade = np.clip((FRAMES - np.arange(FRAMES)) / (1.5 * RATE), 0, 1)[:, None] ** 2
    # Rounded one by one: the mix is the sum of integers, so that the stems sum to it exactly.
    return {name: np.round(stem * fade * 32767) for name, stem in stems.items()}


def files(stems):
    """What is kept: path -> samples."""
    start, end = (int(round(t * RATE)) for t in EXCERPT_S)
    kept = {FOLDER / "true-stems" / f"{name}.flac": stems[name][start:end] for name in STEMS}
    kept[MIX] = sum(stems.values())
    return kept


def write(path, samples):
    path.parent.mkdir(exist_ok=True)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16", format="FLAC", compression_level=1.0) as file:
        if path == MIX:
            file.title, file.artist, file.license = "Paper Lanterns", "Unweave", "MIT OR Apache-2.0"
        file.write(samples.astype(np.int16))


def check(path, samples):
    """Another FluidSynth or numpy may differ in the last bits; the song must be the same."""
    kept = soundfile.read(path, dtype="int16")[0].astype(float)
    assert kept.shape == samples.shape, f"{path.name}: {kept.shape} is not {samples.shape}"
    error_db = 10 * np.log10(np.sum((kept - samples) ** 2) / np.sum(kept**2) + 1e-12)
    print(f"{path.name}: differs by {error_db:.1f} dB")
    assert error_db < -40, f"{path.name} is not what this script renders"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing")
    action = check if parser.parse_args().check else write
    for path, samples in files(render()).items():
        assert np.abs(samples).max() < 32767, f"{path.name} clips"
        action(path, samples)


if __name__ == "__main__":
    main()
