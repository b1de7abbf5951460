"""Words and colours for what is stored as a code: nobody should have to read `connect_timeout`."""

from __future__ import annotations

from typing import Final

from collector.model.failure import Failure, Fault

GOOD: Final = "green"
BAD: Final = "red"
WARN: Final = "orange"
UNSEEN: Final = "purple"
MUTED: Final = "#8e8e8e"
CALM: Final = "blue"
FAINT_BAD: Final = "rgba(242, 73, 92, 0.28)"
FAINT_GOOD: Final = "rgba(115, 191, 105, 0.28)"
FAINT_CALM: Final = "rgba(87, 148, 242, 0.28)"
"""Marks lie over the curves and must not hide them."""

FAILURES: Final[dict[Failure, str]] = {
    Failure.NONE: "OK",
    Failure.INVALID_ADDRESS: "Address is not a URL",
    Failure.FORBIDDEN_ADDRESS: "Address not dialled",
    Failure.DNS_NOT_FOUND: "Name does not exist",
    Failure.DNS_FAILED: "Name not resolved",
    Failure.CONNECT_REFUSED: "Connection refused",
    Failure.CONNECT_TIMEOUT: "Connection timed out",
    Failure.CONNECT_UNREACHABLE: "Host unreachable",
    Failure.CONNECT_RESET: "Connection reset",
    Failure.TLS_FAILED: "TLS failed",
    Failure.TLS_EXPIRED: "Certificate expired",
    Failure.TLS_INVALID: "Certificate invalid",
    Failure.ANSWER_TIMEOUT: "No answer in time",
    Failure.ANSWER_BROKEN: "Answer broken",
    Failure.ANSWER_TOO_LARGE: "Answer too large",
    Failure.REDIRECTED: "Redirected",
    Failure.CLIENT_ERROR: "HTTP 4xx",
    Failure.SERVER_ERROR: "HTTP 5xx",
    Failure.NOT_JSON: "Not JSON",
    Failure.WRONG_SHAPE: "JSON of wrong shape",
    Failure.NOT_A_CRN: "Not a CRN",
    Failure.NO_DESCRIPTORS: "We: out of descriptors",
    Failure.NO_ROUTE: "We: no route",
    Failure.ROUND_DEADLINE: "We: out of time",
    Failure.BLIND: "We: blind",
    Failure.INTERNAL: "We: internal error",
}

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
}

FAULTS: Final[dict[Fault, tuple[str, str]]] = {
    Fault.NONE: ("Nobody: all is well", GOOD),
    Fault.POLICY: ("Address refused", MUTED),
    Fault.DNS: ("The node's name", "yellow"),
    Fault.NODE: ("The node", BAD),
    Fault.VANTAGE: ("This vantage", UNSEEN),
}

REASONS: Final[dict[str, tuple[str, str]]] = {
    "none": ("Vantage OK", GOOD),
    "controls": ("Blind: controls fail", UNSEEN),
    "dns": ("Blind: no DNS", UNSEEN),
    "network": ("Blind: no network", UNSEEN),
    "descriptors": ("Blind: out of descriptors", UNSEEN),
    "deadline": ("Blind: out of time", UNSEEN),
    "loop_lag": ("Blind: we stood still", UNSEEN),
}

KINDS: Final[dict[str, tuple[str, str]]] = {
    "down": ("Down", BAD),
    "up": ("Up again", GOOD),
    "joined": ("Joined", CALM),
    "left": ("Left", MUTED),
    "address_changed": ("New address", "yellow"),
    "renamed": ("Renamed", "yellow"),
    "version_changed": ("New version", "light-blue"),
    "gpu_added": ("GPU added", "light-green"),
    "gpu_removed": ("GPU removed", WARN),
    "duplicate_hash": ("Listed twice", WARN),
    "duplicate_address": ("Address twice", WARN),
}


def shade(failure: Failure) -> str:
    """The colour of a failure: policy grey, ours purple, the node's each its own."""
    by_fault = {Fault.POLICY: MUTED, Fault.VANTAGE: UNSEEN}
    return by_fault.get(failure.fault) or _SHADES[failure]
