"""A little of everything that people do, so that every metric has something to count: sign-ins, rooms, messages, files,
reactions, typing, sockets that are left and resumed. Runs until it is stopped."""

import json
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from websockets.sync.client import ClientConnection, connect

PASSWORD = "correct horse battery"
# Of one socket, before it is left and resumed.
ROUNDS = 12
# Between two of them: enough to be counted, and little for the machine.
PACE_S = 0.1
# A round's replies and events come within it, or the server is not well.
PATIENCE_S = 20


class Person:
    """Somebody who signed up."""

    def __init__(self, base: str, name: str):
        self.base, self.name, self.token = base, name, ""
        tokens = self.ask("POST", "/v1/auth/register", {"username": name, "password": PASSWORD})
        self.token, self.id = tokens["access_token"], tokens["user"]["id"]

    def ask(self, method: str, path: str, body: Any = None, form: tuple[str, bytes] | None = None) -> Any:
        kind, data = form or ("application/json", json.dumps(body).encode() if body is not None else b"")
        request = urllib.request.Request(self.base + path, data=data or None, method=method, headers={"Content-Type": kind})
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def sign_in(self, password: str) -> int:
        """The status."""
        try:
            self.ask("POST", "/v1/auth/login", {"login": self.name, "password": password})
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    def upload(self) -> int:
        edge = secrets.token_hex(8)
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        body = f"{head}some words\r\n--{edge}--\r\n".encode()
        return self.ask("POST", "/v1/uploads", form=(f"multipart/form-data; boundary={edge}", body))["id"]


class Seat:
    """One person's socket in one room; left and taken again, it knows where it was."""

    def __init__(self, person: Person, room: int, address: str):
        self.person, self.room, self.address = person, room, address
        self.epoch, self.seq, self.number = "", 0, 0

    def sit(self, name: str, rest: Callable[[float], bool]) -> None:
        """Opens a socket, says and hears `ROUNDS` messages, closes it; `rest` says whether to leave early."""
        hello: dict[str, Any] = {"op": "hello"}
        if self.epoch:
            hello |= {"epoch": self.epoch, "since": {str(self.room): self.seq}}
        # Through the balancer the token stands in the query, where it must not be logged.
        with connect(f"{self.address}/v1/ws?token={self.person.token}") as socket:
            self.say(socket, hello)
            self.epoch = self.hear(socket, lambda frame: frame["op"] == "ready")["epoch"]
            for turn in range(ROUNDS):
                if rest(PACE_S):
                    return
                nonce = f"{name}-{turn}"
                self.say(socket, {"op": "typing", "room": self.room, "typing": True})
                self.say(socket, {"op": "send", "id": nonce, "room": self.room, "content": "some words", "nonce": nonce})
                reply = self.hear(socket, lambda frame, nonce=nonce: frame.get("id") == nonce)
                message = reply["ok"]["message"]
                self.say(socket, {"op": "react", "id": "r", "room": self.room, "message": message["id"], "emoji": "👍"})
                self.say(socket, {"op": "read", "id": "n", "room": self.room, "number": message["number"]})
                self.hear(socket, lambda frame: frame.get("id") == "n")

    def say(self, socket: ClientConnection, frame: dict[str, Any]) -> None:
        socket.send(json.dumps(frame))

    def hear(self, socket: ClientConnection, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next frame that is it; what comes before moves the position."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            frame = json.loads(socket.recv(timeout=deadline - time.monotonic()))
            if frame.get("room") == self.room and "seq" in frame:
                self.seq = frame["seq"]
            if is_it(frame):
                assert "error" not in frame, frame
                return frame


class Crowd:
    """People who talk until they are stopped; whatever went wrong is told by `stop`."""

    def __init__(self, base: str, people: int = 6):
        self.base = base
        self.people = [Person(base, f"person{number}") for number in range(people)]
        first = self.people[0]
        self.room = first.ask("POST", "/v1/rooms", {"kind": "public", "name": "everybody"})["id"]
        for person in self.people[1:]:
            person.ask("PUT", f"/v1/rooms/{self.room}/members/me", {})
        self.is_over = threading.Event()
        self.failures: list[BaseException] = []
        doings: list[Callable[[], None]] = [self.talker(person) for person in self.people] + [self.others]
        self.threads = [threading.Thread(target=self.guarded, args=(doing,), daemon=True) for doing in doings]
        for thread in self.threads:
            thread.start()

    def guarded(self, doing: Callable[[], None]) -> None:
        try:
            doing()
        except BaseException as error:  # noqa: BLE001 - told by stop
            self.failures.append(error)

    def talker(self, person: Person) -> Callable[[], None]:
        def talk() -> None:
            seat = Seat(person, self.room, self.base.replace("http://", "ws://"))
            life = 0
            while not self.is_over.is_set():
                seat.sit(f"{person.name}-{life}", self.is_over.wait)
                life += 1

        return talk

    def others(self) -> None:
        """What is done without a socket."""
        person = self.people[0]
        while not self.is_over.wait(0.5):
            assert person.sign_in(PASSWORD) == 200
            assert person.sign_in("wrong") == 401
            person.upload()
            person.ask("GET", f"/v1/rooms/{self.room}/messages")
            person.ask("GET", "/v1/rooms")

    def stop(self) -> None:
        self.is_over.set()
        for thread in self.threads:
            thread.join(timeout=PATIENCE_S)
        assert not self.failures, self.failures
