import type { Auth } from "./auth.js";
import { Commands, type Fields, type Ok, type Op } from "./commands.js";
import { Watchable } from "./emitter.js";
import { ConnectionError, SignedOutError } from "./errors.js";
import type { EventFrame, ServerFrame } from "./generated/socket.js";
import { CLOSE_CODES } from "./generated/socket.js";
import { Link, type WebSocketConstructor } from "./link.js";
import { isOffline, listenToPage } from "./page.js";
import { backoff } from "./timing.js";
import type { Limits, Ready } from "./types.js";
import { Watchdog } from "./watchdog.js";

/** Why the client does not try to connect any more. */
export type StopReason =
  /** Nobody is signed in: sign in, then it connects again by itself. */
  | "signed-out"
  /** The user has as many sockets as the server allows: close another one, then call `connect` again. */
  | "too-many-connections"
  /** The server found this client's frames faulty or too large: a bug in it. */
  | "client-fault";

/** Whether events arrive, in words that may be shown to people. */
export interface ConnectionState {
  /**
   * `idle`: not asked to connect. `connecting`: at it. `online`: events arrive and commands go out. `waiting`: the line
   * broke, next attempt at `retryAt`. `stopped`: no more attempts; see `reason`.
   */
  readonly status: "idle" | "connecting" | "online" | "waiting" | "stopped";
  /** Failed attempts in a row; 0 while all is well. */
  readonly attempt: number;
  /** When the next attempt is due, in milliseconds since 1970; `null` unless `waiting`. */
  readonly retryAt: number | null;
  /** Set when `stopped`. */
  readonly reason: StopReason | null;
  /** The close code of the latest break; `null` where there was none. */
  readonly closeCode: number | null;
  /** Whether the browser says that there is no network. It may be wrong about a server nearby, so it is a hint only. */
  readonly isOffline: boolean;
}

/** What the connection tells whom it serves. */
export interface ConnectionHandler {
  /** From where to go on. */
  resume(): { epoch: string | null; since: Record<string, number> };
  /** `since` is what `hello` named. */
  ready(ready: Ready, since: Readonly<Record<string, number>>): void;
  event(event: EventFrame): void;
  reset(room: number, seq: number): void;
  /** No socket is live any more. */
  lost(): void;
}

export interface ConnectionOptions {
  url: string;
  WebSocket: WebSocketConstructor;
  auth: Auth;
  handler: ConnectionHandler;
  commandTimeoutMs: number;
}

/** Longest time from opening a socket to `ready`, in milliseconds. */
const OPENING_MS = 20_000;
/** How long before its end a token is replaced, in milliseconds. */
const RENEW_MS = 60_000;
/** After `rate_limited`, in milliseconds. */
const PENALTY_MS = 60_000;

/**
 * Keeps one socket open for as long as it is wanted; two for the moment in which a draining node's is replaced. Knows
 * what each way to end means, and nothing of rooms.
 *
 * @internal
 */
export class Connection extends Watchable<ConnectionState> {
  readonly #options: ConnectionOptions;
  #isWanted = false;
  /** The socket that is served. */
  #live: Link | null = null;
  /** The socket that is to be. */
  #opening: Link | null = null;
  /** Of the attempt in progress: what comes of an older one counts no more. */
  #generation = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  readonly #commands = new Commands();
  /** Of the live socket. */
  readonly #watchdog = new Watchdog({
    ping: () => this.tell("ping", { id: 0 } as Fields<"ping">),
    dead: () => this.restart(),
  });
  /** Whether a refused token was replaced and the new one not accepted yet. */
  #hasReplacedToken = false;
  #limits: Limits | null = null;
  readonly #stopListening: () => void;

  constructor(options: ConnectionOptions) {
    super({
      status: "idle",
      attempt: 0,
      retryAt: null,
      reason: null,
      closeCode: null,
      isOffline: isOffline(),
    });
    this.#options = options;
    this.#stopListening = listenToPage({
      online: () => {
        this.#change({ isOffline: false });
        this.#hurry();
      },
      offline: () => {
        this.#change({ isOffline: true });
        this.#probe();
      },
      shown: () => this.#hurry(),
    });
  }

  /** What the server accepts; `null` before the first `ready`. */
  get limits(): Limits | null {
    return this.#limits;
  }

  get isOnline(): boolean {
    return this.#live !== null;
  }

  /** Connects, and keeps connected. */
  connect(): void {
    const { status } = this.getSnapshot();
    this.#isWanted = true;
    if (status === "idle" || status === "stopped") {
      this.#change({ attempt: 0, reason: null, closeCode: null });
      void this.#open();
    } else if (status === "waiting") {
      void this.#open();
    }
  }

  /** Closes, and stays so. */
  disconnect(): void {
    this.#isWanted = false;
    this.#end();
    this.#change({ status: "idle", attempt: 0, retryAt: null, reason: null });
  }

  /** Closes because nobody is signed in. */
  signOut(): void {
    this.#end();
    if (this.#isWanted) {
      this.#change({ status: "stopped", reason: "signed-out", retryAt: null });
    }
  }

  /** Somebody signed in: goes on where it was stopped for that. */
  signIn(): void {
    if (this.#isWanted && this.getSnapshot().reason === "signed-out") {
      this.connect();
    }
  }

  /** Closes for good. */
  close(): void {
    this.disconnect();
    this.#stopListening();
  }

  /** Breaks the line and makes a new one, as after an error. */
  restart(): void {
    if (this.#live) {
      this.#drop(this.#live, 1006);
    }
  }

  /**
   * Sends a command and waits for its reply.
   *
   * @throws ConnectionError - not online, or the socket closed before the reply
   * @throws TimeoutError - no reply in time
   * @throws ProblemError - refused
   */
  command<Name extends Op>(
    op: Name,
    fields: Fields<Name>,
    timeoutMs = this.#options.commandTimeoutMs,
  ): Promise<Ok<Name>> {
    const link = this.#live;
    if (!link) {
      return Promise.reject(new ConnectionError("not connected"));
    }
    const limit = this.#limits?.frame_bytes ?? Number.POSITIVE_INFINITY;
    return this.#commands.send(link, op, fields, timeoutMs, limit);
  }

  /** Sends a command that needs no reply; does nothing while not online. */
  tell<Name extends Op>(op: Name, fields: Fields<Name>): void {
    this.#live?.send(JSON.stringify({ op, ...fields }));
  }

  async #open(): Promise<void> {
    clearTimeout(this.#retry);
    this.#generation += 1;
    const generation = this.#generation;
    this.#opening?.close();
    this.#opening = null;
    if (!this.#live) {
      this.#change({ status: "connecting", retryAt: null });
    }
    const { auth, handler } = this.#options;
    let token: string;
    try {
      token = await auth.accessToken(RENEW_MS);
    } catch (error) {
      if (generation === this.#generation && this.#isWanted) {
        if (error instanceof SignedOutError) {
          this.#stop("signed-out");
        } else {
          this.#later(null);
        }
      }
      return;
    }
    if (generation !== this.#generation || !this.#isWanted) {
      return;
    }
    // Read at the last moment: a socket that is being replaced moves the positions until then.
    let since: Record<string, number> = {};
    const link = new Link(this.#options.WebSocket, this.#options.url, {
      hello: () => {
        const resume = handler.resume();
        since = resume.since;
        return JSON.stringify({ op: "hello", token, epoch: resume.epoch, since });
      },
      frame: (frame) => this.#frame(link, frame, since),
      closed: (code) => this.#closed(link, code),
    });
    this.#opening = link;
    link.open(OPENING_MS);
  }

  #frame(link: Link, frame: ServerFrame, since: Record<string, number>): void {
    if (link === this.#live) {
      this.#watchdog.heard();
    }
    const { handler } = this.#options;
    switch (frame.op) {
      case "ready":
        this.#ready(link, frame, since);
        break;
      case "event":
        handler.event(frame);
        break;
      case "reply":
        this.#commands.reply(frame);
        break;
      case "reset":
        handler.reset(frame.room, frame.seq);
        break;
      case "reconnect":
        if (link === this.#live) {
          clearTimeout(this.#retry);
          this.#retry = setTimeout(() => void this.#open(), frame.after_ms);
        }
        break;
      default:
      // A word of a newer server's.
    }
  }

  #ready(link: Link, ready: Ready, since: Record<string, number>): void {
    const old = this.#live;
    this.#opening = null;
    this.#live = link;
    this.#limits = ready.limits;
    this.#hasReplacedToken = false;
    this.#watchdog.start(ready.heartbeat_s * 1000);
    this.#renewLater();
    this.#options.handler.ready(ready, since);
    this.#change({ status: "online", attempt: 0, retryAt: null, reason: null });
    if (old) {
      // Commands without a reply are repeated over the new one.
      this.#commands.abandon(old);
      old.close();
    }
  }

  /** A socket ended that was not ended by us. */
  #closed(link: Link, code: number): void {
    this.#commands.abandon(link);
    if (link === this.#live) {
      this.#live = null;
      this.#rest();
      this.#options.handler.lost();
      if (this.#opening) {
        this.#change({ status: "connecting", closeCode: code });
        return;
      }
    } else if (link === this.#opening) {
      this.#opening = null;
    } else {
      return;
    }
    if (this.#isWanted) {
      this.#after(code);
    }
  }

  /** What each close code asks for. */
  #after(code: number): void {
    const isServed = this.#live !== null;
    this.#change({ closeCode: code });
    switch (code) {
      case CLOSE_CODES.malformed:
      case CLOSE_CODES.frame_too_large:
        this.#stop("client-fault");
        break;
      case CLOSE_CODES.too_many_connections:
        // If it is the second one of ours that was too many: the first one's end makes room.
        if (!isServed) {
          this.#stop("too-many-connections");
        }
        break;
      case CLOSE_CODES.revoked:
        void this.#options.auth.forget("revoked");
        this.#stop("signed-out");
        break;
      case CLOSE_CODES.unauthenticated:
      case CLOSE_CODES.token_expired:
        void this.#replaceToken(code);
        break;
      case CLOSE_CODES.rate_limited:
        this.#later(PENALTY_MS + backoff(2));
        break;
      default:
        this.#later(null);
    }
  }

  /**
   * The token was not accepted. A new one may be: keys are changed, clocks differ, and a slow line can miss the time
   * for signing in. If that is refused too, the sign-in is of no use.
   */
  async #replaceToken(code: number): Promise<void> {
    const { auth } = this.#options;
    if (this.#hasReplacedToken) {
      if (code === CLOSE_CODES.unauthenticated) {
        await auth.forget("revoked");
        this.#stop("signed-out");
      } else {
        this.#later(null);
      }
      return;
    }
    this.#hasReplacedToken = true;
    const generation = this.#generation;
    if (!this.#live) {
      this.#change({ status: "connecting" });
    }
    try {
      await auth.replace(await auth.accessToken(0));
    } catch {
      // `#open` finds out which it is.
      this.#hasReplacedToken = false;
    }
    if (generation === this.#generation && this.#isWanted) {
      void this.#open();
    }
  }

  /** Tries again after a while: `null` for the usual one. */
  #later(ms: number | null): void {
    const { attempt } = this.getSnapshot();
    const wait = ms ?? backoff(attempt);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.#open(), wait);
    this.#change(
      this.#live ? { attempt: attempt + 1 } : { status: "waiting", attempt: attempt + 1, retryAt: Date.now() + wait },
    );
  }

  #stop(reason: StopReason): void {
    this.#end();
    this.#change({ status: "stopped", reason, retryAt: null });
  }

  /** Ends whatever is open or under way. */
  #end(): void {
    this.#generation += 1;
    clearTimeout(this.#retry);
    this.#rest();
    const links = [this.#live, this.#opening];
    const wasLive = this.#live !== null;
    this.#live = null;
    this.#opening = null;
    for (const link of links) {
      if (link) {
        this.#commands.abandon(link);
        link.close();
      }
    }
    if (wasLive) {
      this.#options.handler.lost();
    }
  }

  /** Gives up a socket that seems dead. */
  #drop(link: Link, code: number): void {
    link.close();
    this.#closed(link, code);
  }

  /** Stops the timers of a live socket. */
  #rest(): void {
    this.#watchdog.stop();
    clearTimeout(this.#renewal);
  }

  /** Asks whether the server is still there. */
  #probe(): void {
    if (this.#live) {
      this.#watchdog.probe();
    }
  }

  /** Brings a new token before the old one expires, without a new socket. */
  #renewLater(): void {
    const { auth } = this.#options;
    clearTimeout(this.#renewal);
    const expiresAt = auth.expiresAt;
    if (expiresAt === null) {
      return;
    }
    const lifetime = expiresAt - Date.now();
    // Tokens that live shorter than that are replaced at half their time.
    const wait = Math.max(1_000, lifetime > 2 * RENEW_MS ? lifetime - RENEW_MS : lifetime / 2);
    this.#renewal = setTimeout(() => void this.#renew(Math.max(0, lifetime - wait)), Math.min(wait, 2 ** 31 - 1));
  }

  async #renew(marginMs: number): Promise<void> {
    const link = this.#live;
    const { auth } = this.#options;
    try {
      const token = await auth.accessToken(marginMs + 1_000);
      if (link === this.#live && link) {
        await this.command("auth", { token });
        this.#renewLater();
      }
    } catch {
      if (link === this.#live && link) {
        // If it does not get better, the server closes the socket as expired, and that is dealt with.
        this.#renewal = setTimeout(() => void this.#renew(marginMs), 5_000);
      }
    }
  }

  /** Does now what was to be done later: things may have changed. */
  #hurry(): void {
    const { status, closeCode } = this.getSnapshot();
    if (status === "waiting" && closeCode !== CLOSE_CODES.rate_limited) {
      void this.#open();
    } else if (status === "online") {
      this.#probe();
    }
  }

  #change(change: Partial<ConnectionState>): void {
    const before = this.getSnapshot();
    const after = { ...before, ...change };
    if ((Object.keys(after) as (keyof ConnectionState)[]).some((key) => after[key] !== before[key])) {
      this.publish(after);
    }
  }
}
