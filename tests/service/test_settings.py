"""Every setting against hostile values, and what each kind of setting takes."""

from __future__ import annotations

import json
import math
import typing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from collector.errors import ConfigurationError
from collector.influx.generation import Generation
from collector.service.load_settings import load_settings
from collector.service.setting_choices import InfluxDbGeneration, Ipv6Mode
from collector.service.settings import Settings, fields, variable

Key = tuple[str, ...]
KEYS = [key for key, _ in fields()]
KINDS = {key: {field.annotation, *typing.get_args(field.annotation)} for key, field in fields()}
NUMBERS = [key for key in KEYS if KINDS[key] & {int, float}]
PATHS = [key for key in KEYS if Path in KINDS[key]]
LISTS = [key for key, field in fields() if typing.get_origin(field.annotation) is tuple]
each_setting = pytest.mark.parametrize("key", KEYS, ids=".".join)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine, and no file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def load(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv(name, value)
    return load_settings()


def refusal(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(name, value, monkeypatch)
    return str(caught.value)


def write_toml(key: Key, value: object) -> None:
    """A configuration file with one setting."""
    *section, name = key
    head = f"[{section[0]}]\n" if section else ""
    Path("crn-collector.toml").write_text(f"{head}{name} = {json.dumps(value)}\n")


def value_of(settings: Settings, key: Key) -> Any:
    value: Any = settings
    for name in key:
        value = getattr(value, name)
    return value


@each_setting
@pytest.mark.parametrize("empty", ["", "  ", "\ufeff"], ids=["empty", "blank", "mark"])
def test_an_empty_value_is_none(key: Key, empty: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable counts as not given, whatever the setting."""
    assert load(variable(key), empty, monkeypatch).model_dump() == Settings().model_dump()


@each_setting
@pytest.mark.parametrize("hidden", ["\n", "\x00", "\x1b", "\u200b", "\u202e"], ids=ascii)
def test_control_characters_are_refused(key: Key, hidden: str) -> None:
    """A control or invisible character inside a value is named, and where it stands."""
    write_toml(key, f"1{hidden}5")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    said = str(caught.value)
    assert f"{key[-1]} in crn-collector.toml" in said
    assert f"must not have the control character U+{ord(hidden):04X}" in said
    assert hidden not in said


@each_setting
def test_bytes_that_are_no_text_are_refused(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is not UTF-8 is refused by its name."""
    assert variable(key) in refusal(variable(key), "a\udcffb", monkeypatch)


@each_setting
def test_too_long_a_value_is_refused(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting takes a hundred thousand characters, and they are not repeated."""
    said = refusal(variable(key), "9" * 100_000, monkeypatch)
    assert variable(key) in said
    assert len(said) < 1_000


@each_setting
@pytest.mark.parametrize("value", [True, {"a": 1}, [[1]]], ids=["true", "table", "list-of-lists"])
def test_values_of_no_setting(key: Key, value: object) -> None:
    """What no setting is, is refused in a file."""
    write_toml(key, value)
    if isinstance(value, dict):
        Path("crn-collector.toml").write_text(f"[{'.'.join(key)}]\na = 1\n")
    with pytest.raises(ConfigurationError, match=rf"{key[-1]} in crn-collector\.toml"):
        load_settings()


@each_setting
def test_blanks_and_marks_around_a_value(key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value is the same with blanks, line breaks or a byte order mark around it."""
    shown = Settings().model_dump(mode="json")
    for name in key:
        shown = shown[name]
    text = ",".join(shown) if isinstance(shown, list) else str(shown or "")
    settings = load(variable(key), f" \ufeff{text}\r\n", monkeypatch)
    assert value_of(settings, key) == value_of(Settings(), key)


@pytest.mark.parametrize("key", NUMBERS, ids=".".join)
@pytest.mark.parametrize(
    "value", ["inf", "-inf", "nan", "1e999", "9" * 30, "-1", "soon", "1,5", "0x10"]
)
def test_numbers_are_finite_and_bounded(
    key: Key, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number that is none, or beyond all reason, is named with what the setting takes."""
    said = refusal(variable(key), value, monkeypatch)
    assert f"{variable(key)} in the environment: must" in said
    assert repr(value) in said


@pytest.mark.parametrize("key", NUMBERS, ids=".".join)
@pytest.mark.parametrize("value", [math.inf, math.nan, 10**400], ids=["inf", "nan", "huge"])
def test_numbers_of_a_file(key: Key, value: float) -> None:
    """TOML has `inf`, `nan` and numbers of any length; no setting takes them."""
    *section, name = key
    head = f"[{section[0]}]\n" if section else ""
    Path("crn-collector.toml").write_text(f"{head}{name} = {value}\n")
    with pytest.raises(ConfigurationError, match=rf"{name} in crn-collector\.toml"):
        load_settings()


@pytest.mark.parametrize("key", PATHS, ids=".".join)
def test_paths(key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the home directory; one that is not known is refused."""
    monkeypatch.setenv("CRN_INFLUXDB__URL", "http://127.0.0.1:9")
    assert value_of(load(variable(key), "~/a b", monkeypatch), key) == tmp_path / "a b"
    assert "home directory" in refusal(variable(key), "~no-such-user-here/x", monkeypatch)
    assert "at most" in refusal(variable(key), "/x" * 4_000, monkeypatch)


@pytest.mark.parametrize("key", LISTS, ids=".".join)
def test_empty_words_of_a_list(key: Key) -> None:
    """Empty words of a list are left out."""
    write_toml(key, ["", " ", "9.9.9.9"])
    assert len(value_of(load_settings(), key)) == 1


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        pytest.param("PROBE__IPV6", "On", Ipv6Mode.ON, id="choice-in-any-case"),
        pytest.param("LOG_LEVEL", "debug", "DEBUG", id="level-in-any-case"),
        pytest.param("STORE__RETENTION_DAYS", "Forever", None, id="for-ever"),
        pytest.param("INFLUXDB__RETENTION_DAYS", "forever", None, id="for-ever-in-influxdb"),
        pytest.param("PROBE__DIAGNOSTIC_VM", "AB" * 32, "ab" * 32, id="hash"),
        pytest.param("PROBE__NAMESERVERS", "9.9.9.9, 1.1.1.1:5353",
                     ("9.9.9.9", "1.1.1.1:5353"), id="name-servers"),
        pytest.param("PROBE__NAMESERVERS", "2620:FE::fe,[2620:fe::9]:53,[::1]",
                     ("2620:fe::fe", "[2620:fe::9]:53", "::1"), id="name-servers-ipv6"),
        pytest.param("PROBE__FORBIDDEN_HOSTS", "*.Example.com, .b.example.,https://c.example/x",
                     ("example.com", "b.example", "c.example"), id="forbidden-hosts"),
        pytest.param("PROBE__FORBIDDEN_HOSTS", "bücher.example,zip,8.8.8.8,2606::1",
                     ("xn--bcher-kva.example", "zip", "8.8.8.8", "2606::1"), id="other-hosts"),
        pytest.param("PROBE__CONTROLS", "one.example.,HTTPS://Two.example:443/,http://three:8080",
                     ("https://one.example", "https://two.example", "http://three:8080"),
                     id="controls"),
        pytest.param("DIRECTORY__API_HOSTS", "https://api.example./x/,http://[::1]:8080",
                     ("https://api.example/x", "http://[::1]:8080"), id="api-hosts"),
        pytest.param("INFLUXDB__URL", "http://influxdb:8086/", "http://influxdb:8086", id="url"),
        pytest.param("INFLUXDB__URL", "https://host.example/influx",
                     "https://host.example/influx", id="url-with-prefix"),
        pytest.param("PROBE__ALLOWED_NETWORKS", "10.1.0.0/16, ::1/128",
                     ("10.1.0.0/16", "::1/128"), id="networks"),
    ],
)  # fmt: skip
def test_what_has_a_meaning_is_taken(
    name: str, value: str, kept: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value is kept in the form in which it is used."""
    settings = load(f"CRN_{name}", value, monkeypatch)
    key = next(key for key in KEYS if variable(key) == f"CRN_{name}")
    assert value_of(settings, key) == kept


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        pytest.param("PROBE__IPV6", "maybe", "'auto', 'on' or 'off'", id="ipv6"),
        pytest.param("LOG_LEVEL", "loud", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'", id="level"),
        pytest.param("INFLUXDB__GENERATION", "4", "'auto', '1', '1.8', '2' or '3'", id="4"),
        pytest.param("STORE__RETENTION_DAYS", "never", "`forever`, not 'never'", id="days"),
        pytest.param("VANTAGE", "a b", "letters, digits", id="label"),
        pytest.param("PROBE__NAMESERVERS", "dns.google", "an IP address such as", id="name"),
        pytest.param("PROBE__NAMESERVERS", "1.1.1.1:99999", "a port from 1", id="port"),
        pytest.param("PROBE__NAMESERVERS", "1.1.1.1:", "a port from 1", id="no-port"),
        pytest.param("PROBE__NAMESERVERS", '["1.1.1.1"]', "an IP address such as", id="json"),
        pytest.param("PROBE__NAMESERVERS", "fe80::1%eth0", "an IP address such as", id="scope"),
        pytest.param("PROBE__NAMESERVERS", "udp://1.1.1.1", "an IP address such as", id="udp"),
        pytest.param("PROBE__FORBIDDEN_HOSTS", "*", "a host name", id="star"),
        pytest.param("PROBE__FORBIDDEN_HOSTS", "a.*.example", "a host name", id="inner-star"),
        pytest.param("PROBE__FORBIDDEN_HOSTS", "a b.example", "invisible", id="blank"),
        pytest.param("PROBE__FORBIDDEN_HOSTS", "127.1", "a legacy form", id="legacy"),
        pytest.param("PROBE__CONTROLS", "ftp://a.example", "http or https", id="ftp"),
        pytest.param("PROBE__CONTROLS", "https://u:p@a.example", "no user name", id="user"),
        pytest.param("DIRECTORY__API_HOSTS", "https://a.example/?keys=x", "no query", id="query"),
        pytest.param("DIRECTORY__API_HOSTS", "https://a.example/api/v0", "/api/v0", id="api-path"),
        pytest.param("DIRECTORY__API_HOSTS", "https://a.example:0", "a port from 1", id="port-0"),
        pytest.param("INFLUXDB__URL", "influxdb:8086", "http://", id="no-scheme"),
        pytest.param("INFLUXDB__URL", "http://u:hush@a.example", "`token`", id="password"),
        pytest.param("INFLUXDB__URL", "http://a.example?db=x&p=hush", "`bucket`", id="url-query"),
        pytest.param("INFLUXDB__URL", "http://a.example#hush", "fragment", id="url-fragment"),
        pytest.param("INFLUXDB__URL", "http://a.example/api/v2/write", "alone", id="write-path"),
        pytest.param("INFLUXDB__URL", "http://a.example/write", "without /write", id="write-1"),
        pytest.param("INFLUXDB__URL", "http://a.example:x", "a host and a port", id="url-port"),
        pytest.param("PROBE__ALLOWED_NETWORKS", "10.0.0.1/8", "host bits", id="cidr"),
    ],
)
def test_what_has_no_meaning_is_refused(
    name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the setting and what it takes, and repeats no password."""
    said = refusal(f"CRN_{name}", value, monkeypatch)
    assert f"CRN_{name} in the environment" in said
    assert words in said
    assert "hush" not in said or "#hush" in value


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong and unknown settings of every source are in one message, each as it was written."""
    Path("crn-collector.toml").write_text("[probe]\ntimeout_second = 3\nipv6 = 'x'\n")
    Path(".env").write_text("CRN_VANTAGE='a b'\nnonsense with blanks\nCRN_SHARD\n")
    monkeypatch.setenv("CRN_STORE__RETENTION_DAYS", "inf")
    monkeypatch.setenv("CRN_ROUNDS__SPREAD_SECONDS", "57")
    monkeypatch.setenv("crn_probe__ipv", "on")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(data_dir=Path("~no-such-user-here"))
    for words in (
        "[probe] timeout_second in crn-collector.toml: there is no such setting; "
        "is probe.timeout_seconds meant?",
        "[probe] ipv6 in crn-collector.toml: must be",
        "CRN_VANTAGE in .env: must be",
        "line 2 of .env cannot be read",
        "line 3 of .env cannot be read",
        "CRN_STORE__RETENTION_DAYS in the environment: must be",
        "CRN_ROUNDS__SPREAD_SECONDS in the environment: spread_seconds <",
        "crn_probe__ipv in the environment: there is no such setting; is CRN_PROBE__IPV6 meant?",
        "--data-dir: begins with ~",
    ):
        assert words in str(caught.value)


def test_a_secret_is_never_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is refused is named, and not shown."""
    said = refusal("CRN_INFLUXDB__TOKEN", "hush\thush", monkeypatch)
    assert "CRN_INFLUXDB__TOKEN in the environment: must not have the control character" in said
    assert "hush" not in said


def test_names_in_dotenv_are_replaced_but_not_in_a_token() -> None:
    """A token is taken as it is written; a path may name another variable."""
    Path(".env").write_text(
        "WHERE=there\nCRN_DATA_DIR=/data/${WHERE}\nCRN_INFLUXDB__URL=http://a.example\n"
        "CRN_INFLUXDB__TOKEN=a${WHERE}b$c\n"
    )
    settings = load_settings()
    assert settings.data_dir == Path("/data/there")
    assert settings.influxdb.token == SecretStr("a${WHERE}b$c")


@pytest.mark.parametrize("name", ["crn-collector.toml", ".env"])
def test_a_byte_order_mark(name: str) -> None:
    """A file as Windows writes it is read like any other."""
    Path(name).write_bytes(b"\xef\xbb\xbf" + (
        b'vantage = "x"\r\n' if name.endswith("toml") else b"CRN_VANTAGE=x\r\n"
    ))  # fmt: skip
    assert load_settings().vantage == "x"


@pytest.mark.parametrize("name", ["crn-collector.toml", ".env"])
def test_a_file_that_is_not_text(name: str) -> None:
    """A file that is not UTF-8 is named."""
    Path(name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=f"{name} cannot be read"):
        load_settings()


def test_an_empty_variable_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as compose passes it, leaves the value of the file."""
    write_toml(("vantage",), "file")
    assert load("CRN_VANTAGE", "", monkeypatch).vantage == "file"


OF_KUBERNETES = {
    "SERVICE_HOST": "10.0.0.1",
    "SERVICE_PORT": "8080",
    "SERVICE_PORT_HTTP": "8080",
    "PORT": "tcp://10.0.0.1:8080",
    "PORT_8080_TCP": "tcp://10.0.0.1:8080",
    "PORT_8080_TCP_PROTO": "tcp",
    "PORT_8080_TCP_PORT": "8080",
    "PORT_8080_TCP_ADDR": "10.0.0.1",
    "PORT_53_UDP": "udp://10.0.0.1:53",
}


@pytest.mark.parametrize("service", ["CRN", "CRN_COLLECTOR", "CRN_INFLUXDB", "CRN_DATA_DIR"])
def test_variables_of_kubernetes(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Kubernetes puts into a pod for a service named `crn-…` is passed over."""
    for name, value in OF_KUBERNETES.items():
        monkeypatch.setenv(f"{service}_{name}", value)
    assert load_settings().model_dump() == Settings().model_dump()


@pytest.mark.parametrize("name", ["CRN_PROBE_TIMEOUT_SECONDS", "CRN_INFLUXDB_PORT", "CRN_VANTAG"])
def test_a_misspelt_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that only looks like one of Kubernetes is refused, with the nearest name."""
    assert f"{name} in the environment: there is no such setting; is CRN_" in refusal(
        name, "8086", monkeypatch
    )


@pytest.mark.parametrize(
    ("value", "forced"), [("auto", None), ("on", True), ("off", False)], ids=["auto", "on", "off"]
)
def test_ipv6(value: str, forced: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` leaves it to be found out; `on` and `off` say it."""
    mode = load("CRN_PROBE__IPV6", value, monkeypatch).probe.ipv6
    assert (mode, mode.forced) == (Ipv6Mode(value), forced)


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
