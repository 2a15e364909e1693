"""Folders at fsspec addresses, and errors that name them."""

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any

import fsspec

from .settings import Problem

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class StoreError(Exception):
    """What a store refused, in words. `kind` is "missing", "full" or "unreachable"."""

    def __init__(self, text: str, kind: str) -> None:
        super().__init__(text, kind)
        self.kind = kind

    def __str__(self) -> str:
        return str(self.args[0])


@contextlib.contextmanager
def telling(address: str, what: str) -> Iterator[None]:
    """Turns whatever a store raises into a `StoreError`: each of fsspec's file systems has exceptions of its own."""
    try:
        yield
    except (StoreError, Problem):
        raise
    except FileNotFoundError:
        raise StoreError(f"{address}: is not there", "missing") from None
    except Exception as error:
        is_full = isinstance(error, OSError) and error.errno in FULL
        kind = "full" if is_full else "unreachable"
        advice = (
            "make room, then run the same command again"
            if is_full
            else "check the address, the network and the credentials"
        )
        text = str(error) or type(error).__name__
        raise StoreError(f"{address}: can't be {what}: {text}; {advice}", kind) from error


class Store:
    """A folder or file at an address. Paths are relative to it."""

    def __init__(self, address: str, options: dict[str, Any]) -> None:
        self.address = address.rstrip("/")
        protocol, separator, _ = address.partition("://")
        try:
            is_local = not separator or protocol in ("file", "local")
            self.fs, root = fsspec.core.url_to_fs(address, **({} if is_local else options))
        except (ImportError, ValueError) as error:
            raise Problem(f"{address}: no such address can be used here: {error}") from error
        except Exception as error:
            raise Problem(
                f"{address}: can't be reached: {error}; check the address, the network and the credentials"
            ) from error
        self.root = str(root).rstrip("/")
        self.is_local = is_local
        if is_local:
            self.address = self.root

    def path(self, relative: str) -> str:
        """As the file system itself takes it."""
        return f"{self.root}/{relative}" if relative else self.root

    def names(self, folder: str) -> set[str]:
        """Names of what is in a folder; none if it isn't there."""
        path = self.path(folder)
        self.fs.invalidate_cache()
        with telling(f"{self.address}/{folder}", "listed"):
            try:
                listed = self.fs.ls(path, detail=False)
            except (FileNotFoundError, NotADirectoryError):
                return set()
        return {os.path.basename(entry.rstrip("/")) for entry in listed if entry.rstrip("/") != path}

    def read(self, relative: str) -> bytes:
        """A whole file."""
        with telling(f"{self.address}/{relative}", "read"):
            content = self.fs.cat_file(self.path(relative))
        return bytes(content)

    def write(self, relative: str, content: bytes) -> None:
        """A whole file, with the folders above it. On a local disk it appears whole or not at all."""
        path = self.path(relative)
        with telling(f"{self.address}/{relative}", "written"):
            self.fs.makedirs(os.path.dirname(path), exist_ok=True)
            if self.is_local:
                self.fs.pipe_file(path + ".new", content)
                os.replace(path + ".new", path)
            else:
                self.fs.pipe_file(path, content)

    def remove(self, relative: str) -> None:
        """A file or folder and all in it; none is fine."""
        path = self.path(relative)
        with telling(f"{self.address}/{relative}", "removed"), contextlib.suppress(FileNotFoundError):
            self.fs.rm(path, recursive=True)
