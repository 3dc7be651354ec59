"""python-socketio on FastAPI and uvicorn, with its Redis manager: "join" a room, "say" something in it."""

import os

import socketio
import uvicorn
from fastapi import FastAPI

server = socketio.AsyncServer(
    async_mode="asgi",
    client_manager=socketio.AsyncRedisManager(os.environ["REDIS_URL"]),
    transports=["websocket"],
)


@server.event
async def join(sid, room):
    await server.enter_room(sid, room)
    await server.emit("joined", to=sid)


@server.event
async def say(sid, room, text):
    await server.emit("message", text, room=room)


class Ready(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"ready {port}", flush=True)


app = socketio.ASGIApp(server, FastAPI())
Ready(uvicorn.Config(app, host="127.0.0.1", port=0, backlog=4096, log_level="warning", ws_per_message_deflate=False)).run()
