"""The training objective: what the metric is, without leaving the spectra.

For a real mask m the error energy of a stem is Σ |m·X − S|² = Σ m²|X|² − 2m·Re(X*·S) + |S|², so that per cell of the
mask three sums are enough. The square-root Hann frame is tight: energy of spectra is energy of audio up to what
overlap-add cancels.
"""

import torch
from torch import Tensor

from network import Shape, pooled, powers

# A stem is measured against its own energy plus this share of the mix, so that silent stems have a scale.
SHARE = 0.2


def sums(stems: Tensor, shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Spectra of the stems [B, S, 2, T, F, re/im] to sums per cell: power of the mix [T, B, L R M, cell], its product
    with each stem, and the power of the stems, [T, B, S, 2, cell] both."""
    mix = stems.sum(1)
    cross = pooled((mix[:, None] * stems).sum(-1), shape).permute(3, 0, 1, 2, 4).contiguous()
    energy = pooled(stems.square().sum(-1), shape).permute(3, 0, 1, 2, 4).contiguous()
    return powers(mix, shape), cross, energy


def penalty(error: Tensor, energy: Tensor, mix: Tensor) -> Tensor:
    """Of the error of a stem, relative to its energy.

    The amplitude term is convex in the masks, the decibel term takes over for stems that are separated well. Decibels
    alone are a trap: as masks add up to one, they reward putting all errors into one stem and giving two stems up.
    """
    x = error / (energy + SHARE * mix + 1e-6)
    return 10 * (x + 1e-4).sqrt() + 3 * torch.log10(x + 3e-3)


def loss(masks: list[Tensor], power: Tensor, cross: Tensor, energy: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """Penalty per stem, over the whole spectrum and, at half the weight, per group of bands.

    `masks` as `Separator.core` gives them, the rest as `sums` does. Returns (scalar, SNR [B, S] in dB).
    """
    errors, energies, mixes, first = [], [], [], 0
    for mask, (_, cells, bands) in zip(masks, shape.groups, strict=True):
        here = slice(first, first + cells * bands)
        first += cells * bands
        p = power[:, :, :2, here].unflatten(-1, (bands, cells)).transpose(2, 3)[:, :, :, None]
        c = cross[..., here].unflatten(-1, (bands, cells)).permute(0, 1, 4, 2, 3, 5)
        errors.append((mask * (mask * p - 2 * c)).sum((0, 2, 4, 5)))
        energies.append(energy[..., here].sum((0, 3, 4)))
        mixes.append(power[:, :, :2, here].sum((0, 2, 3)))
    energies, mixes = torch.stack(energies, -1), torch.stack(mixes, -1)[:, None]  # [B, S, group], [B, 1, group]
    errors = (torch.stack(errors, -1) + energies).clamp_min(0)
    whole_mix = mixes.sum(-1)
    whole = penalty(errors.sum(-1), energies.sum(-1), whole_mix)
    # Groups weigh by their loudness, so that the quiet treble is learned as well, and dither is not.
    share = (mixes / (whole_mix[..., None] + 1e-9) + 1e-6).pow(0.25)
    groups = (penalty(errors, energies, mixes + 1e-4 * whole_mix[..., None]) * share).sum(-1) / share.sum(-1)
    floor = 1e-3 * whole_mix + 1e-6
    snr = 10 * torch.log10((energies.sum(-1) + floor) / (errors.detach().sum(-1) + floor))
    return whole.mean() + 0.5 * groups.mean(), snr
