"""Response times of real nodes, as quantiles.

Measured by the network's own scoring over IPv4 on 277 nodes in two rounds of November 2023: a light
request, and a request to a diagnostic VM that was already running.
"""

from bisect import bisect_right

_SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
LIGHT_SECONDS = (
    *(0.0021, 0.0024, 0.0084, 0.0159, 0.0357, 0.0515, 0.0705, 0.0986),
    *(0.1122, 0.1487, 0.1593, 0.2978, 0.4227, 0.4768, 0.5161, 0.5503),
)
DIAGNOSTIC_SECONDS = (
    *(0.0085, 0.0146, 0.0172, 0.0276, 0.0427, 0.0475, 0.0521, 0.0545),
    *(0.0681, 0.0776, 0.0977, 0.1589, 0.2098, 0.2397, 0.3908, 0.7963),
)
BOOT_SECONDS = 3.5
"""Time until a stopped diagnostic VM answers: more than the 2 s that a node waits for it."""


def quantile(share: float, seconds: tuple[float, ...] = LIGHT_SECONDS) -> float:
    """Return the latency in seconds below which this share (0 to 1) of the nodes lies."""
    index = min(bisect_right(_SHARES, share), len(_SHARES) - 1)
    low, high = _SHARES[index - 1], _SHARES[index]
    weight = (share - low) / (high - low)
    return seconds[index - 1] + weight * (seconds[index] - seconds[index - 1])
