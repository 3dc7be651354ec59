"""A client of *service*: python-socketio's, which keeps the events it gets."""

import asyncio
from contextlib import asynccontextmanager

import socketio

from person import Person
from place import Place
from sockets import PATIENCE_S

TRANSPORTS = {"websocket": ["websocket"], "polling, then websocket": ["polling", "websocket"], "polling": ["polling"]}


class Chat:
    """A connected client; events are kept in the order in which they came."""

    def __init__(self):
        self.client = socketio.AsyncClient(reconnection=False)
        self.events: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.refusal: object = None
        self.client.on("*", self._heard)
        self.client.on("disconnect", self._gone)
        self.client.on("connect_error", self._refused)

    async def _heard(self, event: str, *data) -> None:
        await self.events.put((event, data[0] if len(data) == 1 else list(data)))

    async def _gone(self, *_) -> None:
        self.gone.set()

    async def _refused(self, data) -> None:
        self.refusal = data

    async def emit(self, event: str, *data) -> None:
        """Without an acknowledgement."""
        await self.client.emit(event, data if len(data) != 1 else data[0])

    async def call(self, event: str, data: object = None) -> object:
        """With an acknowledgement, which it gives."""
        return await self.client.call(event, data, timeout=PATIENCE_S)

    async def next(self, *names: str) -> object:
        """The data of the next event of this name; others before it, such as people coming online, are dropped."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                name, data = await self.events.get()
                if name in names:
                    return data

    async def until(self, name: str, wanted) -> object:
        """The data of the next event of this name of which `wanted` is true."""
        while True:
            data = await self.next(name)
            if wanted(data):
                return data

    async def disconnected(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.gone.wait()


@asynccontextmanager
async def connected(place: Place, node: int | None = 0, transports=None, auth=None, headers=None, query: str = ""):
    """A client with whatever credentials; what refuses it is `socketio.exceptions.ConnectionError`."""
    chat = Chat()
    base = place.address(node)
    try:
        await chat.client.connect(
            base + query, headers or {}, auth, transports or ["websocket"], wait_timeout=PATIENCE_S
        )
        yield chat
    finally:
        await chat.client.disconnect()
        await chat.client.shutdown()


def chat(person: Person, node: int | None = 0, transports=None):
    """A client of somebody."""
    return connected(person.place, node, transports, auth={"token": person.token})
