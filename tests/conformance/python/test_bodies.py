"""The same request as JSON, form and multipart, by both libraries, with and without the slash at its end."""

import httpx
import pytest

from person import TIMEOUT_S, fresh, session
from place import note_secret, path

KINDS = ["json", "form", "multipart"]


def by_requests(method: str, url: str, fields: dict, kind: str, headers: dict):
    parts = [
        (key, value) for key, values in fields.items() for value in (values if isinstance(values, list) else [values])
    ]
    body = {
        "json": {"json": fields},
        "form": {"data": parts},
        "multipart": {"files": [(key, (None, str(value))) for key, value in parts]},
    }[kind]
    with session() as client:
        return client.request(method, url, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, **body)


def by_httpx(method: str, url: str, fields: dict, kind: str, headers: dict):
    parts = [
        (key, value) for key, values in fields.items() for value in (values if isinstance(values, list) else [values])
    ]
    body = {
        "json": {"json": fields},
        "form": {"data": {key: value for key, value in fields.items()}},
        "multipart": {"files": [(key, (None, str(value).encode())) for key, value in parts]},
    }[kind]
    with httpx.Client(trust_env=False) as client:
        return client.request(method, url, headers=headers, timeout=TIMEOUT_S, **body)


# The method, the path, the fields and the status, of somebody (`sara`) who knows `ali`; `{room}` is a public room of
# both, `{slug}` its slug.
ROWS = {
    "chatrooms register": ("POST", "/api/register/", {"username": "*", "password": "a-good-password"}, 200),
    "chatrooms login": ("POST", "/api/login/", {"username": "sara", "password": "secret"}, 200),
    "chatrooms room": ("POST", "/api/chatrooms/", {"name": "*", "users": ["sara.id", "ali.id"]}, 201),
    "chatrooms message": ("POST", "/api/messages/", {"chatroom": "room", "content": "سلام & خوش=آمدید"}, 201),
    "chatrooms direct": ("POST", "/api/directmessages/", {"receiver": "ali.id", "content": "سلام"}, 201),
    "groups register": (
        "POST",
        "/chat/register/",
        {"username": "*", "password1": "good-password", "password2": "good-password"},
        201,
    ),
    "groups login": ("POST", "/chat/login/", {"username": "sara", "password": "secret"}, 200),
    "groups group": ("POST", "/chat/create_group/", {"group_name": "*", "type": "public"}, 201),
    "groups message": ("POST", "/chat/group/{slug}/", {"message": "سلام & خوش=آمدید"}, 201),
    "groups private": ("POST", "/chat/chat/private/{ali}/", {"message": "سلام"}, 201),
    "groups profile": ("POST", "/chat/profile/", {"first_name": "سارا", "last_name": "محمدی"}, 200),
    "conversations tokens": ("POST", "/auth/jwt/create/", {"username": "sara", "password": "secret"}, 200),
    "conversations new": ("POST", "/api/conversations/", {"participants": ["ali.id", "third.id"]}, 201),
    "conversations message": ("POST", "/api/conversations/{room}/messages/", {"content": "سلام"}, 201),
    "conversations edit": ("PATCH", "/api/conversations/{room}/messages/{message}/", {"content": "بهتر"}, 200),
    "service signup": (
        "POST",
        "/auth/signup",
        {"username": "*", "email": "*@example.com", "password": "a-good-password"},
        201,
    ),
    "service login": ("POST", "/auth/login", {"username": "sara", "password": "secret"}, 200),
    "service token": ("POST", "/auth/token", {"email": "sara", "password": "secret"}, 200),
    "service room": ("POST", "/chat/chat_rooms/", {"name": "*", "members": ["ali.email", "third.email"]}, 201),
    "service private": ("POST", "/chat/private_chats/", {"member": "ali.email"}, 201),
    "service message": ("POST", "/chat/chat_rooms/{room}/messages", {"content": "سلام"}, 201),
}


@pytest.fixture
def third(person):
    return person()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", ROWS)
def test_every_body_in_both_spellings(place, sara, ali, third, row, kind):
    room = sara.room("public", None, ali)
    message = sara.say(room["id"], "سلام")
    method, where, fields, status = ROWS[row]
    where = where.format(
        room=room["id"], slug=path("{}", room["slug"]), ali=path("{}", ali.name), message=message["id"]
    )
    known = {
        "sara": sara.name,
        "secret": sara.password,
        "room": room["id"],
        **{f"{name}.id": one.id for name, one in {"sara": sara, "ali": ali, "third": third}.items()},
        **{f"{name}.email": one.email for name, one in {"ali": ali, "third": third}.items()},
    }

    def fill(value):
        if isinstance(value, list):
            return [fill(item) for item in value]
        return known[value] if value in known else value.replace("*", fresh())

    signs_in = "secret" in fields.values() or "password" in str(fields.keys())
    headers = {"Accept": "application/json"} | ({} if signs_in else sara.bearer)
    other = where.rstrip("/") if where.endswith("/") else where + "/"
    answers = [
        send(method, place.http + spelling, {key: fill(value) for key, value in fields.items()}, kind, headers)
        for spelling, send in ((where, by_requests), (other, by_httpx))
    ]
    for answer, spelling in zip(answers, (where, other), strict=True):
        # Two people have one private chat: the second request finds it.
        expected = (status, 200) if row == "service private" else (status,)
        assert answer.status_code in expected, f"{method} {spelling}: {answer.status_code} {answer.text}"
    first, second = (answer.json() for answer in answers)
    assert first.keys() == second.keys()
    for body in first, second:
        note_secret(*(value for key, value in body.items() if key in ("access", "refresh", "access_token")))
    if "content" in fields:
        assert first["content"] == fields["content"]


# What answers with what one is in oneself; the lists of everybody's rooms are below.
READS = [
    "/api/messages/?chatroom={room}",
    "/api/directmessages/",
    "/chat/group/{slug}/",
    "/chat/profile/",
    "/chat/chat/private/{ali}/",
    "/api/conversations/",
    "/api/conversations/{room}/",
    "/api/conversations/{room}/messages/",
    "/api/conversations/{room}/messages/{message}/attachments/",
    "/auth/users/me",
    "/chat/private_chats/",
    "/chat/chat_rooms/",
    "/chat/chat_rooms/{room}",
    "/chat/chat_rooms/{room}/messages",
]


@pytest.mark.parametrize("where", READS)
def test_reads_answer_in_both_spellings(sara, ali, where):
    room = sara.room("private", None, ali)
    message = sara.say(room["id"], "سلام")
    where = where.format(
        room=room["id"], slug=path("{}", room["slug"]), ali=path("{}", ali.name), message=message["id"]
    )
    bare, mark, query = where.partition("?")
    other = (bare.rstrip("/") if bare.endswith("/") else bare + "/") + mark + query
    headers = {"Accept": "application/json"}
    assert sara.get(where, headers=headers) == sara.get(other, headers=headers)


# Other tests make rooms between two answers of these, so that one room is compared.
ROOM_LISTS = {"/api/chatrooms/": lambda answer: answer, "/chat/": lambda answer: answer["groups"]}


@pytest.mark.parametrize("where", ROOM_LISTS)
def test_room_lists_answer_in_both_spellings(sara, ali, where):
    room = sara.room("private", None, ali)

    def listed(spelling: str) -> dict:
        rooms = ROOM_LISTS[where](sara.get(spelling, headers={"Accept": "application/json"}))
        (found,) = (item for item in rooms if item["id"] == room["id"])
        return found

    assert listed(where) == listed(where.rstrip("/"))


def test_a_post_is_never_redirected(place, sara):
    """Not even where it is wrong."""
    for row, (method, where, _, _) in ROWS.items():
        where = where.format(room=1, slug="x", ali="x", message=1)
        for spelling in where.rstrip("/"), where.rstrip("/") + "/":
            answer = by_requests(method, place.http + spelling, {}, "json", {"Accept": "application/json"})
            assert not 300 <= answer.status_code < 400, f"{row}: {spelling} {answer.status_code}"
