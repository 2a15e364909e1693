"""What became of each song, kept in the output, so that a run can go on and a table can be made.

    OUTPUT/album/song.flac/...            the set of album/song.flac, its report written last
    OUTPUT/catalogue.parquet, .csv        the table, when a run ends
    OUTPUT/.unweave/run.json              what is made here
    OUTPUT/.unweave/records/*.jsonl       a line per song that is done or failed, newest file last
    OUTPUT/.unweave/making/               sets in the making, where the output is a folder
"""

import contextlib
import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from .settings import Problem
from .store import Store, telling

STATE = ".unweave"
RUN = f"{STATE}/run.json"
RECORDS = f"{STATE}/records"
WORK = f"{STATE}/making"
TABLE = "catalogue"

FLUSH_RECORDS, FLUSH_SECONDS = 1_000, 10.0

COLUMNS = pa.schema(
    [
        ("song", pa.string()),
        ("status", pa.string()),
        ("seconds", pa.float64()),
        ("took_seconds", pa.float64()),
        ("model_sha256", pa.string()),
        ("loudness_lufs", pa.float64()),
        ("proof", pa.string()),
        ("folder", pa.string()),
        ("tries", pa.int32()),
        ("reason", pa.string()),
    ]
)
"""Of the table: `status` is "done" or "failed"; `seconds` is the song's length, `took_seconds` what separating it took;
`loudness_lufs` is the song's; `proof` is "exact" or "lossy"; `folder` is relative to the output."""

Record = dict[str, Any]


def digest(key: str) -> int:
    """Eight bytes that stand for a song: a million of them fit where a million names don't."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest())


class Journal:
    """The records of one output. `known` tells of each song, by its `digest`, whether it is done (or failed)."""

    def __init__(self, output: Store) -> None:
        self.output = output
        self.known: dict[int, bool] = {}
        self._new: list[Record] = []
        self._flushed = time.monotonic()
        # Later runs sort after earlier ones.
        self._run = f"{time.time_ns() // 1_000_000:015d}"
        self._num_files = 0
        for record in self._records():
            self.known[digest(record["folder"])] = record["status"] == "done"

    def begin(self, made: dict[str, Any]) -> bytes:
        """Says what is made here, or compares with what earlier runs made: an output holds sets of one kind.

        Gives what then is in the file, which no other output has.
        """
        if "run.json" not in self.output.names(STATE):
            self.output.write(RUN, json.dumps({"id": uuid.uuid4().hex, **made}, indent=2).encode())
        self.compare(made)
        return self.output.read(RUN)

    def compare(self, made: dict[str, Any]) -> None:
        """Raises `Problem` if something else is made here."""
        if "run.json" not in self.output.names(STATE):
            return
        # As it was read.
        made = json.loads(json.dumps(made))
        before = json.loads(self.output.read(RUN))
        differences = [
            f"{name} was {before.get(name)!r} and now is {made.get(name)!r}"
            for name in sorted(made)
            if before.get(name) != made[name]
        ]
        if differences:
            raise Problem(
                f"{self.output.address}: holds sets that were made otherwise: {'; '.join(differences)}. Choose "
                "another output, or go on as before"
            )

    def add(self, record: Record) -> None:
        """Takes a record; every few seconds, what came since is written."""
        self.known[digest(record["folder"])] = record["status"] == "done"
        self._new.append(record)
        if len(self._new) >= FLUSH_RECORDS or time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Writes what was not yet written."""
        if self._new:
            lines = "".join(json.dumps(record) + "\n" for record in self._new)
            self.output.write(f"{RECORDS}/{self._run}-{self._num_files:06d}.jsonl", lines.encode())
            self._num_files += 1
            self._new = []
        self._flushed = time.monotonic()

    def write_table(self) -> None:
        """Writes the table, as Parquet and as CSV, a line per song."""
        self.flush()
        # Of a song that was tried again, the last record counts.
        last: dict[int, int] = {}
        for number, record in enumerate(self._records()):
            last[digest(record["folder"])] = number
        with contextlib.ExitStack() as stack:
            stack.enter_context(telling(self.output.address, "written"))
            new = {
                ending: stack.enter_context(self.output.fs.open(self.output.path(f"{STATE}/{TABLE}{ending}"), "wb"))
                for ending in (".parquet", ".csv")
            }
            writers = [
                stack.enter_context(pyarrow.parquet.ParquetWriter(new[".parquet"], COLUMNS)),
                stack.enter_context(pyarrow.csv.CSVWriter(new[".csv"], COLUMNS)),
            ]
            for batch in _batches(
                record for number, record in enumerate(self._records()) if last[digest(record["folder"])] == number
            ):
                for writer in writers:
                    writer.write_table(batch)
        with telling(self.output.address, "written"):
            for ending in new:
                self.output.fs.mv(
                    self.output.path(f"{STATE}/{TABLE}{ending}"), self.output.path(f"{TABLE}{ending}")
                )

    def _records(self) -> Iterator[Record]:
        for name in sorted(self.output.names(RECORDS)):
            if name.endswith(".jsonl"):
                for line in self.output.read(f"{RECORDS}/{name}").splitlines():
                    yield json.loads(line)


def _batches(records: Iterator[Record]) -> Iterator[pa.Table]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == FLUSH_RECORDS:
            yield pa.Table.from_pylist(batch, COLUMNS)
            batch = []
    # Also without a song there is a table.
    yield pa.Table.from_pylist(batch, COLUMNS)
