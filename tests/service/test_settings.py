"""Settings that take one of a few values: which they take, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.errors import ConfigurationError
from collector.influx.generation import Generation
from collector.service.load_settings import load_settings
from collector.service.setting_types import InfluxDbGeneration, Ipv6Mode
from collector.service.settings import Settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine, and no file."""
    monkeypatch.chdir(tmp_path)


def load(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize(
    ("value", "forced"), [("auto", None), ("on", True), ("off", False)], ids=["auto", "on", "off"]
)
def test_ipv6(value: str, forced: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` leaves it to be found out; `on` and `off` say it."""
    mode = load("CRN_PROBE__IPV6", value, monkeypatch).probe.ipv6
    assert (mode, mode.forced) == (Ipv6Mode(value), forced)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_log_level(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each level has its usual name."""
    assert load("CRN_LOG_LEVEL", level, monkeypatch).log_level == level


def test_every_generation_can_be_forced() -> None:
    """Each generation that a server can have is a value of the setting, beside `auto`."""
    forced = [setting.forced for setting in InfluxDbGeneration]
    assert forced == [None, *Generation]


@pytest.mark.parametrize(
    ("text", "generation"),
    [("1", "1"), ("1.8", "1.8"), ("2", "2"), ('"3"', "3"), ('"auto"', "auto")],
)
def test_a_generation_may_be_a_number_in_a_file(text: str, generation: str, tmp_path: Path) -> None:
    """TOML has numbers; the setting takes them for the names they are."""
    (tmp_path / "crn-collector.toml").write_text(f"[influxdb]\ngeneration = {text}\n")
    assert load_settings().influxdb.generation == generation


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        pytest.param("CRN_PROBE__IPV6", "On", "'auto', 'on' or 'off'", id="ipv6"),
        pytest.param("CRN_LOG_LEVEL", "info", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'", id="level"),
        pytest.param(
            "CRN_INFLUXDB__GENERATION", "4", "'auto', '1', '1.8', '2' or '3'", id="generation"
        ),
    ],
)
def test_other_values_are_refused(
    name: str, value: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the setting and every value that it takes."""
    with pytest.raises(ConfigurationError) as caught:
        load(name, value, monkeypatch)
    assert name in str(caught.value)
    assert wanted in str(caught.value)


def test_without_a_home_the_data_directory_must_be_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A user without a home, as in many containers, is told which setting to give."""

    def no_home(name: str) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("collector.service.settings.user_data_path", no_home)
    with pytest.raises(ConfigurationError, match="home directory") as caught:
        load_settings()
    assert "CRN_DATA_DIR" in caught.value.advice
    assert load_settings(data_dir=tmp_path).data_dir == tmp_path
