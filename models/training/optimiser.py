"""AdamW for gains, biases and the band-wise ends of the network; Muon for the matrices of the blocks.

Muon (Jordan 2024) orthogonalises the momentum of a matrix; scaled so that an entry moves as far as under AdamW (Liu et
al. 2025, arXiv:2502.16982, section 2.2), one learning rate serves both.
"""

import torch
from torch import Tensor, nn


def orthogonalised(x: Tensor, steps: int = 5) -> Tensor:
    """Nearest matrix with singular values near 1, by the quintic Newton-Schulz iteration. [matrix, row, column]"""
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


class Optimiser:
    def __init__(self, net: nn.Module, weight_decay: float = 0.01, momentum: float = 0.95):
        named = dict(net.named_parameters())
        self.matrices = {n: p for n, p in named.items() if n.startswith("blocks.") and p.dim() == 2}
        rest = [p for n, p in named.items() if n not in self.matrices]
        self.adamw = torch.optim.AdamW(rest, weight_decay=weight_decay, betas=(0.9, 0.98))
        self.momenta = {n: torch.zeros_like(p) for n, p in self.matrices.items()}
        self.weight_decay, self.momentum = weight_decay, momentum

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for group in self.adamw.param_groups:
            group["lr"] = rate
        self.adamw.step()
        for name, p in self.matrices.items():
            momentum = self.momenta[name].lerp_(p.grad, 1 - self.momentum)
            update = p.grad.lerp(momentum, self.momentum)
            # Keep, new and out of a recurrent layer are three matrices.
            gates = 3 if ".time_in." in name else 1
            update = orthogonalised(update.view(gates, -1, p.shape[1]))
            scale = 0.2 * max(update.shape[-2:]) ** 0.5
            p.mul_(1 - rate * self.weight_decay).add_(update.reshape_as(p), alpha=-rate * scale)

    def state_dict(self) -> dict:
        return {"adamw": self.adamw.state_dict(), "momenta": self.momenta}

    def load_state_dict(self, state: dict) -> None:
        self.adamw.load_state_dict(state["adamw"])
        for name, momentum in state["momenta"].items():
            self.momenta[name].copy_(momentum)
