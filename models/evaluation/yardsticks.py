"""What the model is compared with: no separation, no learning and no vocals' network, and the ceiling of its method."""

import numpy as np
from scipy import ndimage

import transform

N_FFT, HOP, SAMPLE_RATE = 4096, 1024, 44_100


def mixture(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """Every stem is the mix."""
    return np.broadcast_to(mix, stems.shape)


def oracle(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """Ratio of the true magnitudes per bin and channel: the ceiling of real masks that add up to one."""
    magnitudes = np.abs(transform.spectra(stems, N_FFT, HOP))
    masks = magnitudes / (magnitudes.sum(0) + 1e-9)
    return transform.audio(masks * transform.spectra(mix, N_FFT, HOP), N_FFT, HOP, mix.shape[-1])


def unlearned(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """Median-filter HPSS (Fitzgerald 2010) for drums, a low-pass for bass, the centre of the image for vocals."""
    x = transform.spectra(mix, N_FFT, HOP)  # [2, T, F]
    magnitude = np.abs(x).mean(0)
    harmonic = ndimage.median_filter(magnitude, (31, 1)) ** 2
    percussive = ndimage.median_filter(magnitude, (1, 31)) ** 2
    drums = percussive / (harmonic + percussive + 1e-12)
    hz = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    low = 1 / (1 + (hz / 150) ** 8)
    left, right = x
    centre = np.clip(1 - np.abs(left - right) / (np.abs(left) + np.abs(right) + 1e-9), 0, 1)
    sung = centre * (1 - low) / (1 + (hz / 9_000) ** 8)
    kept = 1 - drums
    masks = np.stack([drums, kept * low, kept * sung, kept * (1 - low) - kept * sung])
    return transform.audio(masks[:, None] * x, N_FFT, HOP, mix.shape[-1])
