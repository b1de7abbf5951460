"""Errors that an operator must act on, and the exit codes that commands end with."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """Exit codes of the command line, each with its meaning: a documented promise.

    `--help` and docs/operation.md are made from it.
    """

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Make the member of a code; without a meaning it does not import."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "success"
    BUG = 1, "unexpected error; please report the traceback"
    CONFIGURATION = 2, "invalid settings or arguments; the message names them"
    NO_DIRECTORY = 3, "no list of nodes: no source answered, and there is no saved copy"
    DATA_DIRECTORY = 4, "the data directory cannot be read or written"
    LOCKED = 5, "another collector uses the data directory"
    TOO_NEW = 6, "the data directory was written by a newer version"
    NOT_REACHABLE = 7, "`probe`: the node is not reachable"
    DATABASE = 8, "InfluxDB does not answer, or rejects the request"
    UNHEALTHY = (
        9,
        "`health`: no recent round, or one from the future; or, with `--ready`, a database "
        "that accepts no writes or that another collector writes to",
    )
    NOT_INSTALLED = 10, "`simulate`, `demo`: the simulated network is not installed"
    OUTPUT = 11, "the standard output cannot be written, for example because a disk is full"
    INTERRUPTED = 130, "interrupted: Ctrl-C, or a second signal while stopping"


class CollectorError(Exception):
    """An error that an operator must act on: the message names the cause, `advice` the remedy.

    Commands print both without a traceback and end with `exit_code`.
    """

    exit_code = Exit.BUG

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


def reason_of(error: Exception) -> str:
    """Return why a file cannot be used: what the system says of it, else the error's own words."""
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


class ConfigurationError(CollectorError):
    """A setting is wrong."""

    exit_code = Exit.CONFIGURATION


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


class OutputError(CollectorError):
    """The standard output cannot be written."""

    exit_code = Exit.OUTPUT
