"""The dialect *conversations* by REST, row by row."""

import pytest

from dialects import attach, say, start
from person import ask, fetch, fresh
from pictures import PNG
from shapes import has, is_django_error, is_field_map, is_now

CONVERSATION = {"id": 1, "participants": [""], "participant_ids": [1], "created_at": ""}
MESSAGE = {
    "id": 1,
    "sender": "",
    "sender_id": 1,
    "content": "",
    "timestamp": "",
    "is_edited": True,
    "is_deleted": True,
    "attachments": [],
}
ATTACHMENT = {"id": 1, "file": "http://x/", "uploaded_at": "2024-01-01T12:02:00Z"}
ROOTS = ["/api/conversations/", "/api/chat/conversations/"]
TOKENS = {"refresh": "", "access": ""}


@pytest.mark.parametrize("root", ROOTS)
def test_a_conversation_of_two_is_always_the_same(sara, ali, root):
    answer = sara.ask("POST", root, json={"participants": [ali.id]})
    assert answer.status_code == 201, answer.text
    conversation = answer.json()
    has(conversation, CONVERSATION)
    assert sorted(conversation["participants"]) == sorted([sara.name, ali.name])
    assert sorted(conversation["participant_ids"]) == sorted([sara.id, ali.id])
    assert is_now(conversation["created_at"]) and conversation["last_message"] is None
    for who, other in (sara, ali), (ali, sara):
        again = who.ask("POST", root, json={"participants": [other.id]})
        assert again.status_code == 200 and again.json()["id"] == conversation["id"], again.text
    named = sara.ask("POST", root, json={"participants": [sara.id, ali.id]})
    assert named.status_code == 200 and named.json()["id"] == conversation["id"], named.text


@pytest.mark.parametrize("root", ROOTS)
def test_the_list_holds_ones_own(sara, ali, stranger, root):
    mine, others = start(sara, ali, stranger), start(ali, stranger)
    message = say(sara, mine)
    listed = {item["id"]: item for item in sara.get(root)}
    has(list(listed.values()), [CONVERSATION])
    assert mine in listed and others not in listed
    assert message["content"] in str(listed[mine]["last_message"])
    assert sara.get(f"{root}{mine}/")["id"] == mine


def test_more_people_get_a_conversation_each_time(sara, ali, stranger):
    assert start(sara, ali, stranger) != start(sara, ali, stranger)


def test_bad_participants_are_refused(sara):
    for body in (
        {},
        {"participants": []},
        {"participants": [999_999_999]},
        {"participants": "all"},
        {"participants": ["x"]},
    ):
        assert is_field_map(sara.ask("POST", "/api/conversations/", json=body), "participants"), body


def test_leaving_a_conversation(sara, ali, stranger):
    conversation = start(sara, ali, stranger)
    ali.delete(f"/api/conversations/{conversation}/")
    assert is_django_error(ali.ask("GET", f"/api/conversations/{conversation}/"), 404)
    assert ali.name not in sara.get(f"/api/conversations/{conversation}/")["participants"]


def test_a_conversation_of_two_is_hidden_until_the_next_message(sara, ali):
    conversation = start(sara, ali)
    say(sara, conversation)
    ali.delete(f"/api/conversations/{conversation}/")
    assert conversation not in [item["id"] for item in ali.get("/api/conversations/")]
    assert conversation in [item["id"] for item in sara.get("/api/conversations/")]
    say(sara, conversation, "دوباره")
    assert conversation in [item["id"] for item in ali.get("/api/conversations/")]


@pytest.mark.parametrize("root", ROOTS)
def test_messages(sara, ali, root):
    conversation = start(sara, ali)
    where = f"{root}{conversation}/messages/"
    message = sara.post(where, {"content": "سلام!"})
    has(message, MESSAGE)
    assert message["sender"] == sara.name and message["sender_id"] == sara.id and is_now(message["timestamp"])
    assert message["is_edited"] is False and message["is_deleted"] is False and message["attachments"] == []
    second = ali.post(where, {"content": "علیک"})
    listed = sara.get(where)
    assert listed == [message, second]
    assert sara.get(f"{where}?limit=1") == [second]
    assert sara.get(f"{where}?limit=1&before={second['id']}") == [message]


def test_a_bad_message_names_each_field(sara, ali):
    where = f"/api/conversations/{start(sara, ali)}/messages/"
    for body in {}, {"content": ""}, {"content": "x" * 5_000}, {"content": ["x"]}:
        assert is_field_map(sara.ask("POST", where, json=body), "content"), body


@pytest.mark.parametrize("root", ROOTS)
def test_an_author_edits_and_deletes(sara, ali, root):
    conversation = start(sara, ali)
    message = say(sara, conversation)
    where = f"{root}{conversation}/messages/{message['id']}/"
    assert is_django_error(ali.ask("PATCH", where, json={"content": "x"}), 403)
    assert is_django_error(ali.ask("DELETE", where), 403)
    edited = sara.take(sara.ask("PATCH", where, json={"content": "بهتر"}))
    has(edited, MESSAGE)
    assert edited["content"] == "بهتر" and edited["is_edited"] is True
    assert is_field_map(sara.ask("PATCH", where, json={"content": ""}), "content")
    sara.delete(where)
    listed = ali.get(f"/api/conversations/{conversation}/messages/")
    assert [(item["id"], item["is_deleted"]) for item in listed] == [(message["id"], True)]
    assert "بهتر" not in str(listed)


@pytest.mark.parametrize("root", ROOTS)
def test_attachments(place, sara, ali, root):
    conversation = start(sara, ali)
    message = say(sara, conversation)
    where = f"{root}{conversation}/messages/{message['id']}/attachments/"
    answer = attach(sara, where)
    assert answer.status_code == 201, answer.text
    has(answer.json(), ATTACHMENT)
    assert is_now(answer.json()["uploaded_at"])
    fetched = fetch(place, answer.json()["file"])
    assert fetched.status_code == 200 and fetched.content == PNG
    listed = ali.get(where)
    assert [item["id"] for item in listed] == [answer.json()["id"]]
    (seen,) = ali.get(f"/api/conversations/{conversation}/messages/")
    assert [item["id"] for item in seen["attachments"]] == [answer.json()["id"]]
    has(seen["attachments"], [ATTACHMENT])
    assert is_django_error(attach(ali, where), 403)
    assert is_field_map(sara.ask("POST", where, files={"other": ("x", b"x")}), "file")


def test_an_attachments_address_names_the_place_itself(place, sara, ali):
    conversation = start(sara, ali)
    message = say(sara, conversation)
    where = f"/api/conversations/{conversation}/messages/{message['id']}/attachments/"
    assert attach(sara, where).json()["file"].startswith(place.http + "/")


def test_tokens(place, sara):
    answer = ask(place, "POST", "/auth/jwt/create/", json={"username": sara.name, "password": sara.password})
    assert answer.status_code == 200, answer.text
    has(answer.json(), TOKENS)
    tokens = answer.json()
    verify = lambda token: ask(place, "POST", "/auth/jwt/verify/", json={"token": token})  # noqa: E731
    assert verify(tokens["access"]).status_code == 200
    assert is_django_error(verify("nonsense"), 401)
    fresh_ones = ask(place, "POST", "/auth/jwt/refresh/", json={"refresh": tokens["refresh"]})
    assert fresh_ones.status_code == 200 and verify(fresh_ones.json()["access"]).status_code == 200
    assert is_django_error(ask(place, "POST", "/auth/jwt/refresh/", json={"refresh": "nonsense"}), 401)
    wrong = {"username": sara.name, "password": "wrong"}
    assert is_django_error(ask(place, "POST", "/auth/jwt/create/", json=wrong), 401)
    assert is_field_map(ask(place, "POST", "/auth/jwt/create/", json={}), "username", "password")


PROTECTED = [
    ("GET", ""),
    ("POST", ""),
    ("GET", "1/"),
    ("DELETE", "1/"),
    ("GET", "1/messages/"),
    ("POST", "1/messages/"),
    ("PATCH", "1/messages/1/"),
    ("DELETE", "1/messages/1/"),
    ("GET", "1/messages/1/attachments/"),
    ("POST", "1/messages/1/attachments/"),
]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(("method", "where"), PROTECTED)
def test_without_a_token_nothing_is_told(place, root, method, where):
    body = {"json": {}} if method in ("POST", "PATCH") else {}
    assert is_django_error(ask(place, method, root + where, **body), 401)


@pytest.mark.parametrize("root", ROOTS)
def test_other_mistakes_have_the_form_too(sara, ali, root):
    conversation = start(sara, ali)
    assert is_django_error(sara.ask("PUT", f"{root}{conversation}/", json={}), 405)
    assert is_django_error(sara.ask("GET", f"{root}abc/"), 404)
    assert is_django_error(sara.ask("GET", f"{root}{conversation}/messages/999999999/attachments/"), 404)
    text = {"Content-Type": "text/plain"}
    assert is_django_error(sara.ask("POST", root, data=fresh(), headers=text), 415)
    broken = {"Content-Type": "application/json"}
    assert is_django_error(sara.ask("POST", root, data="{", headers=broken), 400)
