#!/usr/bin/env python3
"""Draws the demo song and the stems that Unweave made of it: assets/demo/paper-lanterns.png.

Run `cargo xtask demo` first. Needs numpy, soundfile and matplotlib.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import soundfile

FOLDER = Path(__file__).parent
#: Title in the picture, the file's label, colour.
ROWS = [
    ("Mix", "Full Mix", "#404a57"),
    ("Drums", "Drums Stem", "#c8553d"),
    ("Bass", "Bass Stem", "#3a7d5c"),
    ("Vocals", "Vocals Stem", "#2f6db5"),
    ("Other", "Other Stem", "#8a6bb0"),
]
SEGMENT = 4096


def waveform(axes, sound, rate, colour):
    """Highest and lowest sample of every 20 ms."""
    step = rate // 50
    n = len(sound) // step * step
    pieces = sound[:n].mean(axis=1).reshape(-1, step)
    at = np.arange(len(pieces)) * step / rate
    axes.fill_between(at, pieces.min(axis=1), pieces.max(axis=1), color=colour, linewidth=0)
    axes.set_ylim(-0.9, 0.9)
    axes.set_yticks([])


def spectrogram(axes, sound, rate):
    """Power in dB on a logarithmic frequency axis."""
    hop = SEGMENT // 4
    mono = np.pad(sound.mean(axis=1), SEGMENT // 2)
    pieces = np.lib.stride_tricks.sliding_window_view(mono, SEGMENT)[::hop] * np.hanning(SEGMENT)
    level = 20 * np.log10(np.abs(np.fft.rfft(pieces, axis=1)) / SEGMENT * 4 + 1e-7).T
    hz = np.fft.rfftfreq(SEGMENT, 1 / rate)
    grid = np.geomspace(40, 16000, 240)
    rows = np.clip(np.searchsorted(hz, grid), 1, len(hz) - 1)
    extent = (0, len(sound) / rate, 0, 1)
    axes.imshow(level[rows], origin="lower", aspect="auto", extent=extent, vmin=-85, vmax=-15, cmap="magma")
    ticks = [100, 1000, 10000]
    axes.set_yticks([np.log(t / grid[0]) / np.log(grid[-1] / grid[0]) for t in ticks], ["100 Hz", "1 kHz", "10 kHz"])


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER.parents[1] / "stems" / "Unweave - Paper Lanterns"
    plt.rcParams.update({"font.size": 11, "axes.spines.top": False, "axes.spines.right": False})
    figure, grid = plt.subplots(len(ROWS), 2, figsize=(14, 8.5), sharex=True, width_ratios=(1, 1.25))
    for axes, (title, label, colour) in zip(grid, ROWS):
        sound, rate = soundfile.read(next(folder.glob(f"*({label}).*")), always_2d=True)
        waveform(axes[0], sound, rate, colour)
        spectrogram(axes[1], sound, rate)
        axes[0].set_ylabel(title, rotation=0, ha="right", va="center", fontweight="bold", color=colour)
        axes[0].set_xlim(0, len(sound) / rate)
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(FOLDER / "paper-lanterns.png", dpi=80, pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
