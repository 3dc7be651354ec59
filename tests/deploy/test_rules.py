"""The alerts: Prometheus' own checks, and their metrics and runbooks in docs/operations.md."""

import re
from collections import defaultdict

import pytest

from files import DEPLOY, OPERATIONS, ROOT, RULES, RULES_TEST, Object, metrics_table, read_yaml, rules, run
from promql import labels_of_matchers, metric_names

EXPECTED = {
    "ChaparDown",
    "ChaparNotReady",
    "ChaparBrokerLinkDown",
    "ChaparProbeSlow",
    "ChaparGapsNotRepaired",
    "ChaparSlowCloses",
    "ChaparConnectionsNearLimit",
    "ChaparQueueBytesHigh",
    "ChaparCommitSlow",
    "ChaparAckSlow",
    "ChaparDeliverySlow",
    "ChaparHttpErrors",
    "ChaparStorePoolExhausted",
    "ChaparLoginFailures",
    "ChaparEphemeralsDropped",
    "ChaparRestarting",
}


def by_name(rule: Object) -> str:
    return rule["alert"]


def test_prometheus_takes_rules_and_configuration() -> None:
    assert f"{len(EXPECTED)} rules found" in run("promtool", "check", "rules", RULES).stdout
    run("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")
    assert {rule["alert"] for rule in rules()} == EXPECTED


def test_every_alert_fires_and_keeps_still() -> None:
    run("promtool", "test", "rules", RULES_TEST)
    seen = defaultdict(set)
    for test in read_yaml(RULES_TEST)["tests"]:
        name, verdict = test["name"].split(":")[0].split(" ", 1)
        fires = False
        for check in test["promql_expr_test"]:
            assert f'alertname="{name}"' in check["expr"]
            fires |= bool(check["exp_samples"])
        assert verdict == ("fires" if fires else "keeps still"), test["name"]
        seen[name].add(verdict)
    assert seen == {name: {"fires", "keeps still"} for name in EXPECTED}


@pytest.mark.parametrize("rule", rules(), ids=by_name)
def test_an_alert_tells_what_and_where(rule: Object) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    notes = rule["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert "{{ $labels." in notes["summary"] or rule["alert"] == "ChaparLoginFailures"
    assert "for" in rule or rule["alert"] == "ChaparRestarting", "the window is the patience"


def anchors() -> set[str]:
    """What links into the document can name: headings, as GitHub spells them, and explicit anchors."""
    text = OPERATIONS.read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    spelled = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return spelled | set(re.findall(r'<a (?:id|name)="([^"]+)">', text))


@pytest.mark.parametrize("rule", rules(), ids=by_name)
def test_an_alert_has_a_runbook(rule: Object) -> None:
    url, anchor = rule["annotations"]["runbook_url"].split("#")
    assert url.endswith(f"/blob/main/{OPERATIONS.relative_to(ROOT)}")
    assert anchor == f"alert-{rule['alert'].lower()}"
    assert anchor in anchors()


@pytest.mark.parametrize("rule", rules(), ids=by_name)
def test_an_alert_asks_for_metrics_that_there_are(rule: Object) -> None:
    table = metrics_table()
    for name in metric_names(rule["expr"]):
        if name == "up":
            continue
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in table or table.get(base) == "histogram", name
    documented = {row.split("|")[1].strip(" `"): row.split("|")[3] for row in OPERATIONS.read_text().splitlines() if row.startswith("| `")}
    for name, labels in labels_of_matchers(rule["expr"]).items():
        base = name if name in documented else re.sub(r"_(bucket|sum|count)$", "", name)
        for label in labels - {"job", "instance", "le"}:
            assert f"`{label}`" in documented[base], f"{name} has no {label}"
