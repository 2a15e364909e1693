"""Stems of a whole catalogue, on one machine or many, by Ray.

    python -m unweave.catalogue run --input s3://bucket/songs --output s3://bucket/stems --address auto

Ray starts workers where there is room, one per share of a machine, and each loads the model once. Songs go to
workers as they become free; the driver holds no more of them than are being worked on. Every song gets exactly one
whole set, whatever dies: a set appears by a rename, or its report is written last. What became of each song is in the
output, so a second run goes on where the first stopped.

Needs `pip install 'unweave[ray]'` on every machine, the same version everywhere.
"""

from .driver import Summary, run
from .settings import Problem, Settings, What

__all__ = ["Problem", "Settings", "Summary", "What", "run"]
