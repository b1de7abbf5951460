"""Makes a token of its own for each service that speaks to InfluxDB 2, with no right too many.

The collector writes to its bucket and reads it, Grafana only reads it. Each token is written to
the volume that its service alone mounts. Safe to repeat: a token that works is left as it is. Run
by the service `tokens` of docker-compose.yml, with nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ACTIONS: Final = {"collector": ("read", "write"), "grafana": ("read",)}
"""What each service may do with the bucket."""
_TIMEOUT_SECONDS: Final = 30
_NOT_ASKED_FOR: Final = "none"


@dataclass(frozen=True)
class Database:
    """An InfluxDB 2, its bucket, and the token that may do everything."""

    url: str
    org: str
    bucket: str
    admin_token: str

    def call(
        self, path: str, token: str, content: object = None, method: str | None = None, **query: str
    ) -> tuple[int, Any]:
        """Return status and JSON of an answer; None for an answer without a body."""
        request = urllib.request.Request(
            f"{self.url}{path}?{urllib.parse.urlencode(query)}",
            data=None if content is None else json.dumps(content).encode(),
            method=method,
            headers={"Authorization": f"Token {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                body = answer.read()
                return answer.status, json.loads(body) if body else None
        except urllib.error.HTTPError as error:
            with error:
                return error.code, None

    def admin(self, path: str, content: object = None, **query: str) -> Any:
        """Return the JSON of a request that must succeed. Raise SystemExit if it does not."""
        status, answer = self.call(path, self.admin_token, content, **query)
        if status >= 300:
            raise SystemExit(
                f"InfluxDB at {self.url} refuses {path} with {status}: is the admin token of the "
                "volume `secrets` the one that InfluxDB was set up with?"
            )
        return answer

    def has_tokens(self) -> bool:
        """Return whether it is an InfluxDB 2; 3 Core runs without tokens here."""
        return self.call("/api/v2/setup", "")[0] == 200

    def may_read(self, token: str) -> bool:
        """Return whether a token is known and sees the bucket."""
        status, answer = self.call("/api/v2/buckets", token, name=self.bucket)
        return status == 200 and bool(answer["buckets"])


def make_token(database: Database, service: str) -> str:
    """Return a new token of a service; the one that it had before is deleted."""
    org_id = database.admin("/api/v2/orgs", org=database.org)["orgs"][0]["id"]
    buckets = database.admin("/api/v2/buckets", orgID=org_id, name=database.bucket)
    resource = {"type": "buckets", "id": buckets["buckets"][0]["id"], "orgID": org_id}
    description = f"{service} of {database.bucket}"
    for known in database.admin("/api/v2/authorizations", orgID=org_id)["authorizations"]:
        if known["description"] == description:
            path = f"/api/v2/authorizations/{known['id']}"
            database.call(path, database.admin_token, method="DELETE")
    permissions = [{"action": action, "resource": resource} for action in ACTIONS[service]]
    content = {"orgID": org_id, "description": description, "permissions": permissions}
    token: str = database.admin("/api/v2/authorizations", content)["token"]
    return token


def write_token(path: Path, token: str) -> None:
    """Replace the file of a token, which its service reads under another user."""
    new = path.with_suffix(".new")
    new.write_text(token, encoding="ascii")
    new.chmod(0o444)
    new.replace(path)


def main(folder: Path) -> None:
    """Make what is missing below a folder that has one folder for each service."""
    admin_token = (folder / "admin" / "influxdb_token").read_text(encoding="ascii").strip()
    environment = os.environ
    database = Database(
        environment["INFLUXDB_URL"], environment["ORG"], environment["BUCKET"], admin_token
    )
    has_tokens = database.has_tokens()
    for service in ACTIONS:
        path = folder / service / "influxdb_token"
        token = path.read_text(encoding="ascii").strip() if path.is_file() else ""
        if not has_tokens:
            write_token(path, _NOT_ASKED_FOR)
        elif not token or not database.may_read(token):
            write_token(path, make_token(database, service))
            sys.stdout.write(f"made the token of {service}\n")


if __name__ == "__main__":
    main(Path("/secrets"))
