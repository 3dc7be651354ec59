import type { Connection } from "./connection.js";
import { Watchable } from "./emitter.js";
import { ChaparError, ConnectionError, isTemporary, ProblemError } from "./errors.js";
import type { OutboxStore, OutgoingMessage } from "./stores.js";
import { backoff, pause } from "./timing.js";
import type { Attachment, Message } from "./types.js";

/** What to send. */
export interface Draft {
  /** May be empty with attachments. */
  content: string;
  /** The id of a message of the same room. */
  replyTo?: number | null | undefined;
  /** Uploaded before, by {@link Rest.upload}. */
  attachments?: readonly Attachment[] | undefined;
}

/** After so many failures of the server's own a message is given back to the user. */
const MAX_INTERNAL = 5;

interface Entry {
  message: OutgoingMessage;
  /** Settles the promise of {@link Outbox.send}. */
  resolve?(message: Message): void;
  reject?(error: unknown): void;
}

/**
 * Messages that are not acknowledged yet, oldest first, as a value to watch. Each is kept with its nonce until the
 * server has it, so however often it is sent there is one message. In one room one is under way at a time, so they
 * arrive in the order in which they were written.
 */
export class Outbox extends Watchable<readonly OutgoingMessage[]> {
  readonly #connection: Connection;
  readonly #store: OutboxStore;
  readonly #onSent: (message: Message, outgoing: OutgoingMessage) => void;
  #user: number | null = null;
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<number>();
  #order = 0;
  /** Ends the pauses between attempts. */
  #stop = new AbortController();

  /** @internal */
  constructor(
    connection: Connection,
    store: OutboxStore,
    onSent: (message: Message, outgoing: OutgoingMessage) => void,
  ) {
    super([]);
    this.#connection = connection;
    this.#store = store;
    this.#onSent = onSent;
  }

  /**
   * Puts a message into the outbox. It is sent as soon as the connection allows, again if need be, also after a
   * restart where the store outlives it.
   *
   * @returns the message once the server has it. Rejected with what the server said if it refused, and with a
   * {@link SignedOutError} or {@link DiscardedError} if it was given up. Need not be waited for: a rejection that
   * nobody looks at is not reported as unhandled.
   */
  send(room: number, draft: Draft): Promise<Message> {
    this.#order = Math.max(this.#order + 1, Date.now());
    const message: OutgoingMessage = {
      nonce: nonce(),
      room,
      content: draft.content,
      reply_to: draft.replyTo ?? null,
      attachments: [...(draft.attachments ?? [])],
      created_at: new Date().toISOString(),
      state: "pending",
      error: null,
      order: this.#order,
    };
    const sent = new Promise<Message>((resolve, reject) => {
      this.#entries.set(message.nonce, { message, resolve, reject });
    });
    sent.catch(() => {});
    this.#publish();
    void this.#keep(message).then(() => this.#run(room));
    return sent;
  }

  /** Tries a failed message again, as the newest one. */
  retry(nonceOfFailed: string): void {
    const entry = this.#entries.get(nonceOfFailed);
    if (entry?.message.state === "failed") {
      this.#order = Math.max(this.#order + 1, Date.now());
      let { message } = entry;
      if (message.error?.code === "nonce_conflict") {
        this.#entries.delete(message.nonce);
        void this.#forget(message);
        message = { ...message, nonce: nonce() };
      }
      message = { ...message, state: "pending", error: null, order: this.#order };
      // The promise was rejected already.
      this.#entries.delete(message.nonce);
      this.#entries.set(message.nonce, { message });
      this.#publish();
      void this.#keep(message).then(() => this.#run(message.room));
    }
  }

  /** Gives a message up. One that is under way may have reached the server: then its event comes all the same. */
  discard(nonceOfOne: string): void {
    const entry = this.#entries.get(nonceOfOne);
    if (entry) {
      this.#remove(entry);
      entry.reject?.(new DiscardedError("the message was discarded"));
    }
  }

  /** Somebody signed in: takes over what an earlier visit left. @internal */
  async begin(user: number): Promise<void> {
    this.#user = user;
    let stored: OutgoingMessage[] = [];
    try {
      stored = await this.#store.load(user);
    } catch {
      // What cannot be read cannot be sent.
    }
    if (this.#user !== user) {
      return;
    }
    for (const message of stored.sort((one, other) => one.order - other.order)) {
      if (!this.#entries.has(message.nonce)) {
        this.#entries.set(message.nonce, { message });
        this.#order = Math.max(this.#order, message.order);
      }
    }
    this.#publish();
    this.flush();
  }

  /** They signed out. @internal */
  end(error: Error, isForgotten: boolean): void {
    const user = this.#user;
    this.#user = null;
    this.#stop.abort();
    this.#stop = new AbortController();
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    this.#publish();
    for (const entry of entries) {
      entry.reject?.(error);
    }
    if (user !== null && isForgotten) {
      void this.#tryStore(() => this.#store.clear(user));
    }
  }

  /** Sends what waits: the connection is there. @internal */
  flush(): void {
    for (const { message } of this.#entries.values()) {
      void this.#run(message.room);
    }
  }

  /** A message of one's own came, by reply or by event. @internal */
  acknowledge(message: Message): void {
    const entry = message.nonce === null ? undefined : this.#entries.get(message.nonce);
    if (entry && entry.message.room === message.room) {
      // Told before it leaves the list, so that a view can show the one in place of the other.
      this.#entries.delete(entry.message.nonce);
      this.#onSent(message, entry.message);
      this.#remove(entry);
      entry.resolve?.(message);
    }
  }

  /** Sends a room's messages one after the other, until there is none or no connection. */
  async #run(room: number): Promise<void> {
    if (this.#running.has(room)) {
      return;
    }
    this.#running.add(room);
    try {
      let failures = 0;
      let entry = this.#first(room);
      while (entry && this.#connection.isOnline) {
        const { message } = entry;
        try {
          const { message: sent } = await this.#connection.command("send", {
            room,
            content: message.content,
            nonce: message.nonce,
            reply_to: message.reply_to,
            attachments: message.attachments.map(({ id }) => id),
          });
          failures = 0;
          this.acknowledge(sent);
        } catch (error) {
          const isInternal = error instanceof ProblemError && error.code === "internal";
          failures += 1;
          if (error instanceof ConnectionError) {
            // Goes on at once if another socket is there already, else when there is one.
          } else if (SESSION_CODES.has((error as ProblemError).code)) {
            // The server closes the socket; the message goes over the next one.
            await this.#wait(backoff(failures));
          } else if (isTemporary(error) && !(isInternal && failures >= MAX_INTERNAL)) {
            await this.#wait((error instanceof ProblemError && error.retryAfterMs) || backoff(failures - 1));
          } else {
            failures = 0;
            this.#fail(message.nonce, error);
          }
        }
        entry = this.#first(room);
      }
    } finally {
      this.#running.delete(room);
    }
  }

  #first(room: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#entries.values()) {
      const { message } = entry;
      if (message.room === room && message.state === "pending" && message.order < (first?.message.order ?? Infinity)) {
        first = entry;
      }
    }
    return first;
  }

  #fail(nonceOfFailed: string, error: unknown): void {
    const entry = this.#entries.get(nonceOfFailed);
    // It may have been discarded, or acknowledged by its event.
    if (entry) {
      const { code, detail } = error instanceof ProblemError ? error : { code: "internal", detail: String(error) };
      entry.message = { ...entry.message, state: "failed", error: { code, detail } };
      entry.reject?.(error);
      this.#publish();
      void this.#keep(entry.message);
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.message.nonce);
    this.#publish();
    void this.#forget(entry.message);
  }

  async #keep(message: OutgoingMessage): Promise<void> {
    const user = this.#user;
    if (user !== null) {
      await this.#tryStore(() => this.#store.put(user, message));
      // It went while it was being stored.
      if (!this.#entries.has(message.nonce)) {
        await this.#forget(message);
      }
    }
  }

  async #forget(message: OutgoingMessage): Promise<void> {
    const user = this.#user;
    if (user !== null) {
      await this.#tryStore(() => this.#store.remove(user, message.nonce));
    }
  }

  /** A full or forbidden store costs what it is for, not the sending. */
  async #tryStore(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch {
      // See above.
    }
  }

  async #wait(ms: number): Promise<void> {
    await pause(ms, this.#stop.signal).catch(() => {});
  }

  #publish(): void {
    const messages = [...this.#entries.values()].map(({ message }) => message);
    this.publish(messages.sort((one, other) => one.order - other.order));
  }
}

/** A message was taken out of the outbox before it was sent. */
export class DiscardedError extends ChaparError {
  override name = "DiscardedError";
}

/** Codes that say something about the socket's sign-in and nothing about the message. */
const SESSION_CODES: ReadonlySet<string> = new Set(["unauthenticated", "token_expired", "session_revoked"]);

/** 48 bits of time in milliseconds, so that the server's index of nonces grows at its end, and 80 random ones. */
function nonce(): string {
  const time = Date.now().toString(16).padStart(12, "0");
  // Not `randomUUID`, which pages that are not secure lack.
  const bytes = [...crypto.getRandomValues(new Uint8Array(10))];
  return time + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
