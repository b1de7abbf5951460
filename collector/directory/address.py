"""Addresses as people register them: normalised, or refused as `invalid_address`.

Only the text is judged here. Whether an address may be dialled is decided when it is dialled, on
what the name resolves to.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from yarl import URL

from collector.model.failure import Failure
from collector.text import clean

LIMIT: Final = 512
"""Longest address, in characters, before and after normalisation."""
SHOWN: Final = 128
"""Characters of a refused address that are kept."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE | re.ASCII)
_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[0-9a-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{0,5}))?", re.IGNORECASE | re.ASCII
)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """A registered address, parsed."""

    text: str
    """Base URL without trailing slash; if refused, the registered text, cleaned and shortened."""
    host: str
    """Lower case, IDNA-encoded, without brackets and trailing dot; empty if refused."""
    refused: Failure = Failure.NONE
    """`none` or `invalid_address`."""


def parse_address(registered: str) -> Address:
    """Return the normalised address, whatever the text is. Never raises.

    A missing scheme means https, as for the network's own scoring. A path prefix and a port other
    than the scheme's default are kept. IP addresses are valid, legacy forms (`127.1`) are not.
    """
    try:
        return _parse(registered.strip(), is_public=True)
    except ValueError:
        return Address(clean(registered, SHOWN), "", Failure.INVALID_ADDRESS)


def parse_configured(text: str) -> Address:
    """Return the address of a host that the operator names, by the same rules.

    A name without a dot is one in the operator's own network. Raise ValueError with what is wrong.
    """
    return _parse(text.strip(), is_public=False)


def _parse(text: str, is_public: bool) -> Address:
    """Return the address of a stripped text; raise ValueError with what is wrong with it."""
    if not text or len(text) > LIMIT:
        raise ValueError(f"must have 1 to {LIMIT} characters")
    if any(map(_forbidden, text)):
        raise ValueError("must have no query, fragment, backslash, blank or invisible character")
    found = _SCHEME.match(text)
    scheme = found[1].lower() if found else "https"
    authority, _, path = text[found.end() if found else 0 :].partition("/")
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("must be http or https")
    if "@" in authority:
        raise ValueError("must have no user name or password")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ValueError("must be a host, or a host and a port")
    url = URL(f"{scheme}://{parts['host']}/{path}")
    host = _host(url.raw_host or "", is_public)
    port = _port(parts["port"], scheme)
    bracketed = f"[{host}]" if ":" in host else host
    prefix = url.raw_path.rstrip("/").replace("@", "%40")  # events carry it: `/@everyone`
    address = f"{scheme}://{bracketed}{port}{prefix}"
    if len(address) > LIMIT:
        raise ValueError("too long once encoded")
    return Address(address, host)


def _forbidden(character: str) -> bool:
    """Whether a character is white space, a control, invisible, or starts a query or fragment."""
    if character in "?#\\":
        return True
    return character.isspace() or unicodedata.category(character)[0] == "C"


def _host(encoded: str, is_public: bool) -> str:
    """Return the normalised host; raise ValueError for a number, or a public name without a dot."""
    name = encoded.lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        labels = name.split(".")
    if len(name) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("must be a host name or an IP address")
    if is_public and len(labels) < 2:
        raise ValueError("must be a host name with a dot")
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("must not be a legacy form of an IP address")
    return name


def _port(digits: str | None, scheme: str) -> str:
    """Return `:port`, empty for the default port; raise ValueError for an impossible one."""
    port = int(digits) if digits else _DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        raise ValueError("must have a port from 1 to 65535")
    return "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
