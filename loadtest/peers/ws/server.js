// Rooms over `ws` and Redis, as one writes them without a framework: "join ROOM", "say ROOM TEXT".
import { createServer } from "node:http";
import Redis from "ioredis";
import { WebSocketServer } from "ws";

const publisher = new Redis(process.env.REDIS_URL);
const subscriber = new Redis(process.env.REDIS_URL);
const rooms = new Map();

subscriber.on("message", (room, text) => {
  for (const socket of rooms.get(room) ?? []) {
    socket.send(text);
  }
});

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on("connection", (socket) => {
  const joined = new Set();
  socket.on("message", async (data) => {
    const [, verb, room, text] = /^(\w+) (\d+) ?(.*)$/s.exec(data.toString());
    if (verb === "say") {
      publisher.publish(room, text);
    } else {
      joined.add(room);
      if (!rooms.has(room)) {
        rooms.set(room, new Set());
        await subscriber.subscribe(room);
      }
      rooms.get(room).add(socket);
      socket.send("joined");
    }
  });
  socket.on("close", () => {
    for (const room of joined) {
      rooms.get(room).delete(socket);
    }
  });
  socket.on("error", () => socket.terminate());
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(`ready ${http.address().port}`));
