"""Which songs there are, one after the other: a million of them never are in memory together."""

import posixpath
from collections.abc import Iterator
from typing import Any, NamedTuple

from .settings import Problem, Settings
from .store import Store, telling

AUDIO = (".aac", ".aif", ".aifc", ".aiff", ".flac", ".m4a", ".mp3", ".mp4", ".oga", ".ogg", ".w64", ".wav", ".wave")
"""Names that songs in a folder end with. A list or a table may name others."""


class Song(NamedTuple):
    """A song: where it is read from, and the folder of its set in the output."""

    address: str
    key: str


def songs(settings: Settings) -> Iterator[Song]:
    """All songs of the input, in an order that does not change.

    Raises `Problem` if there is no such input, `StoreError` if it can't be read.
    """
    store = Store(settings.input, settings.storage_options)
    with telling(settings.input, "read"):
        if not store.fs.exists(store.root):
            raise Problem(f"{settings.input}: there is no such folder, list or table")
        is_folder = store.fs.isdir(store.root)
    if is_folder:
        return _in_folder(store)
    if settings.input.endswith((".parquet", ".pq")):
        return _named(store, _column(store, settings.column))
    return _named(store, _lines(store))


def _in_folder(store: Store) -> Iterator[Song]:
    with telling(store.address, "listed"):
        for folder, folders, files in store.fs.walk(store.root):
            # In place, so that walking goes this way.
            folders.sort()
            below = posixpath.relpath(folder, store.root)
            for name in sorted(files):
                if name.lower().endswith(AUDIO) and not name.startswith("."):
                    key = posixpath.normpath(posixpath.join(below, name))
                    yield Song(f"{store.address}/{key}", key)


def _named(store: Store, names: Iterator[str]) -> Iterator[Song]:
    """Songs by their addresses; relative ones count from the folder of the list."""
    beside = posixpath.dirname(store.address)
    for name in names:
        is_address = "://" in name or name.startswith("/")
        path = name.partition("://")[2] if "://" in name else name
        key = posixpath.normpath(path.lstrip("/"))
        if key.startswith("..") or key in (".", ""):
            raise Problem(f"{store.address}: {name!r} names no song below the list's folder; write its whole address")
        yield Song(name if is_address else f"{beside}/{key}" if beside else key, key)


def _lines(store: Store) -> Iterator[str]:
    with telling(store.address, "read"), store.fs.open(store.root, "rt", encoding="utf-8-sig") as lines:
        try:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    yield line.strip()
        except UnicodeDecodeError:
            raise Problem(
                f"{store.address}: a list is a text file with an address per line; this is none. One song is a "
                "list of one line"
            ) from None


def _column(store: Store, column: str) -> Iterator[str]:
    import pyarrow.parquet

    with telling(store.address, "read"), store.fs.open(store.root, "rb") as file:
        try:
            table = pyarrow.parquet.ParquetFile(file)
        except pyarrow.ArrowInvalid as error:
            raise Problem(f"{store.address}: no Parquet table: {error}") from error
        if column not in table.schema_arrow.names:
            raise Problem(
                f"{store.address}: has no column {column!r}; it has {', '.join(table.schema_arrow.names)}: "
                "name one with --column"
            )
        for batch in table.iter_batches(batch_size=10_000, columns=[column]):
            yield from map(_text, batch.column(0).to_pylist())


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Problem(f"a table's addresses are text, but one is {value!r}")
    return value
