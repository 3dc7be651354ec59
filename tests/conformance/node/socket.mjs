// A WebSocket of the `ws` package that remembers every frame.

import assert from "node:assert/strict";

import WebSocket from "ws";

import { Inbox, inTime } from "./inbox.mjs";
import { ws } from "./targets.mjs";

export class Socket {
  /** Frames received, parsed. */
  inbox;
  #socket;

  /** Opens a socket that closes with the test `t`. `options`: what `ws` takes, such as headers. */
  static async open(t, base, path, options) {
    const client = new Socket(base, path, options);
    t.after(() => client.#socket.terminate());
    await inTime(`the upgrade of ${path}`, client.opened);
    return client;
  }

  /** The status with which the server refuses to upgrade; an error if it does not refuse. */
  static async refusal(t, base, path, options) {
    const status = await Socket.status(t, base, path, options);
    assert.notEqual(status, 101, `${path} was upgraded`);
    return status;
  }

  /** The status with which the server answers a request to upgrade. */
  static async status(t, base, path, options) {
    const client = new Socket(base, path, options);
    t.after(() => client.#socket.terminate());
    const status = client.opened.then(
      () => 101,
      (error) => error.status ?? Promise.reject(error),
    );
    return inTime(`the answer to ${path}`, status);
  }

  constructor(base, path, options) {
    this.inbox = new Inbox(decodeURI(path).replace(/token=[^&]*/, "token=…"));
    this.#socket = new WebSocket(ws(base) + path, options);
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once("open", resolve);
      this.#socket.once("error", reject);
      this.#socket.once("unexpected-response", (_, answer) => {
        reject(Object.assign(new Error(`${path} answered ${answer.statusCode}`), { status: answer.statusCode }));
        answer.destroy();
      });
    });
    this.closed = new Promise((resolve) => this.#socket.once("close", (code) => resolve(code)));
    this.#socket.on("message", (data, isBinary) => {
      assert.ok(!isBinary, "the protocols have no binary frames");
      this.inbox.put(JSON.parse(data.toString()));
    });
  }

  /** Sends a value as JSON. */
  send(value) {
    this.#socket.send(JSON.stringify(value));
  }

  /** Sends a string or bytes as they are. */
  sendRaw(data) {
    this.#socket.send(data);
  }

  /** The code with which the server closes. */
  closeCode() {
    return inTime(`the close of ${this.inbox.owner}`, this.closed);
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN;
  }
}

/** `path` with the person's token in the query. */
export function withToken(path, person) {
  return `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(person.token)}`;
}

/** The Authorization header of a person, as an option of a socket. */
export function withHeader(person) {
  return { headers: { authorization: `Bearer ${person.token}` } };
}
