"""The settings of every node that deploy/ and k8s/ describe, beside what surrounds it: ports, probes, times, limits."""

import os
import re
import selectors
import signal
import subprocess
import time
from pathlib import Path

import pytest

from files import CHAPAR, DEPLOY, LAST_STEPS_S, ROOT, seconds
from nodes import Node, all_nodes, ids, image_environment, serving_nodes

MIB = 1 << 20


@pytest.mark.parametrize("node", all_nodes(), ids=ids)
def test_every_setting_is_known(node: Node) -> None:
    node.settings()


def until_it_serves_or_ends(node: Node, folder: Path) -> tuple[str, int | None]:
    """What it said until then, and its status if it ended."""
    environment = node.real_environment(folder) | {
        "CHAPAR_HTTP__BIND": "127.0.0.1:0",
        "CHAPAR_INTERNAL__BIND": "127.0.0.1:0",
        "CHAPAR_DATA_DIR": str(folder / "data"),
        "CHAPAR_TELEMETRY__FORMAT": "text",
        "CHAPAR_TELEMETRY__LEVEL": "info",
        # Nobody takes traces here.
        "CHAPAR_TELEMETRY__OTLP_ENDPOINT": "",
    }
    command = [CHAPAR] + ([node.role] if node.role != "all" else [])
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)
    said = b""
    try:
        assert process.stderr is not None
        os.set_blocking(process.stderr.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(process.stderr, selectors.EVENT_READ)
            deadline = time.monotonic() + 30
            while b" serving " not in said and time.monotonic() < deadline:
                if selector.select(timeout=deadline - time.monotonic()):
                    more = process.stderr.read()
                    if not more:
                        return said.decode(), process.wait(timeout=10)
                    said += more
        return said.decode(), None
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        process.stderr.close()


@pytest.mark.parametrize("node", serving_nodes(), ids=ids)
def test_a_role_has_all_that_it_needs(node: Node, tmp_path: Path) -> None:
    """Postgres and Redis are not there, which a node bears; a setting that is missing it does not."""
    said, status = until_it_serves_or_ends(node, tmp_path)
    assert status is None and " serving " in said, said


@pytest.mark.parametrize("node", serving_nodes(), ids=ids)
def test_a_node_listens_where_it_is_looked_for(node: Node) -> None:
    settings = node.settings()
    address, port = settings["http"]["bind"].rsplit(":", 1)
    if node.name.endswith(".service"):
        return  # /etc/chapar/chapar.env says where
    assert address == "0.0.0.0" and int(port) in node.ports
    if node.role == "api":
        address, port = settings["internal"]["bind"].rsplit(":", 1)
        assert address == "0.0.0.0" and int(port) in node.ports


@pytest.mark.parametrize("node", serving_nodes(), ids=ids)
def test_a_stop_lasts_no_longer_than_it_may(node: Node) -> None:
    http = node.settings()["http"]
    drain = seconds(http["drain_delay"]) + seconds(http["drain_timeout"])
    assert node.grace_s >= node.pre_stop_s + drain + LAST_STEPS_S
    # Nor is it given so long that nobody knows how long.
    assert node.grace_s <= node.pre_stop_s + drain + LAST_STEPS_S + 20


def test_the_last_steps_are_as_long_as_the_tests_say() -> None:
    texts = [
        ((ROOT / "chapar/src/compose/mod.rs").read_text(), "LAST_STEPS"),
        ((ROOT / "chapar/src/telemetry/mod.rs").read_text(), "FLUSH"),
    ]
    found = [re.search(rf"const {name}: Duration = Duration::from_secs\((\d+)\)", text) for text, name in texts]
    assert sum(int(match[1]) for match in found if match) == LAST_STEPS_S


@pytest.mark.parametrize("node", [node for node in serving_nodes() if node.role == "gateway"], ids=ids)
def test_a_full_gateway_is_drained_at_its_pace(node: Node) -> None:
    """Two thirds of the drain's time are for telling all clients: where that is too short, more are told at once than
    the other nodes are said to bear."""
    settings = node.settings()
    pace = settings["http"]["max_connections"] / settings["gateway"]["drain_rate"]
    assert pace <= seconds(settings["http"]["drain_timeout"]) * 2 / 3


@pytest.mark.parametrize("node", [node for node in serving_nodes() if node.probes], ids=ids)
def test_probes_fit_the_checks_of_a_node(node: Node) -> None:
    assert {name: probe["httpGet"]["path"] for name, probe in node.probes.items()} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    deadline = re.search(r"const DEADLINE: Duration = Duration::from_secs\((\d+)\)", (ROOT / "chapar/src/health.rs").read_text())
    assert deadline
    ready = node.probes["readinessProbe"]
    assert ready["timeoutSeconds"] > int(deadline[1])
    # Noticed before clients give up on a node that does not answer.
    assert ready["periodSeconds"] * ready["failureThreshold"] <= 10
    alive = node.probes["livenessProbe"]
    assert alive["periodSeconds"] * alive["failureThreshold"] >= 30
    assert all(probe["httpGet"]["port"] == "http" for probe in node.probes.values())


def test_the_image_asks_itself_within_its_time() -> None:
    check = re.search(r"HEALTHCHECK (.*?)\\\n\s*CMD (.*)", (DEPLOY / "Dockerfile").read_text())
    assert check and check[2] == '["/usr/local/bin/chapar", "healthcheck"]'
    limit = re.search(r"const TIMEOUT: Duration = Duration::from_secs\((\d+)\)", (ROOT / "chapar/src/healthcheck.rs").read_text())
    timeout = re.search(r"--timeout=(\w+)", check[1])
    assert limit and timeout and seconds(timeout[1]) > int(limit[1])


@pytest.mark.parametrize("node", [node for node in serving_nodes() if node.max_files is not None], ids=ids)
def test_there_are_file_descriptors_for_all_connections(node: Node) -> None:
    settings = node.settings()
    beside = settings["store"]["max_connections"] + settings["files"]["max_uploads"] + 500
    assert node.max_files and node.max_files >= settings["http"]["max_connections"] + beside


@pytest.mark.parametrize("node", [node for node in serving_nodes() if node.memory], ids=ids)
def test_there_is_memory_for_what_the_limits_let_in(node: Node) -> None:
    settings = node.settings()
    if node.role == "api":
        files, passwords = settings["files"], settings["api"]["passwords"]
        part = 5 * MIB if files["kind"] == "s3" else MIB // 4
        hashes = passwords["permits"] or os.cpu_count() or 1
        needed = (
            100 * MIB
            + files["max_uploads"] * 2 * part
            + files["max_decoding"] * files["max_pixels"] * 4
            + hashes * passwords["memory_kib"] * 1024
        )
    else:
        limits, gateway = settings["limits"], settings["gateway"]
        # An idle connection takes 7 KiB (k8s/README.md); four times as much for what is queued, and for Socket.IO's.
        needed = (
            100 * MIB
            + settings["http"]["max_connections"] * 4 * 7 * 1024
            + gateway["max_file_frames"] * 4 * limits["max_upload_bytes"]
        )
    assert node.memory >= needed, f"{needed / MIB:.0f} MiB"


@pytest.mark.parametrize("node", all_nodes(), ids=ids)
def test_a_node_writes_only_where_it_may(node: Node) -> None:
    assert node.settings()["data_dir"] in node.writable


@pytest.mark.parametrize("node", [node for node in serving_nodes() if node.role != "all"], ids=ids)
def test_a_gateway_is_given_nothing_that_leads_to_the_database(node: Node) -> None:
    has_store = any("STORE" in name for name in node.environment) or any("store" in path for path in node.files)
    assert has_store == (node.role == "api")
    if node.role == "gateway":
        assert {Path(path).name for path in node.files} == {"token", "internal"} | (
            {"broker-url"} if "broker-url" in str(node.files) else set()
        )


@pytest.mark.parametrize("node", all_nodes(), ids=ids)
def test_secrets_are_files(node: Node) -> None:
    secret = re.compile(r"SECRET(_ACCESS_KEY)?$|PRIVATE_PEM$|STORE__URL$|PASSWORD$")
    assert not [name for name in node.environment if secret.search(name)]
    broker = node.environment.get("CHAPAR_BROKER__URL", "")
    assert "@" not in broker, "an address with a password is a secret"


def test_the_image_is_one_process_that_others_can_reach() -> None:
    assert image_environment() == {
        "CHAPAR_DATA_DIR": "/data",
        "CHAPAR_HTTP__BIND": "0.0.0.0:8000",
        "CHAPAR_INTERNAL__BIND": "0.0.0.0:8001",
        "CHAPAR_TELEMETRY__FORMAT": "json",
    }
    exposed = re.search(r"^EXPOSE (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert exposed and exposed[1].split() == ["8000", "8001"]
