"""The dialect *service* by REST, row by row."""

import pytest

from dialects import make_chat_room
from person import TIMEOUT_S, ask, fetch, fresh, session
from pictures import PNG
from place import note_secret
from shapes import has, is_fastapi_error, is_invalid_input, is_now

ROOM = {"id": "", "name": "", "members": [""], "messages": []}
MESSAGE = {"id": "", "sender": "", "content": "", "timestamp": ""}
TOKEN = {"access_token": "", "token_type": "bearer"}
LOGINS = ["/auth/login", "/auth/token"]


def test_signup(place):
    name, email = fresh(), f"{fresh()}@example.com"
    body = {"username": name, "email": email, "password": "a-good-password"}
    answer = ask(place, "POST", "/auth/signup", json=body | {"full_name": "سارا محمدی"})
    assert answer.status_code == 201, answer.text
    has(answer.json(), {"id": "", "username": "", "email": ""})
    assert answer.json()["username"] == name and answer.json()["email"] == email and answer.json()["id"].isdigit()
    again = ask(place, "POST", "/auth/signup", json=body | {"username": fresh()})
    assert is_fastapi_error(again, 400) and again.json()["detail"] == "Email already registered"
    again = ask(place, "POST", "/auth/signup", json=body | {"email": f"{fresh()}@example.com"})
    assert is_fastapi_error(again, 400) and again.json()["detail"] == "Username already registered"


def test_a_bad_signup_is_422(place):
    assert is_invalid_input(ask(place, "POST", "/auth/signup", json={}), "username", "email", "password")
    bad = {"username": fresh(), "email": "string", "password": "a-good-password"}
    assert is_invalid_input(ask(place, "POST", "/auth/signup", json=bad), "email")


@pytest.mark.parametrize("where", LOGINS)
@pytest.mark.parametrize("body", ["json", "data"])
@pytest.mark.parametrize("field", ["username", "email"])
def test_login_takes_name_or_email_in_either_field(place, sara, where, body, field):
    for login in sara.name, sara.email:
        answer = ask(place, "POST", where, **{body: {field: login, "password": sara.password}})
        assert answer.status_code == 200, answer.text
        has(answer.json(), TOKEN)
        assert answer.json()["token_type"] == "bearer"
        note_secret(answer.json()["access_token"])
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        me = ask(place, "GET", "/auth/users/me", headers=headers).json()
        assert me["id"] == str(sara.id) and me["username"] == sara.name and me["email"] == sara.email


@pytest.mark.parametrize("where", LOGINS)
def test_a_bad_login_is_401(place, sara, where):
    for name, password in (sara.email, "wrong"), (fresh(), "a-good-password"):
        answer = ask(place, "POST", where, data={"username": name, "password": password})
        assert is_fastapi_error(answer, 401) and answer.json()["detail"] == "Incorrect email or password"
    assert is_invalid_input(ask(place, "POST", where, json={}), "password")


def test_private_chats(sara, ali):
    chat = sara.post("/chat/private_chats/", {"member": ali.email})
    has(chat, {"id": "", "other_user_email": "", "other_username": "", "is_online": True})
    assert chat["other_user_email"] == ali.email and chat["other_username"] == ali.name
    assert chat["is_online"] is False and chat["last_message"] is None
    sent = sara.post(f"/chat/chat_rooms/{chat['id']}/messages", {"content": "خصوصی"})
    (listed,) = ali.get("/chat/private_chats/")
    assert listed["id"] == chat["id"] and listed["other_username"] == sara.name
    assert sent["content"] in str(listed["last_message"])
    nobody = sara.ask("POST", "/chat/private_chats/", json={"member": f"{fresh()}@example.com"})
    assert is_fastapi_error(nobody, 404)
    assert is_invalid_input(sara.ask("POST", "/chat/private_chats/", json={}), "member")


def test_a_room_is_made_and_listed(sara, ali, person, stranger):
    nameless = person(email=False)
    body = {"name": fresh("اتاق "), "description": "توضیح", "members": [ali.email, nameless.name]}
    room = sara.post("/chat/chat_rooms/", body)
    has(room, ROOM | {"description": ""})
    assert room["id"].isdigit() and room["name"] == body["name"] and room["description"] == "توضیح"
    assert sorted(room["members"]) == sorted([sara.email, ali.email, nameless.name]) and room["messages"] == []
    for one in sara, ali, nameless:
        listed = one.get("/chat/chat_rooms/")
        has(listed, [ROOM])
        assert room["id"] in [item["id"] for item in listed]
        assert one.get(f"/chat/chat_rooms/{room['id']}")["id"] == room["id"]
    assert room["id"] not in [item["id"] for item in stranger.get("/chat/chat_rooms/")]
    denied = stranger.ask("GET", f"/chat/chat_rooms/{room['id']}")
    assert is_fastapi_error(denied, 404) and denied.json()["detail"] == "Chat room not found or access denied"


def test_members_may_be_left_out(sara):
    room = sara.post("/chat/chat_rooms/", {"name": fresh("room ")})
    assert room["members"] == [sara.email]


def test_a_bad_room_is_refused(sara):
    assert is_invalid_input(sara.ask("POST", "/chat/chat_rooms/", json={"members": []}), "name")
    assert is_invalid_input(
        sara.ask("POST", "/chat/chat_rooms/", json={"name": fresh(), "members": {"all": True}}), "members"
    )
    answer = sara.ask("POST", "/chat/chat_rooms/", json={"name": fresh(), "members": [f"{fresh()}@example.com"]})
    assert answer.status_code in (400, 404, 422) and answer.json()["detail"], answer.text


def test_messages(sara, ali):
    room = make_chat_room(sara, ali.email)
    where = f"/chat/chat_rooms/{room['id']}/messages"
    body = {"content": "سلام", "sender": ali.email, "timestamp": "2020-01-01T00:00:00Z"}
    first = sara.post(where, body)
    has(first, MESSAGE)
    assert first["sender"] == sara.email and is_now(first["timestamp"]) and first["id"].isdigit()
    second = ali.post(where, {"content": "علیک"})
    assert ali.get(where) == [first, second]
    assert ali.get(f"{where}?limit=1") == [second]
    assert ali.get(f"{where}?limit=1&before={second['id']}") == [first]
    latest = ali.get(f"/chat/chat_rooms/{room['id']}")["messages"]
    assert [message["id"] for message in latest] == [first["id"], second["id"]]


def test_a_bad_message_is_422(sara):
    where = f"/chat/chat_rooms/{make_chat_room(sara)['id']}/messages"
    for body in {}, {"content": ""}, {"content": "x" * 5_000}, {"content": ["x", {}]}:
        assert is_invalid_input(sara.ask("POST", where, json=body), "content"), body


def test_upload_media(place, sara):
    answer = sara.ask("POST", "/chat/upload_media/", files={"file": ("عکس.png", PNG, "image/png")})
    assert answer.status_code == 200, answer.text
    has(answer.json(), {"file_url": ""})
    address = answer.json()["file_url"]
    fetched = fetch(place, address)
    assert fetched.status_code == 200 and fetched.content == PNG
    assert is_invalid_input(sara.ask("POST", "/chat/upload_media/", files={"other": ("x", b"x")}), "file")


def test_documentation(place):
    with session() as browser:
        page = browser.get(f"{place.http}/docs", headers={"Accept": "text/html"}, timeout=TIMEOUT_S)
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    document = ask(place, "GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.")
    paths = {where.rstrip("/") for where in document["paths"]}
    for where in "/auth/signup", "/auth/login", "/auth/users/me", "/chat/chat_rooms", "/chat/upload_media":
        assert where in paths, sorted(paths)


PROTECTED = [
    ("GET", "/auth/users/me"),
    ("GET", "/chat/private_chats/"),
    ("POST", "/chat/private_chats/"),
    ("GET", "/chat/chat_rooms/"),
    ("POST", "/chat/chat_rooms/"),
    ("GET", "/chat/chat_rooms/1"),
    ("GET", "/chat/chat_rooms/1/messages"),
    ("POST", "/chat/chat_rooms/1/messages"),
    ("POST", "/chat/upload_media/"),
]


@pytest.mark.parametrize(("method", "where"), PROTECTED)
def test_without_a_token_nothing_is_told(place, method, where):
    body = {"json": {}} if method == "POST" else {}
    assert is_fastapi_error(ask(place, method, where, **body), 401)


def test_other_mistakes_have_the_form_too(sara):
    assert is_fastapi_error(sara.ask("PUT", "/auth/signup", json={}), 405)
    assert is_fastapi_error(sara.ask("GET", "/auth/nothing"), 404)
    assert is_fastapi_error(sara.ask("GET", "/chat/chat_rooms/999999999"), 404)
    broken = {"Content-Type": "application/json"}
    answer = sara.ask("POST", "/chat/chat_rooms/", data="{", headers=broken)
    assert answer.status_code in (400, 422) and answer.json()["detail"], answer.text
    text = {"Content-Type": "text/plain"}
    answer = sara.ask("POST", "/chat/chat_rooms/", data="x", headers=text)
    assert answer.status_code in (415, 422) and answer.json()["detail"], answer.text
