"""That nobody acts in another's name, or gets what is not theirs."""

from chat_client import chat
from dialects import JSON, attach, make_group, say, start
from person import fresh
from place import path
from shapes import is_django_error, is_group_error, is_plain
from sockets import refusal, socket


def test_a_chatrooms_body_names_nobody_else(sara, ali):
    room = sara.room("public", None, ali)
    body = {"chatroom": room["id"], "content": "x"}
    assert is_django_error(sara.ask("POST", "/api/messages/", json=body | {"user": ali.id}), 403)
    named = {"receiver": ali.id, "content": "x", "sender": ali.id}
    assert is_django_error(sara.ask("POST", "/api/directmessages/", json=named), 403)
    assert sara.get(f"/api/messages/?chatroom={room['id']}") == [] == sara.get("/api/directmessages/")
    assert sara.post("/api/messages/", body | {"user": sara.id})["user"] == sara.id
    assert (
        sara.post("/api/directmessages/", {"receiver": ali.id, "content": "x", "sender": sara.id})["sender"] == sara.id
    )


async def test_elsewhere_such_fields_are_ignored(sara, ali):
    room = sara.room("public", None, ali)
    forged = {"user": ali.name, "sender": ali.name, "username": ali.name, "timestamp": "2000-01-01T00:00:00Z"}
    sent = sara.post(path("/chat/group/{}/", room["slug"]), forged | {"message": "یک"})
    assert sent["user"] == sara.name and not sent["timestamp"].startswith("2000")
    sent = sara.post(f"/api/conversations/{room['id']}/messages/", forged | {"content": "دو"})
    assert sent["sender"] == sara.name and not sent["timestamp"].startswith("2000")
    sent = sara.post(f"/chat/chat_rooms/{room['id']}/messages", forged | {"content": "سه"})
    assert sent["sender"] == sara.email and not sent["timestamp"].startswith("2000")
    async with socket(sara, path("/ws/chat/{}/", room["slug"])) as one:
        await one.send(forged | {"message": "چهار"})
        assert is_plain(await one.next(), "چهار", sara)
    async with socket(sara, f"/ws/chat/{room['id']}/") as one:
        await one.send(forged | {"type": "chat_message", "message": "پنج"})
        assert (await one.next())["message"]["sender"] == sara.name
    async with chat(ali) as other, chat(sara, 1) as one:
        await one.call("chat_message", forged | {"room": str(room["id"]), "message": "شش"})
        assert (await other.next("chat_response"))["message"]["sender"] == sara.email


async def test_a_private_room_is_closed_by_every_name(sara, stranger):
    room = sara.room("private", fresh("راز "))
    for spelling in "name", "slug", "id":
        for query in {}, *({"dialect": dialect} for dialect in ("chatrooms", "groups", "conversations")):
            where = path("/ws/chat/{}/", room[spelling])
            assert await refusal(sara.place, where, 1, token=stranger.token, **query) == 403, f"{where} {query}"
    for where in (
        path("/chat/group/{}/", room["slug"]),
        f"/chat/chat_rooms/{room['id']}",
        f"/api/conversations/{room['id']}/",
    ):
        assert stranger.ask("GET", where, headers=JSON).status_code == 404, where


async def test_the_name_of_anothers_private_room_is_free(sara, ali):
    """Nobody learns that there is one, and nobody gets into it."""
    name = fresh("دفتر ")
    theirs, mine = sara.room("private", name), ali.room("private", name)
    async with socket(ali, path("/ws/chat/{}/", name)) as one:
        await one.send({"message": "سلام"})
        assert is_plain(await one.next(), "سلام", ali)
    assert [item["content"] for item in ali.get(f"/v1/rooms/{mine['id']}/messages")["items"]] == ["سلام"]
    assert sara.get(f"/v1/rooms/{theirs['id']}/messages")["items"] == []


async def test_anothers_notifications_are_closed(place, sara, ali):
    for node in 0, 1, None:
        assert await refusal(place, path("/ws/notifications/{}/", ali.name), node, token=sara.token) == 403


def test_anothers_conversation_is_not_there(sara, ali, stranger):
    conversation = start(sara, ali)
    message = say(sara, conversation)["id"]
    for method, where in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "messages/"),
        ("POST", "messages/"),
        ("PATCH", f"messages/{message}/"),
        ("DELETE", f"messages/{message}/"),
        ("GET", f"messages/{message}/attachments/"),
    ):
        body = {"json": {"content": "x"}} if method in ("POST", "PATCH") else {}
        answer = stranger.ask(method, f"/api/conversations/{conversation}/{where}", **body)
        assert is_django_error(answer, 404), f"{method} {where}"
    answer = attach(stranger, f"/api/conversations/{conversation}/messages/{message}/attachments/")
    assert is_django_error(answer, 404)


def test_a_message_is_not_reached_through_ones_own_conversation(sara, ali, stranger):
    theirs, mine = start(sara, ali), start(stranger, ali)
    message = say(sara, theirs)["id"]
    assert attach(sara, f"/api/conversations/{theirs}/messages/{message}/attachments/").status_code == 201
    where = f"/api/conversations/{mine}/messages/{message}/"
    assert is_django_error(stranger.ask("GET", f"{where}attachments/"), 404)
    assert is_django_error(attach(stranger, f"{where}attachments/"), 404)
    assert is_django_error(stranger.ask("PATCH", where, json={"content": "x"}), 404)
    assert is_django_error(stranger.ask("DELETE", where), 404)
    # Nor by whoever is in both.
    assert is_django_error(ali.ask("GET", f"{where}attachments/"), 404)


def test_reading_never_deletes(sara):
    group = make_group(sara)
    where = path("/chat/delete_group/{}/", group["slug"])
    assert is_group_error(sara.ask("GET", where, headers=JSON), 405)
    assert sara.ask("HEAD", where, headers=JSON).status_code == 405
    assert sara.ask("GET", where, headers={"Accept": "text/html"}).status_code == 405
    assert sara.get(path("/chat/group/{}/", group["slug"]), headers=JSON)["group"]["id"] == group["id"]
