"""The figures of the table. Audio is [channel, frame] or [stem, channel, frame]."""

import numpy as np
from scipy import signal

SAMPLE_RATE = 44_100
# A stem below this level (dBFS) does not play in a window and has no ratio to report.
SILENT_DB = -60.0


def level_db(x: np.ndarray) -> float:
    return 10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-20)


def usdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """10·log10 of reference energy over error energy, whole signal (MDX challenge 2021, arXiv:2108.13559)."""
    error = reference.astype(np.float64) - estimate
    return float(10 * np.log10((np.square(reference, dtype=np.float64).sum() + 1e-7) / (np.square(error).sum() + 1e-7)))


def mute(stem: np.ndarray, rest: np.ndarray, muted: np.ndarray) -> tuple[float, float]:
    """What a mute button does: (attenuation of the stem, damage to the rest), in dB.

    Per second and third of an octave, `muted` = a·stem + b·rest + something else, a and b by least squares.
    Attenuation compares the energy of the stem with that of a·stem, over the seconds where the stem plays; damage
    compares the energy of everything that is neither a·stem nor the untouched rest with that of the rest.
    """
    bins_per_second = SAMPLE_RATE // 1024
    spectra = [signal.stft(x, SAMPLE_RATE, nperseg=4096, noverlap=3072)[2] for x in (stem, rest, muted)]
    seconds = max(1, spectra[0].shape[-1] // bins_per_second)
    edges = np.unique(np.concatenate([[0], np.geomspace(5, 2049, 28).astype(int)]))
    before = after = damage = whole = 0.0
    loud = np.square(np.abs(spectra[0])).sum((0, 1))
    loudest = max(loud[i * bins_per_second : (i + 1) * bins_per_second].sum() for i in range(seconds))
    for i in range(seconds):
        frames = slice(i * bins_per_second, (i + 1) * bins_per_second)
        if loud[frames].sum() < 1e-3 * loudest:
            continue
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            s, r, m = (np.concatenate([x[:, low:high, frames].real, x[:, low:high, frames].imag]).ravel() for x in spectra)
            pair = np.stack([s, r])
            gram = pair @ pair.T + np.eye(2) * 1e-12
            a, _ = np.linalg.solve(gram, pair @ m)
            before += s @ s
            after += a * a * (s @ s)
            other = m - a * s - r
            damage += other @ other
            whole += r @ r
    return float(10 * np.log10(before / (after + 1e-12))), float(10 * np.log10((damage + 1e-12) / (whole + 1e-12)))
