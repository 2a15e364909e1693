"""What runs on the machines: a song at a time is separated, while the next is fetched or the last is brought home."""

import contextlib
import json
import os
import platform
import posixpath
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

import unweave
from unweave.types import Report

from .journal import RUN, WORK, Record
from .settings import Settings
from .songs import Song
from .store import Store, StoreError, telling

REPORT = "(Report).json"
"""What the name of a set's report ends with."""


class Failure(Exception):
    """Why there is no set. `kind` is "song": another song may do; "store": another time may do; "full": it will not
    before someone makes room; "settings": no song will do."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind, self.reason = kind, reason


class Worker:
    """A model, ready, on some machine. Ray calls `make` for two songs at a time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.one_at_a_time = threading.Lock()

    def __repr__(self) -> str:
        return f"unweave on {platform.node()}"

    def start(self, version: str) -> dict[str, Any]:
        """Loads the model. Gives what the driver compares, or the "problem" that keeps this machine from working."""
        here = platform.node()
        if unweave.__version__ != version:
            return {
                "problem": f"{here} has version {unweave.__version__} of unweave, the driver has {version}: install "
                "the same everywhere, or what songs become would depend on where"
            }
        settings = self.settings
        device = settings.device or ("auto" if settings.gpus else "cpu")
        try:
            self.separator = unweave.Separator(
                settings.what.model, device=device, threads=max(1, round(settings.cpus))
            )
            self.output = Store(settings.output, settings.storage_options)
        except Exception as error:
            return {"problem": f"{here}: {error}"}
        return {
            "model_sha256": self.separator.model["sha256"],
            "node": ray.get_runtime_context().get_node_id(),
        }

    def look(self, state: bytes) -> str | None:
        """Makes room to work in, and says why the output can't be used here, if so. `state` is what the driver wrote
        there: a folder that only has the same name on both machines does not have it."""
        try:
            seen = self.output.read(RUN)
        except StoreError as error:
            if self.output.is_local and error.kind == "missing":
                seen = b""
            else:
                return f"{platform.node()}: {error}"
        if seen != state:
            return (
                f"{platform.node()}: does not see the folder {self.output.address} of the driver's machine: name one "
                "that all machines share, or a store such as s3://"
            )
        within = self.output.path(WORK) if self.output.is_local else tempfile.gettempdir()
        prefix = f"unweave-{platform.node()}-"
        try:
            Path(within).mkdir(parents=True, exist_ok=True)
            _remove_dead(Path(within), prefix)
            self.work = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=within))
        except OSError as error:
            return f"{platform.node()}: {error}; a worker needs a folder to work in"
        return None

    def make(self, song: Song) -> Record:
        """Makes the set of a song and gives its record, or one with the `kind` of failure and the `reason`."""
        try:
            try:
                return self._there(song) or self._make(song)
            except StoreError as error:
                kind = {"missing": "song", "full": "full"}.get(error.kind, "store")
                raise Failure(kind, str(error)) from error
        except Failure as failure:
            return {"kind": failure.kind, "reason": failure.reason}

    def _there(self, song: Song) -> Record | None:
        """The record of a set that is there, whole: its worker died before it could tell, or its driver did."""
        names = self.output.names(song.key)
        reports = [name for name in names if name.endswith(REPORT)]
        if len(reports) == 1:
            with contextlib.suppress(ValueError, KeyError):
                report = json.loads(self.output.read(f"{song.key}/{reports[0]}"))
                if {file["name"] for file in report["files"]} <= names:
                    return _record(song, report, None)
        if names:
            self.output.remove(song.key)
        return None

    def _make(self, song: Song) -> Record:
        with tempfile.TemporaryDirectory(dir=self.work) as work, self._fetched(song, work) as local:
            with self.one_at_a_time:
                start = time.monotonic()
                done = _separate(self.separator, local, work, self.settings)
                took = time.monotonic() - start
            _publish(done.folder, self.output, song.key)
            return _record(song, done.report, took)

    @contextlib.contextmanager
    def _fetched(self, song: Song, work: str) -> Iterator[str]:
        """The song as a file of its own name, which its set may be called after."""
        store = Store(song.address, self.settings.storage_options)
        if store.is_local:
            yield store.root
            return
        local = os.path.join(work, posixpath.basename(song.key))
        with telling(song.address, "read"):
            store.fs.get_file(store.root, local)
        yield local
        os.remove(local)


def _separate(separator: unweave.Separator, song: str, work: str, settings: Settings) -> unweave.Delivery:
    try:
        return separator.separate_file(song, os.path.join(work, "sets"), **settings.what.options())
    except unweave.OutputError as error:
        # With room for none, there is none for the next song either.
        raise Failure("full" if "make room" in str(error) else "store", f"{platform.node()}: {error}") from error
    except unweave.Error as error:
        raise Failure("song", str(error)) from error
    except ValueError as error:
        raise Failure("settings", str(error)) from error


def _publish(folder: Path, output: Store, key: str) -> None:
    """Puts a set in its place: on a disk by a rename, in a store with its report last. Until then, nobody takes what is
    there for a set."""
    place = output.path(key)
    with telling(f"{output.address}/{key}", "written"):
        output.fs.makedirs(posixpath.dirname(place) if output.is_local else place, exist_ok=True)
        if output.is_local:
            try:
                os.rename(folder, place)
            except OSError:
                # A worker that was taken for dead was as quick.
                if not any(name.endswith(REPORT) for name in output.names(key)):
                    raise
            return
        for path in sorted(folder.iterdir(), key=lambda path: path.name.endswith(REPORT)):
            output.fs.put_file(str(path), f"{place}/{path.name}")


def _record(song: Song, report: Report, took: float | None) -> Record:
    loudness = [file["loudness_lufs"] for file in report["files"] if file["role"] == "mix"]
    return {
        "song": song.address,
        "status": "done",
        "seconds": report["source"]["seconds"],
        "took_seconds": took,
        "model_sha256": report["model"]["sha256"],
        "loudness_lufs": loudness[0] if loudness else None,
        "proof": report["proof"]["outcome"],
        "folder": song.key,
    }


def _remove_dead(within: Path, prefix: str) -> None:
    """Removes what killed workers of this machine left."""
    for folder in within.glob(f"{prefix}*"):
        process = folder.name.removeprefix(prefix).partition("-")[0]
        try:
            os.kill(int(process), 0)
        except (ProcessLookupError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:
            pass
