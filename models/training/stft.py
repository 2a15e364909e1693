"""Frames and spectra as the streaming library makes them.

1. Frame k covers samples [(k+1)·hop − n_fft, (k+1)·hop), zeros before the start: no centring, no reflection.
2. Analysis and synthesis window: square root of the periodic Hann window.
3. Forward transform unnormalised, inverse with 1/n_fft, synthesis divided by n_fft / (2·hop): overlap-add is identity.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def window(n_fft: int, device: torch.device | str = "cpu") -> Tensor:
    return torch.hann_window(n_fft, periodic=True, dtype=torch.float64).sqrt().float().to(device)


def spectra(audio: Tensor, n_fft: int, hop: int) -> Tensor:
    """Audio [..., frames] to [..., T, F, 2]; T = frames/hop rounded up, plus the frames that flush the last sample."""
    frames = audio.shape[-1]
    hops = -(-frames // hop) + n_fft // hop - 1
    padded = F.pad(audio, (n_fft - hop, hops * hop - frames))
    return torch.view_as_real(torch.fft.rfft(padded.unfold(-1, n_fft, hop) * window(n_fft, audio.device)))


def audio(spectrum: Tensor, n_fft: int, hop: int, frames: int) -> Tensor:
    """Inverse of `spectra`: [..., T, F, 2] to [..., frames]."""
    pieces = torch.fft.irfft(torch.view_as_complex(spectrum.contiguous()), n=n_fft)
    pieces = pieces * (window(n_fft, pieces.device) * (2 * hop / n_fft))
    # Overlap-add: hop-long slices of a piece land on neighbouring hops.
    t, overlap = pieces.shape[-2], n_fft // hop
    slices = pieces.unflatten(-1, (overlap, hop))
    out = pieces.new_zeros(*pieces.shape[:-2], t + overlap - 1, hop)
    for i in range(overlap):
        out[..., i : i + t, :] += slices[..., i, :]
    return out.flatten(-2)[..., n_fft - hop : n_fft - hop + frames]
