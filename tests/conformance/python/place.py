"""Where the servers are that the suite is run against."""

import json
import os
from urllib.parse import quote, urlencode


class Place:
    """A deployment: where its REST is, and each of its gateways."""

    def __init__(self, entry: dict):
        self.name: str = entry["name"]
        self.http: str = entry["http"][0]
        self.gateways: list[str] = entry["gateways"]
        self.apis: list[str] = entry["apis"]
        self.token_life_s: float | None = entry.get("token_life_s")

    def gateway(self, node: int) -> str:
        """The address of a gateway; numbers go round."""
        return self.gateways[node % len(self.gateways)]

    def address(self, node: int | None) -> str:
        """Of a gateway, or of the load balancer where `node` is None: the origin of a page that came from there."""
        return self.http if node is None else self.gateway(node)

    def socket(self, path: str, node: int | None = 0, **query: str) -> str:
        """The address of a WebSocket on a gateway, or behind the load balancer where `node` is None."""
        return self.address(node).replace("http", "ws", 1) + path + (f"?{urlencode(query)}" if query else "")


def places() -> list[Place]:
    """Those that every test is run against."""
    return [Place(entry) for entry in json.loads(os.environ["CHAPAR_CONFORMANCE_TARGETS"])]


def brief_place() -> Place:
    """The one whose tokens live for seconds."""
    return Place(json.loads(os.environ["CHAPAR_CONFORMANCE_BRIEF"]))


def narrow_place() -> Place:
    """The one that lets in one newcomer after the other."""
    return Place(json.loads(os.environ["CHAPAR_CONFORMANCE_NARROW"]))


def path(template: str, *parts: object) -> str:
    """`path("/ws/chat/{}/", "اتاق ما")`: each part percent-encoded whole."""
    return template.format(*(quote(str(part), safe="") for part in parts))


def note_secret(*secrets: str) -> None:
    """What may not stand in any log when the run is over."""
    with open(os.environ["CHAPAR_CONFORMANCE_SECRETS"], "a", encoding="utf-8") as file:
        # One write, so that lines of several processes do not mix.
        file.write("".join(f"{secret}\n" for secret in secrets))
