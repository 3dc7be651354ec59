"""What many tests begin with, by REST of a dialect."""

import requests

from person import Person, ask, fresh
from pictures import PNG
from place import note_secret

JSON = {"Accept": "application/json"}


# ---- groups


def make_group(person: Person, kind: str = "public", name: str | None = None, slug: str | None = None) -> dict:
    body = {"group_name": name or fresh("گروه "), "type": kind}
    return person.post("/chat/create_group/", body | ({"slug": slug} if slug else {}))


def sign_in(person: Person) -> requests.Response:
    """The answer has tokens, and the cookie."""
    body = {"username": person.name, "password": person.password}
    answer = ask(person.place, "POST", "/chat/login/", json=body)
    assert answer.status_code == 200, answer.text
    note_secret(answer.cookies["sessionid"], answer.json()["access"], answer.json()["refresh"])
    return answer


def cookie(person: Person) -> dict[str, str]:
    """The header of somebody who signed in at a browser."""
    return {"Cookie": f"sessionid={sign_in(person).cookies['sessionid']}"}


# ---- conversations


def start(person: Person, *others: Person) -> int:
    answer = person.ask("POST", "/api/conversations/", json={"participants": [other.id for other in others]})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["id"]


def say(person: Person, conversation: int, content: str = "این یک پیام جدید است.") -> dict:
    return person.post(f"/api/conversations/{conversation}/messages/", {"content": content})


def attach(person: Person, where: str, name: str = "file.png", content: bytes = PNG) -> requests.Response:
    return person.ask("POST", where, files={"file": (name, content)})


# ---- service


def make_chat_room(person: Person, *members: str, name: str | None = None) -> dict:
    return person.post("/chat/chat_rooms/", {"name": name or fresh("room "), "members": list(members)})
