"""A node that lets in one newcomer a second, and tells the rest to come back: python-socketio as it comes does."""

import asyncio

import socketio

from person import Person
from place import narrow_place
from sockets import PATIENCE_S

CLIENTS = 4


async def test_a_crowd_that_is_refused_comes_back_by_itself():
    place = narrow_place()
    sara = Person(place)
    refused = []

    async def come() -> socketio.AsyncClient:
        client = socketio.AsyncClient()
        client.on("connect_error", refused.append)
        # `retry`: the first time too, as it does by itself after a lost connection.
        await client.connect(place.http, auth={"token": sara.token}, transports=["websocket"], retry=True)
        return client

    clients = await asyncio.wait_for(asyncio.gather(*(come() for _ in range(CLIENTS))), PATIENCE_S * 3)
    try:
        assert refused, "nobody was refused"
        assert all(client.connected for client in clients)
    finally:
        await asyncio.gather(*(client.disconnect() for client in clients))
