"""Entries of the directory that claim what is another node's: its hash, address or machine."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from crn_simulator.script.directory_entry import directory_entry
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript

_NAMES = (
    "\x1b[2J\x1b]0;owned\x07",
    "\u202e\u2066edon yhtlaeh",
    "a,node=0 reachable=0i 9\nb",
    'quo"ted\\',
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "$(reboot)",
    "x" * 5000,
)


class Impostors:
    """As many entries as asked for, each about another healthy node of the script as it starts.

    In turn: another hash with its address; its hash with another address; another hash with a name
    of its own that leads to the same machine.
    """

    def __init__(self, script: NetworkScript, count: int, port_of: Callable[[int], int]) -> None:
        self._script = script
        self._count = count
        self._port_of = port_of

    @property
    def names(self) -> dict[str, int]:
        """Every DNS name of its own that leads to a machine, and the index of the node there."""
        return {self._host(number): index for number, index in self._victims() if number % 3 == 2}

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the entries."""
        for number, index in self._victims():
            stage, profile = (
                self._script.stage(index, self._script.start),
                self._script.profile(index),
            )
            entry = directory_entry(profile, stage, self._port_of(index))
            entry["name"] = _NAMES[number % len(_NAMES)]
            if number % 3:
                entry["address"] = f"https://{self._host(number)}:{self._port_of(index)}"
            if number % 3 != 1:
                entry["hash"] = hashlib.sha256(f"impostor/{number}".encode()).hexdigest()
            yield entry

    def _victims(self) -> Iterator[tuple[int, int]]:
        """Yield the number of each impostor, and the index of the node that it is about."""
        healthy = (
            index
            for index in range(len(self._script))
            if self._script.stage(index, self._script.start).spec.fault is Fault.NONE
        )
        return zip(range(self._count), healthy, strict=False)

    def _host(self, number: int) -> str:
        return f"impostor-{number}.{self._script.zone}"
