"""Workers, as many as there is room for: Ray places them, says when one died, and asks for machines for those that wait."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import ray
import ray.exceptions

import unweave

from .journal import Record
from .settings import Problem, Settings
from .songs import Song
from .worker import Worker

SONGS_PER_WORKER = 2
"""One is separated while another is fetched or brought home."""

LOOK_SECONDS = 5.0
"""How often is looked whether the cluster has grown."""

WAIT_SECONDS = 30.0
"""How long nothing may start until it is said."""

MAX_FAILED_STARTS = 5

WORKER_DIED = "worker process has died"
"""What Ray's error says if the process is gone and the machine is there."""

# What ray.get raises when the process is gone that should have answered.
GONE = (ray.exceptions.RayActorError, ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError)


@dataclasses.dataclass(eq=False)
class Job:
    """A song on its way."""

    song: Song
    tries: int = 0
    """How often it failed."""
    moves: int = 0
    """How often its machine was lost, which is no fault of a song's."""
    alone: bool = False
    """Whether it was there when a worker died: it is then tried alone, to know whether it was the cause."""


@dataclasses.dataclass(eq=False)
class Hand:
    """A worker as the driver sees it."""

    actor: Any
    jobs: dict[Any, Job] = dataclasses.field(default_factory=dict)
    about: dict[str, Any] | None = None
    is_ready: bool = False

    def has_room(self, job: Job) -> bool:
        if not self.is_ready or any(other.alone for other in self.jobs.values()):
            return False
        return not self.jobs if job.alone else len(self.jobs) < SONGS_PER_WORKER


@dataclasses.dataclass
class Outcome:
    """What became of a job: a record, or the worker died, or its whole machine."""

    job: Job
    record: Record | None
    is_machine_lost: bool = False


class Pool:
    """All workers. `begin` is called with what the first one says of its model, and gives what all must see of the output."""

    def __init__(self, settings: Settings, begin: Callable[[dict[str, Any]], bytes], note: Callable[[str], None]):
        self.settings, self.begin, self.note = settings, begin, note
        self.version = unweave.__version__
        self.hands: list[Hand] = []
        self.starting: dict[Any, Hand] = {}
        self.first: dict[str, Any] | None = None
        self.state = b""
        self.num_failed_starts = 0
        self.machine_seconds = 0.0
        self._counted = time.monotonic()
        self._looked = 0.0
        self._waiting_since = time.monotonic()
        actor: Any = ray.remote(Worker)
        # A worker that died is replaced here, where it is known what it worked on.
        self._actor = actor.options(
            num_cpus=settings.cpus,
            num_gpus=settings.gpus,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=SONGS_PER_WORKER,
        )

    @property
    def num_jobs(self) -> int:
        return sum(len(hand.jobs) for hand in self.hands)

    def grow(self) -> None:
        """Asks for as many workers as there is room for."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        wanted = self.settings.workers or max(1, sum(self._room(node) for node in _nodes()))
        while len(self.hands) < wanted:
            hand = Hand(self._actor.remote(self.settings))
            self.hands.append(hand)
            self.starting[hand.actor.start.remote(self.version)] = hand
        if any(hand.is_ready for hand in self.hands):
            self._waiting_since = now
        elif now - self._waiting_since > WAIT_SECONDS:
            self._waiting_since = now
            there = ray.cluster_resources()
            self.note(
                f"waiting for a machine with room: a worker needs {self.settings.cpus:g} CPUs and "
                f"{self.settings.gpus:g} GPUs (--cpus, --gpus); the cluster has {there.get('CPU', 0):g} and "
                f"{there.get('GPU', 0):g}, in use or not"
            )

    def _count(self) -> None:
        """Adds up for how long machines were there."""
        now = time.monotonic()
        self.machine_seconds += (now - self._counted) * len(_nodes())
        self._counted = now

    def _room(self, node: dict[str, Any]) -> int:
        there = node["Resources"]
        rooms = [there.get("CPU", 0) / self.settings.cpus] if self.settings.cpus else []
        if self.settings.gpus:
            rooms.append(there.get("GPU", 0) / self.settings.gpus)
        return int(min(rooms, default=0))

    def take(self, job: Job) -> bool:
        """Gives a job to the worker that has least to do; false if none has room."""
        free = [hand for hand in self.hands if hand.has_room(job)]
        if not free:
            return False
        hand = min(free, key=lambda hand: len(hand.jobs))
        # Without a name of its own: Ray's driver never forgets one, which takes 10 kB a song (Ray 2.60).
        hand.jobs[hand.actor.make.remote(job.song)] = job
        return True

    def outcomes(self, timeout_s: float) -> Iterator[Outcome]:
        """What ended meanwhile; waits until something does, but not for longer than that."""
        if time.monotonic() - self._counted > LOOK_SECONDS:
            self._count()
        refs = [*self.starting, *(ref for hand in self.hands for ref in hand.jobs)]
        if not refs:
            time.sleep(timeout_s)
            return
        ready, _ = ray.wait(refs, num_returns=1, timeout=timeout_s)
        if ready:
            # Whatever else has ended, too.
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in ready:
            if ref in self.starting:
                self._started(ref)
                continue
            for hand in [hand for hand in self.hands if ref in hand.jobs]:
                yield self._ended(hand, ref)
                if not hand.is_ready and not hand.jobs:
                    self.hands.remove(hand)

    def _started(self, ref: Any) -> None:
        """One of the two steps of starting has ended: the model is loaded, or the output was seen."""
        hand = self.starting.pop(ref)
        try:
            answer = ray.get(ref)
        except ray.exceptions.RayError as error:
            self._drop(hand)
            self.hands.remove(hand)
            self.num_failed_starts += 1
            if "No module named 'unweave" in str(error):
                raise Problem(
                    f"a machine of the cluster has no package unweave: pip install 'unweave[ray]=={self.version}' there"
                ) from error
            if self.num_failed_starts >= MAX_FAILED_STARTS:
                raise Problem(f"workers don't start; the last one said: {error}") from error
            return
        if hand.about is None:
            if "problem" in answer:
                raise Problem(answer["problem"])
            hand.about = answer
            if self.first is None:
                self.state = self.begin(answer)
                self.first = answer
            elif answer["model_sha256"] != self.first["model_sha256"]:
                raise Problem(
                    f"machines have different models of one name: {answer['model_sha256']} and "
                    f"{self.first['model_sha256']}; install the same everywhere"
                )
            self.starting[hand.actor.look.remote(self.state)] = hand
        elif answer is not None:
            raise Problem(answer)
        else:
            hand.is_ready = True
            self.num_failed_starts = 0

    def _ended(self, hand: Hand, ref: Any) -> Outcome:
        job = hand.jobs.pop(ref)
        try:
            return Outcome(job, ray.get(ref))
        except GONE as error:
            self._drop(hand)
            return Outcome(job, None, is_machine_lost=self._is_machine_lost(hand, error))
        except ray.exceptions.RayError as error:
            return Outcome(job, {"kind": "song", "reason": f"unexpected: {error}"})

    def _is_machine_lost(self, hand: Hand, error: Exception) -> bool:
        """Only of a worker on a machine that lives is it known soon that it died; of a machine, after many seconds."""
        node = hand.about and hand.about["node"]
        is_there = node in {node["NodeID"] for node in _nodes()}
        return not is_there or WORKER_DIED not in str(error)

    def _drop(self, hand: Hand) -> None:
        """No songs for this one any more; another is started in its place."""
        hand.is_ready = False
        self._looked = 0.0
        _end(hand)

    def close(self) -> None:
        """Ends all workers at once."""
        self._count()
        for hand in self.hands:
            _end(hand)
        self.hands = []


def _nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _end(hand: Hand) -> None:
    # One that is gone can't be ended, which is what is wanted.
    with contextlib.suppress(ray.exceptions.RayError):
        ray.kill(hand.actor)
