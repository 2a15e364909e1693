"""What is asked for."""

import dataclasses
from typing import Any


class Problem(Exception):
    """Why a catalogue can't be made, or not go on; its text says what to do."""


@dataclasses.dataclass(frozen=True)
class What:
    """What is made of each song. An output holds sets of one kind."""

    model: str | None = None
    """Id of a model, or path of its folder on every machine; None is the built-in one."""
    stems: tuple[str, ...] | None = None
    sums: tuple[str, ...] = ()
    only_sums: bool = False
    mix: bool = True
    format: str = "wav"
    bit_depth: str = "24"

    def options(self) -> dict[str, Any]:
        """As `Separator.separate_file` takes them."""
        options = dataclasses.asdict(self)
        del options["model"]
        return options


@dataclasses.dataclass(frozen=True)
class Settings:
    """Which songs, to where, and with what."""

    input: str
    """A folder, a text file with an address per line, or a Parquet table; local, or any fsspec address."""
    output: str
    """A folder, likewise."""
    what: What = What()
    column: str = "song"
    """The column of a table that holds addresses."""
    storage_options: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What fsspec is told for input and output unless they are local."""
    address: str | None = None
    """Of a Ray cluster; None is this machine alone."""
    workers: int | None = None
    """How many; None is as many as the cluster has room for, also as it grows."""
    cpus: float = 1
    """Processors per worker; so many threads compute."""
    gpus: float = 0
    """GPUs per worker; may be a share."""
    device: str | None = None
    """What computes; None is the processor, or the fastest where GPUs are asked for."""
    tries: int = 3
    """How often a song may fail until it is listed as failed."""
    retry_failed: bool = False
    """Whether songs that an earlier run listed as failed are tried again."""
    patience_s: float = 300
    """How long a store may refuse song after song, with none done meanwhile, until the run stops."""
    price_per_hour: float | None = None
    """Of one machine, in any currency, to say what 1,000 songs cost."""
