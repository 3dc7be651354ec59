"""The examples of the dialects' documents, as printed there.

`examples/DIALECT.json` holds them. A request is sent with `body` (or `form`, or `send` on a socket) as printed, in
which the fields of `with` replace what stands there for a value ("string", an id of somebody else's database); the
answer must have every printed key with a value of the printed type, and those named in `same` with the value that was
sent. Where what is printed can be sent as it stands, `literally` says how that is answered.
"""

import json
from pathlib import Path

import pytest

from chat_client import chat
from dialects import JSON, attach, say, start
from person import ask, fresh
from pictures import PNG
from place import note_secret, path
from shapes import has
from sockets import opened


def examples(*ways: str, literal: bool = False):
    """Those that have one of these keys, of all dialects."""
    found = []
    for file in sorted((Path(__file__).parent / "examples").glob("*.json")):
        for example in json.loads(file.read_text(encoding="utf-8")):
            if any(way in example for way in ways) and (not literal or "literally" in example):
                found.append(pytest.param(example, id=f"{file.stem}: {example['what']}"))
    return pytest.mark.parametrize("example", found)


@pytest.fixture
def known(sara, ali, person):
    """What stands for the words in braces: there is a room, a conversation and a message in each."""
    room = sara.room("private", fresh("نام گروه "), ali)
    sara.say(room["id"], "سلام!")
    sara.post("/chat/private_chats/", {"member": ali.email})
    conversation = start(sara, ali)
    message = say(sara, conversation, "سلام!")["id"]
    answer = attach(sara, f"/api/conversations/{conversation}/messages/{message}/attachments/", "file.jpg")
    assert answer.status_code == 201, answer.text
    return {
        "new": fresh(),
        "me": sara.name,
        "my_id": sara.id,
        "my_email": sara.email,
        "password": sara.password,
        "token": sara.token,
        "them": ali.name,
        "their_id": ali.id,
        "their_email": ali.email,
        "their_token": ali.token,
        "third_id": person().id,
        "room_id": room["id"],
        "room_name": room["name"],
        "slug": room["slug"],
        "conversation": conversation,
        "message": message,
    }


def fill(value: object, known: dict) -> object:
    """With what is known in place of words in braces; a word that is all there is keeps its type."""
    if isinstance(value, list):
        return [fill(item, known) for item in value]
    if isinstance(value, str) and value[1:-1] in known and value == f"{{{value[1:-1]}}}":
        return known[value[1:-1]]
    return value.format(**known) if isinstance(value, str) else value


def filled(example: dict, printed: dict, known: dict) -> dict:
    """What is sent for what is printed."""
    return {**printed, **{key: fill(value, known) for key, value in example.get("with", {}).items()}}


def where_of(template: str, known: dict) -> str:
    return template.format(**{key: path("{}", value) for key, value in known.items()})


def send(example: dict, person, where: str, fields: dict | None):
    rest: dict = {"headers": JSON}
    if "body" in example:
        rest["json"] = fields
    elif "form" in example:
        rest["data"] = fields
    elif "file" in example:
        rest["files"] = {"file": (example["file"], PNG)}
    if example.get("anonymous"):
        return ask(person.place, example["method"], where, **rest)
    return person.ask(example["method"], where, **rest)


def same(example: dict, sent: dict, got: dict) -> None:
    for key in example.get("same", []):
        assert got[key] == sent[key], f"{key}: sent {sent[key]!r}, got {got[key]!r}"


@examples("method")
def test_requests(example, sara, known):
    fields = filled(example, example.get("body") or example.get("form") or {}, known)
    answer = send(example, sara, where_of(example["path"], known), fields)
    assert answer.status_code == example["status"], answer.text
    if "answer" not in example:
        assert not answer.content
        return
    body = answer.json()
    has(body, example["answer"])
    assert body or not isinstance(body, list), "there is something to list"
    same(example, fields, body)
    if isinstance(body, dict):
        note_secret(*(body[key] for key in ("access", "refresh", "access_token") if key in body))


@examples("method", literal=True)
def test_requests_literally(example, sara, known):
    """Words that stand for a value, sent as they are, get the error that says so."""
    expected = example["literally"]
    answer = send(example, sara, where_of(example["path"], known), example.get("body") or example.get("form"))
    assert answer.status_code == expected["status"], answer.text
    body = answer.json()
    assert isinstance(body, dict) and body
    assert "keys" not in expected or set(expected["keys"]) & body.keys(), body


@examples("socket")
async def test_sockets(example, place, known):
    sent = {
        **filled(example, example["send"], known),
        **{key: fill(value, known) for key, value in example.get("and", {}).items()},
    }
    async with opened(place, where_of(example["socket"], known)) as one:
        if "heard_by" not in example:
            await one.send(sent)
            got = await one.next()
        else:
            async with opened(place, where_of(example["heard_by"], known), 1) as other:
                await one.send(sent)
                # A notification that somebody missed comes first.
                got = await other.until(
                    lambda frame: all(frame.get(key) == sent[key] for key in example.get("same", []))
                )
    has(got, example["receive"])
    if "type" in example["receive"]:
        assert got["type"] == example["receive"]["type"]
    same(example, sent, got)


@examples("socket", literal=True)
async def test_sockets_literally(example, place, known):
    async with opened(place, where_of(example["socket"], known)) as one:
        await one.send(example["send"])
        got = await one.next()
    assert set(example["literally"]["keys"]) <= got.keys(), got


@examples("emit")
@pytest.mark.parametrize("acknowledged", [True, False])
async def test_socketio(example, sara, known, acknowledged):
    known["room_id"] = str(known["room_id"])
    data = filled(example, example["send"], known) if "send" in example else None
    async with chat(sara) as one:
        if acknowledged:
            has(await one.call(example["emit"], data), example["ack"])
        elif data is None:
            await one.emit(example["emit"])
        else:
            await one.emit(example["emit"], data)
        has(await one.next(example["on"]), example["receive"])


@examples("emit", literal=True)
async def test_socketio_literally(example, sara):
    async with chat(sara) as one:
        await one.emit(example["emit"], example["send"])
        assert set(example["literally"]["keys"]) <= (await one.next("error")).keys()
