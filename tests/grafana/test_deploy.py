"""The compose files: accepted, pinned, on loopback, and without a secret in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # myst-parser brings it

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BASE = "docker-compose.yml"
OVERLAYS = ("docker-compose.influxdb3.yml", "docker-compose.demo.yml")
STACKS = [(BASE,), (BASE, OVERLAYS[0]), (BASE, OVERLAYS[1]), (BASE, *OVERLAYS)]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def text(name: str) -> str:
    """A file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_compose_accepts_every_stack(stack: tuple[str, ...], tmp_path: Path) -> None:
    """With nothing set, each combination of files is a valid stack."""
    compose = shutil.which("docker-compose")
    if compose is None:
        words = "no docker-compose: install the package of that name"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    files = [word for name in stack for word in ("-f", str(ROOT / name))]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [compose, *files, "config", "--quiet"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [BASE, *OVERLAYS])
def test_images_are_pinned(name: str) -> None:
    """Every image has a version, and none is `latest`."""
    for image in re.findall(r"image: (\S+)", text(name)):
        pinned = VARIABLE.sub(r"\2", image)
        assert re.search(r":[\w.-]+$", pinned), image
        assert not pinned.endswith(":latest")


@pytest.mark.parametrize("name", [BASE, *OVERLAYS])
def test_ports_are_on_loopback(name: str) -> None:
    """Nothing is open to other machines."""
    for port in re.findall(r'- "([^"]*:\d+)"$', text(name), re.MULTILINE):
        assert port.startswith("127.0.0.1:"), port


def test_no_password_is_published() -> None:
    """Passwords and tokens are files that are made at the first start."""
    for name in (BASE, *OVERLAYS, "deploy/example.env"):
        for key, value in re.findall(r"(\w*(?:PASSWORD|TOKEN)\w*)[:=]\s*(\S+)", text(name)):
            assert key.endswith("_FILE"), key
            assert value.startswith("/secrets/")


def test_every_variable_is_in_the_example() -> None:
    """What can be set is listed with the default that the compose files use."""
    listed = dict(re.findall(r"^(\w+)=(.*)$", text("deploy/example.env"), re.MULTILINE))
    used = {key: value for name in (BASE, *OVERLAYS) for key, value in VARIABLE.findall(text(name))}
    assert listed == used


def test_no_variable_looks_like_a_setting_of_the_collector() -> None:
    """The collector refuses names of its own prefix that it does not know, in `.env` as well."""
    assert not re.search(r"^CRN_", text("deploy/example.env"), re.MULTILINE)


def test_both_data_sources_are_the_same() -> None:
    """The containers' data source differs in where its token comes from, and in nothing else."""
    by_hand = text("grafana/provisioning/datasources/influxdb.yaml")
    in_container = text("deploy/datasource.yaml")
    token = "$__file{/secrets/influxdb_token}"
    assert (
        in_container.replace(token, "$GRAFANA_INFLUXDB_TOKEN").split("apiVersion")[1]
        == (by_hand.split("apiVersion")[1])
    )


def services(*stack: str) -> dict[str, dict[str, Any]]:
    """The services of a stack, as compose reads its files."""
    merged: dict[str, dict[str, Any]] = {}
    for name in stack:
        for service, content in yaml.safe_load(text(name))["services"].items():
            known = merged.setdefault(service, {})
            volumes = [*known.get("volumes", ()), *content.get("volumes", ())]
            known.update(content, volumes=volumes)
    return merged


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_each_service_is_confined(stack: tuple[str, ...]) -> None:
    """A limit of memory, a file system that cannot be written, no rights and no new ones."""
    for name, service in services(*stack).items():
        assert re.search(r"\d[mg]\b", service["mem_limit"]), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert ("cap_add" in service) == (name == "influxdb")


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
def test_each_service_reads_its_own_secrets(stack: tuple[str, ...]) -> None:
    """What stays running mounts one volume with secrets, its own, and cannot write it."""
    mounted = {
        name: [v for v in service["volumes"] if re.match(r"(\w+-)?secrets:", v)]
        for name, service in services(*stack).items()
        if service.get("restart")
    }
    mounted.pop("simulate", None)
    assert mounted == {
        "influxdb": ["secrets:/secrets:ro"],
        "collector": ["collector-secrets:/secrets:ro"],
        "grafana": ["grafana-secrets:/secrets:ro"],
    }


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """Each is long and its own; a second start leaves them alone."""
    made = []
    for _ in range(2):
        make_secrets(tmp_path)
        made.append({path.name: path.read_text() for path in tmp_path.glob("*/*_*")})
    assert made[0] == made[1]
    assert len(set(made[0].values())) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in made[0].values())
    assert [path.name for path in (tmp_path / "grafana").iterdir()] == ["grafana_password"]


def test_the_password_of_an_earlier_stack_moves(tmp_path: Path) -> None:
    """Grafana keeps the password that it was set up with, now where it alone reads it."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "grafana_password").write_text("old")
    make_secrets(tmp_path)
    assert (tmp_path / "grafana" / "grafana_password").read_text() == "old"
    assert not (tmp_path / "secrets" / "grafana_password").exists()


def make_secrets(folder: Path) -> None:
    """Run the script of the service `secrets` on folders instead of volumes."""
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "grafana").mkdir(exist_ok=True)
    script = text("deploy/secrets.sh")
    for volume in ("secrets", "grafana"):
        script = re.sub(rf"(?<=[ \"])/{volume}/", f"{folder}/{volume}/", script)
    subprocess.run(["sh", "-c", script], check=True, capture_output=True, timeout=30)
