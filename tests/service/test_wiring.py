"""Parts made of settings: what is refused, and in which order parts open and close."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp.web
import pytest

from collector.errors import ConfigurationError
from collector.influx.delivery import Delivery
from collector.model.failure import Failure
from collector.probe.resolver import Resolver
from collector.service.setting_files import check_files, database_token
from collector.service.settings import DirectorySettings, InfluxDbSettings, ProbeSettings, Settings
from collector.service.wiring import open_parts
from collector.store import EmbeddedStore, MemoryStore

URL = "http://127.0.0.1:9"


@pytest.mark.parametrize("section", ["probe", "influxdb"])
async def test_a_file_that_is_no_certificate_is_named(section: str, tmp_path: Path) -> None:
    """Authorities that cannot be read refuse to start, by the name of their setting."""
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    ca_file = {section: wrong}
    settings = Settings(
        data_dir=tmp_path / "data",
        probe=ProbeSettings(ca_file=ca_file.get("probe")),
        influxdb=InfluxDbSettings(url=URL, ca_file=ca_file.get("influxdb")),
    )
    with pytest.raises(ConfigurationError) as caught:
        async with open_parts(settings):
            pass
    assert f"CRN_{section.upper()}__CA_FILE" in str(caught.value)
    assert str(wrong) in str(caught.value)


async def test_the_store_opens_first_and_closes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever hands rounds to the store, or takes them from it, has ended when it closes."""
    order: list[str] = []

    def note(kind: type, name: str) -> None:
        original = getattr(kind, name)

        async def noted(self: Any, *args: Any) -> object:
            order.append(f"{kind.__name__}.{name}")
            return await original(self, *args)

        monkeypatch.setattr(kind, name, noted)

    for kind, name in ((EmbeddedStore, "close"), (Delivery, "stop"), (Resolver, "close")):
        note(kind, name)
    async with open_parts(Settings(data_dir=tmp_path, influxdb=InfluxDbSettings(url=URL))) as parts:
        assert isinstance(parts.store, EmbeddedStore)
        assert len(parts.sinks) == 1
        assert order == []
    assert order == ["Resolver.close", "Delivery.stop", "EmbeddedStore.close"]


async def test_a_dry_run_delivers_nothing(tmp_path: Path) -> None:
    """Without a disk there is nothing to deliver from, though a database is set."""
    settings = Settings(data_dir=tmp_path / "data", influxdb=InfluxDbSettings(url=URL))
    async with open_parts(settings, dry_run=True) as parts:
        assert isinstance(parts.store, MemoryStore)
        assert not parts.sinks


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(b"me:word\r\n", "me:word", id="line-break-at-the-end"),
        pytest.param(b"\xef\xbb\xbfme:word", "me:word", id="byte-order-mark"),
        pytest.param(b" \n", "it is empty", id="empty"),
        pytest.param(b"me\nword", "control character U+000A", id="two-lines"),
        pytest.param(b"\xff", "it is not UTF-8", id="not-text"),
    ],
)
def test_a_token_file(content: bytes, found: str, tmp_path: Path) -> None:
    """A token is read from its file without what surrounds it; what is none is refused."""
    file = tmp_path / "token"
    file.write_bytes(content)
    settings = Settings(data_dir=tmp_path, influxdb=InfluxDbSettings(url=URL, token_file=file))
    try:
        answer = database_token(settings)
    except ConfigurationError as error:
        answer = str(error)
        assert f"CRN_INFLUXDB__TOKEN_FILE: {file} cannot be read: it" in answer
    assert found in answer
    assert "word" not in answer or answer == found


def test_all_files_are_looked_at(tmp_path: Path) -> None:
    """Every file and folder that `run` would miss is named at once, and nothing is written."""
    (tmp_path / "file").touch()
    none = tmp_path / "none"
    settings = Settings(
        data_dir=tmp_path / "file" / "data",
        directory=DirectorySettings(file=none),
        probe=ProbeSettings(ca_file=none),
        influxdb=InfluxDbSettings(url=URL, token_file=none, ca_file=none),
    )
    with pytest.raises(ConfigurationError) as caught:
        check_files(settings)
    for name in (
        "DATA_DIR", "DIRECTORY__FILE", "PROBE__CA_FILE", "INFLUXDB__CA_FILE", "INFLUXDB__TOKEN_FILE"
    ):  # fmt: skip
        assert f"CRN_{name}: " in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    check_files(Settings(data_dir=tmp_path / "new" / "data"))
    assert not (tmp_path / "new").exists()


def test_a_store_that_run_would_refuse_is_named(tmp_path: Path) -> None:
    """A file of another program under the store's name is told before `run` refuses it."""
    (tmp_path / "collector.db").write_text("shopping list")
    with pytest.raises(ConfigurationError, match=r"CRN_DATA_DIR: .*collector\.db"):
        check_files(Settings(data_dir=tmp_path))
    (tmp_path / "collector.db").write_bytes(b"SQLite format 3\0" + bytes(1000))
    check_files(Settings(data_dir=tmp_path))  # damaged: `run` saves what can be read


async def test_api_hosts_in_a_private_network(tmp_path: Path) -> None:
    """The list is fetched from an API host on loopback; a node at its very address is refused."""
    entry = {"hash": "ab" * 32, "name": "n", "status": "linked", "score": 1.0}
    nodes = [entry]

    async def answer(_: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.json_response({"data": {"corechannel": {"resource_nodes": nodes}}})

    app = aiohttp.web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = aiohttp.web.AppRunner(app)
    await server.setup()
    await aiohttp.web.TCPSite(server, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{server.addresses[0][1]}"
    entry["address"] = url
    settings = Settings(data_dir=tmp_path, directory=DirectorySettings(api_hosts=[url]))
    try:
        async with open_parts(settings, dry_run=True) as parts:
            (node,) = (await parts.nodes.listing()).nodes
            visit = parts.prober.visit(node, None)
            await visit.run()
    finally:
        await server.cleanup()
    assert node.address == url
    assert visit.observation().failure is Failure.FORBIDDEN_ADDRESS
