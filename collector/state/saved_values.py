"""What may stand in a saved document: values outside of these ranges are damage."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from collector.text import clean

TIME_LIMIT: Final = 2**32
"""No round is as late as this, in epoch seconds: the year 2106."""


def _clean(name: str) -> str:
    """Return a name as it is cleaned today; raise ValueError if no version wrote it."""
    if not name or not name.isprintable():
        raise ValueError("a name is one line of printable text")
    return clean(name)


SavedTime = Annotated[int, Field(ge=0, lt=TIME_LIMIT)]
"""Time of a round, in epoch seconds."""
SavedName = Annotated[str, AfterValidator(_clean)]
"""A name that becomes a tag; empty if a version before cleaned it less, and it shows nothing."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
