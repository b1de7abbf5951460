"""The configuration that makes the collector look at a simulated network and at nothing else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Configuration:
    """What differs from the real network. Exceptions from the address policy are named by CIDR."""

    api_hosts: Sequence[str]
    nameservers: Sequence[str]
    ca_file: Path
    allowed_networks: Sequence[str]
    controls: Sequence[str]
    ipv6: str = "on"

    def toml(self) -> str:
        """The text of the file."""
        return (
            "[directory]\n"
            f"api_hosts = {_quote(*self.api_hosts)}\n"
            "\n"
            "[probe]\n"
            f"nameservers = {_quote(*self.nameservers)}\n"
            f"ca_file = {json.dumps(str(self.ca_file))}\n"
            f"allowed_networks = {_quote(*self.allowed_networks)}\n"
            f"controls = {_quote(*self.controls)}\n"
            f"ipv6 = {json.dumps(self.ipv6)}\n"
        )


def _quote(*texts: str) -> str:
    # A JSON list of ASCII strings is a TOML array as well.
    return json.dumps(list(texts))
