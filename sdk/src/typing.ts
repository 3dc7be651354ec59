import type { Client } from "./client.js";
import type { Connection } from "./connection.js";
import { type Unsubscribe, Watchable } from "./emitter.js";

/** Ids of the users that type, in the order in which they began, by room. Rooms where nobody does are left out. */
export type TypingSnapshot = ReadonlyMap<number, readonly number[]>;

/** How long a word of typing is good, in milliseconds. */
const FORGOTTEN_MS = 10_000;
/** How often it is repeated, in milliseconds. */
const REPEAT_MS = 4_000;
/** How long after the last key typing is taken to be over, in milliseconds. */
const IDLE_MS = 6_000;

interface Own {
  toldAt: number;
  idle: ReturnType<typeof setTimeout>;
}

/** Who types where, as a value to watch; and telling that one types oneself. */
export class TypingList extends Watchable<TypingSnapshot> {
  readonly #connection: Connection;
  readonly #rooms = new Map<number, Map<number, ReturnType<typeof setTimeout>>>();
  readonly #own = new Map<number, Own>();
  readonly #unsubscribe: Unsubscribe[];

  /** @internal */
  constructor(client: Client, connection: Connection) {
    super(new Map());
    this.#connection = connection;
    this.#unsubscribe = [
      client.on("typing", ({ room, data }) => this.#set(room, data.user, data.typing)),
      // What somebody typed came.
      client.on("message.created", ({ room, data }) => this.#set(room, data.sender.id, false)),
      client.on("room.left", ({ data }) => this.#forget(data.id)),
      client.on("signed-out", () => this.#clear()),
      client.on("connection", ({ status }) => {
        if (status !== "online") {
          this.#clear();
        }
      }),
    ];
  }

  /** Who types in a room: ids, in the order in which they began. */
  in(room: number): readonly number[] {
    return this.getSnapshot().get(room) ?? [];
  }

  /** To be called at each key. Tells the room now and then, and that it is over after a while without a call. */
  notify(room: number): void {
    const own = this.#own.get(room);
    clearTimeout(own?.idle);
    const idle = setTimeout(() => this.stop(room), IDLE_MS);
    if (own && Date.now() - own.toldAt < REPEAT_MS) {
      own.idle = idle;
    } else {
      this.#own.set(room, { toldAt: Date.now(), idle });
      this.#connection.tell("typing", { room, typing: true });
    }
  }

  /** To be called when what was typed was sent or thrown away. */
  stop(room: number): void {
    const own = this.#own.get(room);
    if (own) {
      clearTimeout(own.idle);
      this.#own.delete(room);
      this.#connection.tell("typing", { room, typing: false });
    }
  }

  /** @internal */
  close(): void {
    this.#clear();
    for (const stop of this.#unsubscribe) {
      stop();
    }
  }

  #set(room: number, user: number, isTyping: boolean): void {
    const users = this.#rooms.get(room) ?? new Map<number, ReturnType<typeof setTimeout>>();
    const isKnown = users.has(user);
    clearTimeout(users.get(user));
    if (isTyping) {
      users.set(
        user,
        setTimeout(() => this.#set(room, user, false), FORGOTTEN_MS),
      );
      this.#rooms.set(room, users);
    } else {
      users.delete(user);
    }
    if (isKnown !== isTyping) {
      this.#publish();
    }
  }

  #forget(room: number): void {
    for (const timer of this.#rooms.get(room)?.values() ?? []) {
      clearTimeout(timer);
    }
    if (this.#rooms.delete(room)) {
      this.#publish();
    }
  }

  #clear(): void {
    for (const room of [...this.#rooms.keys()]) {
      this.#forget(room);
    }
    for (const { idle } of this.#own.values()) {
      clearTimeout(idle);
    }
    this.#own.clear();
  }

  #publish(): void {
    const rooms = [...this.#rooms].filter(([, users]) => users.size > 0);
    this.publish(new Map(rooms.map(([room, users]) => [room, [...users.keys()]])));
  }
}
