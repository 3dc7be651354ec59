"""One public room and a client of every dialect: all see everything once, in one order, each in its own form."""

import asyncio
from contextlib import AsyncExitStack

import httpx

from chat_client import Chat, chat
from person import TIMEOUT_S, Person, fresh
from place import Place, path
from sockets import PATIENCE_S, Socket, opened, socket

# From each, by REST and by socket.
EACH = 25
# For all of it, on a busy machine.
PATIENCE_FOR_ALL_S = 60


class Member:
    """Somebody in the room by one dialect. `seen` grows as messages come: `(author's handle, text, id)`."""

    def __init__(self, person: Person, room: dict):
        self.person, self.room = person, room
        self.seen: list[tuple[str, str, int]] = []
        self.changes: list[tuple] = []

    # What the REST of the dialect takes: the path and the body.
    def rest(self, text: str) -> tuple[str, dict]:
        raise NotImplementedError

    async def say(self, text: str) -> None:
        raise NotImplementedError

    async def listen(self) -> None:
        raise NotImplementedError

    async def enter(self, stack: AsyncExitStack, node: int) -> None:
        raise NotImplementedError

    async def say_all(self, client: httpx.AsyncClient) -> None:
        """Half by REST and half by socket, at the same time."""

        async def by_rest():
            for number in range(EACH):
                where, body = self.rest(f"{self.person.name} REST {number}")
                answer = await client.post(self.person.place.http + where, json=body, headers=self.person.bearer)
                assert answer.status_code == 201, f"{where} {answer.text}"

        async def by_socket():
            for number in range(EACH):
                await self.say(f"{self.person.name} socket {number}")

        await asyncio.gather(by_rest(), by_socket())

    async def saw(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_FOR_ALL_S):
            while len(self.seen) < count:
                await self.listen()

    async def changed(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.changes) < count:
                await self.listen()


class OnSocket(Member):
    """By a WebSocket."""

    # What the path calls the room by.
    key: str
    query: dict = {}
    socket: Socket

    async def enter(self, stack, node):
        self.socket = await stack.enter_async_context(
            socket(self.person, path("/ws/chat/{}/", self.room[self.key]), node, **self.query)
        )

    async def listen(self):
        self.hear(await self.socket.next())


class Plain(OnSocket):
    """*chatrooms* and *groups*, which know neither edits nor deletes."""

    dialect: str

    async def say(self, text):
        await self.socket.send({"message": text})

    def hear(self, frame):
        assert "message" in frame and frame["username"] == frame["user"], frame
        self.seen.append((frame["username"], frame["message"], frame["id"]))


class OfChatrooms(Plain):
    key = "name"
    dialect = "chatrooms"
    query = {"dialect": dialect}

    def rest(self, text):
        return "/api/messages/", {"chatroom": self.room["id"], "content": text}


class OfGroups(Plain):
    key = "slug"
    dialect = "groups"
    query = {"dialect": dialect}

    def rest(self, text):
        return path("/chat/group/{}/", self.room["slug"]), {"message": text}


class OfConversations(OnSocket):
    key = "id"

    def rest(self, text):
        return f"/api/conversations/{self.room['id']}/messages/", {"content": text}

    async def say(self, text):
        await self.socket.send({"type": "chat_message", "message": text})

    def hear(self, frame):
        if frame["type"] == "chat.message":
            message = frame["message"]
            self.seen.append((message["sender"], message["content"], message["id"]))
        elif frame["type"] == "message.edited":
            self.changes.append(("edited", frame["message"]["id"], frame["message"]["content"]))
        else:
            assert frame["type"] == "message.deleted", frame
            self.changes.append(("deleted", frame["message_id"]))


class OfService(Member):
    client: Chat

    def rest(self, text):
        return f"/chat/chat_rooms/{self.room['id']}/messages", {"content": text}

    async def say(self, text):
        await self.client.emit("chat_message", {"room": str(self.room["id"]), "message": text})

    async def enter(self, stack, node):
        self.client = await stack.enter_async_context(chat(self.person, node))

    async def listen(self):
        async with asyncio.timeout(PATIENCE_S):
            name, data = await self.client.events.get()
        if name == "chat_response" and data.get("status") == "received":
            self.seen.append((self.person.handle, data["message"], int(data["id"])))
        elif name == "chat_response":
            message = data["message"]
            self.seen.append((message["sender"], message["content"], int(message["id"])))
        elif name == "message_edited":
            message = data.get("message", data)
            self.changes.append(("edited", int(message["id"]), message["content"]))
        elif name == "message_deleted":
            self.changes.append(("deleted", int(data.get("message_id") or data["id"])))
        else:
            assert name in ("user_online", "user_offline"), (name, data)


class Native(Member):
    socket: Socket
    number = 0

    def rest(self, text):
        return f"/v1/rooms/{self.room['id']}/messages", {"content": text}

    async def enter(self, stack, node):
        self.socket = await stack.enter_async_context(opened(self.person.place, "/v1/ws", node))
        await self.socket.send({"op": "hello", "token": self.person.token})
        assert (await self.socket.next())["op"] == "ready"

    async def say(self, text):
        self.number += 1
        await self.socket.send({"op": "send", "id": self.number, "room": self.room["id"], "content": text})

    async def listen(self):
        frame = await self.socket.next()
        if frame["op"] == "reply":
            assert "ok" in frame, frame
        elif frame.get("type") == "message.created":
            message = frame["data"]
            self.seen.append((message["sender"]["username"], message["content"], message["id"]))
        elif frame.get("type") == "message.edited":
            self.changes.append(("edited", frame["data"]["id"], frame["data"]["content"]))
        elif frame.get("type") == "message.deleted":
            self.changes.append(("deleted", frame["data"]["id"]))


async def test_everybody_sees_everything_once_and_in_one_order(place: Place, person):
    owner = person()
    room = owner.room("public", fresh("اتاق همه "))
    kinds = [OfChatrooms, OfGroups, OfConversations, OfService, Native]
    members = [kind(person(), room) for kind in kinds]
    for member in members:
        member.person.join(room["id"])
    names = {member.person.handle: member.person.name for member in members}
    total = 2 * EACH * len(members)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S))
        for number, member in enumerate(members):
            await member.enter(stack, number)
        async with asyncio.TaskGroup() as group:
            for member in members:
                group.create_task(member.say_all(client))
                group.create_task(member.saw(total))
        orders = [[(names.get(author, author), text, id) for author, text, id in member.seen] for member in members]
        assert len(set(orders[0])) == total
        for member, order in zip(members, orders, strict=True):
            assert order == orders[0], type(member).__name__
        for member in members:
            own = [text for author, text, _ in orders[0] if author == member.person.name]
            for way in "REST", "socket":
                assert [text for text in own if f" {way} " in text] == [
                    f"{member.person.name} {way} {number}" for number in range(EACH)
                ]
        page = owner.get(f"/v1/rooms/{room['id']}/messages?limit=100")["items"]
        assert [item["id"] for item in reversed(page)] == [id for _, _, id in orders[0][-100:]]
        await changes_show(members, orders[0])


async def changes_show(members: list[Member], order: list[tuple[str, str, int]]) -> None:
    """Each dialect that knows edits and deletes makes one of each; the others that know them see it."""
    chatrooms, groups, conversations, service, native = members
    room = native.room["id"]
    first_of = {member: next(id for author, _, id in order if author == member.person.name) for member in members}

    await conversations.socket.send(
        {"type": "edit_message", "message_id": first_of[conversations], "content": "ویرایش یک"}
    )
    await service.client.call(
        "edit_message", {"room": str(room), "message_id": str(first_of[service]), "content": "ویرایش دو"}
    )
    native.person.take(
        native.person.ask("PATCH", f"/v1/rooms/{room}/messages/{first_of[native]}", json={"content": "ویرایش سه"})
    )
    conversations.person.delete(f"/api/conversations/{room}/messages/{first_of[conversations]}/")
    await service.client.call("delete_message", {"room": str(room), "message_id": str(first_of[service])})
    native.person.delete(f"/v1/rooms/{room}/messages/{first_of[native]}")
    for member in conversations, service, native:
        await member.changed(6)
        assert sorted(member.changes, key=str) == sorted(
            [
                ("edited", first_of[conversations], "ویرایش یک"),
                ("edited", first_of[service], "ویرایش دو"),
                ("edited", first_of[native], "ویرایش سه"),
                *(("deleted", first_of[one]) for one in (conversations, service, native)),
            ],
            key=str,
        ), type(member).__name__
    # Nothing of it reached those that do not know changes: the next frame is the next message.
    for member in chatrooms, groups:
        await native.say(f"پس از همه برای {member.dialect}")
        text = ""
        while text != f"پس از همه برای {member.dialect}":
            frame = await member.socket.next()
            text = frame["message"]
            assert text.startswith("پس از همه"), frame
