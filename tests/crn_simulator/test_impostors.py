"""Entries of the directory that claim what is another node's."""

from __future__ import annotations

from crn_simulator.script.network_script import NetworkScript
from crn_simulator.server.impostors import Impostors


def test_impostors_claim_hash_address_and_machine() -> None:
    """Each is about another healthy node: its address, its hash, or a name that leads to it."""
    script = NetworkScript(5, 1, start=0, calm=True)
    impostors = Impostors(script, 3, lambda index: 20_000 + index)
    of_address, of_hash, of_machine = impostors.entries()
    hashes = [script.profile(index).hash for index in range(5)]
    assert [entry["hash"] in hashes for entry in (of_address, of_hash, of_machine)] == [
        *(False, True, False)
    ]
    assert script.stage(0, 0).host in of_address["address"].lower()
    assert of_machine["address"] == "https://impostor-2.simulated.test:20002"
    assert impostors.names == {"impostor-2.simulated.test": 2}
