import { ConnectionError, ProblemError, TimeoutError } from "./errors.js";
import type { CommandFrame, components, ReplyFrame } from "./generated/socket.js";
import type { Link } from "./link.js";

/** A command's name. */
export type Op = Exclude<CommandFrame["op"], "hello">;
/** What a command carries besides `op` and `id`. */
export type Fields<Name extends Op> = Omit<Extract<CommandFrame, { op: Name }>, "op" | "id">;

interface Oks {
  send: components["schemas"]["ReplyMessageFrame"]["ok"];
  edit: components["schemas"]["ReplyMessageFrame"]["ok"];
  delete: components["schemas"]["ReplySeqFrame"]["ok"];
  react: components["schemas"]["ReplySeqFrame"]["ok"];
  unreact: components["schemas"]["ReplySeqFrame"]["ok"];
  read: components["schemas"]["ReplyReadFrame"]["ok"];
  watch: components["schemas"]["ReplyOnlineFrame"]["ok"];
  typing: components["schemas"]["ReplyEmptyFrame"]["ok"];
  auth: components["schemas"]["ReplyEmptyFrame"]["ok"];
  ping: components["schemas"]["ReplyEmptyFrame"]["ok"];
}

/** What a command is answered. */
export type Ok<Name extends Op> = Oks[Name];

interface Waiting {
  link: Link;
  resolve(ok: never): void;
  reject(error: unknown): void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Commands under way, each until its reply, its time or its socket ends.
 *
 * @internal
 */
export class Commands {
  #nextId = 1;
  readonly #waiting = new Map<number, Waiting>();

  /**
   * Sends a command and waits for its reply.
   *
   * @param maxBytes - longest frame that the server takes
   * @throws ConnectionError - the socket closed before the reply
   * @throws TimeoutError - no reply in time
   * @throws ProblemError - refused
   */
  send<Name extends Op>(
    link: Link,
    op: Name,
    fields: Fields<Name>,
    timeoutMs: number,
    maxBytes: number,
  ): Promise<Ok<Name>> {
    const id = this.#nextId;
    this.#nextId += 1;
    const frame = JSON.stringify({ op, id, ...fields });
    // The server would close the socket, for good.
    if (frame.length * 3 > maxBytes && new TextEncoder().encode(frame).length > maxBytes) {
      return Promise.reject(new ProblemError({ code: "too_large", detail: `more than ${maxBytes} bytes` }));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new TimeoutError(`no reply to ${op} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { link, resolve, reject, timer });
      link.send(frame);
    });
  }

  /** Gives a reply to the command that waits for it; late ones to nobody. */
  reply(frame: ReplyFrame): void {
    const waiting = typeof frame.id === "number" ? this.#waiting.get(frame.id) : undefined;
    if (!waiting) {
      return;
    }
    this.#waiting.delete(frame.id as number);
    clearTimeout(waiting.timer);
    if ("error" in frame) {
      const { code, detail, errors, retry_after_ms } = frame.error;
      waiting.reject(new ProblemError({ code, detail, errors, retryAfterMs: retry_after_ms ?? undefined }));
    } else {
      waiting.resolve(frame.ok as never);
    }
  }

  /** Rejects those that went out on this socket. */
  abandon(link: Link): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.link === link) {
        this.#waiting.delete(id);
        clearTimeout(waiting.timer);
        waiting.reject(new ConnectionError("the socket closed before the reply"));
      }
    }
  }
}
