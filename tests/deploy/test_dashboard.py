"""The dashboard's file. That each panel shows something is in test_watched.py."""

import json
import re

import pytest

from files import DASHBOARD, EXPORTERS, OPERATIONS, Object, metrics_table, panels
from promql import labels_of_matchers, metric_names

ROWS = ["What people notice", "Gateways", "Api", "Postgres", "Redis", "Processes"]


def by_title(panel: Object) -> str:
    return panel["title"]


def test_it_is_one_that_grafana_loads() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["uid"] == "chapar" and dashboard["schemaVersion"] >= 39
    everything = dashboard["panels"]
    assert [panel["title"] for panel in everything if panel["type"] == "row"] == ROWS
    numbers = [panel["id"] for panel in everything]
    assert len(numbers) == len(set(numbers))
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {"datasource", "instance"}
    titles = [panel["title"] for panel in panels()]
    # A title may stand once a row.
    assert len(titles) > 50 and all(title for title in titles)


def test_panels_do_not_lie_on_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for column in range(place["x"], place["x"] + place["w"]):
            for line in range(place["y"], place["y"] + place["h"]):
                assert (column, line) not in taken, f"{panel['title']} on {taken[column, line]}"
                taken[column, line] = panel["title"]


@pytest.mark.parametrize("panel", panels(), ids=by_title)
def test_a_panel_asks_for_metrics_that_there_are(panel: Object) -> None:
    table = metrics_table()
    rows = {row.split("|")[1].strip(" `"): row.split("|")[3] for row in OPERATIONS.read_text().splitlines() if row.startswith("| `")}
    assert panel["fieldConfig"]["defaults"]["unit"] and panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        expression = target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
        for name in metric_names(expression):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in table or table.get(base) == "histogram" or name in EXPORTERS, name
            if name.startswith("chapar_"):
                assert 'instance=~"$instance"' in target["expr"], "of the chosen nodes alone"
            if table.get(name) == "counter":
                assert re.search(rf"rate\({name}\b", expression), f"{name} is a counter"
        for name, labels in labels_of_matchers(expression).items():
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            for label in labels - {"job", "instance", "le"}:
                assert name in EXPORTERS or f"`{label}`" in rows.get(name, rows.get(base, "")), f"{name} has no {label}"


def test_exporters_metrics_are_all_shown() -> None:
    asked = {
        name
        for panel in panels()
        for target in panel["targets"]
        for name in metric_names(target["expr"].replace("$__rate_interval", "1m"))
    }
    assert EXPORTERS == {name for name in asked if name.startswith(("pg_", "redis_"))}
