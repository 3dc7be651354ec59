"""What the tests read: the files of the project, and what tools make of them."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
K8S = ROOT / "k8s"
WORK = ROOT / "target/deploy"
CHAPAR = ROOT / "target/debug/chapar"

RULES = DEPLOY / "prometheus/chapar.rules.yaml"
RULES_TEST = DEPLOY / "prometheus/chapar.rules.test.yaml"
DASHBOARD = DEPLOY / "grafana/dashboards/chapar.json"
OPERATIONS = ROOT / "docs/operations.md"

Object = dict[str, Any]

# What a node does after its drain at most: its last steps (LAST_STEPS, 5 s) and its last traces (FLUSH, 5 s).
LAST_STEPS_S = 10

# The exporters' metrics that the dashboard shows. test_watched.py asks the real ones for them.
EXPORTERS = {
    "pg_database_size_bytes",
    "pg_settings_max_connections",
    "pg_stat_activity_count",
    "pg_stat_database_blks_hit",
    "pg_stat_database_blks_read",
    "pg_stat_database_xact_commit",
    "pg_stat_database_xact_rollback",
    "redis_commands_processed_total",
    "redis_connected_clients",
    "redis_memory_used_bytes",
    "redis_net_input_bytes_total",
    "redis_net_output_bytes_total",
    "redis_pubsub_channels",
}


def run(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """Runs a tool; a failure shows what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, f"{command[0]}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def workspace() -> Object:
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]


def rules() -> list[Object]:
    return [rule for group in read_yaml(RULES)["groups"] for rule in group["rules"]]


def panels() -> list[Object]:
    """The dashboard's panels with queries."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def metrics_table() -> dict[str, str]:
    """Metrics of docs/operations.md and their types."""
    rows = re.findall(r"^\| `([a-z_]+)` \| (gauge|counter|histogram) \|", OPERATIONS.read_text(), re.MULTILINE)
    assert len(rows) > 50, "the table of metrics is there"
    return dict(rows)


def seconds(text: str) -> float:
    """`1m30s` or `250ms`, as settings, nginx, HAProxy and Compose write it."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    assert re.fullmatch(r"(\d+(ms|[smhd]))+", text), text
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", text))


def size(text: str | int) -> int:
    """`2Gi`, `1536m` or `11m` in bytes."""
    match = re.fullmatch(r"(\d+)([kmgKMG]?)i?[bB]?", str(text))
    assert match, text
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()]
