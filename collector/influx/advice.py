"""What an operator can do about a database that takes nothing; each names the setting."""

from __future__ import annotations

from enum import StrEnum


class Advice(StrEnum):
    """One sentence for each cause; the settings are those of the section `influxdb`."""

    NONE = ""
    TOKEN = (
        "Check `token` or `token_file`: on 1.x it is user:password, and it must be allowed to "
        "write to this bucket"
    )
    BUCKET = (
        "Check `bucket`; `crn-collector init-store` creates a bucket, database or retention "
        "policy that is missing"
    )
    ORG = "Set `org` to the name of the organisation of the bucket"
    URL = "Check `url`: something else than InfluxDB, such as a proxy, answers there"
    REQUEST = (
        "The request is refused, not a line of it: check `url`, `bucket`, `org` and `generation`, "
        "and what stands between"
    )
    REDIRECT = "Redirects are not followed: set `url` to where InfluxDB itself answers"
    CERTIFICATE = (
        "Name the authority of its certificate in `ca_file`, and in `url` a host of the certificate"
    )
    TLS = "Check `url`: the server at this port speaks no TLS; `http://` may be right"
    GENERATION = (
        "Check `url`; if a proxy answers these paths itself, set `generation` to what is behind it"
    )
    CREATE = "Check `url`, `token`, `org` and `bucket`; the token must be allowed to create buckets"
