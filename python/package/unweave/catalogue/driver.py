"""The run: songs to workers, records to the journal."""

import contextlib
import dataclasses
import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import ray
from tqdm import tqdm

import unweave

from .journal import STATE, Journal, digest
from .pool import Job, Outcome, Pool
from .settings import Problem, Settings
from .songs import Song, songs
from .store import Store, StoreError

MAX_MOVES = 5
"""How many machines may be lost under one song until it is held against the song."""

MAX_DELAY_S = 30.0
CONNECT_SECONDS = 10.0

REFUSED_SONGS = 3
"""So many that a store refused one after the other mean that it refuses all."""

MAX_LATER = 1_000
"""Songs that wait to be tried again, beyond which no new one is begun."""


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run did."""

    num_done: int
    """Songs done now."""
    num_before: int
    """Songs that earlier runs had dealt with."""
    num_failed: int
    """Songs listed as failed now."""
    seconds: float
    """How long the run took."""
    machine_hours: float
    """For how long machines were there, all together."""
    price_per_hour: float | None = None

    def __str__(self) -> str:
        text = f"{self.num_done} songs done"
        if self.num_before:
            text += f", {self.num_before} were before"
        if self.num_failed:
            text += f", {self.num_failed} failed: the table says why"
        if self.num_done and self.seconds:
            hours = 1_000 * self.machine_hours / self.num_done
            text += f"\n{3_600 * self.num_done / self.seconds:,.0f} songs an hour; 1,000 songs take {hours:.2f} machine hours"
            if self.price_per_hour is not None:
                text += f" and cost {hours * self.price_per_hour:.2f}"
        return text


def run(settings: Settings, *, is_quiet: bool = False) -> Summary:
    """Makes a set of every song, and the table of all.

    Raises `Problem` if that is not possible; what is done stays done, and the same call goes on. Uses Ray as it is if it
    has been started in this process.
    """
    source = Store(settings.input, settings.storage_options)
    output = Store(settings.output, settings.storage_options)
    if type(source.fs) is type(output.fs) and f"{output.root}/".startswith(f"{source.root}/"):
        raise Problem(f"{output.address}: lies within the input, so sets would be taken for songs; choose another output")
    # Workers run elsewhere: a path from here means nothing there.
    settings = dataclasses.replace(settings, input=source.address, output=output.address)
    try:
        journal = Journal(output)
        # Before any machine is asked for.
        journal.compare(_made(settings))
        with _cluster(settings), _bar(settings, is_quiet) as bar:
            return _Run(settings, journal, bar).run()
    except StoreError as error:
        raise Problem(str(error)) from error


class _Run:
    def __init__(self, settings: Settings, journal: Journal, bar: "tqdm[Any]") -> None:
        self.settings, self.journal, self.bar = settings, journal, bar
        self.songs = self._wanted()
        self.later: list[tuple[float, int, Job]] = []
        self.order = itertools.count()
        self.is_exhausted = False
        self.next: Job | None = None
        self.num_done = self.num_before = self.num_failed = 0
        # Songs that a store refused since one was done, and since when.
        self.refused: set[str] = set()
        self.refused_since = 0.0
        self.pool = Pool(settings, self._begin, lambda text: bar.write(text))

    def run(self) -> Summary:
        start = time.monotonic()
        try:
            while self._feed() or self.pool.num_jobs:
                if self.next or self.later:
                    self.pool.grow()
                for outcome in self.pool.outcomes(timeout_s=1.0):
                    self._take(outcome)
        finally:
            # Also when something is wrong, or Ctrl-C was pressed.
            self.pool.close()
            self.journal.flush()
        self.journal.write_table()
        if self.journal.output.is_local:
            self.journal.output.remove(f"{STATE}/making")
        return Summary(
            self.num_done,
            self.num_before,
            self.num_failed,
            time.monotonic() - start,
            self.pool.machine_seconds / 3_600,
            self.settings.price_per_hour,
        )

    def _wanted(self) -> Iterator[Job]:
        """Songs that are not dealt with, each once."""
        seen: set[int] = set()
        for song in songs(self.settings):
            number = digest(song.key)
            if number in seen:
                continue
            seen.add(number)
            is_done = self.journal.known.get(number)
            if is_done or (is_done is False and not self.settings.retry_failed):
                self.num_before += 1
                self.bar.update()
            else:
                yield Job(song)

    def _feed(self) -> bool:
        """Gives songs to workers with room: those that are tried again first. False if none is left to be given."""
        while True:
            if self.next is None and self.later and self.later[0][0] <= time.monotonic():
                self.next = heapq.heappop(self.later)[2]
            if self.next is None and not self.is_exhausted and len(self.later) < MAX_LATER:
                self.next = next(self.songs, None)
                self.is_exhausted = self.next is None
            if self.next is None:
                return bool(self.later)
            if not self.pool.take(self.next):
                return True
            self.next = None

    def _begin(self, about: dict[str, Any]) -> bytes:
        return self.journal.begin({**_made(self.settings), "model_sha256": about["model_sha256"]})

    def _take(self, outcome: Outcome) -> None:
        job, record = outcome.job, outcome.record
        if record is None:
            if outcome.is_machine_lost and job.moves < MAX_MOVES:
                job.moves += 1
                self._again(job, 0)
                return
            job.alone = True
            self._failed(job, "its worker died of it: too little memory, or a fault in Unweave or ONNX Runtime")
        elif "kind" not in record:
            self.journal.add({**record, "tries": job.tries + 1})
            self.num_done += 1
            self.refused.clear()
            self.bar.update()
        elif record["kind"] in ("full", "settings"):
            raise Problem(record["reason"])
        else:
            if record["kind"] == "store" and self._is_down(job, record["reason"]):
                # The song has no part in it.
                self._again(job, MAX_DELAY_S / 10)
            else:
                self._failed(job, record["reason"])

    def _is_down(self, job: Job, reason: str) -> bool:
        """Whether a store refuses one song after the other, not this one alone. In time the run stops: there is no use
        in listing all songs as failed."""
        now = time.monotonic()
        if not self.refused:
            self.refused_since = now
        self.refused.add(job.song.key)
        if len(self.refused) < REFUSED_SONGS:
            return False
        if now - self.refused_since > self.settings.patience_s:
            raise Problem(f"song after song is refused: {reason}. What is done stays done; the same command goes on")
        return True

    def _failed(self, job: Job, reason: str) -> None:
        job.tries += 1
        if job.tries < self.settings.tries:
            self._again(job, self._delay(job.tries))
            return
        self.journal.add(
            {
                "song": job.song.address,
                "status": "failed",
                "folder": job.song.key,
                "tries": job.tries,
                "reason": reason,
            }
        )
        self.num_failed += 1
        self.bar.update()
        self.bar.write(f"failed: {reason}")

    def _again(self, job: Job, delay_s: float) -> None:
        heapq.heappush(self.later, (time.monotonic() + delay_s, next(self.order), job))

    def _delay(self, failures: int) -> float:
        """Longer with each failure: what is overloaded gets time."""
        return float(min(2 ** (failures - 2), MAX_DELAY_S))


def _made(settings: Settings) -> dict[str, Any]:
    """What sets of one output have in common."""
    return {"unweave_version": unweave.__version__, **settings.what.options()}


@contextlib.contextmanager
def _cluster(settings: Settings) -> Iterator[None]:
    if ray.is_initialized():
        yield
        return
    # Unweave tells nobody what it is used for, nor does Ray on its behalf.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Alone, it listens on this machine only.
    alone: dict[str, Any] = {} if settings.address else {"_node_ip_address": "127.0.0.1"}
    try:
        _look_for(settings.address)
        ray.init(address=settings.address or "local", log_to_driver=False, **alone)
    except Exception as error:
        if settings.address is None:
            raise Problem(f"Ray does not start on this machine: {error}") from error
        raise Problem(
            f"{settings.address}: no Ray cluster answers there: {error}. Start one with `ray start --head`, name "
            "another with --address, or leave it out to use this machine alone"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _look_for(address: str | None) -> None:
    """Raises `OSError` if nothing listens at an address: Ray itself goes on asking for many minutes."""
    host, _, port = (address or "").rpartition("://")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


@contextlib.contextmanager
def _bar(settings: Settings, is_quiet: bool) -> "Iterator[tqdm[Any]]":
    """A bar whose length is known once all songs are counted, which goes on beside."""
    with tqdm(unit="song", disable=is_quiet, smoothing=0.05) as bar:

        def count() -> None:
            # What is wrong with the input, the run itself says.
            with contextlib.suppress(Problem, StoreError):
                total = sum(1 for _ in songs(settings))
                bar.total = total
                bar.refresh()

        threading.Thread(target=count, daemon=True).start()
        yield bar
