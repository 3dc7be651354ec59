"""Socket.IO of *service*, row by row, by python-socketio."""

import asyncio

import pytest
import socketio

from chat_client import TRANSPORTS, Chat, chat, connected
from dialects import make_chat_room
from person import fresh
from place import path
from shapes import has, is_now
from sockets import PATIENCE_S

ACK = {"status": "received", "id": "", "room_id": ""}


@pytest.fixture(params=TRANSPORTS.values(), ids=TRANSPORTS.keys())
def transports(request):
    return request.param


def is_echo(data: object, text: str, room: str) -> bool:
    """Whether it is what the sending socket gets."""
    has(data, ACK | {"message": ""})
    return data["status"] == "received" and data["message"] == text and data["room_id"] == room


def is_message(data: object, text: str, room: str, author) -> bool:
    """Whether it is what every other socket gets."""
    has(data, {"room_id": "", "message": {"id": "", "sender": "", "content": "", "timestamp": ""}})
    message = data["message"]
    assert is_now(message["timestamp"])
    return (data["room_id"], message["sender"], message["content"]) == (room, author.handle, text)


@pytest.mark.parametrize("node", [0, 1, None])
async def test_messages_with_and_without_acknowledgement(sara, ali, transports, node):
    room = make_chat_room(sara, ali.email)["id"]
    async with (
        chat(sara, node, transports) as first,
        chat(sara, 1, transports) as own,
        chat(ali, 1, transports) as other,
    ):
        ack = await first.call("chat_message", {"room": room, "message": "سلام"})
        has(ack, ACK)
        assert ack["status"] == "received" and ack["room_id"] == room
        echo = await first.next("chat_response")
        assert is_echo(echo, "سلام", room) and echo["id"] == ack["id"]
        for one in own, other:
            data = await one.next("chat_response")
            assert is_message(data, "سلام", room, sara) and data["message"]["id"] == ack["id"]
        await first.emit("chat_message", {"room_id": room, "content": "بی‌رسید"})
        assert is_echo(await first.next("chat_response"), "بی‌رسید", room)
        for one in own, other:
            assert is_message(await one.next("chat_response"), "بی‌رسید", room, sara)
        stored = ali.get(f"/chat/chat_rooms/{room}/messages")
        assert [item["content"] for item in stored] == ["سلام", "بی‌رسید"]


@pytest.mark.parametrize(
    "names", [("room", "message"), ("room", "content"), ("room_id", "message"), ("room_id", "content")]
)
async def test_both_names_of_both_fields(sara, names):
    room = make_chat_room(sara)["id"]
    async with chat(sara) as one:
        for given in room, int(room):
            ack = await one.call("chat_message", dict(zip(names, (given, "سلام"), strict=True)))
            assert ack["status"] == "received" and ack["room_id"] == room


async def test_a_large_message_by_polling(sara):
    """4,000 Persian letters: lengths in polling are told in characters, not bytes."""
    room = make_chat_room(sara)["id"]
    text = "ب" * 4_000
    async with chat(sara, transports=["polling"]) as one, chat(sara, 1, ["polling"]) as two:
        await one.call("chat_message", {"room": room, "message": text})
        assert is_message(await two.next("chat_response"), text, room, sara)


async def test_order_is_kept(sara, ali):
    room = make_chat_room(sara, ali.email)["id"]
    async with chat(sara) as first, chat(ali, 1, ["polling", "websocket"]) as other:
        for number in range(50):
            await first.emit("chat_message", {"room": room, "message": str(number)})
        assert [(await first.next("chat_response"))["message"] for _ in range(50)] == [str(n) for n in range(50)]
        heard = [(await other.next("chat_response"))["message"]["content"] for _ in range(50)]
        assert heard == [str(number) for number in range(50)]


async def test_the_first_event_is_not_lost(sara):
    """A client may emit as soon as it is connected."""
    room = make_chat_room(sara)["id"]
    for number in range(10):
        async with chat(sara, number) as one:
            await one.emit("chat_message", {"room": room, "message": str(number)})
            assert is_echo(await one.next("chat_response"), str(number), room)


@pytest.mark.parametrize("by", ["auth", "header", "query"])
@pytest.mark.parametrize("node", [0, None])
async def test_credentials(place, sara, by, node, transports):
    how = {
        "auth": {"auth": {"token": sara.token}},
        "header": {"headers": sara.bearer},
        "query": {"query": f"?token={sara.token}"},
    }[by]
    room = make_chat_room(sara)["id"]
    async with connected(place, node, transports, **how) as one:
        assert (await one.call("chat_message", {"room": room, "message": by}))["status"] == "received"


@pytest.mark.parametrize("token", [None, "nonsense"])
@pytest.mark.parametrize("node", [0, 1, None])
async def test_without_a_token_there_is_a_connect_error(place, token, node, transports):
    one = Chat()
    base = place.address(node)
    try:
        with pytest.raises(socketio.exceptions.ConnectionError):
            await one.client.connect(
                base, auth=token and {"token": token}, transports=transports, wait_timeout=PATIENCE_S
            )
        message = one.refusal["message"] if isinstance(one.refusal, dict) else one.refusal
        assert isinstance(message, str) and message, one.refusal
    finally:
        await one.client.shutdown()


async def test_messages_by_rest_arrive(sara, ali):
    room = make_chat_room(sara, ali.email)["id"]
    async with chat(sara) as first, chat(ali, 1) as second:
        sara.post(f"/chat/chat_rooms/{room}/messages", {"content": "از REST"})
        for one in first, second:
            assert is_message(await one.next("chat_response"), "از REST", room, sara)


async def test_private_chats_arrive(sara, ali):
    async with chat(ali, 1) as one:
        private = sara.post("/chat/private_chats/", {"member": ali.email})["id"]
        sara.post(f"/chat/chat_rooms/{private}/messages", {"content": "خصوصی"})
        assert is_message(await one.next("chat_response"), "خصوصی", private, sara)
        (listed,) = sara.get("/chat/private_chats/")
        assert listed["is_online"] is True


async def test_a_room_made_later_is_heard(sara, ali):
    async with chat(sara) as first, chat(ali, 1) as second:
        room = make_chat_room(sara, ali.email)["id"]
        # The socket that waits longest tells that both are in.
        sara.post(f"/chat/chat_rooms/{room}/messages", {"content": "تازه"})
        for one in first, second:
            assert is_message(await one.next("chat_response"), "تازه", room, sara)
        assert (await second.call("chat_message", {"room": room, "message": "آمدم"}))["status"] == "received"
        assert is_message(await first.next("chat_response"), "آمدم", room, ali)


async def test_online_users(sara, ali, person):
    nameless, away = person(email=False), person()
    room = make_chat_room(sara, ali.email, nameless.name, away.email)["id"]
    alone = make_chat_room(sara)["id"]
    async with chat(sara) as first, chat(ali, 1), chat(nameless, 1):
        expected = sorted([sara.email, ali.email, nameless.name])

        async def online(*data) -> list:
            """The acknowledgement and the event, which say the same."""
            ack, event = await first.call("get_online_users", *data), await first.next("online_users")
            assert ack == event
            return sorted(ack)

        async with asyncio.timeout(PATIENCE_S):
            while await online() != expected:
                await asyncio.sleep(0.1)
        assert await online({"room": room}) == expected
        assert await online({"room": alone}) == [sara.email]
        for data in (), ({"room": room},):
            await first.emit("get_online_users", *data)
            assert sorted(await first.next("online_users")) == expected


async def test_strangers_are_not_told_about(sara, stranger):
    async with chat(sara) as first, chat(stranger, 1):
        assert await first.call("get_online_users") == [sara.email]
        answer = await first.call("get_online_users", {"room": make_chat_room(stranger)["id"]})
        assert "error" in str(answer) or answer["message"], answer


async def test_coming_and_going_is_told(sara, ali):
    make_chat_room(sara, ali.email)
    async with chat(sara) as first:
        async with chat(ali, 1):
            data = await first.until("user_online", lambda data: data["username"] == ali.name)
            assert data["email"] == ali.email
        # An absence is believed after a while, so that reconnects do not flicker.
        data = await first.until("user_offline", lambda data: data["username"] == ali.name)
        assert data["email"] == ali.email


async def test_edits_deletes_and_typing(sara, ali):
    room = make_chat_room(sara, ali.email)["id"]
    async with chat(sara) as first, chat(ali, 1) as second:
        message = (await first.call("chat_message", {"room": room, "message": "سلام"}))["id"]
        await first.call("edit_message", {"room": room, "message_id": message, "content": "بهتر"})
        for one in first, second:
            assert message in str(data := await one.next("message_edited")) and "بهتر" in str(data)
        await first.emit("typing", {"room": room, "is_typing": True})
        data = await second.next("typing")
        assert data["room_id"] == room and sara.handle in str(data) or sara.name in str(data), data
        await second.emit("delete_message", {"room": room, "message_id": message})
        assert (await second.next("error"))["message"]
        await first.call("delete_message", {"room": room, "message_id": message})
        for one in first, second:
            assert message in str(await one.next("message_deleted"))


WRONG = [
    ("chat_message", None),
    ("chat_message", "سلام"),
    ("chat_message", 5),
    ("chat_message", []),
    ("chat_message", {}),
    ("chat_message", {"room": "1"}),
    ("chat_message", {"message": "x"}),
    ("chat_message", {"room": "abc", "message": "x"}),
    ("chat_message", {"room": {}, "message": "x"}),
    ("chat_message", {"room": "999999999", "message": "x"}),
    ("chat_message", {"room": "ROOM", "message": ""}),
    ("chat_message", {"room": "ROOM", "message": 5}),
    ("chat_message", {"room": "ROOM", "message": None}),
    ("chat_message", {"room": "ROOM", "message": "x" * 20_480}),
    ("edit_message", {"room": "ROOM", "message_id": "999999999", "content": "x"}),
    ("delete_message", {"room": "ROOM"}),
    ("get_online_users", {"room": "999999999"}),
]


async def test_wrong_input_is_told_and_the_client_stays(sara, transports):
    room = make_chat_room(sara)["id"]
    async with chat(sara, transports=transports) as one:
        for event, data in WRONG:
            data = {**data, "room": room} if isinstance(data, dict) and data.get("room") == "ROOM" else data
            answer = await one.call(event, data)
            assert isinstance(answer["message"], str) and answer["message"], f"{event} {str(data)[:60]}: {answer}"
            assert answer.get("status") != "received", answer
            told = await one.next("error")
            assert isinstance(told["message"], str) and told["message"], f"{event} {str(data)[:60]}: {told}"
            await one.emit(event, data)
            assert (await one.next("error"))["message"]
        assert (await one.call("chat_message", {"room": room, "message": "هنوز"}))["status"] == "received"


async def test_a_room_of_others_is_closed(sara, stranger):
    room = make_chat_room(sara)["id"]
    async with chat(stranger) as one:
        await one.emit("chat_message", {"room": room, "message": "x"})
        assert (await one.next("error"))["message"]
    assert sara.get(f"/chat/chat_rooms/{room}/messages") == []


async def test_who_is_removed_hears_nothing_more(sara, ali):
    room = make_chat_room(sara, ali.email)["id"]
    other = make_chat_room(sara, ali.email)["id"]
    async with chat(ali, 1) as one:
        assert sara.ask("DELETE", f"/v1/rooms/{room}/members/{ali.id}").status_code == 204
        sara.post(f"/chat/chat_rooms/{room}/messages", {"content": "بی او"})
        sara.post(f"/chat/chat_rooms/{other}/messages", {"content": "با او"})
        assert is_message(await one.next("chat_response"), "با او", other, sara)


async def test_a_message_too_large_for_the_transport_ends_the_client(sara):
    room = make_chat_room(sara)["id"]
    async with chat(sara) as one:
        await one.emit("chat_message", {"room": room, "message": "x" * (2 << 20)})
        await one.disconnected()


async def test_messages_of_other_dialects_arrive(sara, ali):
    room = sara.room("public", fresh("اتاق "), ali)
    async with chat(ali, 1) as one:
        sara.post("/api/messages/", {"chatroom": room["id"], "content": "یک"})
        sara.post(path("/chat/group/{}/", room["slug"]), {"message": "دو"})
        sara.post(f"/api/conversations/{room['id']}/messages/", {"content": "سه"})
        sara.say(room["id"], "چهار")
        for text in "یک", "دو", "سه", "چهار":
            assert is_message(await one.next("chat_response"), text, str(room["id"]), sara)
