"""The training objective: what the metric is, without leaving the spectra.

For a real mask m the error energy of a stem is Σ |m·X − S|² = Σ m²|X|² − 2m·Re(X*·S) + |S|², so that neither the
products nor an inverse transform have to be kept for the backward pass. The square-root Hann frame is tight: energy of
spectra is energy of audio up to what overlap-add cancels.
"""

import torch
from torch import Tensor

from network import Shape

# A stem is measured against its own energy plus this share of the mix, so that silent stems have a scale.
SHARE = 0.2


def group_layout(x: Tensor, shape: Shape) -> list[Tensor]:
    """[B, S, 2, T, F] to one [band, T, B, S, 2, bin] per run of equally wide bands."""
    b, s, c, t, _ = x.shape
    return [
        x[..., first : first + bins * bands].reshape(b, s, c, t, bands, bins).permute(4, 3, 0, 1, 2, 5)
        for first, bins, bands in shape.groups
    ]


def penalty(error: Tensor, energy: Tensor, mix: Tensor) -> Tensor:
    """Of the error of a stem, relative to its energy.

    The amplitude term is convex in the masks, the decibel term takes over for stems that are separated well. Decibels
    alone are a trap: as masks add up to one, they reward putting all errors into one stem and giving two stems up.
    """
    x = error / (energy + SHARE * mix + 1e-6)
    return 10 * (x + 1e-4).sqrt() + 3 * torch.log10(x + 3e-3)


def loss(masks: list[Tensor], mix: Tensor, stems: Tensor, shape: Shape) -> tuple[Tensor, Tensor]:
    """Penalty per stem, over all bins and, at half the weight, per run of bands.

    `mix` [B, 2, T, F, 2], `stems` [B, S, 2, T, F, 2] spectra. Returns (scalar, SNR [B, S] in dB).
    """
    with torch.no_grad():
        power = mix.square().sum(-1)
        cross = (mix[:, None] * stems).sum(-1)
        powers, crosses = group_layout(power[:, None], shape), group_layout(cross, shape)
        energy = stems.square().sum((2, 3, 5))
        starts = [first for first, _, _ in shape.groups]
        energies = torch.stack([e.sum(-1) for e in energy.tensor_split(starts[1:], dim=-1)], -1)  # [B, S, group]
        mixes = torch.stack([e.sum(-1) for e in power.sum((1, 2)).tensor_split(starts[1:], dim=-1)], -1)[:, None]
    errors = torch.stack(
        [(m * (m * p - 2 * c)).sum((0, 1, 4, 5)) for m, p, c in zip(masks, powers, crosses, strict=True)], -1
    )
    errors = (errors + energies).clamp_min(0)
    whole_mix = mixes.sum(-1)
    whole = penalty(errors.sum(-1), energies.sum(-1), whole_mix)
    # Runs of bands weigh by their loudness, so that the quiet treble is learned as well, and dither is not.
    share = (mixes / (whole_mix[..., None] + 1e-9) + 1e-6).pow(0.25)
    groups = (penalty(errors, energies, mixes + 1e-4 * whole_mix[..., None]) * share).sum(-1) / share.sum(-1)
    with torch.no_grad():
        floor = 1e-3 * whole_mix + 1e-6
        snr = 10 * torch.log10((energies.sum(-1) + floor) / (errors.sum(-1) + floor))
    return whole.mean() + 0.5 * groups.mean(), snr
