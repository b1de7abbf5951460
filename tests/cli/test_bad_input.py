"""What a person gets wrong, or a machine does not give: a clear message and an exit code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from collector.cli.common import output_file
from collector.cli.main import run_command
from collector.errors import Exit
from tests.support.command import Command

pytestmark = pytest.mark.slow

NODES = "".join(f"{i:064x} https://crn-{i}.invalid\n" for i in range(3))


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        pytest.param({"CRN_PROBE__TIMEOUT": "3"}, "CRN_PROBE__TIMEOUT in", id="unknown-nested"),
        pytest.param({"CRN_INTERVAL": "3"}, "CRN_INTERVAL in the environment", id="unknown-top"),
        pytest.param(
            {"CRN_PROBE__TIMEOUT_SECONDS": "soon"}, "CRN_PROBE__TIMEOUT_SECONDS", id="not-a-number"
        ),
        pytest.param({"CRN_PROBE__TIMEOUT_SECONDS": "-1"}, "greater than 0", id="out-of-range"),
        pytest.param({"CRN_ROUNDS__SPREAD_SECONDS": "80"}, "spread_seconds <", id="out-of-order"),
        pytest.param({"CRN_VANTAGE": "a b"}, "CRN_VANTAGE", id="bad-tag"),
        pytest.param({"CRN_PROBE__CA_FILE": "none.pem"}, "CRN_PROBE__CA_FILE", id="no-ca-file"),
        pytest.param({"CRN_PROBE__ALLOWED_NETWORKS": "10.0.0.1/8"}, "ALLOWED", id="no-cidr"),
        pytest.param({"CRN_CONFIG": "no.toml"}, "no.toml does not exist", id="no-config-file"),
        pytest.param({"CRN_STORE__RETENTION_DAYS": "inf"}, "or `forever`, not 'inf'", id="inf"),
        pytest.param({"CRN_PROBE__NAMESERVERS": "dns.google"}, "an IP address", id="nameserver"),
        pytest.param({"CRN_DIRECTORY__FILE": "none.txt"}, "CRN_DIRECTORY__FILE", id="no-list"),
        pytest.param({"CRN_DATA_DIR": "/dev/null/data"}, "CRN_DATA_DIR", id="data-dir"),
        pytest.param(
            {"CRN_INFLUXDB__URL": "http://a.invalid", "CRN_INFLUXDB__TOKEN_FILE": "none"},
            "CRN_INFLUXDB__TOKEN_FILE",
            id="no-token-file",
        ),
    ],
)
def test_a_wrong_setting_is_named(command: Command, variables: dict[str, str], named: str) -> None:
    """A wrong variable refuses to start, by its exact name, with exit code 2."""
    checked = command("check-config", **variables)
    assert checked.returncode == Exit.CONFIGURATION
    assert named in checked.stderr
    assert "Traceback" not in checked.stderr


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        pytest.param(
            "crn-collector.toml",
            "[prob]\nx = 1\n",
            "prob in crn-collector.toml: there is no such setting",
            id="toml-section",
        ),
        pytest.param(
            "crn-collector.toml", "[probe]\ntimeout = 1\n", "[probe] timeout", id="toml-key"
        ),
        pytest.param("crn-collector.toml", "[probe\n", "is not TOML", id="toml-broken"),
        pytest.param(".env", "CRN_PROBE__TIMEOUT=1\n", "CRN_PROBE__TIMEOUT in .env", id="dotenv"),
    ],
)
def test_a_typo_in_a_file_is_named(
    command: Command, tmp_path: Path, name: str, content: str, named: str
) -> None:
    """A typo in the TOML file or in `.env` refuses to start and says where it stands."""
    (tmp_path / name).write_text(content)
    checked = command("check-config")
    assert checked.returncode == Exit.CONFIGURATION
    assert named in checked.stderr


def test_a_pod_of_kubernetes(command: Command) -> None:
    """Variables of services named `crn-…` keep nothing from starting, nor do empty ones."""
    checked = command(
        "check-config", CRN_COLLECTOR_PORT="tcp://10.0.0.1:8080",
        CRN_COLLECTOR_SERVICE_HOST="10.0.0.1", CRN_DIRECTORY__FILE="", CRN_INFLUXDB__TOKEN_FILE=" ",
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (Exit.OK, "")


def test_settings_come_from_all_three(command: Command, tmp_path: Path) -> None:
    """The environment wins over `.env`, which wins over the file."""
    (tmp_path / "crn-collector.toml").write_text('vantage = "file"\nlog_level = "ERROR"\n')
    (tmp_path / ".env").write_text("CRN_VANTAGE=dotenv\nCRN_STORE__RETENTION_DAYS=5\n")
    shown = command("check-config", CRN_VANTAGE="variable").stdout
    assert "CRN_VANTAGE\tvariable" in shown
    assert "CRN_STORE__RETENTION_DAYS\t5.0" in shown
    assert "CRN_LOG_LEVEL\tERROR" in shown


def test_a_shard_may_be_a_number(command: Command, tmp_path: Path) -> None:
    """A file may name the shard by a bare number."""
    (tmp_path / "crn-collector.toml").write_text("shard = 3\n")
    assert "CRN_SHARD\t3" in command("check-config").stdout


@pytest.mark.parametrize("shard", ["a b", "-1", "é", "a" * 65], ids=ascii)
def test_a_shard_that_is_no_name(command: Command, shard: str) -> None:
    """A shard of other characters, or of too many, refuses to start and is named."""
    checked = command("check-config", CRN_SHARD=shard)
    assert checked.returncode == Exit.CONFIGURATION
    assert "CRN_SHARD" in checked.stderr


def test_no_list_of_nodes(command: Command) -> None:
    """Without an API host that answers, `crawl` names each of them and why, with exit code 3."""
    crawled = command(
        "crawl", "--data-dir", "data", CRN_DIRECTORY__API_HOSTS="https://a.invalid,http://b.invalid"
    )
    assert crawled.returncode == Exit.NO_DIRECTORY
    assert "https://a.invalid" in crawled.stderr
    assert "http://b.invalid" in crawled.stderr


@pytest.mark.parametrize(
    ("content", "named"),
    [
        pytest.param("hello world\n", "line 1", id="no-hash"),
        pytest.param('{"data": {}}', "nodes.txt", id="no-aggregate"),
        pytest.param(None, "nodes.txt", id="no-file"),
    ],
)
def test_a_bad_directory_file(
    command: Command, tmp_path: Path, content: str | None, named: str
) -> None:
    """A directory file that cannot be read is named, with exit code 3."""
    if content is not None:
        (tmp_path / "nodes.txt").write_text(content)
    crawled = command("crawl", "--directory", "nodes.txt", "--data-dir", "data")
    assert crawled.returncode == Exit.NO_DIRECTORY
    assert named in crawled.stderr
    assert "Traceback" not in crawled.stderr


def test_the_data_directory_is_a_file(command: Command, tmp_path: Path) -> None:
    """A data directory that cannot be one is named, with exit code 4."""
    (tmp_path / "nodes.txt").write_text(NODES)
    (tmp_path / "data").touch()
    crawled = command("crawl", "--directory", "nodes.txt", "--data-dir", "data")
    assert crawled.returncode == Exit.DATA_DIRECTORY
    assert "data" in crawled.stderr


def test_no_store_yet(command: Command) -> None:
    """Reading where nothing was ever written says so, with exit code 4."""
    listed = command("nodes", "--data-dir", "nowhere")
    assert listed.returncode == Exit.DATA_DIRECTORY
    assert "no store in" in listed.stderr


def test_without_a_network_no_node_is_blamed(command: Command, tmp_path: Path) -> None:
    """When not even the controls can be resolved, every failure is ours and nothing is lost."""
    (tmp_path / "nodes.txt").write_text(NODES)
    crawled = command(
        "crawl", "--directory", "nodes.txt", "--data-dir", "data",
        CRN_PROBE__CONTROLS="https://control.invalid",
    )  # fmt: skip
    assert crawled.returncode == 0
    assert "3\tvantage blind\tblind\tvantage" in crawled.stdout
    assert "VANTAGE BLIND (dns)" in crawled.stderr


def test_every_setting_has_a_meaning(command: Command) -> None:
    """`check-config --defaults` lists every setting without reading any."""
    shown = command("check-config", "--defaults", CRN_NONSENSE="1")
    assert shown.returncode == 0
    assert "CRN_PROBE__BODY_LIMIT_BYTES\t65536" in shown.stdout


@pytest.mark.parametrize("empty", ["", " "], ids=["empty", "blank"])
def test_an_empty_option_is_none(command: Command, empty: str) -> None:
    """An option for a path that is empty, as an unset variable makes it, counts as not given."""
    checked = command("--config", empty, "check-config")
    assert (checked.returncode, checked.stderr) == (0, "")
    read = command("nodes", "--data-dir", empty, CRN_DATA_DIR="elsewhere")
    assert "there is no store in elsewhere yet" in read.stderr
    crawled = command(
        *("crawl", "--dry-run", "--directory", empty, "--data-dir", empty),
        CRN_DIRECTORY__FILE="none.txt",
    )
    assert "none.txt" in crawled.stderr
    assert (output_file(empty), output_file(None)) == (None, None)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("simulate", "--config", "none/x"), Exit.CONFIGURATION, id="config"),
        pytest.param(("simulate", "--truth", "none/x"), Exit.CONFIGURATION, id="truth"),
        pytest.param(("demo", "--data-dir", "file/x"), Exit.DATA_DIRECTORY, id="data-directory"),
    ],
)
def test_an_output_that_cannot_be_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: Exit,
) -> None:
    """A file or folder that was named for output, and cannot be made, is named."""
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["crn-collector", *words])
    with pytest.raises(SystemExit) as ended:
        run_command()
    assert ended.value.code == code
    assert words[-1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "code"),
    [("--data-dir", Exit.DATA_DIRECTORY), ("--directory", Exit.NO_DIRECTORY)],
)
def test_an_option_ends_like_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, code: Exit
) -> None:
    """The parser of options judges no path: the part that reads it does, whoever names it."""
    denied = tmp_path / "denied"
    denied.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("sys.argv", ["crn-collector", "crawl", "--dry-run", option, str(denied)])
    if option == "--data-dir":
        monkeypatch.setattr("sys.argv", ["crn-collector", "nodes", option, str(denied)])
    with pytest.raises(SystemExit) as ended:
        run_command()
    assert ended.value.code == code
