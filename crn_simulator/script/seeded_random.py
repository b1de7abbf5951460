"""Random choices that depend on their key only, so that a script can be asked in any order.

A key is any sequence of values, by convention the seed, the node and what the choice is for.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def fraction(*key: object) -> float:
    """Return a number in [0, 1), uniformly distributed over keys."""
    digest = hashlib.blake2b("/".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def choose(choices: Sequence[T], *key: object) -> T:
    """Return one of the choices, each with the same probability."""
    return choices[int(fraction(*key) * len(choices))]


def choose_weighted(choices: Sequence[tuple[T, float]], *key: object) -> T:
    """Return one of the choices, each (choice, weight) with a probability by its weight."""
    rest = fraction(*key) * sum(weight for _, weight in choices)
    for choice, weight in choices:
        rest -= weight
        if rest < 0:
            return choice
    return choices[-1][0]
