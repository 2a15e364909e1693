"""Runs an exported model as the streaming library does: call by call, state in and out."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch

import stft


class Streaming:
    def __init__(self, path: Path, n_fft: int = 4096, hop: int = 1024, threads: int = 1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.n_fft, self.hop = n_fft, hop
        self.state_shape = self.session.get_inputs()[1].shape

    def spectra(self, mix: np.ndarray, frames_per_call: int) -> np.ndarray:
        """Spectra of the mix [T, 2, F, 2] to those of the stems [T, S, 2, F, 2]."""
        state, out = np.zeros(self.state_shape, np.float32), []
        for first in range(0, len(mix), frames_per_call):
            call = np.ascontiguousarray(mix[None, first : first + frames_per_call])
            stems, state = self.session.run(["stems", "gru_out"], {"mix": call, "gru_in": state})
            out.append(stems[0])
        return np.concatenate(out)

    def separate(self, mix: np.ndarray, frames_per_call: int = 1) -> np.ndarray:
        """Audio [2, frames] to [S, 2, frames]."""
        spectra = stft.spectra(torch.from_numpy(mix), self.n_fft, self.hop).transpose(0, 1).numpy()
        stems = torch.from_numpy(self.spectra(spectra, frames_per_call)).permute(1, 2, 0, 3, 4)
        return stft.audio(stems, self.n_fft, self.hop, mix.shape[-1]).numpy()
