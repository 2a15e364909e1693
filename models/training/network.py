"""The network: band-split recurrent masks on a stereo STFT, causal, one frame in and one frame out.

Two views of the spectrum meet in the masks. Band by band, recurrent tokens know what plays. Bin by bin, a few local
features know what no learning is needed for: onset, tone or noise, place in the image; they are what median-filter HPSS
and centre extraction look at. The tokens say how much each feature speaks for each stem.

Tensors: spectra are real pairs `[batch, frame, channel, bin, re/im]`, tokens are `[frame, batch, band, width]`
(time outermost, so that the recurrent layer walks over contiguous memory), the recurrent state is `[layer, band, width]`,
the memory of the local features `[2, 3, bin]`: slow average and last frame of the log magnitudes of L, R and middle.

After the band-split of BSRNN (Luo & Yu 2023, arXiv:2209.15174) made causal; weights of a block are shared by all
bands, and instead of a recurrent pass across bands a small perceptron mixes them (cheaper at one frame per call).
"""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEMS = ("drums", "bass", "vocals", "other")
# Local features per bin, see `Separator.local`.
FEATURES = 7
# Per frame, of the slow average: 0.3 s at hop 1024.
SLOW = 0.925
# Bins either side that a bin is compared with.
NEIGHBOURS = 8
# How much a feature speaks for a stem before any learning (drums, bass, vocals, other): onsets and noise for drums, the
# centre of the image for vocals.
PRIOR = (
    (0.7, 0.0, 0.0, -0.2), (0.3, 0.0, 0.0, 0.0), (-0.3, 0.0, 0.1, 0.1), (-0.5, 0.0, 0.1, 0.3),
    (0.0, 0.3, 0.7, -0.7), (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0),
)


@dataclass(frozen=True)
class Shape:
    """What fixes the tensors of a checkpoint."""

    n_fft: int = 4096
    hop: int = 1024
    width: int = 64
    layers: int = 4
    # (bins per band, bands), from 0 Hz up; what is left above is one more band.
    bands: tuple = ((4, 4), (8, 8), (24, 5), (40, 5), (80, 4), (170, 3))

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
        if x.device.type != "cpu":
            out, h = torch.gru(x, h[None].to(x.dtype), self.weights(x.dtype), True, 1, 0.0, True, False, False)
            return out.float(), h[0].float()
        out = _Gru.apply(F.linear(x, self.w_x, self.b_x).float(), h, self.w_h, self.b_h)
        return out, out[-1]

    def weights(self, dtype: torch.dtype) -> list[Tensor]:
        """As `torch.gru` takes them."""
        return [p.to(dtype) for p in (self.w_x, self.w_h, self.b_x, self.b_h)]


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
            BandLinear(bands, d, len(STEMS) * (2 * bins + FEATURES), 0.3) for _, bins, bands in shape.groups
        )
        with torch.no_grad():
            for (first, bins, _), head in zip(shape.groups, self.head, strict=True):
                free, weights = self._parts(head.bias, bins)
                weights += torch.tensor(PRIOR).T
                free[..., STEMS.index("bass"), :] += 1.5 if first < 16 else 0.0 if first < 40 else -2.0
        # Arithmetic of the blocks in bfloat16, for training only.
        self.half = False

    @staticmethod
    def _parts(y: Tensor, bins: int) -> tuple[Tensor, Tensor]:
        """What a head says: free logits [..., S, 2·bins] and the weights of the local features [..., S, FEATURES]."""
        free = len(STEMS) * 2 * bins
        return y[..., :free].unflatten(-1, (len(STEMS), -1)), y[..., free:].unflatten(-1, (len(STEMS), FEATURES))

    def state(self, batch: int = 1) -> tuple[Tensor, Tensor]:
        """What the network remembers at the start: silence. [layer, batch·band, width] and [batch, 2, 3, bin]"""
        shape, device = self.shape, self.head_norm.gain.device
        hidden = torch.zeros(shape.layers, batch * shape.num_bands, shape.width, device=device)
        return hidden, torch.zeros(batch, 2, 3, shape.bins, device=device)

    @torch.no_grad()
    def local(self, mix: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Features per bin of the left and right channel, [B, T, FEATURES, 2, F], from log magnitudes:
        above their slow average, above the last frame, above their neighbours, slow average above its neighbours,
        middle above left and right, this channel above the other, above the mean of the frame."""
        t = mix.shape[1]
        mid = mix.sum(2, keepdim=True) * 0.5
        power = torch.cat([mix, mid], 2).square().sum(-1)
        level = torch.log1p(power * 1e6) * 0.5  # [B, T, 3, F], 0 in silence
        steps = torch.arange(t, dtype=level.dtype, device=level.device)
        decay = torch.tril((1 - SLOW) * SLOW ** (steps[:, None] - steps).clamp_min(0))
        slow = (decay @ level.flatten(2)).view_as(level) + (SLOW ** (steps + 1))[:, None, None] * memory[:, :1]
        last = torch.cat([memory[:, 1:], level[:, :-1]], 1)

        def neighbours(x: Tensor) -> Tensor:
            y = F.avg_pool1d(x.flatten(0, 1), 2 * NEIGHBOURS + 1, 1, NEIGHBOURS, count_include_pad=False)
            return y.view_as(x)

        sides, centre = level[:, :, :2], level[:, :, 2:]
        both = sides.mean(2, keepdim=True)
        features = torch.stack([
            sides - slow[:, :, :2],
            sides - last[:, :, :2],
            sides - neighbours(sides),
            slow[:, :, :2] - neighbours(slow[:, :, :2]),
            (centre - both).expand_as(sides),
            sides - sides.flip(2),
            sides - both.mean(-1, keepdim=True),
        ], 2)
        return features * 0.5, torch.stack([slow[:, -1], level[:, -1]], 1)

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

    def group_masks(self, x: Tensor, local: Tensor) -> list[Tensor]:
        """Per run of bands: between 0 and 1, and 1 in total over the stems. Each [band, T, B, S, 2, bin of the band]"""
        t, b, _, d = x.shape
        x = self.head_norm(x).permute(2, 0, 1, 3).reshape(self.shape.num_bands, t * b, d)
        masks, band = [], 0
        for (first, bins, count), head in zip(self.shape.groups, self.head, strict=True):
            free, weights = self._parts(head(x[band : band + count]).flatten(0, 1), bins)
            features = local[..., first : first + bins * count].unflatten(-1, (count, bins))
            features = features.permute(4, 1, 0, 2, 3, 5).reshape(count * t * b, FEATURES, 2 * bins)
            logits = torch.baddbmm(free, weights, features)
            masks.append(logits.view(count, t, b, len(STEMS), 2, bins).softmax(3))
            band += count
        return masks

    def core(self, mix: Tensor, state: tuple[Tensor, Tensor]) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
        hidden, memory = state
        x = self.tokens(mix)
        states = []
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.half):
            for block, h in zip(self.blocks, hidden.unbind(0), strict=True):
                x, h = block(x, h)
                states.append(h)
        local, memory = self.local(mix, memory)
        return self.group_masks(x.float(), local), (torch.stack(states), memory)

    def forward(self, mix: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Spectra of the mix [B, T, 2, F, 2] to spectra of the stems [B, T, S, 2, F, 2]."""
        masks, state = self.core(mix, state)
        whole = torch.cat([m.permute(2, 1, 3, 4, 0, 5).flatten(-2) for m in masks], -1)
        return whole[..., None] * mix[:, :, None], state
