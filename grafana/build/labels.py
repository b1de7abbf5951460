"""Labels and colours for values that are stored as a code, such as `connect_timeout`."""

from __future__ import annotations

from typing import Final

from collector.model.failure import Failure, Fault

GOOD: Final = "green"
BAD: Final = "red"
WARN: Final = "orange"
BLIND_COLOUR: Final = "purple"
MUTED: Final = "#8e8e8e"
CALM: Final = "blue"
FAINT_BAD: Final = "rgba(242, 73, 92, 0.28)"
FAINT_GOOD: Final = "rgba(115, 191, 105, 0.28)"
FAINT_CALM: Final = "rgba(87, 148, 242, 0.28)"
"""Annotations lie over the curves and must not hide them."""


def _label(failure: Failure) -> str:
    """The title of a failure, with a capital; what is the collector's own says so."""
    title = failure.title[0].upper() + failure.title[1:]
    return f"Collector: {failure.title}" if failure.fault is Fault.VANTAGE else title


FAILURES: Final = {failure: _label(failure) for failure in Failure}

_SHADES: Final[dict[Failure, str]] = {
    Failure.NONE: GOOD,
    Failure.DNS_NOT_FOUND: "#d0a400",
    Failure.DNS_FAILED: "#a98600",
    Failure.CONNECT_REFUSED: "#e02f44",
    Failure.CONNECT_TIMEOUT: "#ff780a",
    Failure.CONNECT_UNREACHABLE: "#c4162a",
    Failure.CONNECT_RESET: "#ff7383",
    Failure.TLS_FAILED: "#3274d9",
    Failure.TLS_EXPIRED: "#5794f2",
    Failure.TLS_INVALID: "#8ab8ff",
    Failure.ANSWER_TIMEOUT: "#fa6400",
    Failure.ANSWER_BROKEN: "#37872d",
    Failure.ANSWER_TOO_LARGE: "#2f7d2a",
    Failure.REDIRECTED: "#73bf69",
    Failure.CLIENT_ERROR: "#56a64b",
    Failure.SERVER_ERROR: "#d9622b",
    Failure.NOT_JSON: "#5bc8c8",
    Failure.WRONG_SHAPE: "#2fa8a8",
    Failure.NOT_A_CRN: "#c28b5a",
    Failure.SCREENED: "#e3c878",
}

FAULTS: Final[dict[Fault, tuple[str, str]]] = {
    Fault.NONE: ("None", GOOD),
    Fault.POLICY: ("Address not allowed", MUTED),
    Fault.DNS: ("DNS of the node", "yellow"),
    Fault.NODE: ("Node", BAD),
    Fault.VANTAGE: ("Collector", BLIND_COLOUR),
}

REASONS: Final[dict[str, tuple[str, str]]] = {
    "none": ("OK", GOOD),
    "controls": ("Blind: controls failed", BLIND_COLOUR),
    "dns": ("Blind: DNS failed", BLIND_COLOUR),
    "network": ("Blind: no network", BLIND_COLOUR),
    "descriptors": ("Blind: out of descriptors", BLIND_COLOUR),
    "deadline": ("Blind: round deadline", BLIND_COLOUR),
    "starved": ("Blind: collector starved", BLIND_COLOUR),
    "slow_dns": ("Blind: slow DNS", BLIND_COLOUR),
    "slow_network": ("Blind: slow network", BLIND_COLOUR),
}

KINDS: Final[dict[str, tuple[str, str]]] = {
    "down": ("Down", BAD),
    "up": ("Recovered", GOOD),
    "joined": ("Joined", CALM),
    "left": ("Left", MUTED),
    "address_changed": ("Address changed", "yellow"),
    "renamed": ("Renamed", "yellow"),
    "version_changed": ("Version changed", "light-blue"),
    "gpu_added": ("GPU added", "light-green"),
    "gpu_removed": ("GPU removed", WARN),
    "duplicate_hash": ("Duplicate hash", WARN),
    "duplicate_address": ("Duplicate address", WARN),
}


def shade(failure: Failure) -> str:
    """The colour of a failure: policy grey, the collector's purple, each of the node its own."""
    by_fault = {Fault.POLICY: MUTED, Fault.VANTAGE: BLIND_COLOUR}
    return by_fault.get(failure.fault) or _SHADES[failure]
