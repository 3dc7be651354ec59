"""That pages of elsewhere do nothing with the cookie of whoever looks at them."""

from dialects import JSON, cookie
from person import ask, fresh
from place import path
from shapes import is_group_error
from sockets import opened, refusal


def test_a_foreign_page_changes_nothing_with_the_cookie(place, sara):
    signed_in, room = cookie(sara), sara.room()
    writes = [
        ("/api/messages/", {"chatroom": room["id"], "content": "x"}),
        ("/api/chatrooms/", {"name": fresh()}),
        ("/chat/create_group/", {"group_name": fresh(), "type": "public"}),
        (path("/chat/group/{}/", room["slug"]), {"message": "x"}),
        (f"/api/conversations/{room['id']}/messages/", {"content": "x"}),
        (f"/chat/chat_rooms/{room['id']}/messages", {"content": "x"}),
        (f"/v1/rooms/{room['id']}/messages", {"content": "x"}),
    ]
    for where, body in writes:
        for foreign in {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Referer": "http://evil.example/"}, {}:
            for kind in "data", "json":
                answer = ask(place, "POST", where, headers=signed_in | foreign | JSON, **{kind: body})
                assert answer.status_code == 403, f"{where} {foreign} {kind}: {answer.status_code} {answer.text}"
    answer = ask(place, "POST", "/chat/logout/", headers=signed_in | {"Origin": "http://evil.example"} | JSON)
    assert answer.status_code == 403
    assert sara.get(f"/v1/rooms/{room['id']}/messages")["items"] == []
    for where, body in writes:
        answer = ask(place, "POST", where, headers=signed_in | {"Origin": place.http} | JSON, json=body)
        assert answer.status_code == 201, f"{where}: {answer.status_code} {answer.text}"


def test_a_page_reads_with_the_cookie(place, sara):
    """A browser sends no Origin with what it only reads from the page's own place."""
    signed_in = cookie(sara)
    for where in "/api/chatrooms/", "/chat/", "/api/conversations/", "/chat/chat_rooms/", "/v1/rooms":
        assert ask(place, "GET", where, headers=signed_in | JSON).status_code == 200, where


async def test_a_foreign_page_opens_no_socket_with_the_cookie(place, sara, ali):
    signed_in, room = cookie(sara), sara.room()
    for where in (
        path("/ws/chat/{}/", room["slug"]),
        f"/ws/chat/{room['id']}/",
        path("/ws/direct/{}/", ali.name),
        path("/ws/private_chat/{}/", ali.name),
        path("/ws/notifications/{}/", sara.name),
    ):
        for node in 0, 1, None:
            for foreign in "http://evil.example", "null", None:
                assert await refusal(place, where, node, signed_in, foreign) == 403, f"{where} {foreign}"
            async with opened(place, where, node, signed_in, place.address(node)):
                pass


def test_a_token_needs_no_origin(place, sara):
    """A page that knows the token was given it."""
    answer = sara.ask("POST", "/api/chatrooms/", json={"name": fresh()}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 201, answer.text


def test_a_bad_cookie_is_no_credential(place):
    for value in "nonsense", "", "x" * 3_000:
        answer = ask(place, "GET", "/chat/", headers={"Cookie": f"sessionid={value}", **JSON})
        assert is_group_error(answer, 401)
