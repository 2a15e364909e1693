"""The same stems in other company: each example is used as it is and, dealt anew, in mixes with stems of others.

Stems are kept as spectra, so that a new mix costs no transform.
"""

import numpy as np
import torch
from torch import Tensor

import stft
from augment import db, equaliser
from network import STEMS, Shape

# Batches whose stems are at hand, and how many dealt ones follow each new one.
KEPT, DEALT = 10, 2


def warped(rng: np.random.Generator, x: Tensor, shape: Shape) -> Tensor:
    """Spectra [2, T, F, re/im] at another pitch, tempo, with another equaliser: bins and frames are repeated or left
    out, which no ear would like and no mask notices."""
    if rng.random() < 0.5:
        steps = torch.arange(x.shape[1]) * rng.uniform(0.75, 1.33)
        x = x[:, steps.long() % x.shape[1]]
    if rng.random() < 0.7:
        source = (torch.arange(shape.bins) * 2 ** (rng.uniform(-5, 5) / 12)).round().long()
        x = x[:, :, source.clamp_max(shape.bins - 1)] * (source < shape.bins)[:, None]
    if rng.random() < 0.7:
        x = x * torch.from_numpy(equaliser(rng, shape.bins, rng.uniform(1, 6)))[:, None]
    return x


def dealt(rng: np.random.Generator, store: list[Tensor], shape: Shape) -> Tensor:
    """A batch of which every stem comes from anywhere in `store`, moved in time, sides and polarity at random, and
    warped.

    Batches are [B, S, 2, T, F, re/im].
    """
    out = torch.empty_like(store[0])
    for i in range(len(out)):
        for stem in range(out.shape[1]):
            batch = store[int(rng.integers(len(store)))]
            x = batch[int(rng.integers(len(batch))), stem]
            x = torch.roll(x, int(rng.integers(x.shape[1])), 1)
            if rng.random() < 0.5:
                x = x.flip(0)
            x = warped(rng, x, shape)
            torch.mul(x, float(db(rng.normal(0, 3)) * rng.choice([-1, 1])), out=out[i, stem])
    return out


class Dealer:
    """Spectra of batches [B, S, 2, T, F, re/im] for ever, from stems [B, S, 2, frames]."""

    def __init__(self, batches, shape: Shape, seed: list[int], device: str = "cpu"):
        self.batches, self.shape, self.device = batches, shape, device
        self.rng, self.store, self.used = np.random.default_rng(seed), [], 0

    def __next__(self) -> Tensor:
        self.used += 1
        if len(self.store) > 1 and self.used % (1 + DEALT):
            return dealt(self.rng, self.store, self.shape)
        stems = next(self.batches).to(self.device)
        assert stems.shape[1] == len(STEMS)
        new = stft.spectra(stems, self.shape.n_fft, self.shape.hop)
        if len(self.store) < KEPT:
            self.store.append(new)
        else:
            self.store[int(self.rng.integers(KEPT))] = new
        return new
