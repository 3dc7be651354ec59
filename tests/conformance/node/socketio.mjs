// A client of *service*: socket.io-client as it comes, and everything that it received.

import assert from "node:assert/strict";

import { io } from "socket.io-client";

import { Inbox, PATIENCE_MS, inTime } from "./inbox.mjs";

export class ServiceClient {
  /** Events, `{event, args}`. */
  inbox;

  /** Connects as `person` and is disconnected at the end of the test `t`. */
  static async connect(t, base, person, options = {}) {
    const client = new ServiceClient(t, base, { auth: { token: person.token }, ...options });
    await client.connected();
    return client;
  }

  /** Begins to connect; `options` are socket.io-client's own. */
  constructor(t, base, options) {
    this.socket = io(base, { forceNew: true, reconnection: false, transports: ["websocket"], ...options });
    t.after(() => this.socket.disconnect());
    this.inbox = new Inbox(`a Socket.IO client (${options.transports ?? "websocket"})`);
    this.socket.onAny((event, ...args) => this.inbox.put({ event, args }));
  }

  connected() {
    if (this.socket.connected) return Promise.resolve();
    const outcome = new Promise((resolve, reject) => {
      this.socket.once("connect", resolve);
      this.socket.once("connect_error", reject);
    });
    return inTime("the connection", outcome);
  }

  /** Resolves once it is connected, however often that fails before. */
  joined() {
    if (this.socket.connected) return Promise.resolve();
    return inTime("the connection", new Promise((resolve) => this.socket.once("connect", resolve)));
  }

  /** The error with which connecting fails. */
  async refusal() {
    const error = await this.connected().then(
      () => null,
      (error) => error,
    );
    assert.ok(error, "the client was let in");
    return error;
  }

  /** The reason for which the server, or the transport, ended the connection. */
  disconnection() {
    return inTime("the disconnection", new Promise((resolve) => this.socket.once("disconnect", resolve)));
  }

  /** Emits with an acknowledgement and returns what was acknowledged. */
  async ask(event, ...args) {
    const answers = await this.socket.timeout(PATIENCE_MS).emitWithAck(event, ...args);
    return answers;
  }

  /** Emits without one. */
  tell(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** The name of the transport in use. */
  get transport() {
    return this.socket.io.engine.transport.name;
  }

  /** The payloads of all events of a name. */
  all(event) {
    return this.inbox.items.filter((item) => item.event === event).map((item) => item.args[0]);
  }

  /** The first payload of an event for which `matches` holds. */
  async on(event, matches = () => true) {
    const found = await this.inbox.find(event, (item) => item.event === event && matches(item.args[0]));
    return found.args[0];
  }

  /** The message with this text, as it is told to those who did not send it. */
  async message(text) {
    const { message } = await this.on("chat_response", ({ message }) => message?.content === text);
    return message;
  }
}
