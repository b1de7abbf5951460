"""Chance that is always the same for the same question, so that a script can be asked anywhere."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def chance(*question: object) -> float:
    """A number in [0, 1) that depends on the question and on nothing else."""
    digest = hashlib.blake2b("/".join(map(str, question)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def pick(choices: Sequence[T], *question: object) -> T:
    """One of the choices, each as likely as any other."""
    return choices[int(chance(*question) * len(choices))]


def weighted(choices: Sequence[tuple[T, float]], *question: object) -> T:
    """One of the choices, each as likely as its weight says."""
    rest = chance(*question) * sum(weight for _, weight in choices)
    for choice, weight in choices:
        rest -= weight
        if rest < 0:
            return choice
    return choices[-1][0]
