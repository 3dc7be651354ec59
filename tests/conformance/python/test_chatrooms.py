"""The dialect *chatrooms* by REST, row by row."""

import pytest

from person import ask, fresh
from place import path
from shapes import has, is_django_error, is_field_map, is_now

TOKENS = {"refresh": "", "access": ""}
ROOM = {"id": 1, "name": "", "users": [1]}
MESSAGE = {"id": 1, "chatroom": 1, "user": 1, "content": "", "timestamp": ""}
DIRECT = {"id": 1, "sender": 1, "receiver": 1, "content": "", "timestamp": ""}


def make(person, name=None, *users) -> dict:
    return person.post("/api/chatrooms/", {"name": name or fresh("Room"), "users": [user.id for user in users]})


def test_a_new_user_gets_both_tokens_and_is_in(place):
    name = fresh()
    answer = ask(place, "POST", "/api/register/", json={"username": name, "password": "a-good-password"})
    assert answer.status_code == 200, answer.text
    has(answer.json(), TOKENS)
    headers = {"Authorization": f"Bearer {answer.json()['access']}"}
    assert ask(place, "GET", "/api/chatrooms/", headers=headers).status_code == 200


def test_a_bad_registration_names_each_field(place, sara):
    assert is_field_map(ask(place, "POST", "/api/register/", json={}), "username", "password")
    taken = {"username": sara.name, "password": "a-good-password"}
    assert is_field_map(ask(place, "POST", "/api/register/", json=taken), "username")
    bad = {"username": fresh(), "password": "a-good-password", "email": "nobody"}
    assert is_field_map(ask(place, "POST", "/api/register/", json=bad), "email")
    short = {"username": fresh(), "password": "x"}
    assert is_field_map(ask(place, "POST", "/api/register/", json=short), "password")


def test_login_gives_tokens_to_whoever_knows_the_password(place, sara):
    answer = ask(place, "POST", "/api/login/", json={"username": sara.name, "password": sara.password})
    assert answer.status_code == 200, answer.text
    has(answer.json(), TOKENS)
    for name, password in (sara.name, "wrong"), (fresh(), "a-good-password"):
        answer = ask(place, "POST", "/api/login/", json={"username": name, "password": password})
        assert is_django_error(answer, 401)


def test_refresh_renews(place, sara):
    login = ask(place, "POST", "/api/login/", json={"username": sara.name, "password": sara.password}).json()
    answer = ask(place, "POST", "/api/token/refresh/", json={"refresh": login["refresh"]})
    assert answer.status_code == 200, answer.text
    has(answer.json(), TOKENS)
    headers = {"Authorization": f"Bearer {answer.json()['access']}"}
    assert ask(place, "GET", "/api/chatrooms/", headers=headers).status_code == 200
    assert is_django_error(ask(place, "POST", "/api/token/refresh/", json={"refresh": "nonsense"}), 401)


def test_the_list_holds_public_rooms_and_ones_own(sara, ali, stranger):
    public, own, other = make(sara), ali.room("private", None, sara), ali.room("private")
    rooms = {room["id"]: room for room in sara.get("/api/chatrooms/")}
    has(list(rooms.values()), [ROOM])
    assert {public["id"], own["id"]} <= rooms.keys()
    assert other["id"] not in rooms
    assert sorted(rooms[own["id"]]["users"]) == sorted([sara.id, ali.id])
    assert own["id"] not in {room["id"] for room in stranger.get("/api/chatrooms/")}


def test_a_direct_room_is_never_listed(sara, ali):
    direct = sara.direct(ali)
    sara.say(direct["id"], "سلام")
    assert direct["id"] not in {room["id"] for room in sara.get("/api/chatrooms/")}


def test_a_room_has_its_creator_and_those_named(sara, ali):
    name = fresh("NewRoom")
    room = make(sara, name, ali)
    has(room, ROOM)
    assert room["name"] == name and sorted(room["users"]) == sorted([sara.id, ali.id])


def test_a_taken_name_and_bad_users_are_refused(sara):
    room = make(sara)
    assert is_field_map(sara.ask("POST", "/api/chatrooms/", json={"name": room["name"], "users": []}), "name")
    assert is_field_map(sara.ask("POST", "/api/chatrooms/", json={"users": []}), "name")
    answer = sara.ask("POST", "/api/chatrooms/", json={"name": fresh(), "users": [999_999_999]})
    assert is_field_map(answer, "users")
    answer = sara.ask("POST", "/api/chatrooms/", json={"name": fresh(), "users": "all"})
    assert is_field_map(answer, "users")


def test_users_may_be_left_out(sara):
    assert sara.post("/api/chatrooms/", {"name": fresh("Room")})["users"] == [sara.id]


def test_joining_makes_a_member(sara, ali):
    room = make(sara)
    answer = ali.ask("POST", path("/api/join/{}/", room["name"]))
    assert answer.status_code == 200 and isinstance(answer.json()["detail"], str), answer.text
    assert ali.post("/api/messages/", {"chatroom": room["id"], "content": "سلام"})["user"] == ali.id
    assert is_django_error(ali.ask("POST", path("/api/join/{}/", fresh())), 404)
    private = sara.room("private", fresh("secret"))
    assert is_django_error(ali.ask("POST", path("/api/join/{}/", private["name"])), 404)


def test_a_message_is_stored_and_listed(sara, ali):
    room = make(sara, None, ali)
    message = sara.post(
        "/api/messages/", {"chatroom": room["id"], "user": sara.id, "content": "Hello, this is a test."}
    )
    has(message, MESSAGE)
    assert message["chatroom"] == room["id"] and message["user"] == sara.id and is_now(message["timestamp"])
    listed = ali.get(f"/api/messages/?chatroom={room['id']}")
    assert listed == [message]


def test_messages_are_for_members(sara, stranger):
    room = make(sara)
    sara.post("/api/messages/", {"chatroom": room["id"], "content": "سلام"})
    assert is_django_error(stranger.ask("GET", f"/api/messages/?chatroom={room['id']}"), 403)
    private = sara.room("private")["id"]
    assert stranger.ask("GET", f"/api/messages/?chatroom={private}").status_code in (403, 404)
    answer = stranger.ask("POST", "/api/messages/", json={"chatroom": private, "content": "x"})
    assert answer.status_code in (400, 403, 404), answer.text


def test_a_bad_message_names_each_field(sara):
    room = make(sara)
    assert is_field_map(sara.ask("POST", "/api/messages/", json={}), "chatroom", "content")
    empty = {"chatroom": room["id"], "content": "  "}
    assert is_field_map(sara.ask("POST", "/api/messages/", json=empty), "content")
    long = {"chatroom": room["id"], "content": "x" * 5_000}
    assert is_field_map(sara.ask("POST", "/api/messages/", json=long), "content")
    wrong = {"chatroom": "one", "content": "x"}
    assert is_field_map(sara.ask("POST", "/api/messages/", json=wrong), "chatroom")


def test_the_newest_messages_come_by_pages(sara):
    room = make(sara)
    ids = [sara.post("/api/messages/", {"chatroom": room["id"], "content": f"{n}"})["id"] for n in range(5)]
    listed = [message["id"] for message in sara.get(f"/api/messages/?chatroom={room['id']}")]
    assert listed == ids
    newest = [message["id"] for message in sara.get(f"/api/messages/?chatroom={room['id']}&limit=2")]
    assert newest == ids[3:]
    before = [m["id"] for m in sara.get(f"/api/messages/?chatroom={room['id']}&limit=2&before={ids[3]}")]
    assert before == ids[1:3]


def test_a_direct_message_reaches_both(sara, ali, stranger):
    message = sara.post("/api/directmessages/", {"receiver": ali.id, "content": "خصوصی"})
    has(message, DIRECT)
    assert message["sender"] == sara.id and message["receiver"] == ali.id and is_now(message["timestamp"])
    answer = ali.post("/api/directmessages/", {"receiver": sara.id, "content": "جواب"})
    for one in sara, ali:
        listed = {item["id"]: item for item in one.get("/api/directmessages/")}
        assert listed[message["id"]] == message and listed[answer["id"]] == answer
    assert stranger.get("/api/directmessages/") == []


def test_a_bad_direct_message_names_each_field(sara):
    assert is_field_map(sara.ask("POST", "/api/directmessages/", json={}), "receiver", "content")
    nobody = {"receiver": 999_999_999, "content": "x"}
    assert is_field_map(sara.ask("POST", "/api/directmessages/", json=nobody), "receiver")


PROTECTED = [
    ("GET", "/api/chatrooms/"),
    ("POST", "/api/chatrooms/"),
    ("POST", "/api/join/x/"),
    ("GET", "/api/messages/?chatroom=1"),
    ("POST", "/api/messages/"),
    ("GET", "/api/directmessages/"),
    ("POST", "/api/directmessages/"),
]


@pytest.mark.parametrize(("method", "where"), PROTECTED)
def test_without_a_token_nothing_is_told(place, method, where):
    body = {"json": {}} if method == "POST" else {}
    assert is_django_error(ask(place, method, where, **body), 401)
    bad = {"Authorization": "Bearer nonsense"}
    assert is_django_error(ask(place, method, where, headers=bad, **body), 401)


def test_other_mistakes_have_the_form_too(place, sara):
    assert is_django_error(sara.ask("DELETE", "/api/chatrooms/"), 405)
    assert is_django_error(sara.ask("GET", "/api/login/"), 405)
    assert is_django_error(sara.ask("GET", "/api/nothing/"), 404)
    text = {"Content-Type": "text/plain"}
    assert is_django_error(sara.ask("POST", "/api/chatrooms/", data="name", headers=text), 415)
    broken = {"Content-Type": "application/json"}
    assert is_django_error(sara.ask("POST", "/api/chatrooms/", data="{", headers=broken), 400)
