// One client's socket, opened again whenever it is lost: what all protocols have in common. A protocol says what it
// sends first, what frames mean, what a close means, and how what was missed is made good.

import { WebSocket } from "k6/experimental/websockets";

import { SOCKET_URL } from "./environment.js";
import * as measures from "./measures.js";
import { actAt, before, cancel, sleep } from "./time.js";

/** How long an attempt may take, until the frame that says all is set. */
const OPEN_TIMEOUT_MS = 15_000;
/** How long the other side may take to answer a close. */
const CLOSE_TIMEOUT_MS = 5_000;
/** After the first loss a client waits a random time up to this, after each further one up to twice as long. */
const FIRST_DELAY_MS = 300;
const LONGEST_DELAY_MS = 5_000;

/**
 * The owner of a connection is told:
 *
 *     message(content, {via, mayBeLate})   a message's text; via is "live" or "replay"
 *     recall(content)                      one that REST told, which may have come before or be told once more
 *     event(event)                         a native event of any type
 *     failed(error)                        the socket was closed for good
 */
export class Connection {
  constructor(session, owner) {
    this.session = session;
    this.owner = owner;
    this.socket = null;
    this.attempt = null;
    this.isUp = false;
    this.isStopped = false;
    this.failures = 0;
    this.lostAt = null;
    this.whenUp = [];
    this.whenEnded = [];
    this.tags = { dialect: session.dialect };
  }

  // What a protocol is made of.

  /** Path and query of the socket. */
  path() {
    throw new Error("a protocol has one");
  }

  /** The socket is open: send what comes first, and call `up()` when all is set. */
  opened() {
    this.up();
  }

  /** A text frame arrived. */
  frame(_text) {
    throw new Error("a protocol reads its frames");
  }

  /** Makes good what was missed before `up()` counts, and whatever else a return needs. */
  async resume() {}

  /** What a close means: {isDrain, isFinal, delayMs, renew}. */
  verdict(_code) {
    return {};
  }

  // What its owner does with it.

  /** Connects; ready when all is set, for the first time. `dueAt` is when it was meant to. */
  open(dueAt) {
    const ready = this.ready();
    this.connect(dueAt);
    return ready;
  }

  /** Ready when the connection is up, at once or later. */
  ready() {
    return this.isUp
      ? Promise.resolve()
      : new Promise((resolve, reject) => this.whenUp.push({ resolve, reject }));
  }

  /** Gives the socket up and opens another after so many milliseconds. */
  leave(delayMs, cause) {
    this.down();
    this.drop(1000);
    this.comeBack(delayMs, cause);
  }

  /** Closes for good; ready when the socket has ended. */
  stop() {
    this.isStopped = true;
    cancel(this.attempt);
    if (this.socket === null) {
      return Promise.resolve();
    }
    const ended = new Promise((resolve) => this.whenEnded.push(resolve));
    this.socket.close(1000);
    return before(Date.now() + CLOSE_TIMEOUT_MS, ended);
  }

  /** Sends a text frame; false if there is no open socket. */
  write(text) {
    if (this.socket === null || this.socket.readyState !== 1) {
      return false;
    }
    this.socket.send(text);
    return true;
  }

  // The cycle of its sockets.

  connect(dueAt = Date.now()) {
    const socket = new WebSocket(SOCKET_URL + this.path(), null, {
      headers: this.headers(),
      tags: { name: this.session.dialect, ...this.tags },
    });
    let code = 0;
    this.socket = socket;
    this.dueAt = dueAt;
    // After `drop` another socket is current; what this one still says is nobody's.
    const current = (act) => (event) => this.socket === socket && act(event);
    const timeOut = current(() => this.ended(0));
    this.attempt = actAt(Date.now() + OPEN_TIMEOUT_MS, timeOut);
    socket.onopen = current(() => this.opened());
    socket.onmessage = current((event) => this.frame(event.data));
    // The number of a close is told here only, in words.
    socket.onerror = (event) => {
      code = Number(/close (\d{4})/.exec(event.error)?.[1] ?? 0);
    };
    socket.onclose = current(() => this.ended(code));
  }

  headers() {
    return {};
  }

  /** All is set. */
  up() {
    cancel(this.attempt);
    measures.connects.add(1, this.tags);
    measures.connecting.add(Date.now() - this.dueAt, this.tags);
    this.isUp = true;
    this.failures = 0;
    for (const { resolve } of this.whenUp.splice(0)) {
      resolve();
    }
  }

  /** What was missed is known: from the loss to here is what a user waited. */
  caughtUp() {
    if (this.lostAt !== null) {
      measures.resuming.add(Date.now() - this.lostAt, this.tags);
      this.lostAt = null;
    }
  }

  down() {
    cancel(this.attempt);
    this.isUp = false;
    this.lostAt ??= Date.now();
  }

  /** Closes the current socket without waiting for it. */
  drop(code) {
    const { socket } = this;
    this.socket = null;
    if (socket !== null && socket.readyState < 2) {
      socket.close(code);
    }
  }

  ended(code) {
    const wasUp = this.isUp;
    this.down();
    this.drop(1000);
    if (this.isStopped) {
      for (const resolve of this.whenEnded.splice(0)) {
        resolve();
      }
      return;
    }
    const verdict = this.verdict(code);
    if (verdict.isDrain) {
      measures.drained.add(1, this.tags);
    } else if (wasUp) {
      measures.cutOff.add(1, { ...this.tags, code: String(code) });
    } else {
      measures.refusedSockets.add(1, { ...this.tags, code: String(code) });
    }
    if (verdict.isFinal) {
      this.fail(new Error(`${this.session.dialect}: closed for good with ${code}`));
      return;
    }
    const most = Math.min(FIRST_DELAY_MS * 2 ** this.failures, LONGEST_DELAY_MS);
    this.failures += 1;
    this.comeBack(verdict.delayMs ?? Math.random() * most, String(code), verdict.renew);
  }

  async comeBack(delayMs, cause, mustRenew = false) {
    await sleep(delayMs);
    if (this.isStopped || this.socket !== null) {
      return;
    }
    measures.reconnects.add(1, { ...this.tags, cause });
    try {
      await this.session.renew(mustRenew);
    } catch (error) {
      // No api to be had just now; the socket will say so too.
      console.warn(`${this.session.dialect}: ${error.message}`);
    }
    if (!this.isStopped && this.socket === null) {
      this.connect();
    }
  }

  fail(error) {
    this.isStopped = true;
    for (const { reject } of this.whenUp.splice(0)) {
      reject(error);
    }
    this.owner.failed(error);
  }
}
