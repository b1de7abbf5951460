"""Releases of the node's software, and which endpoints and fields each of them has."""

import functools
import re
from dataclasses import dataclass

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:(-rc|a)\d+)?(?:-(\d+)-g[0-9a-f]+)?$")
_UNKNOWN = (999, 0, 0, 0)

RELEASES = (
    "0.2.8",
    "0.3.0",
    "0.3.1",
    "0.4.0",
    "0.4.1",
    "1.0.0",
    "1.1.0",
    "1.3.0-41-g7303587",
    "1.4.0",
    "1.5.0",
    "1.6.0-rc1",
    "1.7.0",
    "1.7.2",
    "1.8.0",
    "1.8.1",
    "1.9.0",
    "1.10.0",
    "1.11.0",
    "1.12.0",
    "1.13.0",
    "1.14.0",
)
"""Releases, oldest first, each different from the others in some response."""

NEWEST = RELEASES[-1]

DIAGNOSTIC_VMS = {
    "0.1.7": "67705389842a0a1b95eaa408b009741027964edc805997475e95c505d642edd8",
    "0.2.9": "3fc0aa9569da840c43e7bd2033c3c580abb46b007527d6d20f2d4e98e867f7af",
    "0.4.1": "63faf8b5db1cf8d965e6a464a0cb8062af8e7df131729e48738342d956f29ace",
    "1.8.1": "850fa994dfa991ce4788dc728fef11608e8a77bb0e0b77aabd6678207b47d1b3",
    "1.9.0": "d2b74aa29898457bde0560e47f7cdd4e77287e9f1f7a1456161d2fd7d5c855d7",
}
"""Item hashes of the diagnostic VMs, by the first release that was shipped with each."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """One version of the node's software.

    version: as the node shows it; `version-unavailable` stands for the newest.
    """

    version: str = NEWEST

    @property
    def order(self) -> tuple[int, int, int, int]:
        """Key to compare versions by: major, minor, patch; then -1 before a release, or commits."""
        return _order(self.version)

    def since(self, version: str) -> bool:
        """Return whether this is the given release or a later one."""
        return _order(self.version) >= _order(version)

    @property
    def ordered(self) -> bool:
        """The version has a known form and can be compared with others."""
        return self.order[0] < _UNKNOWN[0]

    @property
    def has_config(self) -> bool:
        """`/status/config` exists."""
        return self.since("0.3.1")

    @property
    def has_ipv6_check(self) -> bool:
        """`/status/check/ipv6` exists."""
        return self.since("0.4.0a1")

    @property
    def has_payment(self) -> bool:
        """`/status/config` has `payment`."""
        return self.since("0.4.0a1")

    @property
    def has_computing(self) -> bool:
        """`/status/config` has `computing`."""
        return self.since("1.0.0")

    @property
    def has_gpu(self) -> bool:
        """`/about/usage/system` has `gpu`; builds between 1.3.0 and 1.4.0 had it already."""
        return self.order > _order("1.3.0")

    @property
    def names_gpu_models(self) -> bool:
        """GPUs have `model` and `compatible`."""
        return self.since("1.4.0-rc1")

    @property
    def json_errors(self) -> bool:
        """Error responses are JSON and not aiohttp's plain text."""
        return self.since("1.6.0-rc1")

    @property
    def fails_where_ipv6_works(self) -> bool:
        """`/status/check/ipv6` is 500 where IPv6 works: the check trips over Quad9's 400."""
        return not self.since("1.9.0")

    @property
    def diagnostic_vm(self) -> str:
        """The item hash of the diagnostic VM of this release."""
        return [vm for first, vm in DIAGNOSTIC_VMS.items() if self.since(first)][-1]


def published_release() -> str:
    """Return the version that the network's settings call the last one: the second newest."""
    return RELEASES[RELEASES.index(NEWEST) - 1]


@functools.lru_cache(maxsize=256)
def _order(version: str) -> tuple[int, int, int, int]:
    match = _VERSION.match(version)
    if match is None:
        return _UNKNOWN
    major, minor, patch, early, commits = match.groups()
    return (int(major), int(minor), int(patch or 0), -1 if early else int(commits or 0))
