"""What people write to each other, which the logs are searched for afterwards as for tokens and passwords."""

from chat_client import chat
from dialects import start
from person import fresh
from place import note_secret, path
from sockets import socket


def secret() -> str:
    text = fresh("whisper")
    note_secret(text)
    return text


async def test_words_said_by_every_way(sara, ali):
    room = sara.room("private", None, ali)
    sara.post("/api/messages/", {"chatroom": room["id"], "content": secret()})
    sara.post("/api/directmessages/", {"receiver": ali.id, "content": secret()})
    sara.post(path("/chat/group/{}/", room["slug"]), {"message": secret()})
    sara.post(path("/chat/chat/private/{}/", ali.name), {"message": secret()})
    sara.post(f"/api/conversations/{start(sara, ali)}/messages/", {"content": secret()})
    sara.post(f"/chat/chat_rooms/{room['id']}/messages", {"content": secret()})
    async with (
        socket(ali, path("/ws/chat/{}/", room["slug"]), None) as plain,
        socket(ali, f"/ws/chat/{room['id']}/", None) as conversation,
        chat(ali, None, ["polling"]) as service,
    ):
        await plain.send({"message": secret()})
        await conversation.send({"type": "chat_message", "message": secret()})
        await service.call("chat_message", {"room": str(room["id"]), "message": secret()})
        for frame in {"massage": secret()}, {"type": secret()}, secret():
            await plain.send(frame)
            assert "error" in await plain.until(lambda frame: "error" in frame)
            await conversation.send(frame)
            assert await conversation.until(lambda frame: frame["type"] == "error")
    assert sara.ask("POST", "/api/messages/", json={"chatroom": secret(), "content": secret()}).status_code == 400
    assert (
        sara.ask("POST", "/chat/chat_rooms/", data=secret(), headers={"Content-Type": "text/plain"}).status_code >= 400
    )
