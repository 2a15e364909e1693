"""The network: band-split recurrent masks on a stereo STFT, causal, one frame in and one frame out.

The spectrum is seen in cells: single bins up to 2.7 kHz, then runs of 2, 4 and 16. Neighbouring cells make a band, a
band a token. Blocks let tokens remember (along time) and listen to each other (across bands); a small perceptron per
band, which sees the cells again, says how much of each cell belongs to which stem.

Tensors have time outermost, so that recurrent layers walk over contiguous memory: power `[frame, batch, L R M, cell]`
(M the middle, (L + R)/2), tokens `[frame, batch, band, width]`, the recurrent state `[layer, batch, band, inner]`, the
memory of the local features `[2, batch, L R M, cell]`: slow average and last frame of the log magnitudes.

After the band-split of BSRNN (Luo & Yu 2023, arXiv:2209.15174) made causal; weights of a block are shared by all bands,
a perceptron mixes the bands, and the recurrent layer is linear in its state (as in minGRU, Feng et al. 2024,
arXiv:2410.01201): all its products are done for all frames at once, which trains several times faster on processors.
"""

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEMS = ("drums", "bass", "vocals", "other")
# Local features per cell, see `Separator.local`.
FEATURES = 7
# Per frame, of the slow average: 0.3 s at hop 1024.
SLOW = 0.925
# Levels are log(1 + power · this): 0 in silence, and what lies under −60 dB hardly counts.
LEVEL_SCALE = 1e6
# Mean level of a band, brought to about ±1.
LEVEL_GAIN, LEVEL_OFFSET = 0.3, -1.0
# How long the slowest channel of a recurrent layer remembers at the start of training, in frames: 3.5 s at hop 1024.
LONGEST = 150
# What the masks say of bass before any learning: yes below the first, perhaps below the second, hardly above.
BASS_HZ, NO_BASS_HZ, SAMPLE_RATE = 170, 430, 44_100


@dataclass(frozen=True)
class Shape:
    """What fixes the tensors of a checkpoint."""

    n_fft: int = 4096
    hop: int = 1024
    width: int = 64
    inner: int = 96
    layers: int = 4
    hidden: int = 128
    # (bins per cell, cells per band, bands), from 0 Hz up; the last cell also has the bins that are left above.
    groups: tuple = ((1, 8, 8), (1, 16, 12), (2, 16, 8), (4, 16, 8), (16, 16, 4))

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def num_bands(self) -> int:
        return sum(bands for _, _, bands in self.groups)

    @property
    def num_cells(self) -> int:
        return sum(cells * bands for _, cells, bands in self.groups)

    @property
    def cell_sizes(self) -> list[int]:
        """Bins of each cell."""
        sizes = [bins for bins, cells, bands in self.groups for _ in range(cells * bands)]
        sizes[-1] += self.bins - sum(sizes)
        return sizes

    def as_dict(self) -> dict:
        return asdict(self)


def pooled(x: Tensor, shape: Shape) -> Tensor:
    """Sum over the bins of each cell: [..., bin] to [..., cell]."""
    parts, first = [], 0
    for bins, cells, bands in shape.groups:
        end = first + bins * cells * bands
        parts.append(x[..., first:end].unflatten(-1, (cells * bands, bins)).sum(-1))
        first = end
    out = torch.cat(parts, -1)
    out[..., -1] += x[..., first:].sum(-1)
    return out


# As operators of their own, so that a compiler leaves the loops alone.
@torch.library.custom_op("unweave::scan", mutates_args=())
def scan(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """h[t] = keep[t]·h[t−1] + new[t] over the first axis, from h[−1] = start; all h."""
    out, h = torch.empty_like(new), start
    for t in range(len(new)):
        h = torch.addcmul(new[t], keep[t], h, out=out[t])
    return out


@torch.library.custom_op("unweave::scan_backward", mutates_args=())
def scan_backward(grad: Tensor, keep: Tensor) -> Tensor:
    """d[t] = grad[t] + keep[t+1]·d[t+1]: the gradient of `new`."""
    out = torch.empty_like(grad)
    out[-1] = grad[-1]
    for t in range(len(grad) - 2, -1, -1):
        torch.addcmul(grad[t], keep[t + 1], out[t + 1], out=out[t])
    return out


@scan.register_fake
def _(keep, new, start):
    return torch.empty_like(new)


@scan_backward.register_fake
def _(grad, keep):
    return torch.empty_like(grad)


def _save(ctx, inputs, output):
    keep, _, start = inputs
    ctx.save_for_backward(keep, start, output)


def _backward(ctx, grad):
    keep, start, out = ctx.saved_tensors
    d = scan_backward(grad.contiguous(), keep)
    return d * torch.cat([start[None], out[:-1]]), d, keep[0] * d[0]


scan.register_autograd(_backward, setup_context=_save)


class RmsNorm(nn.Module):
    def __init__(self, d: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.gain


class Block(nn.Module):
    """Along time, across bands, across width; each added to what came in."""

    def __init__(self, d: int, inner: int, num_bands: int):
        super().__init__()
        self.inner = inner
        self.time_norm, self.band_norm, self.ff_norm = RmsNorm(d), RmsNorm(d), RmsNorm(d)
        self.time_in, self.time_out = nn.Linear(d, 3 * inner), nn.Linear(inner, d)
        self.band_in, self.band_out = nn.Linear(num_bands, 2 * num_bands), nn.Linear(2 * num_bands, num_bands)
        self.ff_in, self.ff_out = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)
        keep = torch.exp(-1 / torch.logspace(0, math.log10(LONGEST), inner))
        with torch.no_grad():
            self.time_in.bias[:inner] = torch.logit(keep)
            self.time_in.weight[:inner] *= 0.5
            for last in (self.band_out, self.ff_out):
                last.weight.zero_()
                last.bias.zero_()

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:  # [T, B, K, d], [B, K, inner]
        keep, new, out = self.time_in(self.time_norm(x)).float().split(self.inner, -1)
        keep = torch.sigmoid(keep)
        states = scan(keep, (1 - keep) * new, h)
        x = x + self.time_out(states * F.silu(out))
        y = self.band_norm(x).transpose(-1, -2)
        x = x + self.band_out(F.silu(self.band_in(y))).transpose(-1, -2)
        return x + self.ff_out(F.silu(self.ff_in(self.ff_norm(x)))), states[-1]


class BandLinear(nn.Module):
    """One linear layer per band, for a group of bands with equally many cells at once."""

    def __init__(self, bands: int, inputs: int, outputs: int, scale: float = 1.0):
        super().__init__()
        bound = scale * inputs**-0.5
        self.weight = nn.Parameter(torch.empty(bands, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(bands, outputs))

    def forward(self, x: Tensor) -> Tensor:  # [T, B, band, inputs]
        t, b, bands, _ = x.shape
        y = torch.bmm(x.flatten(0, 1).transpose(0, 1), self.weight)
        return y.transpose(0, 1).unflatten(0, (t, b)) + self.bias


class Separator(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        d, groups = shape.width, shape.groups
        self.split = nn.ModuleList(BandLinear(bands, FEATURES * cells + 1, d) for _, cells, bands in groups)
        self.embed = nn.Parameter(torch.randn(shape.num_bands, d) * 0.5)
        self.blocks = nn.ModuleList(Block(d, shape.inner, shape.num_bands) for _ in range(shape.layers))
        self.head_norm = RmsNorm(d)
        self.head_in = nn.ModuleList(BandLinear(bands, d + FEATURES * cells + 1, shape.hidden) for _, cells, bands in groups)
        self.head_out = nn.ModuleList(BandLinear(bands, shape.hidden, len(STEMS) * 2 * cells, 0.5) for _, cells, bands in groups)
        with torch.no_grad():
            first = 0
            for (bins, cells, bands), head in zip(groups, self.head_out, strict=True):
                for bias in head.bias.view(bands, len(STEMS), 2 * cells):
                    hz = first * SAMPLE_RATE / shape.n_fft
                    bias[STEMS.index("bass")] += 1.5 if hz < BASS_HZ else 0.0 if hz < NO_BASS_HZ else -2.0
                    first += bins * cells
        self.register_buffer("sizes", torch.tensor(shape.cell_sizes, dtype=torch.float32), persistent=False)
        # Products in bfloat16, for training only.
        self.half = False

    def state(self, batch: int = 1) -> tuple[Tensor, Tensor]:
        """What the network remembers at the start: silence. [layer, batch, band, inner] and [2, batch, 3, cell]"""
        shape = self.shape
        hidden = self.sizes.new_zeros(shape.layers, batch, shape.num_bands, shape.inner)
        return hidden, self.sizes.new_zeros(2, batch, 3, shape.num_cells)

    @torch.no_grad()
    def local(self, power: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Features per cell, [T, B, FEATURES, cell]: log magnitudes of L, R and M, and how far those of L and R stand
        above their slow average and above the last frame."""
        t = len(power)
        level = torch.log1p(power / self.sizes * LEVEL_SCALE) * 0.5
        steps = torch.arange(t, dtype=level.dtype, device=level.device)
        decay = torch.tril((1 - SLOW) * SLOW ** (steps[:, None] - steps).clamp_min(0))
        slow = (decay @ level.flatten(1)).view_as(level) + (SLOW ** (steps + 1))[:, None, None, None] * memory[0]
        last = torch.cat([memory[1:], level[:-1]])
        features = torch.cat([level, (level - slow)[:, :, :2], (level - last)[:, :, :2]], 2)
        return features, torch.stack([slow[-1], level[-1]])

    def band_features(self, local: Tensor) -> list[Tensor]:
        """Per group [T, B, band, FEATURES·cells + 1]: log magnitudes against their mean over the band, and that mean."""
        t, b = local.shape[:2]
        groups, first = [], 0
        for _, cells, bands in self.shape.groups:
            x = local[..., first : first + cells * bands].reshape(t, b, FEATURES, bands, cells).transpose(2, 3)
            mean = x[:, :, :, :2].mean((3, 4))[..., None]
            x = torch.cat([x[:, :, :, :3] - mean[..., None], x[:, :, :, 3:]], 3).flatten(3)
            groups.append(torch.cat([x, mean * LEVEL_GAIN + LEVEL_OFFSET], -1))
            first += cells * bands
        return groups

    def core(self, power: Tensor, state: tuple[Tensor, Tensor]) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
        """Power summed over the bins of each cell [T, B, 3, cell] to masks per group [T, B, band, S, 2, cell of the
        band], between 0 and 1 and 1 in total over the stems."""
        hidden, memory = state
        with torch.no_grad():
            local, memory = self.local(power, memory)
            features = self.band_features(local)
            if self.half:
                features = [x.bfloat16() for x in features]
        t, b = power.shape[:2]
        states, masks, band = [], [], 0
        with torch.autocast(power.device.type, torch.bfloat16, enabled=self.half):
            x = (torch.cat([split(y) for split, y in zip(self.split, features, strict=True)], 2) + self.embed).float()
            for block, h in zip(self.blocks, hidden.unbind(0), strict=True):
                x, h = block(x, h)
                states.append(h)
            x = self.head_norm(x)
            if self.half:
                x = x.bfloat16()
            for (_, cells, bands), inner, outer, y in zip(self.shape.groups, self.head_in, self.head_out, features, strict=True):
                z = outer(F.silu(inner(torch.cat([x[:, :, band : band + bands], y], -1))))
                masks.append(z.view(t, b, bands, len(STEMS), 2, cells).float().softmax(3))
                band += bands
        return masks, (torch.stack(states), memory)

    def forward(self, mix: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Spectra of the mix [B, T, 2, F, re/im] to spectra of the stems [B, T, S, 2, F, re/im]."""
        masks, state = self.core(powers(mix.transpose(1, 2), self.shape), state)
        cells = torch.cat([m.permute(1, 0, 3, 4, 2, 5).flatten(-2) for m in masks], -1)
        whole = cells.repeat_interleave(self.sizes.long(), -1)
        return whole[..., None] * mix[:, :, None], state


def powers(mix: Tensor, shape: Shape) -> Tensor:
    """Spectra [B, 2, T, F, re/im] to what `Separator.core` takes, [T, B, L R M, cell]."""
    middle = mix.sum(1, keepdim=True) * 0.5
    return pooled(torch.cat([mix, middle], 1).square().sum(-1), shape).permute(2, 0, 1, 3).contiguous()
