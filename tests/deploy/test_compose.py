"""compose.yaml and what it mounts."""

import json
from importlib.resources import files as package_files

import jsonschema
import pytest

from files import DEPLOY, Object, read_yaml, run
from nodes import compose, compose_secrets

SERVICES = compose()["services"]


def schema() -> Object:
    """The Compose specification's, as check-jsonschema carries it."""
    folder = package_files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    return json.loads(folder.read_text())


def test_it_is_a_compose_file() -> None:
    jsonschema.validate(compose(), schema())
    wrong = compose() | {"services": {"api": {"image": "x", "portz": []}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema())


def test_it_has_what_a_deployment_has() -> None:
    nodes = {name: service for name, service in SERVICES.items() if service["image"].startswith("chapar:")}
    assert sorted(service["command"][0] for service in nodes.values()) == ["api", "api", "gateway", "gateway", "migrate"]
    # Five builds of one image at once would get in each other's way.
    assert [name for name, service in nodes.items() if "build" in service] == ["migrate"]
    assert {name for name, service in nodes.items() if service.get("pull_policy") == "never"} == set(nodes) - {"migrate"}
    assert {"postgres", "redis", "nginx", "prometheus", "grafana", "otel-collector", "jaeger"} <= set(SERVICES)


def test_names_lead_somewhere() -> None:
    for name, service in SERVICES.items():
        for other in service.get("depends_on", {}):
            assert other in SERVICES, name
        networks = service.get("networks", [])
        assert set(networks) <= set(compose()["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), f"{name}: {source}"
            else:
                assert source in compose()["volumes"], f"{name}: {source}"
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert set(compose()["volumes"]) <= used


@pytest.mark.parametrize("condition", ["service_healthy", "service_completed_successfully"])
def test_what_is_waited_for_can_come(condition: str) -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] != condition:
                continue
            target = SERVICES[other]
            if condition == "service_healthy":
                assert "healthcheck" in target or str(target["image"]).startswith("chapar:"), f"{name}: {other}"
                assert not target.get("healthcheck", {}).get("disable"), f"{name}: {other}"
            else:
                assert target["restart"] in ("no", "on-failure:5"), f"{name}: {other} never completes"


def test_images_are_of_named_versions() -> None:
    for name, service in SERVICES.items():
        tag = service["image"].rsplit(":", 1)[-1]
        assert tag not in ("latest", "") and "/" not in tag, name


def test_services_have_no_more_rights_than_they_need() -> None:
    # Their images begin as root and give it up, or make folders for others.
    begins_as_root = {"secrets", "postgres"}
    for name, service in SERVICES.items():
        if name in begins_as_root:
            continue
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_only_this_machine_reaches_it() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 4
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_there_is_no_way_from_a_gateway_to_postgres() -> None:
    with_data = {name for name, service in SERVICES.items() if "data" in service.get("networks", [])}
    assert with_data == {"postgres", "migrate", "api-1", "api-2", "postgres-exporter"}
    assert compose()["networks"]["data"]["internal"] is True


def test_nginx_knows_the_nodes_addresses() -> None:
    addresses = {
        name: service["networks"]["nodes"]["ipv4_address"]
        for name, service in SERVICES.items()
        if isinstance(service.get("networks"), dict)
    }
    nginx = SERVICES["nginx"]["environment"]
    assert nginx["API"].split() == [f"{addresses[name]}:8000" for name in ("api-1", "api-2")]
    assert nginx["GATEWAYS"].split() == [f"{addresses[name]}:8000" for name in ("gateway-1", "gateway-2")]
    trusted = SERVICES["api-1"]["environment"]["CHAPAR_HTTP__TRUSTED_PROXIES"]
    assert trusted == addresses["nginx"], "whoever else says where a request comes from is not believed"
    inner = SERVICES["gateway-1"]["environment"]["CHAPAR_INTERNAL__API_URLS"]
    assert inner == "http://api-1:8001,http://api-2:8001"


def test_both_api_nodes_fit_into_postgres() -> None:
    limit = next(word for word in SERVICES["postgres"]["command"] if word.startswith("max_connections="))
    assert int(limit.split("=")[1]) >= 2 * 10 + 20


def test_secrets_are_made_once_and_given_to_whom_they_are_for() -> None:
    made = compose_secrets()
    assert {kind: sorted(values) for kind, values in made.items()} == {
        "api": ["files", "internal", "refresh", "store-url", "token"],
        "gateway": ["internal", "token"],
        "migrate": ["store-url"],
        "postgres": ["password"],
        "exporter": ["password"],
        "grafana": ["password"],
    }
    for name in ("token", "internal"):
        assert made["api"][name] == made["gateway"][name]
    assert made["exporter"] == made["postgres"]
    assert made["postgres"]["password"] in made["api"]["store-url"]
    values = {value for kind in made.values() for value in kind.values()}
    assert all(len(value) >= 32 for value in values)
    different = [made["api"][name] for name in ("files", "internal", "refresh", "token")]
    assert len({*different, made["postgres"]["password"], made["grafana"]["password"]}) == 6


def test_secrets_that_are_there_are_kept(tmp_path) -> None:  # type: ignore[no-untyped-def]
    kinds = ("api", "gateway", "migrate", "postgres", "exporter", "grafana")
    for kind in kinds:
        (tmp_path / kind).mkdir()

    def read() -> dict[str, str]:
        return {str(path): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}

    run("sh", DEPLOY / "compose/make-secrets", tmp_path)
    first = read()
    assert all((path.stat().st_mode & 0o077) == 0 for path in tmp_path.rglob("*") if path.is_file())
    (tmp_path / "gateway/token").unlink()
    run("sh", DEPLOY / "compose/make-secrets", tmp_path)
    assert read() == first


def test_prometheus_asks_every_node_and_exporter() -> None:
    jobs = {
        job["job_name"]: [target for config in job["static_configs"] for target in config["targets"]]
        for job in read_yaml(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
    }
    assert jobs == {
        "chapar-api": ["api-1:8000", "api-2:8000"],
        "chapar-gateway": ["gateway-1:8000", "gateway-2:8000"],
        "postgres": ["postgres-exporter:9187"],
        "redis": ["redis-exporter:9121"],
    }
    nodes = set(SERVICES["prometheus"]["networks"])
    for target in sum(jobs.values(), []):
        assert nodes & set(SERVICES[target.split(":")[0]]["networks"]), target


def test_grafana_finds_prometheus_jaeger_and_the_dashboard() -> None:
    sources = read_yaml(DEPLOY / "grafana/provisioning/datasources/chapar.yaml")["datasources"]
    ports = {"prometheus": 9090, "jaeger": 16686}
    assert {source["url"] for source in sources} == {f"http://{name}:{port}" for name, port in ports.items()}
    assert [source["type"] for source in sources if source.get("isDefault")] == ["prometheus"]
    (provider,) = read_yaml(DEPLOY / "grafana/provisioning/dashboards/chapar.yaml")["providers"]
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    assert mounted["./grafana/dashboards"] == provider["options"]["path"]
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"


def test_traces_go_through_the_collector_to_jaeger() -> None:
    collector = read_yaml(DEPLOY / "otel/collector.yaml")
    for pipeline in collector["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= set(collector[kind]), kind
    port = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rsplit(":", 1)[1]
    for name in ("api-1", "gateway-1"):
        assert SERVICES[name]["environment"]["CHAPAR_TELEMETRY__OTLP_ENDPOINT"] == f"http://otel-collector:{port}"
    (exporter,) = collector["exporters"].values()
    assert exporter["endpoint"] == "jaeger:4317" and "jaeger" in SERVICES
    limit = collector["processors"]["memory_limiter"]["limit_mib"]
    assert limit * 1.3 <= int(SERVICES["otel-collector"]["mem_limit"].removesuffix("m"))
