"""The sockets of two people: `/ws/direct/` of *chatrooms* and `/ws/private_chat/` of *groups*."""

import pytest

from dialects import JSON
from person import fresh
from place import path
from shapes import MALFORMED, has, is_now, is_plain_error
from sockets import refusal, socket


async def test_a_direct_socket(sara, ali):
    async with (
        socket(sara, path("/ws/direct/{}/", ali.name)) as first,
        socket(ali, path("/ws/direct/{}/", sara.name), 1) as second,
    ):
        await first.send({"message": "خصوصی"})
        frames = [await one.next() for one in (first, second)]
        for frame in frames:
            has(frame, {"message": "", "sender": "", "timestamp": "", "id": 1})
            assert frame["message"] == "خصوصی" and frame["sender"] == sara.name and is_now(frame["timestamp"])
        assert frames[0]["id"] in [item["id"] for item in ali.get("/api/directmessages/")]
        for data in MALFORMED:
            await second.send_raw(data)
            assert is_plain_error(await second.next()), data
        ali.post("/api/directmessages/", {"receiver": sara.id, "content": "از یکی"})
        assert (await first.next())["message"] == "از یکی"


def pair(form: str, one, other) -> str:
    """What a private chat of the two is called in the path."""
    return {
        "username": other.name,
        "pair": f"private_chat_{one.name}_{other.name}",
        "turned": f"private_chat_{other.name}_{one.name}",
    }[form]


@pytest.mark.parametrize("form", ["username", "pair", "turned"])
async def test_a_private_chat(sara, ali, form):
    async with (
        socket(sara, path("/ws/private_chat/{}/", pair(form, sara, ali))) as first,
        socket(ali, path("/ws/private_chat/{}/", pair(form, ali, sara)), 1) as second,
    ):
        await first.send({"message": "متن پیام", "user": ali.name, "sender": ali.name, "recipient": sara.name})
        for one in first, second:
            frame = await one.next()
            has(frame, {"message": "", "user": "", "sender": "", "recipient": "", "timestamp": "", "id": 1})
            assert frame["message"] == "متن پیام" and frame["user"] == frame["sender"] == sara.name
            assert frame["recipient"] == ali.name and is_now(frame["timestamp"])
        for data in MALFORMED:
            await second.send_raw(data)
            assert is_plain_error(await second.next()), data
        ali.post(path("/chat/chat/private/{}/", sara.name), {"message": "از فرم"})
        frame = await first.next()
        assert frame["message"] == "از فرم" and frame["sender"] == ali.name and frame["recipient"] == sara.name
    stored = ali.get(path("/chat/chat/private/{}/", sara.name), headers=JSON)
    stored = stored["messages"] if isinstance(stored, dict) else stored
    assert [item["message"] for item in stored] == ["متن پیام", "از فرم"]


async def test_nobody_chats_with_nobody_or_oneself(sara):
    for where in "/ws/direct/{}/", "/ws/private_chat/{}/":
        assert await refusal(sara.place, path(where, fresh("no")), token=sara.token) == 403
        assert await refusal(sara.place, path(where, sara.name), token=sara.token) == 403


async def test_a_private_chat_of_others_is_closed(sara, ali, stranger):
    sara.direct(ali)
    where = path("/ws/private_chat/{}/", f"private_chat_{sara.name}_{ali.name}")
    assert await refusal(stranger.place, where, token=stranger.token) == 403
