import type { Client } from "./client.js";
import { Watchable } from "./emitter.js";
import { isTemporary } from "./errors.js";
import type { ChangeEvent, ChatEvent, Message, Ready, RoomView } from "./types.js";

/** One of the user's rooms. */
export interface RoomEntry {
  readonly room: RoomView;
  /** Messages that were not read. */
  readonly unread: number;
  /** The newest message; `null` where there is none, `undefined` while it is not loaded. */
  readonly latest: Message | null | undefined;
}

/** What a {@link RoomList} shows. */
export interface RoomListSnapshot {
  /** `idle` until {@link RoomList.load} is called. */
  readonly status: "idle" | "loading" | "ready" | "failed";
  /** Why they could not be loaded. */
  readonly error: unknown;
  /** Latest activity first. Entries that did not change are the same objects. */
  readonly rooms: readonly RoomEntry[];
}

/** Requests for newest messages at a time. */
const PARALLEL = 4;
/** How often the read mark of a room is told, in milliseconds. */
const READ_MS = 500;

/** One's own rooms with what is unread and the latest message, as a value to watch. */
export class RoomList extends Watchable<RoomListSnapshot> {
  readonly #client: Client;
  readonly #rooms = new Map<number, RoomEntry>();
  #loading: Promise<void> | null = null;
  /** Events that came while pages were on their way, which may tell of it or not. */
  #during: ChatEvent[] = [];
  #isWanted = false;
  /** Counts users: answers to an older one's questions are thrown away. */
  #generation = 0;
  /** Rooms in need of their newest message. */
  readonly #queue = new Set<number>();
  #asking = 0;
  /** Read marks to tell. */
  readonly #marks = new Map<number, { number: number; timer: ReturnType<typeof setTimeout> | null }>();

  /** @internal */
  constructor(client: Client) {
    super({ status: "idle", error: null, rooms: [] });
    this.#client = client;
    client.on("ready", (ready) => this.#ready(ready));
    client.on("event", (event) => {
      if (this.#loading) {
        this.#during.push(event);
      }
      this.#take(event);
    });
    client.on("reset", ({ view, history }) => {
      if (this.#rooms.has(view.id)) {
        this.#set(view, history.items[0] ?? null);
        this.#publish({});
      }
    });
    client.on("sent", ({ message }) => this.#latest(message));
    client.on("signed-out", () => this.#clear());
  }

  /** Loads the rooms. From then on they are kept up to date, over reconnects too. */
  load(): Promise<void> {
    this.#isWanted = true;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
      this.#during = [];
    });
    return this.#loading;
  }

  /** A room by id, if it is one's own. */
  get(room: number): RoomEntry | undefined {
    return this.#rooms.get(room);
  }

  /** Takes over a room as an answer of {@link Rest} shows it: one that was made, joined, changed or muted. */
  put(room: RoomView): void {
    if (room.me) {
      this.#set(room, this.#rooms.get(room.id)?.latest);
      this.#want(room);
      this.#publish({});
    }
  }

  /**
   * Marks a room as read up to a message's number, everything by default: here at once, at the server soon, with what
   * else is read in that moment.
   */
  markRead(room: number, number?: number): void {
    const entry = this.#rooms.get(room);
    const head = number ?? entry?.room.number ?? 0;
    if (entry?.room.me && head <= entry.room.me.read_number) {
      return;
    }
    this.#mark(room, head);
    const mark = this.#marks.get(room);
    if (mark) {
      mark.number = Math.max(mark.number, head);
    } else {
      this.#marks.set(room, { number: head, timer: null });
      this.#tell(room);
    }
  }

  /** Tells a read mark, and what it has become by then once more after a while. */
  #tell(room: number): void {
    const mark = this.#marks.get(room);
    if (!mark) {
      return;
    }
    const { number } = mark;
    const again = () => {
      if (this.#marks.get(room) === mark) {
        if (mark.number > number) {
          this.#tell(room);
        } else {
          this.#marks.delete(room);
        }
      }
    };
    mark.timer = null;
    this.#client.read(room, number).then(
      () => {
        mark.timer = setTimeout(again, READ_MS);
      },
      () => this.#marks.delete(room),
    );
  }

  async #load(): Promise<void> {
    const generation = this.#generation;
    if (this.getSnapshot().status !== "ready") {
      this.#publish({ status: "loading", error: null });
    }
    try {
      const found: RoomView[] = [];
      for await (const room of this.#client.rest.all((page) => this.#client.rest.rooms(page))) {
        found.push(room);
      }
      if (generation !== this.#generation) {
        return;
      }
      const kept = new Map(this.#rooms);
      this.#rooms.clear();
      for (const room of found) {
        const before = kept.get(room.id);
        const isOlder = before !== undefined && before.room.seq > room.seq;
        this.#set(isOlder ? before.room : room, before?.latest);
        this.#want(room);
      }
      for (const event of this.#during) {
        this.#take(event);
      }
      this.#publish({ status: "ready", error: null });
    } catch (error) {
      if (generation === this.#generation) {
        this.#publish(this.getSnapshot().status === "ready" ? {} : { status: "failed", error });
      }
    }
  }

  /** A new connection tells of all rooms: what changed in each follows by event, where one was in it before. */
  #ready(ready: Ready): void {
    if (!this.#isWanted) {
      return;
    }
    const { status, error } = this.getSnapshot();
    const isKnown = ready.rooms.every(({ id }) => this.#rooms.has(id));
    for (const { id, number, read_number, role } of ready.rooms) {
      const entry = this.#rooms.get(id);
      if (entry) {
        const me = { muted: entry.room.me?.muted ?? false, role, read_number: Math.max(read_number, read(entry)) };
        this.#set({ ...entry.room, number: Math.max(entry.room.number, number), me }, entry.latest);
        this.#want(this.#rooms.get(id)?.room);
      }
    }
    const own = new Set(ready.rooms.map(({ id }) => id));
    for (const id of [...this.#rooms.keys()]) {
      if (!own.has(id)) {
        this.#rooms.delete(id);
      }
    }
    this.#publish({});
    if (!isKnown || (status === "failed" && isTemporary(error))) {
      void this.load();
    }
  }

  #take(event: ChatEvent): void {
    switch (event.type) {
      case "message.created":
      case "message.edited":
      case "message.deleted":
      case "message.reacted":
      case "member.joined":
      case "member.left":
      case "member.changed":
      case "room.changed":
        this.#follow(event);
        break;
      case "room.deleted":
        this.#remove(event.room);
        break;
      case "read":
        if (event.data.user === this.#client.user?.id) {
          this.#mark(event.room, event.data.number);
        }
        break;
      case "room.joined":
        this.#join(event.data);
        break;
      case "room.left":
        this.#remove(event.data.id);
        break;
      default:
    }
  }

  #join(room: RoomView): void {
    const known = this.#rooms.get(room.id);
    if (!known || known.room.seq <= room.seq) {
      this.#set(room, known?.latest);
      this.#want(room);
      this.#publish({});
    }
  }

  #follow(event: ChangeEvent): void {
    const entry = this.#rooms.get(event.room);
    if (!entry) {
      return;
    }
    if (event.seq <= entry.room.seq && !event.type.startsWith("message.")) {
      // In the room as it was read.
      return;
    }
    const me = entry.room.me;
    let room: RoomView = { ...entry.room, seq: Math.max(entry.room.seq, event.seq) };
    switch (event.type) {
      case "member.joined":
        room = { ...room, member_count: room.member_count + 1 };
        break;
      case "member.left":
        room = { ...room, member_count: Math.max(0, room.member_count - 1) };
        break;
      case "member.changed":
        if (me && event.data.user.id === this.#client.user?.id) {
          room = { ...room, me: { ...me, role: event.data.role } };
        }
        break;
      case "room.changed": {
        const { peer } = entry.room;
        const number = Math.max(room.number, event.data.number);
        room = { ...event.data, number, me, ...(peer === undefined ? {} : { peer }) };
        break;
      }
      default:
    }
    this.#rooms.set(event.room, { ...entry, room });
    if (event.type.startsWith("message.")) {
      this.#latest(event.data as Message);
    } else {
      this.#publish({});
    }
  }

  /** A message came or changed. */
  #latest(message: Message): void {
    const entry = this.#rooms.get(message.room);
    if (!entry) {
      return;
    }
    const { room, latest } = entry;
    const isOwn = message.sender.id === this.#client.user?.id;
    // A send moves its sender's read mark.
    const me = room.me && isOwn ? { ...room.me, read_number: Math.max(room.me.read_number, message.number) } : room.me;
    const isNewest = latest ? message.number >= latest.number : message.number >= room.number;
    this.#set(
      { ...room, number: Math.max(room.number, message.number), me },
      isNewest && (latest?.id !== message.id || latest.changed_seq <= message.changed_seq) ? message : latest,
    );
    this.#publish({});
  }

  #mark(room: number, number: number): void {
    const entry = this.#rooms.get(room);
    if (entry?.room.me && number > entry.room.me.read_number) {
      const me = { ...entry.room.me, read_number: Math.min(number, entry.room.number) };
      this.#set({ ...entry.room, me }, entry.latest);
      this.#publish({});
    }
  }

  #set(room: RoomView, latest: RoomEntry["latest"]): void {
    const unread = Math.max(0, room.number - (room.me?.read_number ?? room.number));
    this.#rooms.set(room.id, { room, unread, latest: room.number === 0 ? null : latest });
  }

  #remove(room: number): void {
    if (this.#rooms.delete(room)) {
      this.#queue.delete(room);
      this.#publish({});
    }
  }

  /** Loads a room's newest message, unless it is there. */
  #want(room: RoomView | undefined): void {
    const latest = room && this.#rooms.get(room.id)?.latest;
    if (room && this.#isWanted && (latest === undefined || (latest !== null && latest.number < room.number))) {
      this.#queue.add(room.id);
      while (this.#asking < PARALLEL && this.#queue.size > this.#asking) {
        this.#asking += 1;
        void this.#ask().finally(() => {
          this.#asking -= 1;
        });
      }
    }
  }

  async #ask(): Promise<void> {
    for (const room of this.#queue) {
      this.#queue.delete(room);
      const generation = this.#generation;
      try {
        const { items } = await this.#client.rest.messages(room, { limit: 1 });
        const entry = this.#rooms.get(room);
        if (generation === this.#generation && entry) {
          const [message] = items;
          if (message) {
            this.#latest(message);
          } else {
            this.#set(entry.room, null);
            this.#publish({});
          }
        }
      } catch {
        // The next connection asks again.
      }
    }
  }

  #clear(): void {
    this.#generation += 1;
    this.#isWanted = false;
    this.#rooms.clear();
    this.#queue.clear();
    for (const { timer } of this.#marks.values()) {
      clearTimeout(timer ?? undefined);
    }
    this.#marks.clear();
    this.publish({ status: "idle", error: null, rooms: [] });
  }

  #publish(change: Partial<RoomListSnapshot>): void {
    const rooms = [...this.#rooms.values()].sort(
      (one, other) => activity(other).localeCompare(activity(one)) || other.room.id - one.room.id,
    );
    this.publish({ ...this.getSnapshot(), ...change, rooms });
  }
}

function read({ room }: RoomEntry): number {
  return room.me?.read_number ?? 0;
}

/** When something was last said in a room. Texts of times sort as times do. */
function activity({ room, latest }: RoomEntry): string {
  return latest?.created_at ?? room.created_at;
}
