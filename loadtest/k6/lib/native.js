// The native protocol: `hello` with `since`, `ready`, `reset`, `reconnect`, commands with one reply each, and sends
// that survive a reconnect by their nonce. docs/protocol.md has all of it.

import { Connection } from "./connection.js";
import { SABOTAGE } from "./environment.js";
import * as measures from "./measures.js";
import { sleep } from "./time.js";

/** Close codes after which a client does not come back by itself. */
const FINAL = new Set([4000, 4001, 4003, 4009, 4011]);

/** A command that was answered with an error. */
export class Problem extends Error {
  constructor(op, { code, detail, retry_after_ms: retryAfterMs }) {
    super(`${op}: ${code}: ${detail}`);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

export class Native extends Connection {
  constructor(session, owner) {
    super(session, owner);
    this.epoch = undefined;
    // Positions by room: what `since` names.
    this.positions = new Map();
    // Heads that `ready` named and the replay has not reached yet, by room.
    this.replaying = new Map();
    // Rooms whose positions are dense on this socket, as it began at their head.
    this.dense = new Set();
    this.commands = new Map();
    this.nextId = 1;
    this.isRefreshing = false;
    this.frames = 0;
  }

  path() {
    return "/v1/ws";
  }

  headers() {
    return { Authorization: `Bearer ${this.session.token}` };
  }

  opened() {
    const since = SABOTAGE === "no-resume" ? {} : Object.fromEntries(this.positions);
    const epoch = SABOTAGE === "epoch" && this.epoch !== undefined ? "another" : this.epoch;
    this.write(JSON.stringify({ op: "hello", epoch, since }));
  }

  frame(text) {
    const frame = JSON.parse(text);
    this.frames += 1;
    if (SABOTAGE === "eat" && frame.op === "event" && this.frames % 20 === 0) {
      return;
    }
    if (SABOTAGE === "no-reply" && frame.op === "reply" && this.frames > 20) {
      return;
    }
    switch (frame.op) {
      case "event":
        this.event(frame);
        break;
      case "reply":
        this.reply(frame);
        break;
      case "ready":
        this.begin(frame);
        break;
      case "reset":
        this.reset(frame);
        break;
      case "reconnect":
        measures.drained.add(1, this.tags);
        this.leave(frame.after_ms, "drain");
        break;
      default:
        console.warn(`native: no such op: ${text.slice(0, 200)}`);
    }
  }

  begin(ready) {
    this.epoch = ready.epoch;
    this.replaying.clear();
    this.dense.clear();
    for (const room of ready.rooms) {
      const known = this.positions.get(room.id);
      if (known === undefined || SABOTAGE === "no-resume") {
        this.positions.set(room.id, room.seq);
        this.dense.add(room.id);
      } else if (known < room.seq) {
        this.replaying.set(room.id, room.seq);
      }
    }
    this.up();
    if (this.replaying.size === 0) {
      this.caughtUp();
    }
    // A send without an answer goes again: its nonce makes it the same message.
    for (const [id, command] of this.commands) {
      if (command.frame.op === "send") {
        this.write(JSON.stringify(command.frame));
      } else {
        this.commands.delete(id);
        command.reject(new Problem(command.frame.op, { code: "unavailable", detail: "the socket was lost" }));
      }
    }
  }

  event(event) {
    const { room, seq } = event;
    if (this.session.isEnding() && !this.isRefreshing) {
      this.refresh();
    }
    if (event.type === "room.joined") {
      this.positions.set(event.data.id, event.data.seq);
      this.dense.add(event.data.id);
    }
    if (seq === undefined) {
      this.owner.event?.(event);
      return;
    }
    const position = this.positions.get(room);
    if (this.dense.has(room) && seq !== position + 1) {
      measures.holes.add(Math.abs(seq - position - 1), this.tags);
    }
    this.positions.set(room, seq);
    const head = this.replaying.get(room);
    if (event.type === "message.created") {
      const message = event.data;
      this.owner.message(message.content, {
        via: head === undefined ? "live" : "replay",
        mayBeLate: message.changed_seq !== message.seq,
        room,
        number: message.number,
      });
    }
    this.owner.event?.(event);
    if (head !== undefined && seq >= head) {
      this.replaying.delete(room);
      if (this.replaying.size === 0) {
        this.caughtUp();
      }
    }
  }

  /** Too much was missed: the room is read by REST, and events up to the head of that answer are known. */
  async reset({ room, seq }) {
    measures.resets.add(1, this.tags);
    this.dense.delete(room);
    this.replaying.delete(room);
    this.positions.set(room, seq);
    const missed = [];
    let before = "";
    for (;;) {
      const page = await this.session.rest.history(room, `?limit=100${before}`);
      missed.push(...page.items);
      if (page.next === null || page.items.length === 0) {
        break;
      }
      before = `&before=${page.items.at(-1).number}`;
    }
    for (const message of missed.reverse()) {
      this.owner.recall(message.content);
    }
    this.caughtUp();
  }

  verdict(code) {
    return {
      // Of a node that goes away, when the client was too slow to leave by itself.
      isDrain: code === 1001,
      isFinal: FINAL.has(code),
      renew: code === 4002,
      delayMs: code === 4008 ? 60_000 : undefined,
    };
  }

  /** One command; gives `ok` of its reply. */
  command(op, fields) {
    const id = this.nextId;
    this.nextId += 1;
    const frame = { op, id, ...fields };
    return new Promise((resolve, reject) => {
      this.commands.set(id, { frame, resolve, reject });
      // Where there is no socket, `begin` sends it.
      if (this.isUp) {
        this.write(JSON.stringify(frame));
      }
    });
  }

  /** A command that nobody waits for, such as typing. */
  tell(op, fields) {
    this.write(JSON.stringify({ op, ...fields }));
  }

  reply({ id, ok, error }) {
    const command = this.commands.get(id);
    if (command === undefined) {
      // Of a frame that nobody waits for.
      return;
    }
    this.commands.delete(id);
    if (error === undefined) {
      command.resolve(ok);
    } else {
      command.reject(new Problem(command.frame.op, error));
    }
  }

  /** Sends until it is stored, and gives the message; `nonce` makes every attempt the same one. */
  async send(room, content, nonce) {
    for (;;) {
      try {
        return (await this.command("send", { room: room.id, content, nonce })).message;
      } catch (problem) {
        measures.refusedSends.add(1, { ...this.tags, code: problem.code });
        if (problem.code !== "unavailable" && problem.code !== "rate_limited") {
          throw problem;
        }
        await sleep(problem.retryAfterMs ?? 500);
      }
    }
  }

  /** A new token for a socket that goes on. */
  async refresh() {
    this.isRefreshing = true;
    try {
      await this.session.renew();
      await this.command("auth", { token: this.session.token });
    } catch (error) {
      // Where nothing helps, the server closes with 4002, and the next socket begins with a new token.
      console.warn(error.message);
    }
    this.isRefreshing = false;
  }
}
