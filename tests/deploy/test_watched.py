"""A real Prometheus, with the configuration and the rules of deploy/, asks a whole cluster and the exporters while
people talk: every panel of the dashboard shows something, and no alert fires."""

import json
import math
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from files import CHAPAR, DEPLOY, K8S, RULES, WORK, Object, panels, read_yaml, rules
from people import Crowd, Person, Seat

# For whatever is waited for. Counters need two looks of Prometheus, and whoever reads rates half a minute at most.
PATIENCE_S = 40

# What shows a number only where something went wrong, which it does not here.
MAY_BE_UNKNOWN = {"Repairs"}

# Rates that nobody reaches here.
BUCKETS = ("SEND_USER", "SEND_ROOM", "COMMANDS", "LOGIN_ACCOUNT_ADDRESS", "LOGIN_ACCOUNT", "REGISTRATIONS")

Found = TypeVar("Found")


def until(what: str, look: Callable[[], Found | None], patience_s: float = PATIENCE_S) -> Found:
    """What `look` finds, once it finds something."""
    deadline = time.monotonic() + patience_s
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"{what}: not within {patience_s} s"
        time.sleep(0.1)  # between two looks
    return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read()


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@dataclass
class Watched:
    """The cluster, its people, and Prometheus beside it."""

    base: str
    nodes: dict[str, list[str]]
    prometheus: str
    crowd: Crowd
    logs: Path

    def query(self, expression: str) -> list[Object]:
        question = urllib.parse.urlencode({"query": expression})
        return json.loads(get(f"{self.prometheus}/api/v1/query?{question}"))["data"]["result"]


class Started:
    """Processes that end with the test."""

    def __init__(self) -> None:
        self.processes: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, *command: str | Path, **environment: str) -> Path:
        log = WORK / "logs" / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [str(word) for word in command], stdout=file, stderr=file, env=os.environ | environment, cwd=WORK
            )
        self.processes.append((name, process))
        return log

    def check(self) -> None:
        for name, process in self.processes:
            assert process.poll() is None, f"{name} ended: {(WORK / 'logs' / f'{name}.log').read_text()[-2000:]}"

    def stop(self) -> None:
        for _, process in reversed(self.processes):
            process.terminate()
        for _, process in reversed(self.processes):
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def configuration(folder: Path, targets: dict[str, list[str]]) -> Path:
    """deploy/prometheus/prometheus.yml with these targets, asked each second."""
    settings = read_yaml(DEPLOY / "prometheus/prometheus.yml")
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(RULES)]
    for job in settings["scrape_configs"]:
        (config,) = job["static_configs"]
        config["targets"] = targets[job["job_name"]]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    (WORK / "logs").mkdir(parents=True, exist_ok=True)
    started = Started()
    crowd = None
    try:
        port = free_port()
        raised = {f"CHAPAR_LIMITS__{name}__CAPACITY": "1000000" for name in BUCKETS}
        raised |= {f"CHAPAR_LIMITS__{name}__REFILL_PER_S": "1000000" for name in BUCKETS}
        logs = WORK / "logs/cluster"
        log = started.start("cluster", CHAPAR, "dev", "cluster", "--port", str(port), "--logs", logs, **raised)

        def ready() -> str | None:
            started.check()
            text = log.read_text()
            return text if "ready: " in text else None

        said = until("the cluster", ready)
        nodes = {role: re.findall(rf"^{role} \d+ +http://(\S+)", said, re.MULTILINE) for role in ("api", "gateway")}
        assert all(len(addresses) == 2 for addresses in nodes.values())
        postgres, redis = (re.search(rf"^{name} +(\S+)", said, re.MULTILINE) for name in ("postgres", "redis"))
        assert postgres and redis
        ports = {name: free_port() for name in ("postgres", "redis", "prometheus")}
        started.start(
            "postgres-exporter",
            "prometheus-postgres-exporter",
            f"--web.listen-address=127.0.0.1:{ports['postgres']}",
            DATA_SOURCE_NAME=f"{postgres[1]}?sslmode=disable",
        )
        started.start(
            "redis-exporter",
            "prometheus-redis-exporter",
            f"-redis.addr={redis[1]}",
            f"-web.listen-address=127.0.0.1:{ports['redis']}",
        )
        targets = {f"chapar-{role}": addresses for role, addresses in nodes.items()}
        targets |= {name: [f"127.0.0.1:{ports[name]}"] for name in ("postgres", "redis")}
        started.start(
            "prometheus",
            "prometheus",
            f"--config.file={configuration(folder, targets)}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        )
        crowd = Crowd(f"http://127.0.0.1:{port}")
        world = Watched(f"http://127.0.0.1:{port}", nodes, f"http://127.0.0.1:{ports['prometheus']}", crowd, logs)

        def all_answer() -> bool | None:
            started.check()
            try:
                up = world.query("up")
            except urllib.error.URLError:
                return None
            return len(up) == 6 and all(value["value"][1] == "1" for value in up) or None

        until("six targets", all_answer)
        yield world
        started.check()
        crowd.stop()
    finally:
        if crowd is not None:
            crowd.is_over.set()
        started.stop()



def as_grafana_asks(expression: str) -> str:
    return expression.replace("$__rate_interval", "30s").replace("$instance", ".*")


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel['id']} {panel['title']}")
def test_every_panel_shows_something(watched: Watched, panel: Object) -> None:
    for target in panel["targets"]:
        expression = as_grafana_asks(target["expr"])

        def shown(expression: str = expression) -> bool | None:
            numbers = [float(series["value"][1]) for series in watched.query(expression)]
            known = [number for number in numbers if not math.isnan(number)]
            return bool(known) or (bool(numbers) and panel["title"] in MAY_BE_UNKNOWN) or None

        until(expression, shown)


def test_no_alert_fires_and_every_rule_can_be_asked(watched: Watched) -> None:
    def asked() -> list[Object] | None:
        groups = json.loads(get(f"{watched.prometheus}/api/v1/rules"))["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else None

    found = until("the rules", asked)
    assert {rule["name"] for rule in found} == {rule["alert"] for rule in rules()}
    assert {rule["health"] for rule in found} == {"ok"}
    assert not [rule["name"] for rule in found if rule["state"] == "firing"]
    # Nor is one about to that speaks of what is broken. Those of speed are the machine's affair.
    waiting = {rule["name"] for rule in found if rule["state"] == "pending"}
    assert not waiting & {
        "ChaparDown",
        "ChaparNotReady",
        "ChaparBrokerLinkDown",
        "ChaparConnectionsNearLimit",
        "ChaparGapsNotRepaired",
        "ChaparStorePoolExhausted",
    }


def test_the_autoscaler_is_told_the_sockets_of_each_gateway(watched: Watched) -> None:
    (rule,) = read_yaml(K8S / "prometheus-adapter/values.yaml")["rules"]["custom"]
    # What the adapter fills in; here instances are what pods are there.
    expression = rule["metricsQuery"].replace("<<.LabelMatchers>>", 'job="chapar-gateway"')
    expression = expression.replace("<<.GroupBy>>", "instance")

    def told() -> bool | None:
        series = watched.query(expression)
        counts = {one["metric"]["instance"]: float(one["value"][1]) for one in series}
        # Those that just came or went are in between.
        return set(counts) == set(watched.nodes["gateway"]) and sum(counts.values()) > 0 or None

    until("sockets", told)


def test_balancers_write_no_token_down(watched: Watched) -> None:
    seat = Seat(watched.crowd.people[0], watched.crowd.room, watched.base.replace("http://", "ws://"))
    seat.sit("logged", lambda _: False)
    log = watched.logs / "nginx-access.log"
    until("the access log", lambda: '"path":"/v1/ws"' in log.read_text() or None)
    for path in watched.logs.rglob("*"):
        if path.is_file():
            text = path.read_text(errors="replace")
            assert not [person for person in watched.crowd.people if person.token in text], path
    assert status(f"{watched.base}/metrics") == 404


def test_haproxy_does_what_nginx_does(watched: Watched, tmp_path: Path) -> None:
    port = free_port()
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text()
    text = text.replace("bind 127.0.0.1:8080", f"bind 127.0.0.1:{port}")
    # What few clients need of file descriptors.
    text = text.replace("maxconn 40000", "maxconn 100")
    text = text.replace("/run/haproxy/admin.sock", str(tmp_path / "admin.sock"))
    for role, first in (("api", 8001), ("gateway", 8011)):
        for number, address in enumerate(watched.nodes[role]):
            text = text.replace(f"127.0.0.1:{first + number}", address)
    path = tmp_path / "haproxy.cfg"
    path.write_text(text)
    started = Started()
    log = started.start("haproxy", "haproxy", "-db", "-f", path)
    base = f"http://127.0.0.1:{port}"
    try:

        def serves() -> bool | None:
            started.check()
            try:
                return status(f"{base}/readyz") == 200 or None
            except urllib.error.URLError:
                return None

        until("HAProxy", serves)
        person = Person(base, "behind-haproxy")
        person.ask("PUT", f"/v1/rooms/{watched.crowd.room}/members/me", {})
        Seat(person, watched.crowd.room, base.replace("http://", "ws://")).sit("haproxy", lambda _: False)
        assert status(f"{base}/metrics") == 404
        # By chance alone, 8 sessions of three requests would not all stay on one of two nodes.
        for _ in range(8):
            poll_socketio(base, person.token)

        def logged() -> bool | None:
            return '"path":"/v1/ws"' in log.read_text() or None

        until("its log", logged)
        assert person.token not in log.read_text()
        started.check()
    finally:
        started.stop()


def poll_socketio(base: str, token: str) -> None:
    """Opens a Socket.IO session by polling, connects it and asks what it has. A request that comes to a node without the
    session is answered 400, which raises here."""
    address = f"{base}/socket.io/?EIO=4&transport=polling&token={token}"
    session = json.loads(get(address)[1:])["sid"]
    data = b'40{"token":"%s"}' % token.encode()
    request = urllib.request.Request(f"{address}&sid={session}", data=data, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.read() == b"ok"
    # A ping may come before the answer.
    while not any(packet.startswith(b"40") for packet in get(f"{address}&sid={session}").split(b"\x1e")):
        pass
