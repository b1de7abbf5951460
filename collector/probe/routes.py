"""Whether this machine knows a route to an address."""

from __future__ import annotations

import socket


def has_route(address: str) -> bool:
    """Return whether this machine knows a route to an IP address. Nothing is sent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as unsent:
            unsent.connect((address, 443))
    except OSError:
        return False
    return True
