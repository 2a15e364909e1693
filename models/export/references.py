"""Writes the fixtures that every model kind is checked against: `python references.py [FAMILY …]`.

For each family a folder in `separation/tests/kinds` with a network of the family with few, random weights as
graphs, the manifest that runs it, and `stems.f32`: what the family's own program makes of the first seconds of
the demo song. Of these stems the file keeps the first and last 512 frames and every 97th between them, f32, little
endian, `[stem][channel][kept frame]`, the residual left out. The weights are our own, made here by a random
generator with a fixed seed, and so under the licence of the repository.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from families import FAMILIES, RATE, export, song

ROOT = Path(__file__).resolve().parents[2]


def kept(length: int) -> np.ndarray:
    frame = np.arange(length)
    return np.flatnonzero((frame < 512) | (frame >= length - 512) | (frame % 97 == 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", nargs="*", help=", ".join(FAMILIES))
    parser.add_argument("--out", type=Path, default=ROOT / "separation/tests/kinds")
    args = parser.parse_args()
    mix = song(ROOT / "assets/demo/paper-lanterns.flac")
    for name in args.family or FAMILIES:
        family = FAMILIES[name]()
        export(family, args.out / name)
        excerpt = mix[:, :round(family.seconds * RATE)]
        with torch.no_grad():
            stems = family.separate(excerpt).numpy()
        assert stems.shape[1:] == excerpt.shape, stems.shape
        stems[:, :, kept(excerpt.shape[1])].astype("<f4").tofile(args.out / name / "stems.f32")
        sizes = sum(path.stat().st_size for path in (args.out / name).iterdir()) / 1e3
        peaks = ", ".join(f"{peak:.3f}" for peak in np.abs(stems).max((1, 2)))
        print(f"{name}: peaks {peaks}; {sizes:.0f} kB")


if __name__ == "__main__":
    main()
