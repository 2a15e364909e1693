"""The golden signal: half a second of something like music, from a seed and from nothing else."""

import numpy as np

SAMPLE_RATE = 44_100
# No multiple of the hop, so that the flush of the last, partial frame is in the test.
FRAMES = 7_000


def golden_mix() -> np.ndarray:
    """Stereo [2, FRAMES], float32."""
    rng = np.random.default_rng(2024)
    t = np.arange(FRAMES) / SAMPLE_RATE
    bass = 0.3 * np.sin(2 * np.pi * 55 * t) + 0.1 * np.sin(2 * np.pi * 110 * t)
    voice = sum(0.08 / k * np.sin(2 * np.pi * 220 * k * t + 0.5 * np.sin(2 * np.pi * 5 * t)) for k in range(1, 12))
    noise = rng.standard_normal((2, FRAMES))
    hit = np.where(t % 0.06 < 0.02, np.exp(-(t % 0.06) * 200), 0) * 0.3
    left = bass + voice + 0.05 * np.sin(2 * np.pi * 660 * t) + hit * noise[0]
    right = bass + voice + 0.05 * np.sin(2 * np.pi * 554 * t) + hit * noise[1]
    return np.stack([left, right]).astype(np.float32)
