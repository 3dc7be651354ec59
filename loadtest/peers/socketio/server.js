// Socket.IO with its Redis adapter, WebSocket only: "join" a room, "say" something in it.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import Redis from "ioredis";
import { Server } from "socket.io";

const publisher = new Redis(process.env.REDIS_URL);
const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(publisher, publisher.duplicate()),
  transports: ["websocket"],
  serveClient: false,
});
io.on("connection", (socket) => {
  socket.on("join", (room) => {
    socket.join(room);
    socket.emit("joined");
  });
  socket.on("say", (room, text) => io.to(room).emit("message", text));
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => console.log(`ready ${http.address().port}`));
