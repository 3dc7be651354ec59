"""The nodes that compose.yaml and the overlays describe, in one form, and the settings that each would run with."""

import os
import re
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from files import CHAPAR, DEPLOY, K8S, Object, run, seconds, size

# Long enough for every kind of secret.
SECRET = "0123456789abcdef0123456789abcdef"


@dataclass
class Node:
    """One container that runs the binary."""

    name: str
    role: str
    environment: dict[str, str]
    files: set[str]  # paths that it is given secrets at
    ports: set[int]
    grace_s: float
    pre_stop_s: float = 0
    memory: int = 0
    max_files: int | None = None
    probes: Object = field(default_factory=dict)
    writable: set[str] = field(default_factory=set)

    def settings(self) -> Object:
        """What `chapar config` says is in force. An unknown setting or a bad value fails."""
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [CHAPAR, "config"], cwd=folder, env=self.real_environment(Path(folder)), capture_output=True, text=True
            )
        assert done.returncode == 0, f"{self.name}: {done.stderr}"
        return tomllib.loads(done.stdout)

    def real_environment(self, folder: Path) -> dict[str, str]:
        """Its variables, with files that are there in place of secrets."""
        real = {}
        for name, value in self.environment.items():
            if name.endswith("_FILE"):
                assert value in self.files, f"{self.name}: {name} names {value}, but nothing is put there"
                path = folder / Path(value).name
                path.write_text(secret_for(path.name))
                value = str(path)
            real[name] = value
        return real


def secret_for(name: str) -> str:
    urls = {"broker-url": "redis://127.0.0.1:1", "store-url": "postgres://chapar@127.0.0.1:1/chapar"}
    return urls.get(name, SECRET)


@cache
def image_environment() -> dict[str, str]:
    """What the Dockerfile sets."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text().split("\nFROM ")[-1])
    lines = re.findall(r"^ENV (.*)$", text, re.MULTILINE)
    return dict(word.split("=", 1) for line in lines for word in line.split())


@cache
def compose() -> Object:
    """compose.yaml with its variables' defaults."""
    text = (DEPLOY / "compose.yaml").read_text()
    return yaml.safe_load(re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text))


@cache
def overlay(name: str) -> list[Object]:
    """The objects of an overlay, as kustomize renders it."""
    done = run("kubectl", "kustomize", K8S / "overlays" / name, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
    return list(yaml.safe_load_all(done.stdout))


def of_kind(objects: list[Object], kind: str) -> dict[str, Object]:
    return {item["metadata"]["name"]: item for item in objects if item["kind"] == kind}


def pods(objects: list[Object]) -> dict[str, Object]:
    """Pod templates by the name of what makes them."""
    return {
        item["metadata"]["name"]: item["spec"]["template"]
        for item in objects
        if item["kind"] in ("Deployment", "StatefulSet", "Job")
    }


def compose_nodes() -> list[Node]:
    nodes = []
    for name, service in compose()["services"].items():
        if not str(service["image"]).startswith("chapar:"):
            continue
        environment = image_environment() | {key: str(value) for key, value in service["environment"].items()}
        # The volume of the service's secrets holds what make-secrets writes there.
        mounts = [volume for volume in service["volumes"] if volume.startswith("secrets-")]
        kinds = [mount.split(":")[0].removeprefix("secrets-") for mount in mounts]
        nodes.append(
            Node(
                name=f"compose {name}",
                role=service["command"][0],
                environment=environment,
                files={f"/run/secrets/chapar/{file}" for kind in kinds for file in compose_secrets()[kind]},
                ports={8000, 8001},
                grace_s=seconds(service.get("stop_grace_period", "10s")),
                memory=size(service.get("mem_limit", 0)),
                max_files=service["ulimits"]["nofile"],
                writable={path.split(":")[1] for path in service["volumes"] if not path.endswith(":ro")}
                | set(service.get("tmpfs", [])),
            )
        )
    return nodes


@cache
def compose_secrets() -> dict[str, dict[str, str]]:
    """What compose/make-secrets makes, by service."""
    kinds = [volume.removeprefix("secrets-") for volume in compose()["volumes"] if volume.startswith("secrets-")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in kinds:
            (folder / kind).mkdir()
        run("sh", DEPLOY / "compose/make-secrets", folder)
        return {kind: {file.name: file.read_text() for file in (folder / kind).iterdir()} for kind in kinds}


def overlay_nodes(name: str) -> list[Node]:
    objects = overlay(name)
    maps = of_kind(objects, "ConfigMap")
    nodes = []
    for owner, template in pods(objects).items():
        spec = template["spec"]
        (container,) = spec["containers"]
        if not owner.startswith("chapar-"):
            continue
        environment = dict(image_environment())
        for source in container.get("envFrom", []):
            environment |= maps[source["configMapRef"]["name"]]["data"]
        for variable in container.get("env", []):
            # A reference to a secret has some value.
            environment[variable["name"]] = variable.get("value", SECRET)
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        files = set()
        for mount in container["volumeMounts"]:
            for item in volumes[mount["name"]].get("secret", {}).get("items", []):
                files.add(f"{mount['mountPath']}/{item['path']}")
        nodes.append(
            Node(
                name=f"{name} {owner}",
                role=container["args"][0],
                environment=environment,
                files=files,
                ports={port["containerPort"] for port in container.get("ports", [])},
                grace_s=spec.get("terminationGracePeriodSeconds", 30),
                pre_stop_s=container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0),
                memory=size(container["resources"]["limits"]["memory"]),
                probes={key: container[key] for key in container if key.endswith("Probe")},
                writable={mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")},
            )
        )
    return nodes


def unit_nodes() -> list[Node]:
    """The systemd units."""
    nodes = []
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        lines = path.read_text().splitlines()

        def values(key: str, lines: list[str] = lines) -> list[str]:
            return [line.split("=", 1)[1] for line in lines if line.startswith(f"{key}=")]

        places = {"%d": "/run/credentials", "%S": "/var/lib"}
        words = [word for line in values("Environment") for word in line.split()]
        environment = {}
        for word in words:
            name, value = word.split("=", 1)
            for place, real in places.items():
                value = value.replace(place, real)
            environment[name] = value
        command = values("ExecStart")[0].split()[1:]
        nodes.append(
            Node(
                name=path.name,
                role=command[0] if command else "all",
                environment=environment,
                files={f"/run/credentials/{value.split(':')[0]}" for value in values("LoadCredential")},
                ports=set(),
                grace_s=seconds((values("TimeoutStopSec") or ["90s"])[0]),
                max_files=int((values("LimitNOFILE") or ["0"])[0]),
                writable={f"/var/lib/{value}" for value in values("StateDirectory")},
            )
        )
    return nodes


def all_nodes() -> list[Node]:
    return compose_nodes() + overlay_nodes("dev") + overlay_nodes("prod") + unit_nodes()


def serving_nodes() -> list[Node]:
    """Those that serve; the rest migrates."""
    return [node for node in all_nodes() if node.role != "migrate"]


def ids(node: Any) -> str:
    return node.name
