"""The training objective: what the metric is, without leaving the spectra.

For a real mask m the error energy of a stem is Σ |m·X − S|² = Σ m²|X|² − 2m·Re(X*·S) + |S|², so that neither the
products nor an inverse transform have to be kept for the backward pass. The square-root Hann frame is tight: energy of
spectra is energy of audio up to what overlap-add cancels.
"""

import torch
from torch import Tensor

from network import STEMS, Shape


def group_layout(x: Tensor, shape: Shape) -> list[Tensor]:
    """[B, S, 2, T, F] to one [band, T, B, S, 2, bin] per run of equally wide bands."""
    b, s, c, t, _ = x.shape
    return [
        x[..., first : first + bins * bands].reshape(b, s, c, t, bands, bins).permute(4, 3, 0, 1, 2, 5)
        for first, bins, bands in shape.groups
    ]


def loss(masks: list[Tensor], mix: Tensor, stems: Tensor, shape: Shape, floor_db: float = 30.0) -> tuple[Tensor, Tensor]:
    """Minus the signal-to-noise ratio per stem: over all bins, and per run of bands.

    `mix` [B, 2, T, F, 2], `stems` [B, S, 2, T, F, 2] spectra. A floor `floor_db` below the mix bounds the reward, so
    that a silent stem asks for its leakage to go under the floor and no further. Returns (scalar, SNR [B, S] in dB).
    """
    with torch.no_grad():
        power = mix.square().sum(-1)
        cross = (mix[:, None] * stems).sum(-1)
        energy = stems.square().sum(-1)
        powers, crosses = group_layout(power[:, None], shape), group_layout(cross, shape)
        energies = torch.stack([e.sum((0, 1, 4, 5)) for e in group_layout(energy, shape)], -1)  # [B, S, group]
        mixes = torch.stack([p.sum((0, 1, 3, 4, 5)) for p in powers], -1)[:, None]  # [B, 1, group]
    errors = torch.stack(
        [(m * (m * p - 2 * c)).sum((0, 1, 4, 5)) for m, p, c in zip(masks, powers, crosses, strict=True)], -1
    )
    errors = (errors + energies).clamp_min(0)
    tau = 10 ** (-floor_db / 10)

    def snr(energy: Tensor, error: Tensor, total: Tensor) -> Tensor:
        floor = tau * total + 1e-6
        return 10 * torch.log10((energy + floor) / (error + floor))

    whole = snr(energies.sum(-1), errors.sum(-1), mixes.sum(-1))
    # Per band group relative to this group's own level, so that the quiet treble is learned as well; a group far below
    # the mix counts little.
    share = (mixes / (mixes.sum(-1, keepdim=True) + 1e-9) + 1e-6).pow(0.25)
    groups = (snr(energies, errors, mixes + 1e-4 * mixes.sum(-1, keepdim=True)) * share).sum(-1) / share.sum(-1)
    assert whole.shape[1] == len(STEMS)
    return -(whole.mean() + 0.5 * groups.mean()), whole.detach()
