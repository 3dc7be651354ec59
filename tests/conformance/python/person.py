"""Somebody with an account, and what they do by REST."""

import itertools
import os
import secrets
import time
from urllib.parse import urlsplit

import requests

from place import Place, note_secret

TIMEOUT_S = 20

_numbers = itertools.count(1)
# Workers of one run, and runs against one server, must not meet.
_run = f"{os.getpid():x}{secrets.token_hex(2)}"


def fresh(stem: str = "u") -> str:
    """A name that nobody has yet."""
    return f"{stem}{_run}{next(_numbers)}"


def session() -> requests.Session:
    """A client without a token, which goes through no proxy."""
    client = requests.Session()
    client.trust_env = False
    return client


def ask(place: Place, method: str, path: str, **rest) -> requests.Response:
    """A request by nobody in particular; redirects are answers."""
    with session() as client:
        return client.request(method, place.http + path, timeout=TIMEOUT_S, allow_redirects=False, **rest)


def fetch(place: Place, address: str) -> requests.Response:
    """A file, whichever node's name its address has: files are where REST is."""
    parts = urlsplit(address)
    return ask(place, "GET", f"{parts.path}?{parts.query}")


def wait_until_refused(place: Place, path: str, **rest) -> None:
    """Until a session that ended is refused: a node may have looked at it up to a second ago."""
    deadline = time.monotonic() + TIMEOUT_S
    while ask(place, "GET", path, **rest).status_code != 401:
        assert time.monotonic() < deadline, f"{path} is still answered"
        time.sleep(0.1)


class Person:
    """Registered by the native protocol, so that a dialect's own registration is tried only where it is the matter."""

    def __init__(self, place: Place, name: str | None = None, email: bool = True):
        self.place = place
        self.name = name or fresh()
        self.email = f"{fresh('e')}@example.com" if email else None
        self.password = f"pass-{secrets.token_hex(8)}"
        note_secret(self.password)
        body = {"username": self.name, "password": self.password, "email": self.email}
        tokens = self.take(ask(place, "POST", "/v1/auth/register", json=body), 201)
        self.id: int = tokens["user"]["id"]
        self.token: str = tokens["access_token"]
        note_secret(self.token, tokens["refresh_token"])

    @property
    def handle(self) -> str:
        """What *service* calls a person."""
        return self.email or self.name

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, path: str, headers: dict | None = None, **rest) -> requests.Response:
        return ask(self.place, method, path, headers={**self.bearer, **(headers or {})}, **rest)

    @staticmethod
    def take(answer: requests.Response, status: int = 200):
        """The body of an answer that must have this status; None where it has none."""
        assert answer.status_code == status, f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, status: int = 200, **rest):
        return self.take(self.ask("GET", path, **rest), status)

    def post(self, path: str, body: object = None, status: int = 201, **rest):
        return self.take(self.ask("POST", path, json=body, **rest), status)

    def delete(self, path: str, status: int = 204):
        return self.take(self.ask("DELETE", path), status)

    # ---- by the native protocol

    def room(self, kind: str = "public", name: str | None = None, *members: "Person", **rest) -> dict:
        body = {"kind": kind, "name": name or fresh("room "), "members": [member.id for member in members], **rest}
        return self.post("/v1/rooms", body)

    def direct(self, other: "Person") -> dict:
        answer = self.ask("PUT", f"/v1/direct/{other.id}")
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def join(self, room: int) -> None:
        self.take(self.ask("PUT", f"/v1/rooms/{room}/members/me", json={}), 200)

    def say(self, room: int, content: str, **rest) -> dict:
        return self.post(f"/v1/rooms/{room}/messages", {"content": content, **rest})

    def upload(self, name: str, content: bytes) -> dict:
        return self.take(self.ask("POST", "/v1/uploads", files={"file": (name, content)}), 201)
