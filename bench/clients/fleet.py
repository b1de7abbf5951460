"""The nodes that every client crawls, handed to its process in a file."""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

PATHS: Final = ("/status/config", "/about/usage/system")
"""What is asked of a node."""
CONFIG_FILE: Final = "crn.toml"
"""The collector's configuration for the fleet, in its folder."""
_WARM_UP_NODES: Final = 200
_FILE: Final = "fleet.json"


@dataclass(frozen=True, slots=True)
class Target:
    """One node. `healthy`: nothing is wrong with it, and a client must find it so."""

    node: str
    name: str
    address: str
    port: int
    healthy: bool

    @property
    def url(self) -> str:
        """Its base URL by name."""
        return f"https://{self.name}:{self.port}"

    @property
    def address_url(self) -> str:
        """Its base URL by IPv4 address."""
        return f"https://{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """All nodes, the name server that knows them, and the authority that signs for them."""

    targets: Sequence[Target]
    nameserver: str
    folder: Path
    ca_file: Path

    def warm_up_targets(self) -> Sequence[Target]:
        """Return some healthy nodes, to be crawled before anything is measured."""
        return [target for target in self.targets if target.healthy][:_WARM_UP_NODES]

    def tls_context(self) -> ssl.SSLContext:
        """Return a context that trusts the nodes' authority and no other."""
        return ssl.create_default_context(cafile=self.ca_file)

    def write(self) -> None:
        """Write it into its folder."""
        content = {
            "targets": [asdict(target) for target in self.targets],
            "nameserver": self.nameserver,
            "ca_file": str(self.ca_file),
        }
        (self.folder / _FILE).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Fleet:
        """Return the fleet that was written into a folder."""
        content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        targets = [Target(**target) for target in content["targets"]]
        return cls(targets, content["nameserver"], folder, Path(content["ca_file"]))
