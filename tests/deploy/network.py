"""Who may connect to whom by NetworkPolicies, as networking.k8s.io/v1 defines it."""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from files import Object


@dataclass(frozen=True)
class Peer:
    """A pod by its labels, in this namespace unless one is named; or an address outside of the cluster."""

    labels: dict[str, str] = field(default_factory=dict)
    namespace: dict[str, str] | None = None
    address: str | None = None

    @property
    def is_here(self) -> bool:
        return self.address is None and self.namespace is None


def may_connect(policies: list[Object], one: Peer, other: Peer, port: int, protocol: str = "TCP") -> bool:
    """Both sides must allow it; of a side elsewhere nothing is known here."""
    out = not one.is_here or allowed(policies, "Egress", one, other, port, protocol)
    into = not other.is_here or allowed(policies, "Ingress", other, one, port, protocol)
    return out and into


def allowed(policies: list[Object], direction: str, pod: Peer, peer: Peer, port: int, protocol: str) -> bool:
    specs = [policy["spec"] for policy in policies]
    about = [spec for spec in specs if direction in spec["policyTypes"] and selects(spec["podSelector"], pod.labels)]
    if not about:
        return True
    key, side = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    return any(
        any(is_peer(item, peer) for item in rule.get(side, [{}])) and is_port(rule.get("ports"), port, protocol)
        for spec in about
        for rule in spec.get(key, [])
    )


def is_port(ports: list[Object] | None, port: int, protocol: str) -> bool:
    return ports is None or any(item["port"] == port and item["protocol"] == protocol for item in ports)


def is_peer(item: Object, peer: Peer) -> bool:
    if not item:
        return True
    if "ipBlock" in item:
        # Of pods' addresses nothing is known.
        if peer.address is None:
            return False
        address = ip_address(peer.address)
        block = item["ipBlock"]
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(cidr) for cidr in block.get("except", [])
        )
    if peer.address is not None:
        return False
    if "namespaceSelector" in item:
        if peer.namespace is None or not selects(item["namespaceSelector"], peer.namespace):
            return False
    elif peer.namespace is not None:
        return False
    return selects(item.get("podSelector", {}), peer.labels)


def selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", "others are not used"
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True
