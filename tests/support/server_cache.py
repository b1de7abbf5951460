"""Where `make servers` puts the servers that no distribution packages, and ports for them."""

from __future__ import annotations

import socket
from typing import Final

from platformdirs import user_cache_path

CACHE: Final = user_cache_path("crn-collector") / "servers"
"""In the cache of the user, which survives a fresh clone."""


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
