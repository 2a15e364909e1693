"""Who plays when: the levels of a song's stems over time, and its backing track.

    pip install unweave soundfile matplotlib
    python example.py song.flac picture.png backing.wav
"""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import soundfile

import unweave

song, picture, backing = sys.argv[1:]
mix, rate = soundfile.read(song, dtype="float32", always_2d=True)
mix = mix.T  # (channels, frames)

separator = unweave.Separator()
stems = separator.separate(mix, rate, progress=lambda done: print(f"\r{done:4.0%}", end=""))

# What was taken apart is put together again.
together = sum(stems.values())
print("\rlargest difference between the sum and the song:", np.abs(together - mix).max())

soundfile.write(backing, (mix - stems["vocals"]).T, rate)

step = rate // 10  # a tenth of a second
colours = {"drums": "#E69F00", "bass": "#56B4E9", "vocals": "#CC79A7", "other": "#009E73"}
figure, axes = plt.subplots(len(stems), sharex=True, sharey=True, figsize=(9, 4.5), layout="constrained")
for axis, (name, stem) in zip(axes, stems.items()):
    steps = stem[:, : stem.shape[1] // step * step].reshape(len(stem), -1, step)
    level = np.sqrt(np.mean(steps**2, axis=(0, 2)))
    seconds = np.arange(len(level)) * step / rate
    axis.fill_between(seconds, level, color=colours.get(name))
    axis.set_ylabel(name)
    axis.set_yticks([])
    axis.spines[["top", "right", "left"]].set_visible(False)
axes[-1].set_xlabel("seconds")
axes[0].set_xlim(0, seconds[-1])
figure.savefig(picture, dpi=110)
