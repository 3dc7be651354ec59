"""The dialect *groups* by REST, row by row."""

import pytest

from dialects import JSON, make_group, sign_in
from person import ask, fetch, fresh, wait_until_refused
from pictures import PNG
from place import note_secret, path
from shapes import has, is_field_map, is_group_error, is_now

GROUP = {"id": 1, "name": "", "slug": "", "type": "", "members_count": 1}
MESSAGE = {"id": 1, "user": "", "message": "", "timestamp": ""}
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_registration(place):
    for passwords in {"password1": "a-good-password", "password2": "a-good-password"}, {"password": "a-good-password"}:
        name = fresh()
        answer = ask(place, "POST", "/chat/register/", json={"username": name, **passwords})
        assert answer.status_code == 201, answer.text
        has(answer.json(), {"id": 1, "username": ""})
        assert answer.json()["username"] == name


def test_a_bad_registration_names_each_field(place, sara):
    differ = {"username": fresh(), "password1": "a-good-password", "password2": "another-password"}
    answer = ask(place, "POST", "/chat/register/", json=differ)
    assert is_field_map(answer) and {"password1", "password2"} & answer.json().keys()
    taken = {"username": sara.name, "password1": "a-good-password", "password2": "a-good-password"}
    assert is_field_map(ask(place, "POST", "/chat/register/", json=taken), "username")
    assert is_field_map(ask(place, "POST", "/chat/register/", json={}), "username")


def test_login_gives_tokens_and_a_cookie(sara):
    answer = sign_in(sara)
    has(answer.json(), {"username": "", "access": "", "refresh": ""})
    assert answer.json()["username"] == sara.name
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("sessionid=") and "httponly" in cookie and "samesite=lax" in cookie, "flags"
    assert "max-age=1209600" in cookie or "expires=" in cookie, "14 days"


def test_a_bad_login_is_400(place, sara):
    for body in {"username": sara.name, "password": "wrong"}, {"username": fresh(), "password": "a-good-password"}, {}:
        answer = ask(place, "POST", "/chat/login/", json=body)
        assert answer.status_code == 400 and isinstance(answer.json(), dict), answer.text
        assert "set-cookie" not in answer.headers


def test_logout_ends_the_cookie(place, sara):
    answer = sign_in(sara)
    cookies = {"sessionid": answer.cookies["sessionid"]}
    own = {"Origin": place.http, **JSON}
    assert ask(place, "GET", "/chat/", cookies=cookies, headers=JSON).status_code == 200
    assert ask(place, "POST", "/chat/logout/", cookies=cookies, headers=own).status_code == 204
    wait_until_refused(place, "/chat/", cookies=cookies, headers=JSON)
    token = {"Authorization": f"Bearer {answer.json()['access']}"}
    wait_until_refused(place, "/chat/", headers=JSON | token)


def test_logout_ends_a_token(place, sara):
    token = {"Authorization": f"Bearer {sign_in(sara).json()['access']}"}
    assert ask(place, "POST", "/chat/logout/", headers=JSON | token).status_code == 204
    wait_until_refused(place, "/chat/", headers=JSON | token)


def test_the_dashboard(sara, ali):
    group, private = make_group(sara), make_group(sara, "private")
    sara.post(path("/chat/chat/private/{}/", ali.name), {"message": "سلام علی"})
    board = ali.get("/chat/", headers=JSON)
    has(board, {"groups": [GROUP], "private_chats": [], "user": {"id": 1, "username": ""}})
    assert board["user"]["username"] == ali.name
    slugs = {item["slug"] for item in sara.get("/chat/", headers=JSON)["groups"]}
    assert {group["slug"], private["slug"]} <= slugs
    assert private["slug"] not in {item["slug"] for item in board["groups"]}
    (chat,) = board["private_chats"]
    assert chat["username"] == sara.name and chat["unread"] == 1 and isinstance(chat["is_online"], bool), chat
    assert chat["last_message"], chat


def test_the_dashboard_is_searched(sara):
    word = fresh("واژه")
    found, other = make_group(sara, name=f"گروه {word}"), make_group(sara)
    slugs = {item["slug"] for item in sara.get(f"/chat/?search_term={word}", headers=JSON)["groups"]}
    assert found["slug"] in slugs and other["slug"] not in slugs


def test_a_group_is_made(sara):
    slug = fresh("نامک-گروه-")
    group = make_group(sara, "public", fresh("نام گروه "), slug)
    has(group, GROUP)
    assert group["slug"] == slug and group["type"] == "public" and group["members_count"] == 1
    assert sara.name in (
        group["created_by"],
        (group["created_by"] or {}).get("username") if isinstance(group["created_by"], dict) else "",
    )
    assert make_group(sara, "private")["type"] == "private"


def test_a_slug_is_made_from_the_name(sara):
    word = fresh()
    assert make_group(sara, name=f"دوستان قدیمی {word}")["slug"] == f"دوستان-قدیمی-{word}"


def test_a_bad_group_names_each_field(sara):
    group = make_group(sara)
    base = {"group_name": fresh("g "), "type": "public"}
    for change, field in (
        ({"type": "نوع گروه"}, "type"),
        ({"group_name": ""}, "group_name"),
        ({"group_name": group["name"]}, "group_name"),
        ({"slug": group["slug"]}, "slug"),
    ):
        answer = sara.ask("POST", "/chat/create_group/", json=base | change)
        assert answer.status_code == 400, f"{change} {answer.text}"
        assert {field, "error"} & answer.json().keys(), f"{change} {answer.text}"


def test_a_group_has_members_and_messages(sara, ali):
    group = make_group(sara)
    sent = sara.post(path("/chat/group/{}/", group["slug"]), {"message": "متن پیام"})
    has(sent, MESSAGE)
    assert sent["user"] == sara.name and sent["message"] == "متن پیام" and is_now(sent["timestamp"])
    page = sara.get(path("/chat/group/{}/", group["slug"]), headers=JSON)
    has(page, {"group": GROUP, "members": [], "messages": [MESSAGE]})
    assert [item["id"] for item in page["messages"]] == [sent["id"]]
    assert page["messages"][0]["file"] is None
    assert len(page["members"]) == 1 and sara.name in str(page["members"][0])


def test_members_are_added(sara, ali):
    group = make_group(sara, "private")
    where = path("/chat/group/{}/", group["slug"])
    assert ali.ask("GET", where, headers=JSON).status_code in (403, 404)
    sara.post(where, {"add_member": True, "username": ali.name}, 200)
    assert ali.get(where, headers=JSON)["group"]["members_count"] == 2
    answer = sara.ask("POST", where, json={"add_member": "1", "username": fresh()})
    assert answer.status_code in (400, 404) and isinstance(answer.json(), dict), answer.text


def test_a_bad_message_is_refused(sara):
    group = make_group(sara)
    for body in {}, {"message": ""}, {"message": "x" * 5_000}, {"message": ["x", {}]}:
        answer = sara.ask("POST", path("/chat/group/{}/", group["slug"]), json=body)
        assert answer.status_code == 400 and {"error", "message"} & answer.json().keys(), answer.text


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_a_group_is_deleted_by_its_owner(sara, ali, method):
    group = make_group(sara)
    where = path("/chat/delete_group/{}/", group["slug"])
    ali.join(group["id"])
    assert is_group_error(ali.ask(method, where, headers=JSON), 403)
    assert sara.ask(method, where, headers=JSON).status_code == 204
    assert is_group_error(sara.ask("GET", path("/chat/group/{}/", group["slug"]), headers=JSON), 404)


def test_the_profile(place, sara):
    profile = sara.get("/chat/profile/", headers=JSON)
    has(profile, {"id": 1, "username": "", "email": "", "first_name": "", "last_name": ""})
    assert profile["id"] == sara.id and profile["email"] == sara.email and profile["avatar_url"] is None
    fields = {"first_name": "سارا", "last_name": "محمدی"}
    answer = sara.ask(
        "POST", "/chat/profile/", data=fields, files={"avatar": ("me.png", PNG, "image/png")}, headers=JSON
    )
    assert answer.status_code == 200, answer.text
    changed = sara.get("/chat/profile/", headers=JSON)
    assert changed["first_name"] == "سارا" and changed["last_name"] == "محمدی"
    address = changed["avatar_url"]
    picture = fetch(place, address)
    assert picture.status_code == 200 and picture.headers["content-type"].startswith("image/")
    answer = sara.ask("POST", "/chat/profile/", files={"avatar": ("me.png", b"no picture")}, headers=JSON)
    assert answer.status_code == 400, answer.text


def test_private_chats(sara, ali, stranger):
    where = path("/chat/chat/private/{}/", ali.name)
    sent = sara.post(where, {"message": "متن پیام"})
    has(sent, MESSAGE)
    back = path("/chat/chat/private/{}/", sara.name)
    ali.post(back, {"message": "جواب"})
    for one, other in (sara, where), (ali, back):
        history = one.get(other, headers=JSON)
        messages = history["messages"] if isinstance(history, dict) else history
        assert [item["message"] for item in messages] == ["متن پیام", "جواب"]
    assert is_group_error(sara.ask("GET", path("/chat/chat/private/{}/", fresh()), headers=JSON), 404)
    answer = sara.ask("POST", path("/chat/chat/private/{}/", sara.name), json={"message": "x"})
    assert answer.status_code == 400, answer.text


PROTECTED = [
    ("GET", "/chat/"),
    ("POST", "/chat/create_group/"),
    ("GET", "/chat/group/x/"),
    ("POST", "/chat/group/x/"),
    ("DELETE", "/chat/delete_group/x/"),
    ("POST", "/chat/delete_group/x/"),
    ("GET", "/chat/profile/"),
    ("POST", "/chat/profile/"),
    ("GET", "/chat/chat/private/x/"),
    ("POST", "/chat/chat/private/x/"),
]


@pytest.mark.parametrize(("method", "where"), PROTECTED)
def test_without_a_token_nothing_is_told(place, method, where):
    body = {"json": {}} if method == "POST" else {}
    assert is_group_error(ask(place, method, where, headers=JSON, **body), 401)


def test_other_mistakes_have_the_form_too(sara):
    assert is_group_error(sara.ask("PUT", "/chat/create_group/", json={}, headers=JSON), 405)
    assert is_group_error(sara.ask("GET", path("/chat/group/{}/", fresh()), headers=JSON), 404)
    text = {"Content-Type": "text/plain", **JSON}
    assert is_group_error(sara.ask("POST", "/chat/create_group/", data="name", headers=text), 415)
    broken = {"Content-Type": "application/json", **JSON}
    assert is_group_error(sara.ask("POST", "/chat/create_group/", data="{", headers=broken), 400)


def test_a_browser_gets_pages_and_redirects(place, sara):
    """The page paths by a browser: HTML, and after a form a redirect to a page."""
    cookies = {"sessionid": sign_in(sara).cookies["sessionid"]}
    for where in "/chat/", "/chat/login/", "/chat/register/":
        answer = ask(place, "GET", where, headers=PAGE, cookies=cookies)
        while answer.is_redirect:
            assert answer.headers["location"].startswith("/"), answer.headers
            answer = ask(place, "GET", answer.headers["location"], headers=PAGE, cookies=cookies)
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"), where
    form = {"username": sara.name, "password": sara.password}
    answer = ask(place, "POST", "/chat/login/", data=form, headers={**PAGE, "Origin": place.http})
    assert answer.status_code in (302, 303) and answer.headers["location"].startswith("/"), answer.text
    note_secret(answer.cookies["sessionid"])
