"""The transform pair of the scripts here, hop by hop as `separation/src/transform/stft.rs` documents it, in 64 bits.

Frame k covers samples [(k+1)·hop − n_fft, (k+1)·hop), zeros before the start. The window is the periodic Hann window;
the inverse divides by what its squares add up to.
"""

import numpy as np


def hann(n_fft: int) -> np.ndarray:
    return np.sin(np.pi * np.arange(n_fft) / n_fft) ** 2


def spectra(audio: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Audio [..., frames] to [..., T, F]: all frames that hold a sample of it."""
    frames = audio.shape[-1]
    hops = -(-frames // hop) + n_fft // hop - 1
    padded = np.pad(audio.astype(np.float64), [(0, 0)] * (audio.ndim - 1) + [(n_fft - hop, hops * hop - frames)])
    pieces = np.lib.stride_tricks.sliding_window_view(padded, n_fft, -1)[..., ::hop, :]
    return np.fft.rfft(pieces * hann(n_fft))


def overlapped(spectra: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Spectra [..., T, F] to all samples that they reach, from sample −(n_fft − hop) on."""
    window = hann(n_fft)
    weight = np.square(window).reshape(-1, hop).sum(0)
    pieces = np.fft.irfft(spectra, n_fft) * (window / np.tile(weight, n_fft // hop))
    num = pieces.shape[-2]
    out = np.zeros((*pieces.shape[:-2], num + n_fft // hop - 1, hop))
    for i in range(n_fft // hop):
        out[..., i : i + num, :] += pieces[..., i * hop : (i + 1) * hop]
    return out.reshape(*out.shape[:-2], -1)


def audio(spectra: np.ndarray, n_fft: int, hop: int, frames: int) -> np.ndarray:
    """Inverse of `spectra`: [..., T, F] to [..., frames]."""
    return overlapped(spectra, n_fft, hop)[..., n_fft - hop :][..., :frames]
