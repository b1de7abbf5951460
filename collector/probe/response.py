"""One answer of a node: its status, its headers that matter, and its body within bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError

from collector.model.failure import Failure
from collector.probe.wire import usable_version

Model = TypeVar("Model", bound=BaseModel)

_SERVER: Final = re.compile(r"^aleph-vm/(.+)$")


class TooLargeError(Exception):
    """The body is longer than the limit, counted after decompression."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer, whatever it says."""

    status: int
    body: bytes
    aleph: bool
    """A `Server` header says `aleph-vm/…`. A proxy may add its own header or replace this one."""
    version: str | None
    """The version that this header states."""

    @property
    def shows_crn(self) -> bool:
        """The headers alone show a CRN. (A body within the contract does so too.)"""
        return self.aleph and self.status < 500

    @property
    def status_failure(self) -> Failure:
        """What the status alone says."""
        if self.status >= 500:
            return Failure.SERVER_ERROR
        if self.status >= 400:
            return Failure.CLIENT_ERROR
        return Failure.REDIRECTED if self.status >= 300 else Failure.NONE

    def parse(self, model: type[Model]) -> Model | Failure:
        """The body as the contract has it, or why not: `not_json` or `wrong_shape`."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError as exc:
            kinds = {error["type"] for error in exc.errors(include_url=False, include_input=False)}
            return Failure.NOT_JSON if "json_invalid" in kinds else Failure.WRONG_SHAPE


async def read_answer(response: aiohttp.ClientResponse, limit_bytes: int) -> Response:
    """The whole answer. Raises TooLargeError, or what aiohttp raises when the body breaks off."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise TooLargeError(f"more than {limit_bytes} bytes")
    stated = [m[1] for h in response.headers.getall("Server", ()) if (m := _SERVER.match(h))]
    return Response(
        status=response.status,
        body=bytes(body),
        aleph=bool(stated),
        version=usable_version(stated[0]) if stated else None,
    )
