"""The PrometheusRule of Kubernetes from the rules of Prometheus: run as a program, it writes the file."""

import yaml

from files import K8S, RULES, read_yaml

PATH = K8S / "components/monitoring/prometheus-rule.yaml"

HEAD = """\
# Written by `tests/deploy/run --write` from deploy/prometheus/chapar.rules.yaml: change that.
"""


class Text(str):
    """A text of several lines, written as a block."""


def represent(dumper: yaml.SafeDumper, text: Text) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")


class Dumper(yaml.SafeDumper):
    """Writes what the rules are made of as they are written by hand."""


Dumper.add_representer(Text, represent)


def written() -> str:
    groups = read_yaml(RULES)["groups"]
    for group in groups:
        for rule in group["rules"]:
            if "\n" in rule["expr"]:
                rule["expr"] = Text(rule["expr"])
    item = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "chapar", "labels": {"app.kubernetes.io/name": "chapar"}},
        "spec": {"groups": groups},
    }
    return HEAD + yaml.dump(item, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)


if __name__ == "__main__":
    PATH.write_text(written())
