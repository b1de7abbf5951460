"""Errors that are for a person: what is wrong, with which thing, and what to do about it."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line, a documented promise (docs/operation.md)."""

    OK = 0
    BUG = 1
    """An unexpected error; the traceback is a bug report."""
    CONFIGURATION = 2
    """Settings or arguments are wrong."""
    NO_DIRECTORY = 3
    """No list of nodes: no source answered and there is no saved copy."""
    DATA_DIRECTORY = 4
    """The data directory cannot be read or written."""
    LOCKED = 5
    """Another collector uses the data directory."""
    TOO_NEW = 6
    """The data directory was written by a newer version."""
    NOT_REACHABLE = 7
    """`probe`: the node was not reachable."""
    DATABASE = 8
    """InfluxDB does not answer, or refuses what it was asked."""
    UNHEALTHY = 9
    """`health`: no round was kept lately."""
    NOT_INSTALLED = 10
    """`simulate`, `demo`: the simulated network is not installed."""
    INTERRUPTED = 130
    """Forced to stop by a second signal."""


class CollectorError(Exception):
    """Something that a person must act on. The message names the thing; `advice` says what to do.

    Commands print both without a traceback and end with `exit_code`.
    """

    exit_code = Exit.BUG

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


class DirectoryError(CollectorError):
    """There is no list of nodes to crawl."""

    exit_code = Exit.NO_DIRECTORY


class DataDirectoryError(CollectorError):
    """The data directory or the store in it cannot be used."""

    exit_code = Exit.DATA_DIRECTORY


class LockedError(DataDirectoryError):
    """Another collector uses the data directory."""

    exit_code = Exit.LOCKED


class TooNewError(DataDirectoryError):
    """The store was written by a newer version of the collector."""

    exit_code = Exit.TOO_NEW


class DatabaseError(CollectorError):
    """InfluxDB does not answer, or refuses what it was asked."""

    exit_code = Exit.DATABASE


class NotInstalledError(CollectorError):
    """An optional part of the program is not installed."""

    exit_code = Exit.NOT_INSTALLED
