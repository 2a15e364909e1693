"""The network: band-split recurrent masks on a stereo STFT, causal, one frame in and one frame out.

Tensors: spectra are real pairs `[batch, frame, channel, bin, re/im]`, tokens are `[frame, batch, band, width]`
(time outermost, so that the recurrent layer walks over contiguous memory), state is `[layer, band, width]`.

After the band-split of BSRNN (Luo & Yu 2023, arXiv:2209.15174) made causal; weights of a block are shared by all
bands, and instead of a recurrent pass across bands a small perceptron mixes them (cheaper at one frame per call).
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEMS = ("drums", "bass", "vocals", "other")


@dataclass(frozen=True)
class Shape:
    """What fixes the tensors of a checkpoint."""

    n_fft: int = 4096
    hop: int = 1024
    width: int = 64
    layers: int = 4
    # (bins per band, bands), from 0 Hz up; what is left above is one more band.
    bands: tuple = ((4, 4), (8, 8), (16, 8), (32, 6), (64, 5), (128, 4))

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1

    @property
    def groups(self) -> list[tuple[int, int, int]]:
        """(first bin, bins per band, bands) of each run of equally wide bands."""
        first, groups = 0, []
        for bins, bands in self.bands:
            groups.append((first, bins, bands))
            first += bins * bands
        return [*groups, (first, self.bins - first, 1)]

    @property
    def num_bands(self) -> int:
        return sum(bands for _, _, bands in self.groups)

    def as_dict(self) -> dict:
        return asdict(self)


class _Gru(torch.autograd.Function):
    """GRU over the first axis with a backward pass written out.

    PyTorch's own CPU GRU records every step; this one saves the gates and does the weight gradients in one product,
    which is several times faster here. Same equations as `nn.GRU` and as ONNX GRU with linear_before_reset = 1.
    """

    @staticmethod
    def forward(ctx, gates_x, h0, w, b):  # gates_x [T, N, 3d], h0 [N, d], w [3d, d], b [3d]
        steps, rows, d = gates_x.shape[0], gates_x.shape[1], h0.shape[1]
        out = gates_x.new_empty(steps, rows, d)
        rz = gates_x.new_empty(steps, rows, 2 * d)
        new = gates_x.new_empty(steps, rows, d)
        hidden_n = gates_x.new_empty(steps, rows, d)
        h, wt = h0, w.t().contiguous()
        for t in range(steps):
            gates_h = torch.addmm(b, h, wt)
            torch.add(gates_x[t, :, : 2 * d], gates_h[:, : 2 * d], out=rz[t]).sigmoid_()
            hidden_n[t] = gates_h[:, 2 * d :]
            torch.addcmul(gates_x[t, :, 2 * d :], rz[t, :, :d], hidden_n[t], out=new[t]).tanh_()
            torch.lerp(new[t], h, rz[t, :, d:], out=out[t])
            h = out[t]
        ctx.save_for_backward(h0, w, out, rz, new, hidden_n)
        return out

    @staticmethod
    def backward(ctx, grad_out):
        h0, w, out, rz, new, hidden_n = ctx.saved_tensors
        steps, rows, d = out.shape
        previous = torch.cat([h0[None], out[:-1]])
        r, z = rz[..., :d], rz[..., d:]
        # Everything that does not depend on the running gradient, for all steps at once.
        to_n = (1 - z) * (1 - new * new)
        to_z = (previous - new) * z * (1 - z)
        to_r = hidden_n * r * (1 - r)
        factors = torch.cat([to_n * to_r, to_z, to_n * r], dim=-1)  # of gates_h
        grads_h = torch.empty_like(factors)
        dh = torch.zeros_like(h0)
        for t in range(steps - 1, -1, -1):
            dh = dh + grad_out[t]
            torch.mul(factors[t].view(rows, 3, d), dh[:, None], out=grads_h[t].view(rows, 3, d))
            dh = torch.addmm(dh * z[t], grads_h[t], w)
        flat = grads_h.view(-1, 3 * d)
        grad_w = flat.t() @ previous.reshape(-1, d)
        grad_b = flat.sum(0)
        # gates_x sees the same gradient, except that its n part is not scaled by r.
        grads_x = grads_h.clone()
        torch.div(grads_h[..., 2 * d :], r.clamp_min(1e-6), out=grads_x[..., 2 * d :])
        return grads_x, dh, grad_w, grad_b


class Gru(nn.Module):
    def __init__(self, d: int):
        super().__init__()
        bound = d**-0.5
        self.w_x = nn.Parameter(torch.empty(3 * d, d).uniform_(-bound, bound))
        self.w_h = nn.Parameter(torch.empty(3 * d, d).uniform_(-bound, bound))
        self.b_x = nn.Parameter(torch.empty(3 * d).uniform_(-bound, bound))
        self.b_h = nn.Parameter(torch.empty(3 * d).uniform_(-bound, bound))

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:  # [T, N, d], [N, d]
        out = _Gru.apply(F.linear(x, self.w_x, self.b_x), h, self.w_h, self.b_h)
        return out, out[-1]


class RmsNorm(nn.Module):
    def __init__(self, d: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(d))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.gain.shape, self.gain, 1e-5)


class Block(nn.Module):
    """Along time, across bands, across width; each added to what came in."""

    def __init__(self, d: int, num_bands: int):
        super().__init__()
        self.time_norm, self.band_norm, self.ff_norm = RmsNorm(d), RmsNorm(d), RmsNorm(d)
        self.gru = Gru(d)
        self.band_in, self.band_out = nn.Linear(num_bands, 2 * num_bands), nn.Linear(2 * num_bands, num_bands)
        self.ff_in, self.ff_out = nn.Linear(d, 2 * d), nn.Linear(2 * d, d)
        for last in (self.band_out, self.ff_out):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:  # [T, B, K, d], [B·K, d]
        t, b, k, d = x.shape
        y, h = self.gru(self.time_norm(x).reshape(t, b * k, d), h)
        x = x + y.view(t, b, k, d)
        y = self.band_norm(x).transpose(2, 3)
        x = x + self.band_out(F.silu(self.band_in(y))).transpose(2, 3)
        return x + self.ff_out(F.silu(self.ff_in(self.ff_norm(x)))), h


class BandLinear(nn.Module):
    """One linear layer per band, for a run of equally wide bands at once."""

    def __init__(self, bands: int, inputs: int, outputs: int, scale: float = 1.0):
        super().__init__()
        bound = scale * inputs**-0.5
        self.weight = nn.Parameter(torch.empty(bands, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(bands, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:  # [bands, rows, inputs]
        return torch.baddbmm(self.bias, x, self.weight)


class Separator(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        d = shape.width
        # Per bin |L|, |R|, |L+R|/2 compressed; per band the level that normalisation took away.
        self.split = nn.ModuleList(BandLinear(bands, 3 * bins + 1, d) for _, bins, bands in shape.groups)
        self.blocks = nn.ModuleList(Block(d, shape.num_bands) for _ in range(shape.layers))
        self.head_norm = RmsNorm(d)
        self.head = nn.ModuleList(
            BandLinear(bands, d, len(STEMS) * 2 * bins) for _, bins, bands in shape.groups
        )

    def state(self, batch: int = 1) -> Tensor:
        """What the network remembers at the start: nothing. [layer, batch·band, width]"""
        return torch.zeros(self.shape.layers, batch * self.shape.num_bands, self.shape.width)

    def tokens(self, mix: Tensor) -> Tensor:
        b, t = mix.shape[:2]
        mid = mix.sum(2, keepdim=True) * 0.5
        power = torch.cat([mix, mid], 2).square().sum(-1)  # [B, T, 3, F]
        # Exponent 0.3 of the magnitude, as in many enhancement nets: close to loudness, finite slope at zero.
        compressed = (power + 1e-8).pow(0.15)
        bands = []
        for (first, bins, count), split in zip(self.shape.groups, self.split, strict=True):
            x = compressed[..., first : first + bins * count].reshape(b, t, 3, count, bins)
            x = x.permute(3, 1, 0, 2, 4).reshape(count, t * b, 3 * bins)
            level = x.square().mean(-1, keepdim=True).sqrt()
            bands.append(split(torch.cat([x / level, level.log()], -1)))
        x = torch.cat(bands).view(self.shape.num_bands, t, b, -1)
        return x.permute(1, 2, 0, 3)

    def group_masks(self, x: Tensor) -> list[Tensor]:
        """Per run of bands: between 0 and 1, and 1 in total over the stems. Each [band, T, B, S, 2, bin of the band]"""
        t, b, _, d = x.shape
        x = self.head_norm(x).permute(2, 0, 1, 3).reshape(self.shape.num_bands, t * b, d)
        masks, band = [], 0
        for (_, bins, count), head in zip(self.shape.groups, self.head, strict=True):
            masks.append(head(x[band : band + count]).view(count, t, b, len(STEMS), 2, bins).softmax(3))
            band += count
        return masks

    def core(self, mix: Tensor, state: Tensor) -> tuple[list[Tensor], Tensor]:
        x = self.tokens(mix)
        states = []
        for block, h in zip(self.blocks, state.unbind(0), strict=True):
            x, h = block(x, h)
            states.append(h)
        return self.group_masks(x), torch.stack(states)

    def forward(self, mix: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra of the mix [B, T, 2, F, 2] to spectra of the stems [B, T, S, 2, F, 2]."""
        masks, state = self.core(mix, state)
        whole = torch.cat([m.permute(2, 1, 3, 4, 0, 5).flatten(-2) for m in masks], -1)
        return whole[..., None] * mix[:, :, None], state
