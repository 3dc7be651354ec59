import type { Message } from "./types.js";

/** Newer messages kept while one looks at the past. */
const MAX_AHEAD = 1_000;

/**
 * Messages of a room by ascending number, without holes, and those that came before their place in it was reached.
 *
 * @internal
 */
export class MessageWindow {
  #messages: Message[] = [];
  readonly #byId = new Map<number, Message>();
  /** Newer than the window, by number: not adjacent to it, or not yet. */
  readonly #ahead = new Map<number, Message>();

  /** By ascending number, dense. */
  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Newer ones with a hole before them, as they came. */
  get ahead(): Iterable<Message> {
    return this.#ahead.values();
  }

  get hasAhead(): boolean {
    return this.#ahead.size > 0;
  }

  /** The newest number; 0 where there is none. */
  get newestNumber(): number {
    return this.#messages.at(-1)?.number ?? 0;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  get(id: number): Message | undefined {
    return this.#byId.get(id);
  }

  /** What is known of a message, in the window or ahead of it. */
  known({ id, number }: Message): Message | undefined {
    const known = this.#byId.get(id) ?? this.#ahead.get(number);
    return known?.id === id ? known : undefined;
  }

  /** Has these messages and nothing else, save what an event told newer while they were on their way. */
  show(messages: readonly Message[]): void {
    const shown = messages.map((message) => {
      const known = this.known(message);
      return known && known.changed_seq > message.changed_seq ? known : message;
    });
    this.clear();
    this.insert(shown, "back");
  }

  /** Adds a page at one end. */
  insert(messages: readonly Message[], end: "front" | "back"): void {
    const fresh = messages.filter((message) => !this.#byId.has(message.id));
    for (const message of messages) {
      this.replace(message);
    }
    for (const message of fresh) {
      this.#byId.set(message.id, message);
    }
    this.#messages = end === "front" ? [...fresh, ...this.#messages] : [...this.#messages, ...fresh];
  }

  /** Keeps a message beyond the newest one until its place is reached. */
  keep(message: Message): void {
    this.#ahead.set(message.number, message);
    if (this.#ahead.size > MAX_AHEAD) {
      // Never at the end while one looks at the past: they are loaded when one comes there.
      this.#ahead.delete(Math.min(...this.#ahead.keys()));
    }
  }

  /** Takes in what is adjacent. Answers which those are, and whether nothing is left ahead and something was. */
  catchUp(): { fresh: readonly Message[]; hasMet: boolean } {
    const had = this.hasAhead;
    const fresh: Message[] = [];
    let next = this.newestNumber + 1;
    for (let message = this.#ahead.get(next); message; message = this.#ahead.get(next)) {
      fresh.push(message);
      next += 1;
    }
    if (fresh.length > 0) {
      this.insert(fresh, "back");
    }
    for (const number of this.#ahead.keys()) {
      if (number < next) {
        this.#ahead.delete(number);
      }
    }
    return { fresh, hasMet: had && !this.hasAhead };
  }

  /** Puts a message in place of what is known of it; nothing if that is newer, or the window does not have it. */
  replace(message: Message): void {
    const before = this.#byId.get(message.id);
    if (before && before.changed_seq <= message.changed_seq) {
      this.#byId.set(message.id, message);
      const index = message.number - (this.#messages[0]?.number ?? 0);
      // Numbers are dense.
      if (this.#messages[index]?.id === message.id) {
        this.#messages[index] = message;
      } else {
        this.#messages = this.#messages.map((one) => (one.id === message.id ? message : one));
      }
    }
  }

  /** Forgets the window, not what is ahead of it. */
  clear(): void {
    this.#messages = [];
    this.#byId.clear();
  }

  clearAhead(): void {
    this.#ahead.clear();
  }
}
