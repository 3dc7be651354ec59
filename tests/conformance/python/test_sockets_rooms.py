"""The sockets of rooms, which *chatrooms* and *groups* share."""

import base64
from contextlib import AsyncExitStack

import pytest

from dialects import JSON, cookie
from person import TIMEOUT_S, fetch, fresh, session
from pictures import BASE64, DATA_URL, PNG
from place import path
from shapes import MALFORMED, is_now, is_plain, is_plain_error, is_plain_file
from sockets import opened, refusal, socket


def of(room: dict, spelling: str) -> str:
    """The path of a room's socket."""
    return path("/ws/chat/{}/", room[spelling])


@pytest.mark.parametrize("spelling", ["name", "slug"])
async def test_what_one_says_all_hear_and_oneself_too(sara, ali, spelling):
    room = sara.room("public", None, ali)
    async with socket(sara, of(room, spelling)) as first, socket(ali, of(room, spelling), 1) as second:
        await first.send({"message": "سلام، این یک پیام تستی است."})
        frames = [await one.next() for one in (first, second)]
        assert frames[0] == frames[1]
        assert is_plain(frames[0], "سلام، این یک پیام تستی است.", sara)
        await second.send({"message": "علیک", "user": sara.name, "timestamp": "2020-01-01"})
        for one in first, second:
            assert is_plain(await one.next(), "علیک", ali)


@pytest.mark.parametrize("dialect", ["chatrooms", "groups"])
async def test_the_dialect_can_be_named(sara, dialect):
    room = sara.room()
    for spelling in "slug", "id":
        async with socket(sara, of(room, spelling), dialect=dialect) as one:
            await one.send({"message": "سلام"})
            assert is_plain(await one.next(), "سلام", sara)


async def test_order_is_kept(sara, ali):
    room = sara.room("public", None, ali)
    async with socket(sara, of(room, "slug")) as first, socket(ali, of(room, "slug"), 1) as second:
        for number in range(50):
            await first.send({"message": str(number)})
        heard = [[(await one.next())["message"] for _ in range(50)] for one in (first, second)]
        assert heard == [[str(number) for number in range(50)]] * 2


@pytest.mark.parametrize("by", ["query", "header", "cookie"])
async def test_credentials(place, sara, by):
    room = sara.room()
    query, headers = {}, {}
    if by == "query":
        query = {"token": sara.token}
    elif by == "header":
        headers = sara.bearer
    else:
        headers = cookie(sara)
    for node in 0, 1, None:
        origin = place.address(node) if by == "cookie" else None
        async with opened(place, of(room, "slug"), node, headers, origin, **query) as one:
            await one.send({"message": f"{by} {node}"})
            assert is_plain(await one.next(), f"{by} {node}", sara)


async def test_both_spellings_of_the_path(sara):
    room = sara.room()
    for where in of(room, "slug"), of(room, "slug").rstrip("/"):
        async with socket(sara, where) as one:
            await one.send({"message": "سلام"})
            assert is_plain(await one.next(), "سلام", sara)


@pytest.mark.parametrize(
    "where", ["/ws/chat/{room}/", "/ws/direct/{ali}/", "/ws/private_chat/{ali}/", "/ws/notifications/{ali}/"]
)
async def test_without_a_token_the_upgrade_is_forbidden(place, sara, ali, where):
    where = where.format(room=path("{}", sara.room()["slug"]), ali=ali.name)
    for node in 0, 1, None:
        assert await refusal(place, where, node) == 403
        assert await refusal(place, where, node, token="nonsense") == 403
        assert await refusal(place, where, node, {"Authorization": "Bearer nonsense"}) == 403


async def test_a_room_that_is_not_there_is_forbidden(sara):
    assert await refusal(sara.place, path("/ws/chat/{}/", fresh("no")), token=sara.token) == 403


async def test_opening_a_public_room_joins_it(sara, ali):
    room = sara.room()
    async with socket(ali, of(room, "name"), 1) as one:
        await one.send({"message": "سلام"})
        assert is_plain(await one.next(), "سلام", ali)
    assert room["id"] in [item["id"] for item in ali.get("/v1/rooms")["items"]]


async def test_who_is_banned_stays_out(sara, ali):
    room = sara.room("public", None, ali)
    async with socket(ali, of(room, "slug"), 1) as one:
        assert sara.ask("PUT", f"/v1/rooms/{room['id']}/bans/{ali.id}").status_code == 204
        assert await one.closed() == 1008
    assert await refusal(ali.place, of(room, "slug"), 1, token=ali.token) == 403
    assert ali.ask("POST", path("/api/join/{}/", room["name"])).status_code in (403, 404)


async def test_malformed_frames_are_told_and_the_socket_lives(sara):
    room = sara.room()
    async with socket(sara, of(room, "slug")) as one:
        for data in MALFORMED:
            await one.send_raw(data)
            frame = await one.next()
            assert is_plain_error(frame), f"{data[:60]!r}: {frame}"
        await one.send({"message": "هنوز"})
        assert is_plain(await one.next(), "هنوز", sara)


async def test_a_long_frame_without_a_file_closes(sara):
    room = sara.room()
    async with socket(sara, of(room, "slug")) as one:
        await one.send({"message": "x" * 70_000})
        assert await one.closed() == 1009


@pytest.mark.parametrize("content", [DATA_URL, BASE64], ids=["data URL", "base64"])
async def test_files(place, sara, ali, content):
    room = sara.room("public", None, ali)
    async with socket(sara, of(room, "slug")) as first, socket(ali, of(room, "slug"), 1) as second:
        await first.send({"file": content, "filename": "عکس من.png"})
        for one in first, second:
            frame = await one.next()
            assert is_plain_file(frame, sara) and frame["filename"] == "عکس من.png" and is_now(frame["timestamp"])
            fetched = fetch(place, frame["file"])
            assert fetched.status_code == 200 and fetched.content == PNG
            assert fetched.headers["content-type"] == "image/png"
        await second.send({"message": "قشنگ است"})
        for one in first, second:
            assert is_plain(await one.next(), "قشنگ است", ali)
    (stored, _) = sara.get(path("/chat/group/{}/", room["slug"]), headers=JSON)["messages"]
    assert stored["file"] and stored["user"] == sara.name


async def test_a_files_address_can_be_followed_as_it_is(place, sara):
    """Where the client came by the address that it knows."""
    room = sara.room()
    async with socket(sara, of(room, "slug"), None) as one:
        await one.send({"file": BASE64, "filename": "x.png"})
        address = (await one.next())["file"]
        with session() as client:
            answer = client.get(address, timeout=TIMEOUT_S)
        assert answer.status_code == 200 and answer.content == PNG


async def test_a_large_file_fits_into_a_frame(place, sara):
    room = sara.room()
    content = PNG + bytes(300_000)
    async with socket(sara, of(room, "slug")) as one:
        await one.send({"file": base64.b64encode(content).decode(), "filename": "large.png"})
        frame = await one.next()
        assert is_plain_file(frame, sara), frame
        assert fetch(place, frame["file"]).content == content


async def test_a_message_with_files_is_a_frame_for_the_text_and_for_each_file(sara, ali):
    room = sara.room("public", None, ali)
    files = [ali.upload(f"{number}.png", PNG)["id"] for number in (1, 2)]
    async with socket(sara, of(room, "slug")) as one:
        message = ali.say(room["id"], "دو عکس", attachments=files)
        assert is_plain(text := await one.next(), "دو عکس", ali)
        first, second = await one.next(), await one.next()
        assert is_plain_file(first, ali) and is_plain_file(second, ali)
        assert [first["filename"], second["filename"]] == ["1.png", "2.png"]
        assert {frame["id"] for frame in (text, first, second)} == {message["id"]}


async def test_messages_by_rest_are_heard(sara, ali):
    room = sara.room("public", None, ali)
    async with socket(sara, of(room, "name"), 1) as one:
        ali.post("/api/messages/", {"chatroom": room["id"], "content": "از یکی"})
        assert is_plain(await one.next(), "از یکی", ali)
        ali.post(path("/chat/group/{}/", room["slug"]), {"message": "از دیگری"})
        assert is_plain(await one.next(), "از دیگری", ali)


async def test_the_avatar_is_told(sara):
    room = sara.room()
    sara.take(sara.ask("POST", "/chat/profile/", files={"avatar": ("me.png", PNG, "image/png")}, headers=JSON))
    async with socket(sara, of(room, "slug")) as one:
        await one.send({"message": "سلام"})
        frame = await one.next()
        assert isinstance(frame["avatar_url"], str) and frame["avatar_url"], frame


async def test_many_sockets_of_one_room(sara, person):
    """A room in which everybody is on both nodes."""
    room = sara.room()
    people = [sara, *(person() for _ in range(3))]
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(socket(one, of(room, "slug"), node)) for one in people for node in (0, 1)
        ]
        for one in people:
            await sockets[people.index(one) * 2].send({"message": one.name})
        heard = [{(await each.next())["message"] for _ in people} for each in sockets]
        assert heard == [{one.name for one in people}] * len(sockets)
