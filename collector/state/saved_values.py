"""What may stand in a saved document: values outside of these ranges are damage."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from collector.text import clean

TIME_LIMIT: Final = 2**32
"""No round is as late as this, in epoch seconds: the year 2106."""


def _clean(name: str) -> str:
    """Return a name; raise ValueError if it could not be a tag."""
    if not name or clean(name) != name:
        raise ValueError("a name is one line of printable text")
    return name


SavedTime = Annotated[int, Field(ge=0, lt=TIME_LIMIT)]
"""Time of a round, in epoch seconds."""
SavedName = Annotated[str, AfterValidator(_clean)]
"""A name that becomes a tag."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
