"""nginx, HAProxy and systemd: their own checks of the files, and the files beside the nodes' settings."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from files import DEPLOY, run, seconds, size
from nodes import Node, compose, unit_nodes

NGINX = DEPLOY / "nginx/chapar.conf"
HAPROXY = DEPLOY / "haproxy/haproxy.cfg"


def rendered(folder: Path, **names: str) -> str:
    environment = {"LISTEN": "127.0.0.1:8080", "DIR": str(folder), "API": "127.0.0.1:8001 127.0.0.1:8002"}
    environment |= {"GATEWAYS": "127.0.0.1:8011", "PATH": "/usr/bin:/bin"} | names
    return run("sh", DEPLOY / "nginx/render", env=environment).stdout


def settings() -> dict:  # type: ignore[type-arg]
    return Node("defaults", "all", {}, set(), set(), 0).settings()


def test_nginx_takes_it(tmp_path: Path) -> None:
    for names in ({}, compose()["services"]["nginx"]["environment"] | {"DIR": str(tmp_path)}):
        path = tmp_path / "nginx.conf"
        text = rendered(tmp_path, **names)
        assert not re.search(r"^[^#]*\{(listen|dir|api_servers|gateway_servers)\}", text, re.MULTILINE)
        path.write_text(text)
        run("nginx", "-t", "-e", "stderr", "-c", path, "-g", f"pid {tmp_path}/nginx.pid;")


def test_nginx_wants_to_be_told_everything(tmp_path: Path) -> None:
    done = subprocess.run(["sh", DEPLOY / "nginx/render"], env={"PATH": "/usr/bin:/bin"}, capture_output=True)
    assert done.returncode != 0


def nginx_values(name: str) -> list[str]:
    return re.findall(rf"^\s*{name} ([^;]+);", NGINX.read_text(), re.MULTILINE)


def test_nginx_waits_longer_than_the_nodes() -> None:
    node = settings()
    longest = max(
        3 * seconds(node["gateway"]["heartbeat"]),
        seconds(node["http"]["request_timeout"]),
        seconds(node["gateway"]["socketio"]["ping_interval"]) + seconds(node["gateway"]["socketio"]["ping_timeout"]),
    )
    for name in ("proxy_read_timeout", "proxy_send_timeout"):
        values = nginx_values(name)
        assert len(values) == 2, "of both locations"
        assert all(seconds(value) > longest for value in values)
    # The upstream's, not the client's: a connection that the node closes first may take a request with it.
    assert seconds(nginx_values("keepalive_timeout")[-1]) < seconds(node["http"]["header_timeout"])


def test_balancers_let_uploads_through_and_no_more() -> None:
    limit = settings()["limits"]["max_upload_bytes"]
    (nginx,) = nginx_values("client_max_body_size")
    haproxy = re.search(r"req\.body_size gt (\d+)", HAPROXY.read_text())
    assert haproxy
    for value in (size(nginx.split()[0]), int(haproxy[1])):
        assert limit + (64 << 10) <= value <= limit + (2 << 20)


def test_balancers_log_paths_without_queries() -> None:
    log_format = NGINX.read_text().split("log_format chapar")[1].split(";")[0]
    assert "$uri" in log_format
    assert not re.search(r"\$(request_uri|request|args|query_string|arg_\w+|http_referer|http_cookie|http_authorization)\b", log_format)
    line = re.search(r"^\s*log-format (.*)", HAPROXY.read_text(), re.MULTILINE)
    assert line and "%HPO" in line[1] and not re.search(r"%(r|HU|HQ|HP|hr|hrl|CC)\b", line[1])


def test_haproxy_takes_it() -> None:
    done = run("haproxy", "-c", "-f", HAPROXY)
    assert "WARNING" not in done.stderr, done.stderr


def test_haproxy_waits_longer_than_the_nodes() -> None:
    node = settings()
    values = dict(re.findall(r"^\s*timeout ([a-z-]+) (\w+)$", HAPROXY.read_text(), re.MULTILINE))
    assert seconds(values["tunnel"]) >= 3 * seconds(node["gateway"]["heartbeat"])
    assert seconds(values["server"]) > seconds(node["http"]["request_timeout"])
    poll = seconds(node["gateway"]["socketio"]["ping_interval"]) + seconds(node["gateway"]["socketio"]["ping_timeout"])
    assert seconds(values["client"]) > poll
    purge = re.search(r"pool-purge-delay (\w+)", HAPROXY.read_text())
    assert purge and seconds(purge[1]) < seconds(node["http"]["header_timeout"])


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The root of a machine that has the binary and the units."""
    (tmp_path / "usr/local/bin").mkdir(parents=True)
    binary = tmp_path / "usr/local/bin/chapar"
    binary.touch(mode=0o755)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    for path in (DEPLOY / "systemd").glob("*.service"):
        (tmp_path / "etc/systemd/system" / path.name).write_bytes(path.read_bytes())
    return tmp_path


def verified(machine: Path) -> str:
    names = sorted(path.name for path in (machine / "etc/systemd/system").glob("*.service"))
    assert len(names) == 4
    done = run("systemd-analyze", "verify", f"--root={machine}", "--man=no", *names)
    return done.stdout + done.stderr


def test_systemd_takes_the_units(machine: Path) -> None:
    assert verified(machine) == ""
    unit = machine / "etc/systemd/system/chapar-api.service"
    unit.write_text(unit.read_text().replace("[Service]", "[Service]\nRestartt=always"))
    assert "Restartt" in verified(machine), "a wrong word is found"


@pytest.mark.parametrize("node", unit_nodes(), ids=lambda node: node.name)
def test_units_are_shut_in(node: Node) -> None:
    """1.5 of 10, where 10 is a process of root's with nothing around it."""
    run("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", DEPLOY / "systemd" / node.name)
