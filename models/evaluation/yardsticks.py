"""What the model is compared with: no separation, no learning, the ceiling of its method, and speech enhancers."""

from pathlib import Path

import numpy as np
import torch
from scipy import ndimage, signal

import stft

N_FFT, HOP, SAMPLE_RATE = 4096, 1024, 44_100


def _spectra(audio: np.ndarray) -> np.ndarray:
    return torch.view_as_complex(stft.spectra(torch.from_numpy(audio), N_FFT, HOP)).numpy()


def _audio(spectra: np.ndarray, frames: int) -> np.ndarray:
    return stft.audio(torch.view_as_real(torch.from_numpy(spectra.astype(np.complex64))), N_FFT, HOP, frames).numpy()


def mixture(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """Every stem is the mix."""
    return np.broadcast_to(mix, stems.shape)


def oracle(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """Ratio of the true magnitudes per bin and channel: the ceiling of real masks that add up to one."""
    magnitudes = np.abs(_spectra(stems))
    masks = magnitudes / (magnitudes.sum(0) + 1e-9)
    return _audio(masks * _spectra(mix), mix.shape[-1])


def unlearned(mix: np.ndarray, stems: np.ndarray) -> np.ndarray:
    """Median-filter HPSS (Fitzgerald 2010) for drums, a low-pass for bass, the centre of the image for vocals."""
    x = _spectra(mix)  # [2, T, F]
    power = np.abs(x).mean(0)
    harmonic = ndimage.median_filter(power, (31, 1)) ** 2
    percussive = ndimage.median_filter(power, (1, 31)) ** 2
    drums = percussive / (harmonic + percussive + 1e-12)
    hz = np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE)
    low = 1 / (1 + (hz / 150) ** 8)
    left, right = x
    centre = np.clip(1 - np.abs(left - right) / (np.abs(left) + np.abs(right) + 1e-9), 0, 1)
    sung = centre * (1 - low) / (1 + (hz / 9_000) ** 8)
    kept = 1 - drums
    masks = np.stack([drums, kept * low, kept * sung, kept * (1 - low) - kept * sung])
    return _audio(masks[:, None] * x, mix.shape[-1])


def speech_enhancer(folder: Path, mix: np.ndarray) -> np.ndarray:
    """UL-UNAS (Rong et al. 2025) or GTCRN (Rong et al. 2024), both MIT: 16 kHz, STFT 512/256, caches in and out.

    Each channel on its own: an estimate of the vocals, [2, frames].
    """
    session = _session(next(folder.glob("*.onnx")))
    inputs = session.get_inputs()
    window = np.hanning(513)[:512] ** 0.5

    def enhance(x: np.ndarray) -> np.ndarray:
        padded = np.pad(x, (256, 512))
        state = {i.name: np.zeros(i.shape, np.float32) for i in inputs[1:]}
        y = np.zeros(len(padded))
        for at in range(0, len(padded) - 511, 256):
            s = np.fft.rfft(padded[at : at + 512] * window)
            frame = np.stack([s.real, s.imag], -1).astype(np.float32).reshape(1, 257, 1, 2)
            result, *states = session.run(None, {inputs[0].name: frame, **state})
            state = dict(zip(state, states, strict=True))
            result = result.reshape(257, 2)
            y[at : at + 512] += np.fft.irfft(result[:, 0] + 1j * result[:, 1]) * window
        return y[256:]

    return _at_16_khz(enhance, mix)


def dtln(folder: Path, mix: np.ndarray) -> np.ndarray:
    """DTLN (Westhausen and Meyer 2020, MIT): a magnitude mask, then a learned transform, 512/128 at 16 kHz; [2, frames]."""
    first, second = (_session(folder / f"dtln_model_{i}.onnx") for i in (1, 2))

    def enhance(x: np.ndarray) -> np.ndarray:
        padded = np.pad(x, (384, 512)).astype(np.float32)
        y = np.zeros(len(padded))
        states = [np.zeros((1, 2, 128, 2), np.float32) for _ in range(2)]
        for at in range(0, len(padded) - 511, 128):
            s = np.fft.rfft(padded[at : at + 512])
            magnitude = np.abs(s).astype(np.float32)[None, None]
            mask, states[0] = first.run(None, {"input_2": magnitude, "input_3": states[0]})
            masked = np.fft.irfft(s * mask[0, 0]).astype(np.float32)[None, None]
            out, states[1] = second.run(None, {"input_4": masked, "input_5": states[1]})
            y[at : at + 512] += out[0, 0]
        return y[384:]

    return _at_16_khz(enhance, mix)


# Folder of the weights, name in the table, how it runs.
ENHANCERS = (
    ("ulunas_16k", "UL-UNAS", speech_enhancer), ("dtln_16k", "DTLN", dtln), ("gtcrn_16k", "GTCRN", speech_enhancer),
)


def _session(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _at_16_khz(enhance, mix: np.ndarray) -> np.ndarray:
    out = []
    for channel in mix:
        y = enhance(signal.resample_poly(channel, 160, 441))
        y = signal.resample_poly(y, 441, 160)[: mix.shape[1]]
        out.append(np.pad(y, (0, mix.shape[1] - len(y))))
    return np.stack(out).astype(np.float32)
