import { isTemporary, ProblemError } from "./errors.js";
import type { Rest } from "./rest.js";
import { backoff, pause } from "./timing.js";
import type { ChangeEvent, ChatEvent, History, Ready, RoomView } from "./types.js";

/** Positions to go on from, over a restart of the program. */
export interface ResumePoint {
  /** The store that the positions belong to. */
  epoch: string | null;
  /** The last position of each room, by id. */
  since: Record<string, number>;
}

/** A room that was loaded again because the server could not tell what was missed. */
export interface RoomReset {
  room: number;
  /** The room as it is now. */
  view: RoomView;
  /** Its newest messages; what one had before is out of date. Events follow from `history.seq` on. */
  history: History;
}

/** What the feed tells. */
export interface FeedHandler {
  /** In order, each once. */
  event(event: ChatEvent): void;
  reset(reset: RoomReset): void;
  /** A hole that cannot be mended while this socket lasts. */
  broken(): void;
}

/** Why a room's events are held back. */
interface Hold {
  kind: "repair" | "reset";
  /** Aborts the request. */
  stop: AbortController;
  /** A reset's answer must be at least as new as this. */
  least: number;
  events: ChangeEvent[];
}

/** Changes read by REST before it is cheaper to load the room. */
const MAX_REPAIR_PAGES = 10;
/** Notifications told lately. */
const MAX_REMEMBERED = 500;

/**
 * Makes one ordered stream of what the sockets say. For each room it keeps the position up to which everything was told
 * on; what is not above it is dropped, and what comes too early is held until the hole before it was mended by REST.
 *
 * @internal
 */
export class Feed {
  readonly #rest: Rest;
  readonly #handler: FeedHandler;
  #epoch: string | null;
  readonly #positions = new Map<number, number>();
  /** Heads of rooms that are replayed: until they are reached, positions may jump. */
  readonly #replaying = new Map<number, number>();
  readonly #holds = new Map<number, Hold>();
  /** Where histories were read at, of rooms without a position yet. */
  readonly #loaded = new Map<number, number>();
  readonly #notified = new Set<number>();

  constructor(rest: Rest, handler: FeedHandler, resume: ResumePoint | undefined) {
    this.#rest = rest;
    this.#handler = handler;
    this.#epoch = resume?.epoch ?? null;
    for (const [room, seq] of Object.entries(resume?.since ?? {})) {
      this.#positions.set(Number(room), seq);
    }
  }

  /** From where a new socket is to go on. */
  resume(): ResumePoint {
    return { epoch: this.#epoch, since: Object.fromEntries(this.#positions) };
  }

  /** Forgets everything: somebody else signed in. */
  clear(): void {
    this.lost();
    this.#epoch = null;
    this.#positions.clear();
    this.#loaded.clear();
    this.#notified.clear();
  }

  /** A history of a room was read at this position: what came after is wanted. */
  loaded(room: number, seq: number): void {
    if (!this.#positions.has(room)) {
      this.#loaded.set(room, Math.max(seq, this.#loaded.get(room) ?? 0));
    }
  }

  /** The socket broke. What was held comes again with the next one. */
  lost(): void {
    for (const hold of this.#holds.values()) {
      hold.stop.abort();
    }
    this.#holds.clear();
    this.#replaying.clear();
  }

  ready(ready: Ready, since: Readonly<Record<string, number>>): void {
    // What an older socket left open, where this one takes over from it.
    this.lost();
    this.#epoch = ready.epoch;
    for (const { id, seq } of ready.rooms) {
      if (Object.hasOwn(since, id)) {
        // What is missing follows, up to the head and on.
        if (seq > (since[id] ?? 0)) {
          this.#replaying.set(id, seq);
        }
      } else {
        this.#begin(id, seq);
      }
    }
  }

  reset(room: number, seq: number): void {
    const hold = this.#hold(room, "reset");
    hold.least = seq;
    void this.#reload(room, hold);
  }

  event(event: ChatEvent): void {
    if ("seq" in event) {
      this.#change(event);
      return;
    }
    switch (event.type) {
      case "room.joined":
        this.#release(event.data.id);
        this.#positions.delete(event.data.id);
        this.#handler.event(event);
        this.#begin(event.data.id, event.data.seq);
        return;
      case "room.left":
        this.#release(event.data.id);
        this.#positions.delete(event.data.id);
        this.#loaded.delete(event.data.id);
        this.#replaying.delete(event.data.id);
        break;
      case "notification.created": {
        // Told by both sockets while one takes over from the other.
        const { id } = event.data;
        if (this.#notified.has(id)) {
          return;
        }
        this.#notified.add(id);
        if (this.#notified.size > MAX_REMEMBERED) {
          this.#notified.delete(this.#notified.values().next().value as number);
        }
        break;
      }
      default:
    }
    this.#handler.event(event);
  }

  /** A room's stream begins at `seq`; earlier, where a history was read before. */
  #begin(room: number, seq: number): void {
    // A position may be there already: of a room that the socket before this one told of after our `hello`.
    const known = this.#positions.get(room) ?? this.#loaded.get(room);
    this.#loaded.delete(room);
    this.#positions.set(room, known ?? seq);
    if (known !== undefined && known < seq) {
      void this.#repair(room, this.#hold(room, "repair"));
    }
  }

  #change(event: ChangeEvent): void {
    const { room, seq } = event;
    const hold = this.#holds.get(room);
    if (hold) {
      hold.events.push(event);
      return;
    }
    const position = this.#positions.get(room);
    if (position === undefined || seq <= position) {
      // Of a room that was just left, or told before.
      return;
    }
    const head = this.#replaying.get(room);
    if (head !== undefined) {
      if (seq >= head) {
        this.#replaying.delete(room);
      }
    } else if (seq !== position + 1) {
      const hold = this.#hold(room, "repair");
      hold.events.push(event);
      void this.#repair(room, hold);
      return;
    }
    this.#tell(event);
  }

  #tell(event: ChangeEvent): void {
    this.#positions.set(event.room, event.seq);
    this.#handler.event(event);
  }

  #hold(room: number, kind: Hold["kind"]): Hold {
    // A reset makes a repair needless; what that held stays held.
    const before = this.#holds.get(room);
    before?.stop.abort();
    const hold: Hold = { kind, stop: new AbortController(), least: before?.least ?? 0, events: before?.events ?? [] };
    this.#holds.set(room, hold);
    return hold;
  }

  #release(room: number): void {
    this.#holds.get(room)?.stop.abort();
    this.#holds.delete(room);
  }

  /** Tells on what was held. */
  #resolve(room: number, hold: Hold): void {
    this.#holds.delete(room);
    for (const event of hold.events) {
      this.#change(event);
    }
  }

  /** Reads by REST what lies between the position and what the socket tells. */
  async #repair(room: number, hold: Hold): Promise<void> {
    const from = this.#positions.get(room) ?? 0;
    for (let page = 0; ; page += 1) {
      if (page === MAX_REPAIR_PAGES) {
        await this.#reload(room, hold);
        return;
      }
      const since = this.#positions.get(room) ?? from;
      const { signal } = hold.stop;
      const changes = await this.#tenaciously(hold, room, () =>
        this.#rest.changes(room, { since, from, limit: 100, signal }),
      );
      if (!changes) {
        return;
      }
      for (const event of changes.items) {
        if ("seq" in event && event.seq > (this.#positions.get(room) ?? 0)) {
          this.#tell(event);
        }
      }
      // A listener may have ended all this.
      if (this.#holds.get(room) !== hold) {
        return;
      }
      this.#positions.set(room, Math.max(changes.next, this.#positions.get(room) ?? 0));
      if (!changes.more) {
        this.#resolve(room, hold);
        return;
      }
    }
  }

  /** Loads a room again. */
  async #reload(room: number, hold: Hold): Promise<void> {
    const { signal } = hold.stop;
    for (let tried = 0; ; tried += 1) {
      const loaded = await this.#tenaciously(hold, room, async () => {
        const view = await this.#rest.room(room, signal);
        return { view, history: await this.#rest.messages(room, { limit: 100, signal }) };
      });
      if (!loaded) {
        return;
      }
      if (loaded.history.seq >= hold.least) {
        // Going back is possible: the store may be an older copy.
        this.#positions.set(room, loaded.history.seq);
        this.#replaying.delete(room);
        this.#handler.reset({ room, ...loaded });
        if (this.#holds.get(room) === hold) {
          this.#resolve(room, hold);
        }
        return;
      }
      await pause(backoff(tried), signal).catch(() => {});
    }
  }

  /** Asks until there is an answer; `null` once it is not wanted any more. */
  async #tenaciously<Answer>(hold: Hold, room: number, ask: () => Promise<Answer>): Promise<Answer | null> {
    for (let tried = 0; ; tried += 1) {
      try {
        const answer = await ask();
        return this.#holds.get(room) === hold ? answer : null;
      } catch (error) {
        if (this.#holds.get(room) !== hold) {
          return null;
        }
        if (error instanceof ProblemError && (error.status === 403 || error.status === 404)) {
          // Not ours any more: `room.left` says so, or did.
          this.#release(room);
          return null;
        }
        if (!isTemporary(error)) {
          this.#handler.broken();
          return null;
        }
        const wait = error instanceof ProblemError ? error.retryAfterMs : undefined;
        await pause(wait ?? backoff(tried), hold.stop.signal).catch(() => {});
        if (this.#holds.get(room) !== hold) {
          return null;
        }
      }
    }
  }
}
