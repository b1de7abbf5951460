"""The collector's configuration for a simulated network, as TOML."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CollectorConfig:
    """Settings that differ from those for the real network.

    allowed_networks: exceptions from the address policy, as CIDR.
    """

    api_hosts: Sequence[str]
    nameservers: Sequence[str]
    ca_file: Path
    allowed_networks: Sequence[str]
    controls: Sequence[str]
    ipv6: str = "on"

    def toml(self) -> str:
        """Return the text of the configuration file."""
        return (
            "[directory]\n"
            f"api_hosts = {_array(*self.api_hosts)}\n"
            "\n"
            "[probe]\n"
            f"nameservers = {_array(*self.nameservers)}\n"
            f"ca_file = {json.dumps(str(self.ca_file))}\n"
            f"allowed_networks = {_array(*self.allowed_networks)}\n"
            f"controls = {_array(*self.controls)}\n"
            f"ipv6 = {json.dumps(self.ipv6)}\n"
        )


def _array(*texts: str) -> str:
    # A JSON list of ASCII strings is a TOML array as well.
    return json.dumps(list(texts))
