"""WebSockets of the dialects, by the `websockets` library."""

import asyncio
import json
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from person import Person
from place import Place

# Longer than anything takes on a busy machine: what does not come in this time does not come.
PATIENCE_S = 15


class Socket:
    """A socket of JSON frames."""

    def __init__(self, connection: ClientConnection):
        self.connection = connection

    async def send(self, frame: object) -> None:
        await self.connection.send(json.dumps(frame, ensure_ascii=False))

    async def send_raw(self, data: str | bytes) -> None:
        await self.connection.send(data)

    async def next(self) -> dict:
        """The next frame, whatever it is."""
        async with asyncio.timeout(PATIENCE_S):
            text = await self.connection.recv()
        assert isinstance(text, str), "frames are text"
        return json.loads(text)

    async def until(self, wanted) -> dict:
        """The next frame of which `wanted` is true; those before are dropped."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = json.loads(await self.connection.recv())
                if wanted(frame):
                    return frame

    async def closed(self) -> int:
        """The code that the server closes with; frames before are dropped."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while True:
                    await self.connection.recv()
            except ConnectionClosed as end:
                assert end.rcvd, "the connection was cut without a close frame"
                return end.rcvd.code


@asynccontextmanager
async def opened(place: Place, path: str, node: int | None = 0, headers=None, origin=None, **query):
    """A socket with whatever credentials are in the headers and the query."""
    address = place.socket(path, node, **query)
    async with connect(address, additional_headers=headers, origin=origin, proxy=None, max_size=None) as connection:
        yield Socket(connection)


def socket(person: Person, path: str, node: int | None = 0, **query):
    """A socket of somebody, with the token in the query."""
    return opened(person.place, path, node, token=person.token, **query)


async def refusal(place: Place, path: str, node: int | None = 0, headers=None, origin=None, **query) -> int:
    """The HTTP status that the upgrade is refused with."""
    try:
        async with opened(place, path, node, headers, origin, **query):
            return 101
    except InvalidStatus as error:
        return error.response.status_code
