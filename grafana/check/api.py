"""Grafana's HTTP API: one call, its answer, and who asks."""

from __future__ import annotations

import base64
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Self

TIMEOUT_SECONDS = 60


class RefusedError(Exception):
    """Grafana answered with an error."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status} {words}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Grafana:
    """Where Grafana is, and the header by which it knows us."""

    url: str
    authorization: str

    @classmethod
    def of_environment(cls) -> Self | None:
        """The Grafana that the environment names; None if it names none."""
        url = os.environ.get("GRAFANA_URL", "").rstrip("/")
        if not url:
            return None
        if token := os.environ.get("GRAFANA_TOKEN"):
            return cls(url, f"Bearer {token}")
        user = os.environ.get("GRAFANA_USER", "admin")
        word = f"{user}:{os.environ.get('GRAFANA_PASSWORD', '')}"
        return cls(url, f"Basic {base64.b64encode(word.encode()).decode()}")

    def call(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """The JSON of an answer; a POST if there is a body. Raises RefusedError."""
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={
                "Authorization": self.authorization,
                "Content-Type": "application/json",
                "X-Disable-Provenance": "true",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                raise RefusedError(error.code, _words(error)) from error

    def find(self, path: str) -> Any | None:
        """The JSON of an answer, or None if there is no such thing."""
        try:
            return self.call(path)
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise


def _words(error: urllib.error.HTTPError) -> str:
    return error.read().decode(errors="replace")[:500]
