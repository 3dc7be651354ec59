"""Fills a fresh server for the contract checks, so that what schemathesis asks for is there part of the time.

    seed.py BASE_URL FOLDER

Writes to FOLDER `token`, an access token, and `schemathesis.toml`: the one beside this file with the dictionaries
that it names. The server must be fresh and its rates raised; what is made here is changed and deleted at will.
"""

import json
import sys
import zlib
from pathlib import Path
from struct import pack
from urllib.parse import parse_qs, urlsplit

import requests

PASSWORD = "correct horse battery"


class User:
    """Somebody who signed up."""

    def __init__(self, base: str, name: str):
        self.base = base
        tokens = self.ask("POST", "/v1/auth/register", {"username": name, "password": PASSWORD})
        self.name, self.id = name, tokens["user"]["id"]
        self.token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]

    def ask(self, method: str, path: str, body=None, files=None):
        headers = {"Authorization": f"Bearer {self.token}"} if hasattr(self, "token") else {}
        answer = requests.request(
            method, self.base + path, json=body, files=files, headers=headers, timeout=10
        )
        if not answer.ok:
            sys.exit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def room(self, kind: str, name: str, *members: "User") -> int:
        body = {"kind": kind, "name": name, "members": [member.id for member in members]}
        return self.ask("POST", "/v1/rooms", body)["id"]

    def say(self, room: int, content: str, **rest) -> int:
        return self.ask("POST", f"/v1/rooms/{room}/messages", {"content": content, **rest})["id"]

    def upload(self, name: str, content: bytes) -> dict:
        return self.ask("POST", "/v1/uploads", files={"file": (name, content)})


def picture() -> bytes:
    """A red PNG of 8 by 8 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * 8) * 8
    header = pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def signed(address: str) -> dict:
    """The parts of a file's address."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    return {"id": int(parts.path.rsplit("/", 1)[1]), "expires": int(query["expires"][0]), "signature": query["signature"][0]}


def fill(base: str) -> tuple[str, dict]:
    """The token, and the dictionaries by name."""
    caller, other, *crowd = (User(base, name) for name in ["caller", "سارا", *(f"guest{n}" for n in range(10))])
    # The first ids are those that are guessed.
    doomed = [caller.room("private", f"doomed room {n}") for n in range(20)]
    # Not the caller's own, so that a guess does not end them.
    room = other.room("public", "اتاق اصلی", caller, *crowd)
    staff = other.room("private", "", caller, *crowd)
    for one in room, staff:
        other.ask("PUT", f"/v1/rooms/{one}/members/{caller.id}", {"role": "admin"})
    visited = other.room("public", "to be visited")
    written = [caller.say(room, f"سلام {n}") for n in range(10)]
    unloved = [caller.say(room, f"to be deleted {n}") for n in range(20)]
    image, *files = (
        caller.upload(name, content)
        for name, content in [("عکس.png", picture()), *((f"{n}.txt", b"text") for n in range(20))]
    )
    caller.say(room, "", attachments=[files.pop()["id"]], reply_to=written[0])
    caller.ask("PUT", f"/v1/rooms/{room}/messages/{written[1]}/reactions/❤️")
    other.say(room, "hello @caller")
    direct = other.ask("PUT", f"/v1/direct/{caller.id}")["id"]
    other.say(direct, "سلام")
    caller.ask("PATCH", "/v1/users/me", {"avatar": image["id"], "display_name": "فراخوان"})
    notices = caller.ask("GET", "/v1/notifications")["items"]
    cursor = caller.ask("GET", "/v1/rooms?limit=1")["next"]
    whole, small = signed(image["url"]), signed(image["thumbnail_url"])
    guests = [guest.id for guest in crowd]
    return caller.token, {
        "room": [room],
        "rooms": [room, visited, direct, staff],
        "staff": [staff],
        "doomed": doomed,
        "users": [other.id, *guests],
        "guests": guests,
        "guest_names": [str(guest) for guest in guests],
        "messages": written,
        "unloved": unloved,
        "emoji": ["❤️", "👍", "لایک"],
        "uploads": [file["id"] for file in files],
        "images": [image["id"]],
        "presences": [f"{other.id},{guests[0]}", str(other.id)],
        "notices": [notice["id"] for notice in notices],
        "room_cursors": [cursor],
        "logins": [guest.name for guest in crowd],
        "passwords": [PASSWORD],
        "refresh_tokens": [guest.refresh_token for guest in crowd],
        "file_id": [whole["id"]],
        "file_expires": [whole["expires"]],
        "file_signature": [whole["signature"]],
        "thumbnail_signature": [small["signature"]],
        "thumbnail_expires": [small["expires"]],
    }


def main(base: str, folder: str) -> None:
    token, dictionaries = fill(base.rstrip("/"))
    config = Path(__file__).with_name("schemathesis.toml").read_text(encoding="utf-8")
    for name, values in dictionaries.items():
        # A JSON array of numbers or strings is TOML too.
        config += f"\n[dictionaries.{name}]\nvalues = {json.dumps(values, ensure_ascii=False)}\n"
    Path(folder, "schemathesis.toml").write_text(config, encoding="utf-8")
    Path(folder, "token").write_text(token, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: seed.py BASE_URL FOLDER")
    main(*sys.argv[1:])
