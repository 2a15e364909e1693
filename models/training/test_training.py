"""Checks against independent references; run it, or let pytest collect it."""

import numpy as np
import torch
from scipy import signal

import metrics
import stft
from dealing import dealt
from network import Separator, Shape, scan
from objective import loss, sums
from optimiser import orthogonalised

SMALL = Shape(n_fft=512, hop=128, width=8, inner=12, layers=2, hidden=16, groups=((1, 8, 8), (8, 8, 3)))


def test_scan_and_its_gradients_are_those_of_the_loop():
    torch.manual_seed(0)
    keep, new, h, weight = torch.rand(50, 7, 16), torch.randn(50, 7, 16), torch.randn(7, 16), torch.randn(50, 7, 16)
    inputs = [x.requires_grad_() for x in (keep, new, h)]
    states, state = [], h
    for k, n in zip(keep, new, strict=True):
        state = k * state + n
        states.append(state)
    expected = torch.stack(states)
    assert torch.allclose(scan(keep, new, h), expected, atol=1e-5)
    a = torch.autograd.grad((scan(keep, new, h) * weight).sum(), inputs)
    b = torch.autograd.grad((expected * weight).sum(), inputs)
    assert all(torch.allclose(i, j, atol=1e-4, rtol=1e-4) for i, j in zip(a, b, strict=True))


def test_stft_agrees_with_scipy_and_inverts():
    x = np.random.default_rng(0).standard_normal(5_000).astype(np.float32)
    spectra = torch.view_as_complex(stft.spectra(torch.from_numpy(x), 512, 128)).numpy()
    k = 20  # frame k covers [(k+1)·hop − n_fft, (k+1)·hop)
    expected = np.fft.rfft(x[(k + 1) * 128 - 512 : (k + 1) * 128] * np.sqrt(signal.get_window("hann", 512)))
    assert np.allclose(spectra[k], expected, atol=1e-3)
    back = stft.audio(torch.view_as_real(torch.from_numpy(spectra)), 512, 128, len(x)).numpy()
    assert np.abs(back - x).max() < 1e-5


def test_network_is_causal_streams_and_sums_to_the_mix():
    torch.manual_seed(0)
    net = Separator(SMALL)
    for p in net.parameters():  # the blocks start as nothing but the recurrent layer
        p.data += 0.1 * torch.randn_like(p)
    mix = torch.randn(1, 12, 2, SMALL.bins, 2)
    whole, _ = net(mix, net.state())
    state, parts = net.state(), []
    for frame in mix.split(1, dim=1):
        out, state = net(frame, state)
        parts.append(out)
    assert torch.allclose(whole, torch.cat(parts, 1), atol=1e-5)
    assert torch.allclose(whole.sum(2), mix, atol=1e-5)


def test_snr_from_masks_is_that_of_the_spectra():
    torch.manual_seed(0)
    net, stems = Separator(SMALL), torch.randn(2, 4, 2, 4_000)
    spectra = stft.spectra(stems, SMALL.n_fft, SMALL.hop)
    mix = spectra.sum(1)
    power, cross, energy = sums(spectra, SMALL)
    masks, _ = net.core(power, net.state(2))
    _, snr = loss(masks, power, cross, energy, SMALL)
    estimates, _ = net(mix.transpose(1, 2), net.state(2))
    error = (estimates.permute(0, 2, 3, 1, 4, 5) - spectra).square().sum((2, 3, 4, 5))
    floor = 1e-3 * mix.square().sum((1, 2, 3, 4))[:, None]
    expected = 10 * torch.log10((spectra.square().sum((2, 3, 4, 5)) + floor) / (error + floor))
    assert torch.allclose(snr, expected, atol=1e-2)


def test_orthogonalised_has_singular_values_near_one():
    values = torch.linalg.svdvals(orthogonalised(torch.randn(3, 32, 16, generator=torch.Generator().manual_seed(0))))
    assert values.min() > 0.5 and values.max() < 1.5


def test_dealt_stems_are_stems_that_were_kept():
    # A tone per stem and example: where it is after a change of pitch says which it was.
    store = [torch.zeros(2, 4, 2, 9, SMALL.bins, 2) for _ in range(2)]
    for b, batch in enumerate(store):
        for i in range(2):
            for stem in range(4):
                tone = 16 * 2 ** (2 * b + i) + stem
                batch[i, stem, :, :, tone - 1 : tone + 2] = 1
    for seed in range(20):
        batch = dealt(np.random.default_rng(seed), store, SMALL)
        assert batch.isfinite().all()
        for stem in range(4):
            for tone in batch[:, stem].square().sum((1, 2, 4)):
                played = float((tone * torch.arange(SMALL.bins)).sum() / tone.sum())
                ratios = [played / (16 * 2**k + stem) for k in range(4)]
                assert any(2 ** (-6 / 12) < r < 2 ** (6 / 12) for r in ratios), (seed, stem, played)


def test_usdr_of_a_tenth_of_an_error_is_twenty_db():
    x = np.random.default_rng(0).standard_normal((2, 44_100)).astype(np.float32)
    assert abs(metrics.usdr(x, x * 0.9) - 20) < 0.01


def test_mute_tells_leakage_from_damage():
    rng = np.random.default_rng(0)
    voice, rest, noise = (rng.standard_normal((2, 5 * 44_100)).astype(np.float32) for _ in range(3))
    attenuation, damage = metrics.mute(voice, rest, rest + 0.1 * voice)
    assert abs(attenuation - 20) < 1 and damage < -25
    attenuation, damage = metrics.mute(voice, rest, rest + 0.1 * noise)
    assert attenuation > 30 and abs(damage + 20) < 1


if __name__ == "__main__":
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"{name}: passed")
