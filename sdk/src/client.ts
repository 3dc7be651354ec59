import { Auth, type SignOutReason } from "./auth.js";
import type { Fields, Ok, Op } from "./commands.js";
import { Connection, type ConnectionState } from "./connection.js";
import { Emitter, type Unsubscribe } from "./emitter.js";
import { ConnectionError, isTemporary, ProblemError, SignedOutError, TimeoutError } from "./errors.js";
import { Feed, type ResumePoint, type RoomReset } from "./feed.js";
import { Http } from "./http.js";
import type { WebSocketConstructor } from "./link.js";
import { type Draft, Outbox } from "./outbox.js";
import { PresenceList } from "./presence.js";
import { Rest } from "./rest.js";
import { RoomList } from "./room-list.js";
import {
  MemoryOutboxStore,
  MemoryTokenStore,
  type OutboxStore,
  type OutgoingMessage,
  type TokenStore,
} from "./stores.js";
import { RoomTimeline, type TimelineOptions } from "./timeline.js";
import { backoff, pause } from "./timing.js";
import type {
  ChatEvent,
  ChatEventOf,
  ChatEventType,
  Credentials,
  Limits,
  Message,
  OwnUser,
  Ready,
  Registration,
} from "./types.js";
import { TypingList } from "./typing.js";

/** How a {@link Client} is made. */
export interface ClientOptions {
  /** The server's address, such as `https://chat.example`; where the page came from by default. */
  url?: string | URL | undefined;
  /** Keeps the sign-in; in memory by default. Browsers: {@link BrowserTokenStore}. */
  tokens?: TokenStore | undefined;
  /** Keeps unsent messages; in memory by default. Browsers: {@link BrowserOutboxStore}. */
  outbox?: OutboxStore | undefined;
  /** Instead of the global `WebSocket`, which Node lacks before version 22: that of the `ws` package fits. */
  WebSocket?: WebSocketConstructor | undefined;
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch | undefined;
  /** For the texts of errors: `en` or `fa`. The browser's or the server's own choice by default. */
  language?: string | undefined;
  /** Where an earlier run of the program stopped: see {@link Client.resumePoint}. */
  resume?: ResumePoint | undefined;
  /** Longest wait for the answer to a request, in milliseconds; 30 s by default. */
  requestTimeoutMs?: number | undefined;
  /** Longest wait for the reply to a command, in milliseconds; 15 s by default. */
  commandTimeoutMs?: number | undefined;
}

/** What a {@link Client} tells, besides the protocol's own events under their own names. */
export interface ClientEvents {
  /** Somebody signed in, here or in another tab. */
  "signed-in": OwnUser;
  /** The sign-in ended, here, in another tab or at the server. */
  "signed-out": SignOutReason;
  /** The connection's state changed. */
  connection: ConnectionState;
  /** A socket is there. What has no position (notifications, presence) may have changed while there was none. */
  ready: Ready;
  /** A room was loaded again, since too much of it was missed: replace what is kept of it. */
  reset: RoomReset;
  /** A message of one's own was acknowledged; its `message.created` may come before or after. */
  sent: { message: Message; outgoing: OutgoingMessage };
  /** Any event of the protocol, after those who listen by its own name. */
  event: ChatEvent;
}

/** The protocol's events by name. */
export type ProtocolEvents = { [Type in ChatEventType]: ChatEventOf<Type> };

/** How long `edit`, `react` and their like are tried, in milliseconds. */
const STEADY_MS = 30_000;

/**
 * A user's way into a Chapar server.
 *
 * Events come in the order of each room's `seq`, each once, over broken lines and changes of nodes: a message that one
 * has changed comes again, in its latest state, and replaces by `id`.
 */
export class Client extends Emitter<ClientEvents & ProtocolEvents> {
  /** Who is signed in. */
  readonly auth: Auth;
  /** Every REST call of the protocol. */
  readonly rest: Rest;
  /** One's own rooms, kept up to date once they were loaded. */
  readonly rooms: RoomList;
  /** Messages that are not acknowledged yet. */
  readonly outbox: Outbox;
  /** Who types where. */
  readonly typing: TypingList;
  /** Who is online. */
  readonly presence: PresenceList;
  readonly #http: Http;
  readonly #connection: Connection;
  readonly #feed: Feed;
  readonly #timelines = new Set<RoomTimeline>();
  readonly #unsubscribe: Unsubscribe[] = [];

  constructor(options: ClientOptions = {}) {
    super();
    const base = new URL(options.url ?? here());
    const fetcher = options.fetch ?? globalThis.fetch;
    // `fetch` wants to be called as a function of the global object's.
    this.#http = new Http(base, (...args) => fetcher(...args), options.requestTimeoutMs ?? 30_000, options.language);
    this.auth = new Auth(this.#http, options.tokens ?? new MemoryTokenStore());
    this.rest = new Rest(this.#http, this.auth);
    this.#feed = new Feed(
      this.rest,
      {
        event: (event) => this.#tell(event),
        reset: (reset) => this.#reset(reset),
        broken: () => this.#connection.restart(),
      },
      options.resume,
    );
    const socketUrl = this.#http.url("/v1/ws");
    socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
    this.#connection = new Connection({
      url: socketUrl.href,
      WebSocket: options.WebSocket ?? globalWebSocket(),
      auth: this.auth,
      commandTimeoutMs: options.commandTimeoutMs ?? 15_000,
      handler: {
        resume: () => this.#feed.resume(),
        ready: (ready, since) => this.#ready(ready, since),
        event: (event) => this.#feed.event(event),
        reset: (room, seq) => this.#feed.reset(room, seq),
        lost: () => this.#lost(),
      },
    });
    this.outbox = new Outbox(this.#connection, options.outbox ?? new MemoryOutboxStore(), (message, outgoing) => {
      this.emit("sent", { message, outgoing });
    });
    this.rooms = new RoomList(this);
    this.typing = new TypingList(this, this.#connection);
    this.presence = new PresenceList(this, this.#connection);
    this.#unsubscribe.push(
      this.#connection.subscribe(() => this.emit("connection", this.connection)),
      this.auth.on("signed-in", (user) => this.#signedIn(user)),
      this.auth.on("signed-out", (reason) => this.#signedOut(reason)),
    );
  }

  // Signing in

  /** Who is signed in, or `null`; see {@link Auth.restore} for what an earlier visit left. */
  get user(): OwnUser | null {
    return this.auth.user;
  }

  /** Makes an account and signs in. */
  register(registration: Registration): Promise<OwnUser> {
    return this.auth.register(registration);
  }

  /** Signs in by username or e-mail. */
  login(credentials: Credentials): Promise<OwnUser> {
    return this.auth.login(credentials);
  }

  /** Signs out, and forgets what was not sent. See {@link Auth.logout}. */
  logout(): Promise<void> {
    return this.auth.logout();
  }

  /** The language of texts for people: `en` or `fa`. */
  get language(): string | undefined {
    return this.#http.language;
  }

  set language(language: string | undefined) {
    this.#http.language = language;
  }

  // The connection

  /** The connection's state: see also {@link Client.watchConnection} and the event `connection`. */
  get connection(): ConnectionState {
    return this.#connection.getSnapshot();
  }

  /** The connection's state as a value to watch. */
  get watchConnection(): { subscribe(listener: () => void): Unsubscribe; getSnapshot(): ConnectionState } {
    return this.#connection;
  }

  /**
   * Connects, and stays connected until {@link Client.disconnect}: after a break, a sign-in, a suspended machine. While
   * it waits for the next attempt, a call makes the attempt at once.
   *
   * @returns when the socket is there the first time. Need not be waited for.
   * @throws ConnectionError - it stopped: see `connection.reason`
   * @throws SignedOutError - nobody is signed in
   */
  connect(): Promise<void> {
    this.#connection.connect();
    const online = new Promise<void>((resolve, reject) => {
      const check = () => {
        const { status, reason } = this.connection;
        if (status === "connecting" || status === "waiting") {
          return;
        }
        stop();
        if (status === "online") {
          resolve();
        } else {
          reject(
            reason === "signed-out"
              ? new SignedOutError("nobody is signed in")
              : new ConnectionError(reason ?? "disconnected"),
          );
        }
      };
      const stop = this.#connection.subscribe(check);
      check();
    });
    online.catch(() => {});
    return online;
  }

  /** Closes the connection. Unsent messages wait for the next one. */
  disconnect(): void {
    this.#connection.disconnect();
  }

  /** Disconnects and lets go of everything: the client is of no more use. The sign-in stays. */
  close(): void {
    for (const timeline of [...this.#timelines]) {
      timeline.close();
    }
    for (const stop of this.#unsubscribe) {
      stop();
    }
    this.#connection.close();
    this.outbox.end(new ConnectionError("the client was closed"), false);
    this.typing.close();
    this.auth.close();
  }

  /** What the server accepts; `null` before the first `ready`. */
  get limits(): Limits | null {
    return this.#connection.limits;
  }

  /** From where a later run of the program can go on without missing anything: {@link ClientOptions.resume}. */
  get resumePoint(): ResumePoint {
    return this.#feed.resume();
  }

  // Commands

  /**
   * Sends a message by way of the {@link Client.outbox}: also while not connected, never twice, in order.
   *
   * @returns the message once the server has it; see {@link Outbox.send}
   */
  send(room: number, draft: string | Draft): Promise<Message> {
    return this.outbox.send(room, typeof draft === "string" ? { content: draft } : draft);
  }

  /** Gives one's own message new text. Tried again over broken lines, for half a minute; so are those that follow. */
  async edit(room: number, message: number, content: string): Promise<Message> {
    return (await this.#steadily("edit", { room, message, content })).message;
  }

  /** Deletes a message: one's own, or as admin or owner. */
  async delete(room: number, message: number): Promise<void> {
    await this.#steadily("delete", { room, message });
  }

  /** Reacts to a message. */
  async react(room: number, message: number, emoji: string): Promise<void> {
    await this.#steadily("react", { room, message, emoji });
  }

  /** Takes a reaction back. */
  async unreact(room: number, message: number, emoji: string): Promise<void> {
    await this.#steadily("unreact", { room, message, emoji });
  }

  /** Moves one's read mark forward. Answers where it is now. */
  async read(room: number, number: number): Promise<number> {
    return (await this.#steadily("read", { room, number })).read_number;
  }

  /**
   * Sends any command, once.
   *
   * @throws ConnectionError - not online, or the socket closed before the reply
   * @throws TimeoutError - no reply in time
   * @throws ProblemError - refused
   */
  command<Name extends Op>(op: Name, fields: Fields<Name>): Promise<Ok<Name>> {
    return this.#connection.command(op, fields);
  }

  /** A view of one room's messages. Close it when it is not looked at any more. */
  timeline(room: number, options: TimelineOptions = {}): RoomTimeline {
    const timeline = new RoomTimeline(this, this.#feed, room, options, () => this.#timelines.delete(timeline));
    this.#timelines.add(timeline);
    return timeline;
  }

  #ready(ready: Ready, since: Readonly<Record<string, number>>): void {
    this.#feed.ready(ready, since);
    void this.auth.updateUser(ready.user);
    this.emit("ready", ready);
    // After the frame was dealt with, when the connection says that it is online.
    queueMicrotask(() => {
      this.presence.renew();
      this.outbox.flush();
    });
  }

  #tell(event: ChatEvent): void {
    if (event.type === "message.created" && event.data.sender.id === this.user?.id) {
      this.outbox.acknowledge(event.data);
    }
    this.emit(event.type, event as never);
    this.emit("event", event);
  }

  #reset(reset: RoomReset): void {
    for (const message of reset.history.items) {
      if (message.sender.id === this.user?.id) {
        this.outbox.acknowledge(message);
      }
    }
    this.emit("reset", reset);
  }

  #lost(): void {
    this.#feed.lost();
  }

  #signedIn(user: OwnUser): void {
    void this.outbox.begin(user.id);
    this.#connection.signIn();
    this.emit("signed-in", user);
  }

  #signedOut(reason: SignOutReason): void {
    this.#connection.signOut();
    this.#feed.clear();
    this.outbox.end(new SignedOutError("signed out"), reason === "logout");
    this.emit("signed-out", reason);
  }

  /** Sends a command that may be repeated, over one socket after the other. */
  async #steadily<Name extends Op>(op: Name, fields: Fields<Name>): Promise<Ok<Name>> {
    const deadline = Date.now() + STEADY_MS;
    for (let tried = 0; ; tried += 1) {
      try {
        return await this.#connection.command(op, fields);
      } catch (error) {
        const { status } = this.connection;
        if (!isTemporary(error) || status === "idle" || status === "stopped") {
          throw error;
        }
        const wait = (error instanceof ProblemError && error.retryAfterMs) || backoff(tried) / 4;
        if (Date.now() + wait > deadline) {
          throw error;
        }
        await (error instanceof ConnectionError ? this.#online(deadline - Date.now()) : pause(wait));
      }
    }
  }

  /** Waits until the connection is there. */
  async #online(withinMs: number): Promise<void> {
    if (this.#connection.isOnline) {
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        stop();
        reject(new TimeoutError("not connected in time"));
      }, withinMs);
      const stop = this.#connection.subscribe(() => {
        const { status } = this.connection;
        if (status === "online" || status === "idle" || status === "stopped") {
          clearTimeout(timer);
          stop();
          resolve();
        }
      });
    });
  }
}

function here(): string {
  const href = globalThis.location?.origin;
  if (!href) {
    throw new TypeError("the server's address is needed: new Client({ url })");
  }
  return href;
}

function globalWebSocket(): WebSocketConstructor {
  const socket = globalThis.WebSocket as WebSocketConstructor | undefined;
  return (
    socket ??
    (class {
      constructor() {
        throw new TypeError("there is no global WebSocket: new Client({ WebSocket }) with that of the `ws` package");
      }
    } as unknown as WebSocketConstructor)
  );
}
