"""The notifications of *groups*: `/ws/notifications/`."""

from person import fresh
from place import path
from shapes import MALFORMED, has, is_plain_error
from sockets import refusal, socket

NOTICE = {"message": "", "sender": "", "kind": "", "room": 1, "id": 1}


async def test_notifications_while_they_arrive(sara, ali):
    async with socket(ali, path("/ws/notifications/{}/", ali.name), 1) as one:
        room = sara.room("private", fresh("دعوت "), ali)
        invite = await one.next()
        sara.say(room["id"], f"سلام @{ali.name}")
        mention = await one.next()
        direct = sara.direct(ali)
        sara.say(direct["id"], "خصوصی")
        private = await one.next()
        for frame, kind in (invite, "invite"), (mention, "mention"), (private, "direct"):
            has(frame, {key: value for key, value in NOTICE.items() if key != "room"})
            assert frame["kind"] == kind and frame["sender"] == sara.name and "room" in frame, frame
        assert private["message"] == "خصوصی"


async def test_the_unread_ones_come_first(sara, ali):
    direct = sara.direct(ali)
    for number in range(3):
        sara.say(direct["id"], f"{number}")
    async with socket(ali, path("/ws/notifications/{}/", ali.name)) as one:
        frames = [await one.next() for _ in range(3)]
        assert [frame["message"] for frame in frames] == ["0", "1", "2"]
        sara.say(direct["id"], "3")
        assert (await one.next())["message"] == "3"


async def test_a_notification_is_sent_to_somebody_one_knows(sara, ali, stranger):
    sara.room("private", fresh(), ali)
    async with (
        socket(sara, path("/ws/notifications/{}/", sara.name)) as first,
        socket(ali, path("/ws/notifications/{}/", ali.name), 1) as second,
    ):
        await second.until(lambda frame: frame.get("kind") == "invite")
        await first.send({"message": "متن اعلان", "sender": ali.name, "recipient": ali.name})
        frame = await second.next()
        has(frame, {"message": "", "sender": "", "kind": "", "id": 1})
        assert frame["message"] == "متن اعلان" and frame["sender"] == sara.name
        for data in {"message": "x", "recipient": stranger.name}, {"message": "x", "recipient": fresh()}:
            await first.send(data)
            assert is_plain_error(await first.until(lambda frame: "error" in frame))


async def test_malformed_notifications_are_told_and_the_socket_lives(sara, ali):
    async with socket(sara, path("/ws/notifications/{}/", sara.name)) as one:
        for data in MALFORMED:
            await one.send_raw(data)
            assert is_plain_error(await one.next()), data
        direct = ali.direct(sara)
        ali.say(direct["id"], "هنوز")
        assert (await one.next())["message"] == "هنوز"


async def test_anothers_notifications_are_closed(sara, ali):
    assert await refusal(sara.place, path("/ws/notifications/{}/", ali.name), token=sara.token) == 403
