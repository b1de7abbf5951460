"""Which nodes of a script share their registered address with others."""

from crn_simulator.script.directory_entry import registered_address
from crn_simulator.script.fault import Fault
from crn_simulator.script.network_script import NetworkScript

_NO_ADDRESS = frozenset({Fault.ADDRESS_EMPTY, Fault.ADDRESS_JUNK})
"""Faults by which a node has no address that could be compared."""


def nodes_sharing(script: NetworkScript, time: float, port: int) -> frozenset[int]:
    """Return the index of every listed node that has its address in common with another one.

    Neither letter case nor a slash at the end makes two addresses different.
    """
    nodes: dict[str, list[int]] = {}
    for index in range(len(script)):
        stage = script.stage(index, time)
        if stage.listed and stage.spec.fault not in _NO_ADDRESS:
            address = registered_address(script.profile(index), stage, port)
            nodes.setdefault(address.lower().rstrip("/"), []).append(index)
    return frozenset(index for same in nodes.values() if len(same) > 1 for index in same)
