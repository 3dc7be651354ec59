"""The socket of *conversations*, by the `websockets` library."""

import json

import pytest

from dialects import attach, say, start
from pictures import PNG
from shapes import has, is_now
from sockets import opened, refusal, socket

MALFORMED = [
    "not JSON",
    "",
    "[]",
    "12",
    "null",
    '"chat_message"',
    "{}",
    '{"message": "x"}',
    '{"type": 5}',
    '{"type": "dance"}',
    '{"type": "chat_message"}',
    '{"type": "chat_message", "message": 5}',
    '{"type": "chat_message", "message": null}',
    '{"type": "chat_message", "message": ""}',
    '{"type": "edit_message"}',
    '{"type": "edit_message", "message_id": "x", "content": "x"}',
    '{"type": "edit_message", "message_id": 999999999, "content": "x"}',
    '{"type": "edit_message", "message_id": -1, "content": "x"}',
    '{"type": "delete_message"}',
    '{"type": "delete_message", "message_id": null}',
    '{"type": "delete_message", "message_id": 999999999}',
    '{"type": "typing"}',
    '{"type": "typing", "is_typing": "yes"}',
    json.dumps({"type": "chat_message", "message": "س" * 10_240}),
    b"\x00\xff",
]


def of(conversation: int) -> str:
    return f"/ws/chat/{conversation}/"


def is_error(frame: dict) -> bool:
    has(frame, {"type": "", "code": "", "detail": ""})
    return frame["type"] == "error" and bool(frame["code"]) and bool(frame["detail"])


def is_message(frame: dict, content: str, author) -> bool:
    has(frame, {"type": "", "message": {"id": 1, "sender": "", "content": "", "timestamp": "", "attachments": []}})
    message = frame["message"]
    assert is_now(message["timestamp"])
    return frame["type"] == "chat.message" and message["sender"] == author.name and message["content"] == content


async def test_what_one_says_all_hear_and_oneself_too(sara, ali):
    conversation = start(sara, ali)
    async with socket(sara, of(conversation)) as first, socket(ali, of(conversation), 1) as second:
        await first.send({"type": "chat_message", "message": "محتوای پیام شما"})
        frames = [await one.next() for one in (first, second)]
        assert frames[0] == frames[1] and is_message(frames[0], "محتوای پیام شما", sara)
        (stored,) = ali.get(f"/api/conversations/{conversation}/messages/")
        assert stored["id"] == frames[0]["message"]["id"]


async def test_edits_and_deletes(sara, ali):
    conversation = start(sara, ali)
    async with socket(sara, of(conversation)) as first, socket(ali, of(conversation), 1) as second:
        await first.send({"type": "chat_message", "message": "سلام"})
        message = [await one.next() for one in (first, second)][0]["message"]["id"]
        await first.send({"type": "edit_message", "message_id": message, "content": "محتوای جدید پیام"})
        for one in first, second:
            frame = await one.next()
            has(frame, {"type": "", "message": {"id": 1, "content": ""}})
            assert frame["type"] == "message.edited"
            assert (frame["message"]["id"], frame["message"]["content"]) == (message, "محتوای جدید پیام")
        for command in "edit_message", "delete_message":
            await second.send({"type": command, "message_id": message, "content": "x"})
            assert is_error(await second.next())
        await first.send({"type": "delete_message", "message_id": message})
        for one in first, second:
            frame = await one.next()
            assert (frame["type"], frame["message_id"]) == ("message.deleted", message)


async def test_typing_is_told_to_the_others(sara, ali):
    conversation = start(sara, ali)
    async with socket(sara, of(conversation)) as first, socket(ali, of(conversation), 1) as second:
        for state in True, False:
            await first.send({"type": "typing", "is_typing": state})
            frame = await second.next()
            assert (frame["type"], frame["user"], frame["is_typing"]) == ("user.typing", sara.name, state)
        # What follows at the typist is the next message, not the typing.
        await second.send({"type": "chat_message", "message": "بعد"})
        assert is_message(await first.next(), "بعد", ali)


async def test_what_rest_does_is_heard(sara, ali):
    conversation = start(sara, ali)
    async with socket(ali, of(conversation), 1) as one:
        message = say(sara, conversation, "از آن سو")
        assert is_message(await one.next(), "از آن سو", sara)
        where = f"/api/conversations/{conversation}/messages/{message['id']}/"
        sara.take(sara.ask("PATCH", where, json={"content": "بهتر"}))
        frame = await one.next()
        assert frame["type"] == "message.edited" and frame["message"] == {
            **frame["message"],
            "id": message["id"],
            "content": "بهتر",
        }
        sara.delete(where)
        assert (await one.next())["type"] == "message.deleted"


async def test_an_attachment_is_heard(sara, ali):
    conversation = start(sara, ali)
    message = say(sara, conversation)
    async with socket(ali, of(conversation), 1) as one:
        answer = attach(sara, f"/api/conversations/{conversation}/messages/{message['id']}/attachments/")
        assert answer.status_code == 201, answer.text
        frame = await one.next()
        assert frame["type"] == "message.edited" and frame["message"]["id"] == message["id"], frame


async def test_a_message_with_a_file_tells_it(sara, ali):
    conversation = start(sara, ali)
    file = sara.upload("عکس.png", PNG)
    async with socket(ali, of(conversation)) as one:
        sara.say(conversation, "با عکس", attachments=[file["id"]])
        frame = await one.next()
        assert is_message(frame, "با عکس", sara)
        (attachment,) = frame["message"]["attachments"]
        has(attachment, {"id": 1, "file": ""})


async def test_order_is_kept(sara, ali):
    conversation = start(sara, ali)
    async with socket(sara, of(conversation)) as first, socket(ali, of(conversation), 1) as second:
        for number in range(50):
            await first.send({"type": "chat_message", "message": str(number)})
        for one in first, second:
            heard = [(await one.next())["message"]["content"] for _ in range(50)]
            assert heard == [str(number) for number in range(50)]


async def test_malformed_frames_are_told_and_the_socket_lives(sara, ali):
    conversation = start(sara, ali)
    async with socket(sara, of(conversation)) as one:
        for data in MALFORMED:
            await one.send_raw(data)
            frame = await one.next()
            assert is_error(frame), f"{data[:60]!r}: {frame}"
        await one.send({"type": "chat_message", "message": "هنوز"})
        assert is_message(await one.next(), "هنوز", sara)


async def test_a_long_frame_closes(sara, ali):
    async with socket(sara, of(start(sara, ali))) as one:
        await one.send({"type": "chat_message", "message": "x" * 70_000})
        assert await one.closed() == 1009


@pytest.mark.parametrize("node", [0, 1, None])
async def test_token_by_query_and_by_header(place, sara, ali, node):
    conversation = start(sara, ali)
    async with opened(place, of(conversation), node, sara.bearer) as one, socket(sara, of(conversation), node) as two:
        await one.send({"type": "chat_message", "message": "سلام"})
        assert is_message(await one.next(), "سلام", sara) and is_message(await two.next(), "سلام", sara)


async def test_members_only(place, sara, ali, stranger):
    conversation = start(sara, ali)
    for node in 0, 1, None:
        assert await refusal(place, of(conversation), node) == 403
        assert await refusal(place, of(conversation), node, token=stranger.token) == 403
        assert await refusal(place, of(999_999_999), node, token=sara.token) == 403


async def test_who_leaves_hears_nothing_more(sara, ali, stranger):
    conversation = start(sara, ali, stranger)
    async with socket(ali, of(conversation), 1) as one:
        ali.delete(f"/api/conversations/{conversation}/")
        assert await one.closed() == 1008
    assert await refusal(ali.place, of(conversation), token=ali.token) == 403


async def test_the_dialect_can_be_named(sara):
    room = sara.room()
    async with socket(sara, f"/ws/chat/{room['slug']}/".replace(" ", "%20"), dialect="conversations") as one:
        await one.send({"type": "chat_message", "message": "سلام"})
        assert is_message(await one.next(), "سلام", sara)
