"""The embedded store: one SQLite file in the data directory, committed once per round.

Nothing here knows the name of any measurement; the classes are passed in.
"""

from collector.store.embedded import EmbeddedStore
from collector.store.engine import StoreLimits
from collector.store.memory import MemoryStore
from collector.store.pending import PendingLimits
from collector.store.reader import Reader, RejectedLine, WaitingRound
from collector.store.spool import SpoolLimits

__all__ = [
    "EmbeddedStore",
    "MemoryStore",
    "PendingLimits",
    "Reader",
    "RejectedLine",
    "SpoolLimits",
    "StoreLimits",
    "WaitingRound",
]
