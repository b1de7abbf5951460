"""Which bucket of which InfluxDB is written to, and the credentials for it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from collector.influx.generation import Generation
from collector.influx.secret_mask import SecretMask, shown_url


@dataclass(frozen=True, slots=True)
class Target:
    """Where to write."""

    url: str
    bucket: str
    """Or database; for 1.x also `database/retention policy`."""
    org: str = ""
    """Organisation, for 2.x alone."""
    token: str = field(default="", repr=False)
    """For 1.x `user:password`; '' where none is required."""

    @property
    def database_and_policy(self) -> tuple[str, str]:
        """Database and retention policy of 1.x; '' is the default policy."""
        database, _, policy = self.bucket.partition("/")
        return database, policy

    @property
    def shown_url(self) -> str:
        """The URL, safe to log."""
        return shown_url(self.url)

    def mask(self) -> SecretMask:
        """Return what hides the token, and the password in it."""
        return SecretMask(self.token, self.token.partition(":")[2])

    def authorization(self, generation: Generation | None) -> dict[str, str]:
        """Return the header with the credentials; none without a token."""
        if not self.token:
            return {}
        if generation is not None and generation.is_1:
            return {"Authorization": f"Basic {base64.b64encode(self.token.encode()).decode()}"}
        return {"Authorization": f"Token {self.token}"}
