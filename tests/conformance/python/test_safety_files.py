"""That no file does anything to whoever opens it, and no file name leads anywhere."""

import pytest

from dialects import JSON, say, start
from person import fetch
from pictures import HTML, PNG, SVG, as_data_url
from place import path
from sockets import socket


def uploads(person, name: str, content: bytes, kind: str) -> dict[str, str]:
    """The addresses of a file, by the way in which it was uploaded; by socket see the tests."""
    media = person.ask("POST", "/chat/upload_media/", files={"file": (name, content, kind)})
    assert media.status_code == 200, media.text
    conversation = start(person, type(person)(person.place))
    message = say(person, conversation)["id"]
    where = f"/api/conversations/{conversation}/messages/{message}/attachments/"
    attached = person.ask("POST", where, files={"file": (name, content, kind)})
    assert attached.status_code == 201, attached.text
    return {"service": media.json()["file_url"], "conversations": attached.json()["file"]}


def is_harmless(answer) -> bool:
    """Whether a browser that is led to the file runs nothing of it."""
    kind = answer.headers["content-type"].split(";")[0].strip()
    assert kind == "application/octet-stream", kind
    assert answer.headers["x-content-type-options"] == "nosniff", answer.headers
    return answer.headers["content-disposition"].startswith("attachment")


# What is said of it, and what it is.
ACTIVE = {
    "HTML as PNG": ("picture.png", HTML, "image/png"),
    "HTML": ("page.html", HTML, "text/html"),
    "SVG": ("picture.svg", SVG, "image/svg+xml"),
    "SVG as PNG": ("picture.png", SVG, "image/png"),
}


@pytest.mark.parametrize("what", ACTIVE)
async def test_active_content_is_never_served_as_such(sara, what):
    name, content, kind = ACTIVE[what]
    addresses = uploads(sara, name, content, kind)
    room = sara.room()
    async with socket(sara, path("/ws/chat/{}/", room["slug"])) as one:
        await one.send({"file": as_data_url(content, kind), "filename": name})
        addresses["groups"] = (await one.next())["file"]
    for way, address in addresses.items():
        answer = fetch(sara.place, address)
        assert answer.status_code == 200 and answer.content == content, way
        assert is_harmless(answer), way
    for avatar in ("me.png", content, "image/png"), (name, content, kind):
        assert sara.ask("POST", "/chat/profile/", files={"avatar": avatar}, headers=JSON).status_code == 400


def test_what_begins_as_a_picture_is_served_as_one(sara):
    """Whatever follows: a browser that may not sniff sees a broken picture."""
    for way, address in uploads(sara, "page.html", b"GIF89a" + HTML, "text/html").items():
        answer = fetch(sara.place, address)
        assert answer.headers["content-type"] in ("image/gif", "application/octet-stream"), way
        assert answer.headers["x-content-type-options"] == "nosniff", way


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\evil.png",
        "/etc/passwd",
        "a/../../b.png",
        "..",
        "x\r\nSet-Cookie: a=b.png",
        "\0.png",
    ],
)
async def test_file_names_lead_nowhere(sara, name):
    room = sara.room()
    async with socket(sara, path("/ws/chat/{}/", room["slug"])) as one:
        await one.send({"file": as_data_url(PNG, "image/png"), "filename": name})
        frame = await one.next()
        if "error" in frame:
            # Refused is as good.
            return
    for sign in "/", "\\", "\r", "\n", "\0":
        assert sign not in frame["filename"], frame
    assert frame["filename"] not in ("", ".", "..") and ".." not in frame["file"]
    answer = fetch(sara.place, frame["file"])
    assert answer.content == PNG and "set-cookie" not in answer.headers
    disposition = answer.headers.get("content-disposition", "")
    assert ".." not in disposition.replace("...", "") and "/etc" not in disposition, disposition


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\evil.png", "a/../../b.png"])
def test_file_names_of_forms_lead_nowhere(sara, name):
    for way, address in uploads(sara, name, PNG, "image/png").items():
        assert ".." not in address and "etc" not in address.split("?")[0], way
        answer = fetch(sara.place, address)
        assert answer.status_code == 200 and answer.content == PNG, way


def test_an_address_that_was_not_given_out_is_refused(sara):
    address = uploads(sara, "x.png", PNG, "image/png")["service"]
    spoiled = address[:-4] + ("AAAA" if not address.endswith("AAAA") else "BBBB")
    assert fetch(sara.place, spoiled).status_code in (401, 403, 404)
    bare = address.split("?")[0]
    assert fetch(sara.place, bare).status_code in (400, 401, 403, 404, 422)
