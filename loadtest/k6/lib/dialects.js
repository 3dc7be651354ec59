// The older systems' protocols. Their sockets replay nothing: after a reconnect a client reads what it missed by REST,
// as theirs did. docs/dialects.md has all of it.

import { Connection } from "./connection.js";
import * as measures from "./measures.js";
import { call } from "./rest.js";

/** How much is read after a reconnect; the most that the server gives. */
const HISTORY = 1000;

/** What the sockets of one room and Socket.IO have in common. */
class Dialect extends Connection {
  constructor(session, owner, room) {
    super(session, owner);
    this.room = room;
    // Frames that came while the history was read.
    this.held = null;
    // The one send that waits for its echo, or its callback.
    this.waiting = null;
    this.hasBeenUp = false;
  }

  /** The texts of the room's latest messages, oldest first. */
  async history() {
    throw new Error("a dialect has one");
  }

  read(name, path) {
    return call(name, path, { token: this.session.token });
  }

  /** The socket is open, so nothing is missed from here on; what was before is read. */
  async set() {
    if (!this.hasBeenUp) {
      this.hasBeenUp = true;
      this.up();
      return;
    }
    const { socket } = this;
    this.held = [];
    try {
      const missed = await this.history();
      if (this.socket !== socket) {
        return;
      }
      for (const content of missed) {
        this.owner.recall(content);
      }
    } catch (error) {
      console.warn(`${this.session.dialect}: reading what was missed: ${error.message}`);
      if (this.socket === socket) {
        this.ended(0);
      }
      return;
    }
    const held = this.held;
    this.held = null;
    this.up();
    this.caughtUp();
    for (const content of held) {
      this.owner.message(content, { via: "replay", mayBeLate: true });
    }
  }

  down() {
    super.down();
    this.held = null;
    const { waiting } = this;
    this.waiting = null;
    waiting?.reject(new Error("the socket was lost before the echo came"));
  }

  heard(content) {
    if (this.held !== null) {
      this.held.push(content);
      return;
    }
    this.owner.message(content, { via: "live", mayBeLate: false });
  }

  /**
   * Sends one text, and is ready when it is known to be stored. There is no nonce: whoever loses the socket before
   * the echo looks into the history, which is why fault runs let native clients send.
   */
  async send(_room, content) {
    await this.ready();
    return await new Promise((resolve, reject) => {
      this.waiting = { content, resolve, reject };
      this.write(this.saying(content));
    });
  }

  echo(content) {
    if (this.waiting?.content === content) {
      const { resolve } = this.waiting;
      this.waiting = null;
      resolve();
    }
  }

  refused(code) {
    measures.refusedSends.add(1, { ...this.tags, code });
    const { waiting } = this;
    this.waiting = null;
    waiting?.reject(new Error(`${this.session.dialect}: refused: ${code}`));
  }

  opened() {
    this.set();
  }

  verdict(code) {
    return { isDrain: code === 1012, isFinal: code === 1009, renew: code === 1008 };
  }
}

/** `/ws/chat/<slug>/` with the plain frame: chatrooms and groups. */
class Plain extends Dialect {
  path() {
    const { dialect, token } = this.session;
    return `/ws/chat/${encodeURIComponent(this.room.slug)}/?dialect=${dialect}&token=${token}`;
  }

  saying(content) {
    return JSON.stringify({ message: content });
  }

  frame(text) {
    const frame = JSON.parse(text);
    if (frame.error !== undefined) {
      this.refused(frame.code);
    } else if (frame.message !== undefined) {
      this.heard(frame.message);
      this.echo(frame.message);
    }
  }
}

export class Chatrooms extends Plain {
  async history() {
    const list = await this.read(
      "GET /api/messages/",
      `/api/messages/?chatroom=${this.room.id}&limit=${HISTORY}`,
    );
    return list.map((message) => message.content);
  }
}

export class Groups extends Plain {
  async history() {
    const path = `/chat/group/${encodeURIComponent(this.room.slug)}/?limit=${HISTORY}`;
    const { messages } = await this.read("GET /chat/group/{slug}/", path);
    return messages.map((message) => message.message);
  }
}

/** `/ws/chat/<id>/`. */
export class Conversations extends Dialect {
  path() {
    return `/ws/chat/${this.room.id}/?token=${this.session.token}`;
  }

  saying(content) {
    return JSON.stringify({ type: "chat_message", message: content });
  }

  frame(text) {
    const frame = JSON.parse(text);
    if (frame.type === "chat.message") {
      this.heard(frame.message.content);
      this.echo(frame.message.content);
    } else if (frame.type === "error") {
      this.refused(frame.code);
    }
  }

  async history() {
    const path = `/api/conversations/${this.room.id}/messages/?limit=${HISTORY}`;
    const list = await this.read("GET /api/conversations/{id}/messages/", path);
    return list.map((message) => message.content);
  }
}

/** Socket.IO 5 over Engine.IO 4, its packets written by hand, by WebSocket from the beginning. */
export class Service extends Dialect {
  constructor(session, owner, room) {
    super(session, owner, room);
    this.nextAck = 1;
    this.isDisconnected = false;
  }

  path() {
    return "/socket.io/?EIO=4&transport=websocket";
  }

  opened() {
    // The server begins, with the transport's packet `0`.
    this.isDisconnected = false;
  }

  frame(packet) {
    switch (packet[0]) {
      case "0":
        this.write(`40${JSON.stringify({ token: this.session.token })}`);
        break;
      case "2":
        this.write(`3${packet.slice(1)}`);
        break;
      case "4":
        this.packet(packet.slice(1));
        break;
      default:
        // 1 close, 6 noop: the transport's end says the rest.
        break;
    }
  }

  packet(packet) {
    switch (packet[0]) {
      case "0":
        this.set();
        break;
      case "1":
        // By the server, on purpose: a client does not come back by itself.
        this.isDisconnected = true;
        this.ended(0);
        break;
      case "2":
        this.event(...JSON.parse(packet.slice(packet.indexOf("["))));
        break;
      case "3":
        this.callback(packet.slice(1));
        break;
      case "4":
        console.warn(`service: CONNECT was refused: ${packet.slice(1)}`);
        this.ended(0);
        break;
      default:
        console.warn(`service: no such packet: 4${packet}`);
    }
  }

  event(name, data) {
    if (name === "chat_response") {
      // Its own message comes as text, others' as an object.
      this.heard(typeof data.message === "string" ? data.message : data.message.content);
    } else if (name === "error") {
    } else {
    }
  }

  callback(rest) {
    const at = rest.indexOf("[");
    const [answer] = JSON.parse(rest.slice(at));
    if (Number(rest.slice(0, at)) !== this.nextAck - 1) {
      return;
    }
    if (answer.status === "received") {
      this.echo(this.waiting?.content);
    } else {
      this.refused(answer.code);
    }
  }

  saying(content) {
    const ack = this.nextAck;
    this.nextAck += 1;
    return `42${ack}${JSON.stringify(["chat_message", { room: String(this.room.id), message: content }])}`;
  }

  async history() {
    const path = `/chat/chat_rooms/${this.room.id}/messages?limit=${HISTORY}`;
    const list = await this.read("GET /chat/chat_rooms/{room_id}/messages", path);
    return list.map((message) => message.content);
  }

  verdict(_code) {
    // The transport just ends when a node drains.
    return { isFinal: this.isDisconnected };
  }
}
