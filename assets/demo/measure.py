#!/usr/bin/env python3
"""How well the demo song came apart, against its true stems: prints a Markdown table.

uSDR is 10 log10 of the true stem's energy over the error's (the measure of the Music Demixing
Challenge 2021). "Doing nothing" takes the mix for every stem. Run `cargo xtask demo` first.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile

FOLDER = Path(__file__).parent
#: render.py cuts the true stems from here: eight beats before the 49th, at 112 beats per minute.
START_FRAME = 945_000


def usdr_db(true, estimate):
    """Both (frames, 2)."""
    return 10 * np.log10(np.sum(true**2) / np.sum((true - estimate) ** 2))


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER.parents[1] / "stems" / "Unweave - Paper Lanterns"
    mix = soundfile.read(FOLDER / "paper-lanterns.flac")[0]
    print("| stem | uSDR, dB | doing nothing, dB |\n|---|---|---|")
    for path in sorted((FOLDER / "true-stems").glob("*.flac")):
        true = soundfile.read(path)[0]
        excerpt = slice(START_FRAME, START_FRAME + len(true))
        estimate = soundfile.read(next(folder.glob(f"*({path.stem.title()} Stem).*")))[0][excerpt]
        print(f"| {path.stem} | {usdr_db(true, estimate):.1f} | {usdr_db(true, mix[excerpt]):.1f} |")


if __name__ == "__main__":
    main()
