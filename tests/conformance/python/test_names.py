"""Names in Persian, with spaces, hyphens and signs, in every path and on every socket."""

import unicodedata

import pytest

from chat_client import chat
from dialects import JSON, start
from person import fresh
from place import path
from shapes import is_plain
from sockets import socket

ROOMS = ["اتاق ما {}", "گپ-و-گفت {}", "room-one {}", "کافه؟ & «چای» #{}", "100% {}", "یک+دو {}", "می‌روم {}", "a.b@c_{}"]
PEOPLE = ["sara.{}", "sara-{}", "sara@{}", "sara_{}", "sara+{}", "سارا{}", "سارا.محمدی-{}"]


@pytest.mark.parametrize("name", ROOMS)
async def test_rooms(sara, ali, name):
    name = name.format(fresh())
    room = sara.post("/api/chatrooms/", {"name": name})
    assert room["name"] == name
    assert ali.ask("POST", path("/api/join/{}/", name)).status_code == 200
    slug = sara.get(f"/v1/rooms/{room['id']}")["slug"]
    assert ali.get(path("/chat/group/{}/", slug), headers=JSON)["group"]["name"] == name
    async with (
        socket(sara, path("/ws/chat/{}/", name)) as first,
        socket(ali, path("/ws/chat/{}/", slug), 1) as second,
        socket(ali, path("/ws/chat/{}/", name), None) as third,
    ):
        await first.send({"message": name})
        ali.post(path("/chat/group/{}/", slug), {"message": slug})
        for one in first, second, third:
            texts = {(await one.next())["message"] for _ in range(2)}
            assert texts == {name, slug}
    assert sara.delete(path("/chat/delete_group/{}/", slug)) is None


async def test_a_name_is_found_in_either_form_of_unicode(sara):
    """Some keyboards send letters apart from their marks."""
    name = f"آبی {fresh()}"
    apart = unicodedata.normalize("NFD", name)
    assert apart != name
    sara.room("public", name)
    async with socket(sara, path("/ws/chat/{}/", apart)) as one:
        await one.send({"message": "سلام"})
        assert is_plain(await one.next(), "سلام", sara)


@pytest.mark.parametrize("slug", ["نامک-گروه-{}", "a-b-c-{}", "ریز_{}"])
async def test_slugs(sara, slug):
    slug = slug.format(fresh())
    group = sara.post("/chat/create_group/", {"group_name": fresh("گروه "), "slug": slug, "type": "private"})
    assert group["slug"] == slug
    async with socket(sara, path("/ws/chat/{}/", slug), 1) as one:
        await one.send({"message": "سلام"})
        assert is_plain(await one.next(), "سلام", sara)
    assert sara.get(path("/chat/group/{}/", slug), headers=JSON)["group"]["slug"] == slug
    assert sara.ask("POST", path("/chat/delete_group/{}/", slug), headers=JSON).status_code == 204


@pytest.mark.parametrize("name", PEOPLE)
async def test_people(person, ali, name):
    name = name.format(fresh())
    sara = person(name, email=False)
    where = path("/chat/chat/private/{}/", name)
    async with (
        socket(ali, path("/ws/direct/{}/", name)) as direct,
        socket(ali, path("/ws/private_chat/{}/", name), 1) as private,
        socket(ali, path("/ws/private_chat/{}/", f"private_chat_{ali.name}_{name}"), None) as pair,
        socket(sara, path("/ws/private_chat/{}/", ali.name)) as own,
        socket(sara, path("/ws/notifications/{}/", name), 1) as notices,
    ):
        ali.post(where, {"message": f"سلام {name}"})
        for one in direct, private, pair, own:
            frame = await one.next()
            assert frame["message"] == f"سلام {name}" and frame["sender"] == ali.name
        assert (await notices.next())["sender"] == ali.name
    assert name in str(ali.get("/chat/", headers=JSON)["private_chats"])
    room = ali.post("/chat/chat_rooms/", {"name": fresh("اتاق "), "members": [name]})
    assert name in room["members"]
    assert sorted(ali.get(f"/api/conversations/{start(ali, sara)}/")["participants"]) == sorted([ali.name, name])
    async with chat(sara, 1) as one:
        ack = await one.call("chat_message", {"room": room["id"], "message": "سلام"})
        assert ack["status"] == "received"
        assert name in await one.call("get_online_users")
    assert sara.ask("POST", "/auth/token", data={"username": name, "password": sara.password}).status_code == 200
