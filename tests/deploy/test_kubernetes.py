"""What kustomize renders of both overlays."""

import copy
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
from cloudcoil.models.prometheus_operator import v1 as operator

import prometheus_rule
from files import DASHBOARD, K8S, Object, metrics_table, read_yaml, seconds, size, workspace
from network import Peer, may_connect
from nodes import of_kind, overlay, overlay_nodes, pods

OVERLAYS = ("dev", "prod")
VERSION = "1.34"

RESOURCES = {"PodMonitor": operator.PodMonitor, "PrometheusRule": operator.PrometheusRule}


def validate(item: Object) -> None:
    """Against the schema of its kind, unknown fields refused."""
    model = RESOURCES.get(item["kind"])
    if model is None:
        kubernetes_validate.validate(item, VERSION, strict=True)
        return
    parsed = model.model_validate(item)
    unknown = list(missing(item, parsed.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    assert not unknown, f"unknown fields {unknown}"


def missing(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    """Fields that the model did not take."""
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(kept, dict) or key not in kept:
                yield f"{path}.{key}"
            else:
                yield from missing(value, kept[key], f"{path}.{key}")
    elif isinstance(given, list) and isinstance(kept, list):
        for at, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from missing(one, other, f"{path}[{at}]")


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_object_is_of_its_kind(name: str) -> None:
    objects = overlay(name)
    assert len(objects) > 20
    for item in objects:
        validate(item)


def test_wrong_objects_are_refused() -> None:
    deployment = copy.deepcopy(of_kind(overlay("dev"), "Deployment")["chapar-api"])
    deployment["spec"]["replicas"] = "two"
    monitor = copy.deepcopy(of_kind(overlay("prod"), "PodMonitor")["chapar-api"])
    monitor["spec"]["podMetricsEndpoints"][0]["intervall"] = "15s"
    probe = copy.deepcopy(of_kind(overlay("prod"), "Deployment")["chapar-api"])
    probe["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    for item in (deployment, monitor, probe):
        with pytest.raises(Exception, match="two|intervall|readinesProbe"):
            validate(item)


@pytest.mark.parametrize("name", OVERLAYS)
def test_names_are_of_one_namespace(name: str) -> None:
    objects = overlay(name)
    (namespace,) = of_kind(objects, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for item in objects:
        if item["kind"] != "Namespace":
            assert item["metadata"]["namespace"] == namespace["metadata"]["name"]
    keys = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_keep_to_the_restricted_standard(name: str) -> None:
    for owner, template in pods(overlay(name)).items():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, owner
        # Variables of services would begin with CHAPAR_, and unknown settings are refused.
        assert spec["enableServiceLinks"] is False, owner
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True and pod["runAsUser"] > 0, owner
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}, owner
        for container in spec["containers"] + spec.get("initContainers", []):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, owner
            resources = container["resources"]
            assert {"cpu", "memory"} <= set(resources["requests"]), owner
            assert size(resources["limits"]["memory"]) >= size(resources["requests"]["memory"]), owner
        assert not {"hostPath", "hostNetwork"} & (set(spec) | {key for volume in spec.get("volumes", []) for key in volume})


@pytest.mark.parametrize("name", OVERLAYS)
def test_accounts_have_no_token_and_each_role_its_own(name: str) -> None:
    accounts = of_kind(overlay(name), "ServiceAccount")
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())
    used = {owner: template["spec"].get("serviceAccountName") for owner, template in pods(overlay(name)).items()}
    ours = {owner: account for owner, account in used.items() if owner.startswith("chapar-")}
    assert set(ours.values()) == set(accounts) and len(ours) == len(accounts) == 3
    assert not [item["kind"] for item in overlay(name) if "Role" in item["kind"]]


def matches(selector: Object, labels: dict[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


@pytest.mark.parametrize("name", OVERLAYS)
def test_selectors_find_the_pods_they_mean(name: str) -> None:
    objects = overlay(name)
    templates = pods(objects)

    def found(selector: Object) -> set[str]:
        return {owner for owner, template in templates.items() if matches(selector, template["metadata"]["labels"])}

    for owner, item in {**of_kind(objects, "Deployment"), **of_kind(objects, "StatefulSet")}.items():
        assert found(item["spec"]["selector"]["matchLabels"]) == {owner}
        for spread in item["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
            assert found(spread["labelSelector"]["matchLabels"]) == {owner}
    for kind in ("PodDisruptionBudget", "PodMonitor"):
        for owner, item in of_kind(objects, kind).items():
            assert found(item["spec"]["selector"]["matchLabels"]) == {owner}
    expected = {"chapar-api-internal": {"chapar-api"}, "chapar-closed": set()}
    for owner, service in of_kind(objects, "Service").items():
        backs = found(service["spec"]["selector"])
        assert backs == expected.get(owner, {owner})
        for back in backs:
            (container,) = templates[back]["spec"]["containers"]
            names = {port["name"] for port in container["ports"]}
            assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


@pytest.mark.parametrize("name", OVERLAYS)
def test_pods_of_a_role_are_spread_and_go_one_by_one(name: str) -> None:
    for owner in ("chapar-api", "chapar-gateway"):
        deployment = of_kind(overlay(name), "Deployment")[owner]["spec"]
        spread = deployment["template"]["spec"]["topologySpreadConstraints"]
        assert {item["topologyKey"] for item in spread} == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert of_kind(overlay(name), "PodDisruptionBudget")[owner]["spec"]["maxUnavailable"] == 1


def test_production_takes_secrets_by_reference() -> None:
    assert not of_kind(overlay("prod"), "Secret")
    for template in pods(overlay("prod")).values():
        for volume in template["spec"].get("volumes", []):
            if "secret" in volume:
                assert volume["secret"]["secretName"] == "chapar"
                assert volume["secret"]["items"], "each role is given its part"


@pytest.mark.parametrize("name", OVERLAYS)
def test_secrets_of_development_have_what_is_asked_for(name: str) -> None:
    for secret in of_kind(overlay(name), "Secret").values():
        assert name == "dev"
        keys = set(secret["data"])
        for template in pods(overlay(name)).values():
            for volume in template["spec"].get("volumes", []):
                if volume.get("secret", {}).get("secretName") == secret["metadata"]["name"]:
                    assert {item["key"] for item in volume["secret"].get("items", [])} <= keys


def test_production_runs_this_version() -> None:
    version = workspace()["package"]["version"]
    images = {container["image"] for template in pods(overlay("prod")).values() for container in template["spec"]["containers"]}
    assert images == {f"registry.example/chapar:{version}"}


def test_numbers_of_pods_are_the_autoscalers() -> None:
    objects = overlay("prod")
    scalers = of_kind(objects, "HorizontalPodAutoscaler")
    assert set(scalers) == {"chapar-api", "chapar-gateway"}
    for owner, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == owner
        assert "replicas" not in of_kind(objects, "Deployment")[owner]["spec"]
        assert scaler["spec"]["minReplicas"] >= 2


def test_all_api_pods_fit_into_postgres() -> None:
    nodes = {node.name: node for node in overlay_nodes("prod")}
    each = nodes["prod chapar-api"].settings()["store"]["max_connections"]
    most = of_kind(overlay("prod"), "HorizontalPodAutoscaler")["chapar-api"]["spec"]["maxReplicas"]
    # An update has one more; Postgres takes 100 by default, of which 3 are the superuser's.
    assert each * (most + 1) <= 97


def test_gateways_are_scaled_by_a_metric_that_the_adapter_gives() -> None:
    scaler = of_kind(overlay("prod"), "HorizontalPodAutoscaler")["chapar-gateway"]["spec"]
    (metric,) = [item["pods"] for item in scaler["metrics"] if item["type"] == "Pods"]
    (rule,) = read_yaml(K8S / "prometheus-adapter/values.yaml")["rules"]["custom"]
    name = metric["metric"]["name"]
    assert rule["name"]["as"] == name
    assert rule["seriesQuery"].startswith(f"{name}{{") and metrics_table()[name] == "gauge"
    assert rule["metricsQuery"] == f"sum({name}{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)"
    # At the target a pod can take over another's sockets.
    limit = next(node for node in overlay_nodes("prod") if node.role == "gateway").settings()["http"]["max_connections"]
    target = int(metric["target"]["averageValue"].replace("k", "000"))
    assert target <= limit / 2


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_ingress_leads_each_path_to_its_role(name: str) -> None:
    ingresses = of_kind(overlay(name), "Ingress")
    paths = {}
    for item in ingresses.values():
        (rule,) = item["spec"]["rules"]
        assert rule["host"] == ingresses["chapar"]["spec"]["rules"][0]["host"]
        for path in rule.get("http", {}).get("paths", []):
            service = path["backend"]["service"]
            ports = of_kind(overlay(name), "Service")[service["name"]]["spec"]["ports"]
            assert service["port"]["name"] in {port["name"] for port in ports}
            paths[path["path"], path["pathType"]] = service["name"]
    assert paths == {
        ("/", "Prefix"): "chapar-api",
        ("/metrics", "Exact"): "chapar-closed",
        ("/v1/ws", "Prefix"): "chapar-gateway",
        ("/ws", "Prefix"): "chapar-gateway",
        ("/socket.io", "Prefix"): "chapar-gateway",
    }


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_ingress_keeps_to_the_nodes_limits(name: str) -> None:
    gateway = next(node for node in overlay_nodes(name) if node.role == "gateway").settings()
    api = next(node for node in overlay_nodes(name) if node.role == "api").settings()
    notes = {key: item["metadata"]["annotations"] for key, item in of_kind(overlay(name), "Ingress").items()}
    assert notes["chapar"]["nginx.org/mergeable-ingress-type"] == "master"
    for key in ("chapar-rest", "chapar-sockets", "chapar-socketio"):
        assert notes[key]["nginx.org/mergeable-ingress-type"] == "minion"
        read = seconds(notes[key]["nginx.org/proxy-read-timeout"])
        assert read >= 3 * seconds(gateway["gateway"]["heartbeat"])
        assert read > seconds(api["http"]["request_timeout"])
        assert read > seconds(gateway["gateway"]["socketio"]["ping_interval"])
    upload = api["limits"]["max_upload_bytes"] + (64 << 10)
    for key in ("chapar", "chapar-rest"):
        assert size(notes[key]["nginx.org/client-max-body-size"]) >= upload
    # One address and token stay with one pod, and do so when another pod goes.
    assert notes["chapar-socketio"]["nginx.org/lb-method"] == "hash $remote_addr$arg_token consistent"
    for key in ("chapar-sockets", "chapar-socketio"):
        assert notes[key]["nginx.org/websocket-services"] == "chapar-gateway"


API, GATEWAY, MIGRATE = (
    {"app.kubernetes.io/name": "chapar", "app.kubernetes.io/component": role} for role in ("api", "gateway", "migrate")
)


@pytest.mark.parametrize("name", OVERLAYS)
def test_there_is_no_way_from_a_gateway_to_postgres(name: str) -> None:
    policies = list(of_kind(overlay(name), "NetworkPolicy").values())
    postgres = (
        Peer(labels={"app.kubernetes.io/name": "postgres"}) if name == "dev" else Peer(address="10.20.0.7"),
        5432,
    )
    redis = (Peer(labels={"app.kubernetes.io/name": "redis"}) if name == "dev" else Peer(address="10.20.1.7"), 6379)
    for labels, can in ((API, True), (MIGRATE, True), (GATEWAY, False)):
        assert may_connect(policies, Peer(labels=labels), *postgres) is can, labels
    for labels, can in ((API, True), (GATEWAY, True), (MIGRATE, False)):
        assert may_connect(policies, Peer(labels=labels), *redis) is can, labels
    # Wherever it might be.
    for address in ("10.20.0.7", "10.20.1.7", "10.0.0.1", "192.0.2.1"):
        assert not may_connect(policies, Peer(labels=GATEWAY), Peer(address=address), 5432)


@pytest.mark.parametrize("name", OVERLAYS)
def test_nothing_else_goes_in_or_out(name: str) -> None:
    policies = list(of_kind(overlay(name), "NetworkPolicy").values())
    outside = Peer(address="192.0.2.1")
    balancer = Peer(labels={"app": "x"}, namespace={"kubernetes.io/metadata.name": "nginx-ingress"})
    prometheus = Peer(labels={"app": "x"}, namespace={"kubernetes.io/metadata.name": "monitoring"})
    stranger = Peer(labels={"app": "x"}, namespace={"kubernetes.io/metadata.name": "other"})
    neighbour = Peer(labels={"app": "x"})
    for labels in (API, GATEWAY):
        pod = Peer(labels=labels)
        assert may_connect(policies, balancer, pod, 8000) and may_connect(policies, prometheus, pod, 8000)
        for other in (outside, stranger, neighbour, Peer(labels=MIGRATE)):
            assert not may_connect(policies, other, pod, 8000), other
        assert not may_connect(policies, pod, outside, 80)
        assert not may_connect(policies, pod, Peer(address="169.254.169.254"), 443)
    dns = Peer(labels={"k8s-app": "kube-dns"}, namespace={"kubernetes.io/metadata.name": "kube-system"})
    assert may_connect(policies, Peer(labels=API), dns, 53, "UDP")
    # What gateways ask is for gateways.
    assert may_connect(policies, Peer(labels=GATEWAY), Peer(labels=API), 8001)
    for other in (balancer, prometheus, neighbour, Peer(labels=API)):
        assert not may_connect(policies, other, Peer(labels=API), 8001)
    # Pods that nobody thought of.
    assert not may_connect(policies, neighbour, Peer(labels={"app": "y"}), 80)


def test_the_rules_are_the_rules_of_prometheus() -> None:
    assert prometheus_rule.PATH.read_text() == prometheus_rule.written(), "tests/deploy/run --write"
    (rule,) = of_kind(overlay("prod"), "PrometheusRule").values()
    assert rule["spec"]["groups"]


def test_the_dashboard_is_that_of_grafana() -> None:
    dashboard = of_kind(overlay("prod"), "ConfigMap")["chapar-dashboard"]
    assert dashboard["data"] == {"chapar.json": DASHBOARD.read_text()}
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_jobs_have_the_names_that_rules_ask_for() -> None:
    jobs = {
        owner: [step["replacement"] for step in endpoint["relabelings"] if step["targetLabel"] == "job"]
        for owner, item in of_kind(overlay("prod"), "PodMonitor").items()
        for endpoint in item["spec"]["podMetricsEndpoints"]
    }
    assert jobs == {"chapar-api": ["chapar-api"], "chapar-gateway": ["chapar-gateway"]}


@pytest.mark.parametrize("name", OVERLAYS)
def test_development_and_production_differ_in_nothing_else(name: str) -> None:
    """Both have all that the base has."""
    kinds = {(item["kind"], item["metadata"]["name"]) for item in overlay(name)}
    for kind, owner in (
        ("Job", "chapar-migrate"),
        ("Deployment", "chapar-api"),
        ("Deployment", "chapar-gateway"),
        ("NetworkPolicy", "default-deny"),
        ("Ingress", "chapar-socketio"),
    ):
        assert (kind, owner) in kinds
    job = of_kind(overlay(name), "Job")["chapar-migrate"]["spec"]
    assert job["ttlSecondsAfterFinished"] and job["activeDeadlineSeconds"]
