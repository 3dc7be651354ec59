"""Django Channels with channels_redis behind daphne: "join ROOM", "say ROOM TEXT"."""

import os
import socket

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not used",
    ALLOWED_HOSTS=["*"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": os.environ.get("CHANNELS_LAYER", "channels_redis.core.RedisChannelLayer"),
            "CONFIG": {
                "hosts": [os.environ["REDIS_URL"]],
                # Beyond it messages are dropped; 100 by default.
                **({} if "pubsub" in os.environ.get("CHANNELS_LAYER", "") else {"capacity": 10_000}),
            },
        }
    },
)
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from daphne.server import Server  # noqa: E402
from django.urls import path  # noqa: E402


class Room(AsyncWebsocketConsumer):
    async def connect(self):
        self.rooms = set()
        await self.accept()

    async def receive(self, text_data=None, bytes_data=None):
        verb, room, *text = text_data.split(" ", 2)
        if verb == "say":
            await self.channel_layer.group_send(f"room-{room}", {"type": "said", "text": text[0]})
        else:
            self.rooms.add(room)
            await self.channel_layer.group_add(f"room-{room}", self.channel_name)
            await self.send("joined")

    async def said(self, event):
        await self.send(event["text"])

    async def disconnect(self, code):
        for room in self.rooms:
            await self.channel_layer.group_discard(f"room-{room}", self.channel_name)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


port = free_port()
Server(
    application=ProtocolTypeRouter({"websocket": URLRouter([path("", Room.as_asgi())])}),
    endpoints=[f"tcp:port={port}:interface=127.0.0.1:backlog=4096"],
    signal_handlers=False,
    ready_callable=lambda: print(f"ready {port}", flush=True),
).run()
