"""Answers of InfluxDB's API, as far as they are read; whatever else is in them is ignored."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from collector.influx.server_answer import ServerAnswer


class Series(BaseModel):
    """One table of an InfluxQL result."""

    columns: list[str]
    values: list[list[str | int | float | None]] = []


class Statement(BaseModel):
    """The result of one InfluxQL statement."""

    error: object = None
    series: list[Series] = []


class QueryAnswer(BaseModel):
    """`/query`."""

    results: list[Statement] = Field(min_length=1)

    def rows(self) -> list[dict[str, object]]:
        """Return the rows of the first statement."""
        return [
            dict(zip(series.columns, row, strict=False))
            for series in self.results[0].series
            for row in series.values
        ]


class RetentionRule(BaseModel):
    """How long a bucket of 2.x keeps points."""

    everySeconds: int = Field(default=0, ge=0, lt=2**63)  # noqa: N815


class BucketAnswer(BaseModel):
    """One bucket of 2.x."""

    retentionRules: list[RetentionRule] = []  # noqa: N815

    @property
    def seconds(self) -> int:
        """How long it keeps points; 0 for ever."""
        return sum(rule.everySeconds for rule in self.retentionRules)


class BucketList(BaseModel):
    """`/api/v2/buckets`."""

    buckets: list[BucketAnswer] = []


class Organisation(BaseModel):
    """One organisation of 2.x."""

    id: str = Field(max_length=64)


class OrganisationList(BaseModel):
    """`/api/v2/orgs`."""

    orgs: list[Organisation] = []


M = TypeVar("M", bound=BaseModel)


def parsed(answer: ServerAnswer, model: type[M]) -> M | None:
    """Return the JSON of an answer as a model; None if it is something else."""
    try:
        return model.model_validate(answer.content)
    except ValidationError:
        return None
