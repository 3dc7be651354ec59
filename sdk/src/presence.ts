import type { Client } from "./client.js";
import type { Connection } from "./connection.js";
import { type Unsubscribe, Watchable } from "./emitter.js";

/** Whether somebody is there. */
export interface PresenceState {
  readonly online: boolean;
  /** When their last socket closed, RFC 3339; `null` while online or where it is not known. */
  readonly lastSeen: string | null;
}

/** By user id; those of whom nothing is known are left out. */
export type PresenceSnapshot = ReadonlyMap<number, PresenceState>;

/** Watched users, where the server did not say. */
const DEFAULT_LIMIT = 200;

const ONLINE: PresenceState = { online: true, lastSeen: null };

/**
 * Who of the watched users is online, as a value to watch. The server takes one list for each connection; this joins
 * the wishes of all parts of a program, and tells them again after each reconnect.
 */
export class PresenceList extends Watchable<PresenceSnapshot> {
  readonly #client: Client;
  readonly #connection: Connection;
  /** How many ask for a user; in the order in which they were first asked for. */
  readonly #wishes = new Map<number, number>();
  #isDue = false;

  /** @internal */
  constructor(client: Client, connection: Connection) {
    super(new Map());
    this.#client = client;
    this.#connection = connection;
    client.on("presence", ({ data }) => {
      this.#set([[data.user, { online: data.online, lastSeen: data.last_seen }]]);
    });
    client.on("signed-out", () => this.publish(new Map()));
  }

  /** What is known of a user. */
  of(user: number): PresenceState | undefined {
    return this.getSnapshot().get(user);
  }

  /**
   * Watches users until the answer is called. Beyond the server's limit (200 at once) the latest wishes count. Users
   * with whom one shares no room are never told of.
   */
  watch(users: Iterable<number>): Unsubscribe {
    const wished = [...new Set(users)];
    for (const user of wished) {
      const count = this.#wishes.get(user) ?? 0;
      // To the end: the latest wishes count.
      this.#wishes.delete(user);
      this.#wishes.set(user, count + 1);
    }
    this.#later();
    let isOver = false;
    return () => {
      if (isOver) {
        return;
      }
      isOver = true;
      for (const user of wished) {
        const count = this.#wishes.get(user) ?? 0;
        if (count > 1) {
          this.#wishes.set(user, count - 1);
        } else {
          this.#wishes.delete(user);
        }
      }
      this.#later();
    };
  }

  /** A new connection knows of no wishes. @internal */
  renew(): void {
    if (this.#wishes.size > 0) {
      this.#later();
    }
  }

  /** Once for all that is wished in one go. */
  #later(): void {
    if (!this.#isDue) {
      this.#isDue = true;
      queueMicrotask(() => {
        this.#isDue = false;
        void this.#tell();
      });
    }
  }

  async #tell(): Promise<void> {
    if (!this.#connection.isOnline) {
      return;
    }
    const limit = this.#connection.limits?.watched ?? DEFAULT_LIMIT;
    const users = [...this.#wishes.keys()].slice(-limit);
    try {
      const { online } = await this.#connection.command("watch", { users });
      const isOnline = new Set(online);
      const told = (user: number): PresenceState =>
        isOnline.has(user) ? ONLINE : { online: false, lastSeen: this.of(user)?.lastSeen ?? null };
      this.#set(users.map((user) => [user, told(user)]));
      const away = users.filter((user) => !isOnline.has(user));
      if (away.length > 0) {
        const { last_seen } = await this.#client.rest.presence(away);
        const stillAway = away.filter((user) => !this.of(user)?.online);
        this.#set(stillAway.map((user) => [user, { online: false, lastSeen: last_seen[user] ?? null }]));
      }
    } catch {
      // The next connection tells it anew.
    }
  }

  #set(changes: [number, PresenceState][]): void {
    if (changes.length > 0) {
      this.publish(new Map([...this.getSnapshot(), ...changes]));
    }
  }
}
