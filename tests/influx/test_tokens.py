"""Who may do what in the database: the tokens of the stack, and a user of 1.8 that only reads."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import influx_servers as servers
from tests.support.influx_bucket import InfluxBucket
from tests.support.influx_servers import Influx

pytestmark = pytest.mark.server

SCRIPT = Path(__file__).parents[2] / "deploy" / "tokens.py"
LINE = b"sample,host=a value=1i 60"


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of the service `tokens`, with folders in place of its volumes."""
    specification = importlib.util.spec_from_file_location("deploy_tokens", SCRIPT)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, "deploy_tokens", module)
    specification.loader.exec_module(module)
    for name in ("admin", "collector", "grafana"):
        (tmp_path / name).mkdir()
    return module


def may(influx: Influx, bucket: str, token: str) -> tuple[bool, bool]:
    """Whether a token may read and whether it may write, as Grafana and the collector do it."""
    asker = replace(influx, token=token)
    status, answer = asker.ask("/query", q='SELECT * FROM "sample"', db=bucket)
    query = {"bucket": bucket, "org": influx.org, "precision": "s"}
    written, _ = asker.ask("/api/v2/write", LINE, **query)
    return status == 200 and "sample" in answer, written == 204


def test_each_service_gets_a_token_of_its_own(
    tokens: ModuleType, bucket: InfluxBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector writes and reads, Grafana only reads; once made, a token stays."""
    bucket.write(LINE.decode())
    (tmp_path / "admin" / "influxdb_token").write_text(bucket.influx.token)
    for name, value in {
        "INFLUXDB_URL": bucket.influx.url,
        "ORG": bucket.influx.org,
        "BUCKET": bucket.name,
    }.items():
        monkeypatch.setenv(name, value)
    files = {name: tmp_path / name / "influxdb_token" for name in ("collector", "grafana")}

    tokens.main(tmp_path)
    made = {name: path.read_text() for name, path in files.items()}
    if bucket.kind != "2.7":  # it asks for none
        assert set(made.values()) == {"none"}
        return
    rights = {name: may(bucket.influx, bucket.name, token) for name, token in made.items()}
    assert rights == {"collector": (True, True), "grafana": (True, False)}
    other = replace(bucket, name="first")
    assert may(other.influx, other.name, made["collector"]) == (False, False)

    tokens.main(tmp_path)
    assert {name: path.read_text() for name, path in files.items()} == made

    files["grafana"].write_text("lost")
    tokens.main(tmp_path)
    again = files["grafana"].read_text()
    assert may(bucket.influx, bucket.name, again) == (True, False)
    assert may(bucket.influx, bucket.name, made["grafana"]) == (False, False)


def test_a_wrong_admin_token_is_named(
    tokens: ModuleType, bucket: InfluxBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step fails and says which volume to look at; nothing is written."""
    if bucket.kind != "2.7":
        pytest.skip("2.x alone makes tokens")
    (tmp_path / "admin" / "influxdb_token").write_text("wrong")
    monkeypatch.setenv("INFLUXDB_URL", bucket.influx.url)
    monkeypatch.setenv("ORG", bucket.influx.org)
    monkeypatch.setenv("BUCKET", bucket.name)
    with pytest.raises(SystemExit, match="401: is the admin token of the volume `secrets`"):
        tokens.main(tmp_path)
    assert not list(tmp_path.glob("grafana/*"))


def test_a_user_of_1_8_that_only_reads() -> None:
    """The user that the documentation makes for Grafana reads, and is refused to write."""
    instance = servers.Instance("1.8", servers.needed("1.8"), INFLUXDB_HTTP_AUTH_ENABLED="true")
    try:
        influx = instance.start()
        assert influx.ask("/query", b"", q=_ADMIN)[0] == 200
        admin = replace(influx, token="root:secret")
        for statement in ('CREATE DATABASE "crn"', *_READER):
            assert admin.ask("/query", b"", q=statement)[0] == 200
        assert admin.ask("/write", LINE, db="crn", precision="s")[0] == 204
        assert may(influx, "crn", "grafana:secret") == (True, False)
    finally:
        instance.remove()


_ADMIN = "CREATE USER root WITH PASSWORD 'secret' WITH ALL PRIVILEGES"
_READER = ("CREATE USER grafana WITH PASSWORD 'secret'", 'GRANT READ ON "crn" TO "grafana"')
