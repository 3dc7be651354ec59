"""That sockets end with what they were opened by."""

import asyncio

import pytest

from chat_client import connected
from dialects import JSON, sign_in, start
from person import Person, ask, wait_until_refused
from place import note_secret, path
from shapes import is_django_error, is_plain
from sockets import opened, refusal, socket


async def test_signing_out_closes_the_sockets(place, sara, ali):
    tokens = sign_in(sara)
    token, signed_in = tokens.json()["access"], {"Cookie": f"sessionid={tokens.cookies['sessionid']}"}
    room, conversation = sara.room(), start(sara, ali)
    where = path("/ws/chat/{}/", room["slug"])
    async with (
        opened(place, where, 0, token=token) as one,
        opened(place, where, 1, signed_in, place.address(1)) as two,
        opened(place, f"/ws/chat/{conversation}/", 1, token=token) as three,
        opened(place, path("/ws/notifications/{}/", sara.name), 1, token=token) as four,
        socket(sara, where, 1) as other,
    ):
        answer = ask(place, "POST", "/chat/logout/", headers=signed_in | {"Origin": place.http} | JSON)
        assert answer.status_code == 204, answer.text
        for each in one, two, three, four:
            assert await each.closed() == 1008
        # A session of its own goes on.
        await other.send({"message": "هنوز"})
        assert is_plain(await other.next(), "هنوز", sara)
    wait_until_refused(place, "/v1/rooms", headers={"Authorization": f"Bearer {token}"})
    assert await refusal(place, where, 0, token=token) == 403


async def test_signing_out_disconnects_socketio(place, sara):
    token = sign_in(sara).json()["access"]
    async with connected(place, 1, auth={"token": token}) as one:
        headers = {"Authorization": f"Bearer {token}", **JSON}
        assert ask(place, "POST", "/chat/logout/", headers=headers).status_code == 204
        await one.disconnected()


LOGINS = {
    "chatrooms": ("/api/login/", "access"),
    "groups": ("/chat/login/", "access"),
    "conversations": ("/auth/jwt/create/", "access"),
    "service": ("/auth/login", "access_token"),
}


@pytest.mark.parametrize("dialect", LOGINS)
async def test_a_token_ends_when_its_life_does(brief, dialect):
    sara, ali = Person(brief), Person(brief)
    room, conversation = sara.room(), start(sara, ali)
    where, field = LOGINS[dialect]
    answer = ask(brief, "POST", where, json={"username": sara.name, "password": sara.password})
    token = answer.json()[field]
    note_secret(token)
    began = asyncio.get_running_loop().time()
    async with (
        opened(brief, path("/ws/chat/{}/", room["slug"]), token=token) as one,
        opened(brief, f"/ws/chat/{conversation}/", token=token) as two,
        opened(brief, path("/ws/notifications/{}/", sara.name), token=token) as three,
        connected(brief, auth={"token": token}) as four,
    ):
        for each in one, two, three:
            assert await each.closed() == 1008
        await four.disconnected()
        lived = asyncio.get_running_loop().time() - began
        assert brief.token_life_s - 2 <= lived <= brief.token_life_s + 5, lived
    headers = {"Authorization": f"Bearer {token}"}
    assert is_django_error(ask(brief, "GET", "/api/chatrooms/", headers=headers), 401)
    assert await refusal(brief, path("/ws/chat/{}/", room["slug"]), token=token) == 403
