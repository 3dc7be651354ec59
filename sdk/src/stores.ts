/**
 * What is kept over restarts, and shared among tabs: the sign-in and the messages not yet sent. Each store is an
 * interface with an implementation for memory and one for browsers.
 *
 * @module
 */

import type { Unsubscribe } from "./emitter.js";
import type { Attachment, OwnUser } from "./types.js";

/** Who is signed in, and by what. */
export interface StoredSession {
  access_token: string;
  refresh_token: string;
  /** When the access token expires, in milliseconds since 1970 by the local clock. */
  expires_at: number;
  user: OwnUser;
}

/**
 * Keeps the sign-in. All clients that share one sign-in (the tabs of a browser) must share one store, since a refresh
 * token can be used only once.
 */
export interface TokenStore {
  load(): StoredSession | null | Promise<StoredSession | null>;
  /** Must be durable when it returns: the old refresh token is of no use any more. `null` forgets. */
  save(session: StoredSession | null): void | Promise<void>;
  /** Runs `work` while no other holder of the store runs its own. Without it, only this client is considered. */
  lock?<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Calls back when another holder saved something. */
  subscribe?(changed: () => void): Unsubscribe;
}

/** A message that was not acknowledged yet. */
export interface OutgoingMessage {
  /** Names it for good: the server makes one message of it, however often it is sent. */
  nonce: string;
  room: number;
  content: string;
  reply_to: number | null;
  /** Uploaded before. */
  attachments: Attachment[];
  /** When the user pressed *send*; RFC 3339, by the local clock. */
  created_at: string;
  /** `pending`: will be sent as soon as possible. `failed`: the server refused; see `error`. */
  state: "pending" | "failed";
  /** Why it failed. */
  error: { code: string; detail: string } | null;
  /** Messages of one user are sent in ascending order. */
  order: number;
}

/** Keeps unsent messages over restarts, each user's apart. */
export interface OutboxStore {
  load(user: number): OutgoingMessage[] | Promise<OutgoingMessage[]>;
  /** Adds, or replaces by `nonce`. */
  put(user: number, message: OutgoingMessage): void | Promise<void>;
  remove(user: number, nonce: string): void | Promise<void>;
  /** Forgets all of the user's: they signed out. */
  clear(user: number): void | Promise<void>;
}

/** Keeps the sign-in as long as the process lives. */
export class MemoryTokenStore implements TokenStore {
  #session: StoredSession | null;

  /** @param session - who is signed in from the start */
  constructor(session: StoredSession | null = null) {
    this.#session = session;
  }

  load(): StoredSession | null {
    return this.#session;
  }

  save(session: StoredSession | null): void {
    this.#session = session;
  }
}

/** Keeps unsent messages as long as the process lives. */
export class MemoryOutboxStore implements OutboxStore {
  readonly #users = new Map<number, Map<string, OutgoingMessage>>();

  load(user: number): OutgoingMessage[] {
    return [...(this.#users.get(user)?.values() ?? [])];
  }

  put(user: number, message: OutgoingMessage): void {
    const messages = this.#users.get(user) ?? new Map<string, OutgoingMessage>();
    messages.set(message.nonce, message);
    this.#users.set(user, messages);
  }

  remove(user: number, nonce: string): void {
    this.#users.get(user)?.delete(nonce);
  }

  clear(user: number): void {
    this.#users.delete(user);
  }
}

/**
 * Keeps the sign-in in `localStorage`, for all tabs. Where the browser has `navigator.locks`, one tab at a time
 * refreshes.
 */
export class BrowserTokenStore implements TokenStore {
  readonly #key: string;
  readonly #storage: Storage;

  /**
   * @param prefix - of the keys; one for each server that is used from one origin
   * @param storage - `sessionStorage` for a sign-in that ends with the tab
   */
  constructor(prefix = "chapar", storage: Storage = localStorage) {
    this.#key = `${prefix}:session`;
    this.#storage = storage;
  }

  load(): StoredSession | null {
    return parse<StoredSession>(this.#storage.getItem(this.#key));
  }

  save(session: StoredSession | null): void {
    if (session) {
      this.#storage.setItem(this.#key, JSON.stringify(session));
    } else {
      this.#storage.removeItem(this.#key);
    }
  }

  async lock<Result>(work: () => Promise<Result>): Promise<Result> {
    // Absent on pages that are not secure (http on another host than localhost). Then the server's own rule helps: a
    // token shown twice within 10 seconds gives the same successor.
    const locks = globalThis.navigator?.locks as LockManager | undefined;
    return locks ? await locks.request(this.#key, work) : await work();
  }

  subscribe(changed: () => void): Unsubscribe {
    const listener = (event: StorageEvent) => {
      // `null`: everything was cleared.
      if (event.storageArea === this.#storage && (event.key === this.#key || event.key === null)) {
        changed();
      }
    };
    addEventListener("storage", listener);
    return () => removeEventListener("storage", listener);
  }
}

/**
 * Keeps unsent messages in `localStorage`. A tab that is opened takes over what stands there, even if another tab is
 * at it: both may send, the nonce makes it one message.
 */
export class BrowserOutboxStore implements OutboxStore {
  readonly #prefix: string;
  readonly #storage: Storage;

  /** @param prefix - of the keys, as for {@link BrowserTokenStore} */
  constructor(prefix = "chapar", storage: Storage = localStorage) {
    this.#prefix = `${prefix}:outbox:`;
    this.#storage = storage;
  }

  load(user: number): OutgoingMessage[] {
    return this.#keys(user)
      .map((key) => parse<OutgoingMessage>(this.#storage.getItem(key)))
      .filter((message) => message !== null);
  }

  put(user: number, message: OutgoingMessage): void {
    // One key for each message, so that tabs do not overwrite each other's.
    this.#storage.setItem(this.#key(user, message.nonce), JSON.stringify(message));
  }

  remove(user: number, nonce: string): void {
    this.#storage.removeItem(this.#key(user, nonce));
  }

  clear(user: number): void {
    for (const key of this.#keys(user)) {
      this.#storage.removeItem(key);
    }
  }

  #key(user: number, nonce: string): string {
    return `${this.#prefix}${user}:${nonce}`;
  }

  #keys(user: number): string[] {
    const prefix = this.#key(user, "");
    const keys = Array.from({ length: this.#storage.length }, (_, index) => this.#storage.key(index) ?? "");
    return keys.filter((key) => key.startsWith(prefix));
  }
}

function parse<Value>(text: string | null): Value | null {
  try {
    return text === null ? null : (JSON.parse(text) as Value);
  } catch {
    return null;
  }
}
