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
        self.inputs = [i.name for i in self.session.get_inputs()]
        self.outputs = [o.name for o in self.session.get_outputs()]
        self.shapes = [i.shape for i in self.session.get_inputs()[1:]]

    def start(self) -> list[np.ndarray]:
        """All states at zero."""
        return [np.zeros(shape, np.float32) for shape in self.shapes]

    def call(self, mix: np.ndarray, states: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """[1, T, 2, F, 2] to [1, T, S, 2, F, 2] and the states after it; outputs are in the order of the inputs."""
        stems, *states = self.session.run(self.outputs, dict(zip(self.inputs, [mix, *states], strict=True)))
        return stems, states

    def spectra(self, mix: np.ndarray, frames_per_call: int) -> np.ndarray:
        """Spectra of the mix [T, 2, F, 2] to those of the stems [T, S, 2, F, 2]."""
        states, out = self.start(), []
        for first in range(0, len(mix), frames_per_call):
            stems, states = self.call(np.ascontiguousarray(mix[None, first : first + frames_per_call]), states)
            out.append(stems[0])
        return np.concatenate(out)

    def separate(self, mix: np.ndarray, frames_per_call: int = 1) -> np.ndarray:
        """Audio [2, frames] to [S, 2, frames]."""
        spectra = stft.spectra(torch.from_numpy(mix), self.n_fft, self.hop).transpose(0, 1).numpy()
        stems = torch.from_numpy(self.spectra(spectra, frames_per_call)).permute(1, 2, 0, 3, 4)
        return stft.audio(stems, self.n_fft, self.hop, mix.shape[-1]).numpy()
