"""What the dialects' answers look like."""

import json
import re
from datetime import UTC, datetime, timedelta

# As the documents print them: UTC, told by Z.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def is_now(text: object) -> bool:
    """Whether it is a time as the documents print them, of about now."""
    assert isinstance(text, str) and TIME.fullmatch(text), text
    return abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(minutes=10)


def has(value: object, printed: object, where: str = "answer") -> None:
    """That `value` has every key of `printed`, with values of the printed types; more keys are allowed. Of a printed
    list the first item stands for all."""
    if isinstance(printed, dict):
        assert isinstance(value, dict), f"{where} is {value!r}"
        missing = printed.keys() - value.keys()
        assert not missing, f"{where} lacks {sorted(missing)}: {value!r}"
        for key, item in printed.items():
            has(value[key], item, f"{where}.{key}")
    elif isinstance(printed, list):
        assert isinstance(value, list), f"{where} is {value!r}"
        for number, item in enumerate(value if printed else []):
            has(item, printed[0], f"{where}[{number}]")
    else:
        assert type(value) is type(printed), f"{where} is {value!r}, printed {printed!r}"
        if isinstance(printed, str) and TIME.fullmatch(printed):
            assert TIME.fullmatch(value), f"{where} is no time as printed: {value!r}"
        if isinstance(printed, str) and printed.startswith("http://"):
            assert re.match(r"https?://[^/]+/", value), f"{where} is no absolute address: {value!r}"


def is_plain(frame: dict, text: str, author) -> bool:
    """Whether it is the plain frame of *chatrooms* and *groups* with this text by this person."""
    has(frame, {"message": "", "username": "", "user": "", "timestamp": "", "id": 1})
    assert frame["avatar_url"] is None or isinstance(frame["avatar_url"], str), frame
    assert is_now(frame["timestamp"])
    assert frame["username"] == frame["user"] == author.name, frame
    return frame["message"] == text


def is_plain_file(frame: dict, author) -> bool:
    """Whether it is the plain frame of a file by this person."""
    has(frame, {"file": "", "filename": "", "username": "", "user": "", "timestamp": "", "id": 1})
    return frame["username"] == frame["user"] == author.name


def is_django_error(answer, status: int) -> bool:
    """`{"detail": …}`, as Django REST says it; 401 tells how to sign in."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    if status == 401:
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"', answer.headers
    body = answer.json()
    return isinstance(body["detail"], str) and bool(body["detail"])


def is_field_map(answer, *fields: str, status: int = 400) -> bool:
    """`{"field": ["text", …]}` with at least these fields."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    body = answer.json()
    for field in fields:
        assert field in body, body
    assert body and all(isinstance(texts, list) for texts in body.values()), body
    return all(text and isinstance(text, str) for texts in body.values() for text in texts)


def is_group_error(answer, status: int) -> bool:
    """`{"error": …}`, as *groups* says it."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    body = answer.json()
    return isinstance(body["error"], str) and bool(body["error"])


def is_fastapi_error(answer, status: int) -> bool:
    """`{"detail": "…"}`, as FastAPI says it."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    body = answer.json()
    return isinstance(body["detail"], str) and bool(body["detail"])


def is_invalid_input(answer, *fields: str) -> bool:
    """422 with FastAPI's list, which names each of these fields at the end of a `loc`."""
    assert answer.status_code == 422, f"{answer.status_code} {answer.text}"
    items = answer.json()["detail"]
    for item in items:
        has(item, {"type": "", "loc": [], "msg": ""})
        assert "input" in item, item
    named = [item["loc"][-1] for item in items]
    for field in fields:
        assert field in named, items
    return bool(items)


# What no socket of plain frames takes.
MALFORMED = [
    "not JSON",
    "",
    "[]",
    '["message"]',
    "12",
    "null",
    '"message"',
    "{}",
    '{"text": "x"}',
    '{"message": 5}',
    '{"message": null}',
    '{"message": ["x"]}',
    '{"message": ""}',
    '{"message": "\\u0000"}',
    json.dumps({"message": "س" * 10_240}),
    json.dumps({"file": "not a file!", "filename": "x.png"}),
    json.dumps({"file": 5, "filename": "x.png"}),
    '{"message": "' + "x" * 20_480 + '"}',
    b"\x00\xff",
]


def is_plain_error(frame: dict) -> bool:
    """Whether it says what was wrong, and is no message."""
    return isinstance(frame.get("error"), str) and bool(frame["error"]) and "message" not in frame
