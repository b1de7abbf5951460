"""Parts made of settings: what is refused, and in which order parts open and close."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collector.errors import ConfigurationError
from collector.influx.delivery import Delivery
from collector.probe.resolver import Resolver
from collector.service.settings import InfluxDbSettings, ProbeSettings, Settings
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
