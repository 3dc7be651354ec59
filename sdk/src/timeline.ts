import type { Client } from "./client.js";
import { type Unsubscribe, Watchable } from "./emitter.js";
import { isTemporary } from "./errors.js";
import type { Feed } from "./feed.js";
import { MessageWindow } from "./message-window.js";
import type { Draft } from "./outbox.js";
import { withReactions } from "./reactions.js";
import type { HistoryOptions } from "./rest.js";
import type { OutgoingMessage } from "./stores.js";
import type { ChatEventOf, History, Message } from "./types.js";

/** How a {@link RoomTimeline} is opened. */
export interface TimelineOptions {
  /** The number of the message to begin at; the newest by default. */
  around?: number | undefined;
  /** Messages loaded at a time: 1 to 100, 50 by default. */
  pageSize?: number | undefined;
}

/** One line of a conversation. */
export type TimelineItem =
  | {
      readonly kind: "message";
      /** The same from the moment the message is shown as pending on, so that it may key a list. */
      readonly key: string;
      /** With `me` set in each reaction. A tombstone where `deleted_at` is set. */
      readonly message: Message;
    }
  | {
      readonly kind: "outgoing";
      readonly key: string;
      /** Not acknowledged yet: pending, or failed. */
      readonly outgoing: OutgoingMessage;
    };

/** What a {@link RoomTimeline} shows. */
export interface TimelineSnapshot {
  readonly room: number;
  /** `failed`: the first page could not be loaded; see `error`, and {@link RoomTimeline.reload}. */
  readonly status: "loading" | "ready" | "failed";
  /** Why the first page, or the latest other one, could not be loaded. */
  readonly error: unknown;
  /** Oldest first, without holes; unsent ones at the end. Items that did not change are the same objects. */
  readonly items: readonly TimelineItem[];
  /** Whether there are older messages than these. */
  readonly hasOlder: boolean;
  /** Whether there are newer messages than these: one looks at the past. */
  readonly hasNewer: boolean;
  readonly isLoadingOlder: boolean;
  readonly isLoadingNewer: boolean;
  /** Messages that items reply to, by id, where they are not among the items; `null` where it cannot be read. */
  readonly quoted: ReadonlyMap<number, Message | null>;
}

const PAGE_SIZE = 50;
/** How long a hole in the numbers may last before it is filled by REST, in milliseconds: a replay has its own order. */
const HOLE_MS = 300;

/**
 * The messages of one room, as a value to watch: a window on its history, without holes, that grows at both ends and
 * follows what happens. It needs no membership: a public room that one has not joined is shown as it was when loaded.
 */
export class RoomTimeline extends Watchable<TimelineSnapshot> {
  /** The room's id. */
  readonly room: number;
  readonly #client: Client;
  readonly #feed: Feed;
  readonly #pageSize: number;
  readonly #window = new MessageWindow();
  /** Nonces of messages whose reply came and whose place is not reached yet. */
  readonly #confirmed = new Set<string>();
  /** Nonces of messages that are shown as acknowledged and still stand in the outbox, for this moment. */
  readonly #acknowledged = new Set<string>();
  readonly #quoted = new Map<number, Message | null>();
  readonly #items = new WeakMap<object, TimelineItem>();
  /** Messages to read once more, since events do not tell which reactions are one's own. */
  readonly #uncertain = new Set<number>();
  #isAsking = false;
  #isClosed = false;
  /** Counts loads of the whole window: answers of older ones are thrown away. */
  #generation = 0;
  #older: Promise<void> | null = null;
  #newer: Promise<void> | null = null;
  #hole: ReturnType<typeof setTimeout> | undefined;
  #around: number | undefined;
  readonly #unsubscribe: Unsubscribe[];
  readonly #onClose: () => void;

  /** @internal */
  constructor(client: Client, feed: Feed, room: number, options: TimelineOptions, onClose: () => void) {
    super({
      room,
      status: "loading",
      error: null,
      items: [],
      hasOlder: false,
      hasNewer: false,
      isLoadingOlder: false,
      isLoadingNewer: false,
      quoted: new Map(),
    });
    this.room = room;
    this.#client = client;
    this.#feed = feed;
    this.#pageSize = options.pageSize ?? PAGE_SIZE;
    this.#around = options.around;
    this.#onClose = onClose;
    const on = (event: { room: number; data: Message }) => {
      if (event.room === room) {
        this.#apply(event.data);
      }
    };
    this.#unsubscribe = [
      client.on("message.created", on),
      client.on("message.edited", on),
      client.on("message.deleted", on),
      client.on("message.reacted", (event) => {
        if (event.room === room) {
          const { change, ...message } = event.data;
          this.#apply(message, change ?? undefined);
        }
      }),
      client.on("sent", ({ message }) => {
        if (message.room === room) {
          this.#confirm(message);
        }
      }),
      client.on("reset", (reset) => {
        if (reset.room === room) {
          this.#reset(reset.history);
        }
      }),
      client.on("ready", () => {
        if (this.getSnapshot().status === "failed" && isTemporary(this.getSnapshot().error)) {
          void this.reload();
        }
      }),
      client.outbox.subscribe(() => {
        this.#acknowledged.clear();
        this.#publish({});
      }),
    ];
    this.#publish({});
    void this.reload();
  }

  /** Loads the window anew, where it is: after `failed`, or to have fresh addresses of files. */
  reload(): Promise<void> {
    const { messages } = this.#window;
    const middle = this.getSnapshot().hasNewer ? messages[messages.length >> 1]?.number : undefined;
    return this.#load(middle ?? this.#around);
  }

  /** Shows the messages around a number. */
  async jumpTo(number: number): Promise<void> {
    if (!this.#window.messages.some((message) => message.number === number)) {
      await this.#load(number);
    }
  }

  /** Shows the newest messages. */
  async jumpToLatest(): Promise<void> {
    if (this.getSnapshot().hasNewer || this.getSnapshot().status !== "ready") {
      await this.#load(undefined);
    }
  }

  /** Loads older messages; nothing if there are none or it is under way. Rejected if they cannot be loaded. */
  loadOlder(): Promise<void> {
    const oldest = this.#window.messages[0];
    if (!this.#older && oldest && this.getSnapshot().hasOlder) {
      this.#older = this.#page("isLoadingOlder", { before: oldest.number }, (history) => {
        this.#window.insert([...history.items].reverse(), "front");
        return { hasOlder: history.next !== null };
      }).finally(() => {
        this.#older = null;
      });
    }
    return this.#older ?? Promise.resolve();
  }

  /** Loads newer messages; nothing if there are none or it is under way. Rejected if they cannot be loaded. */
  loadNewer(): Promise<void> {
    return this.getSnapshot().hasNewer ? this.#loadAfter() : Promise.resolve();
  }

  #loadAfter(): Promise<void> {
    if (!this.#newer) {
      this.#newer = this.#page("isLoadingNewer", { after: this.newestNumber }, (history) => {
        this.#window.insert([...history.items].reverse(), "back");
        // At the end, or met with what came meanwhile.
        return { hasNewer: !this.#catchUp() && history.next !== null };
      }).finally(() => {
        this.#newer = null;
      });
    }
    return this.#newer;
  }

  /** The newest number shown; 0 where there is none. */
  get newestNumber(): number {
    return this.#window.newestNumber;
  }

  /** A message that is shown, or quoted, by id. */
  find(message: number): Message | undefined {
    return this.#window.get(message) ?? this.#quoted.get(message) ?? undefined;
  }

  /** Sends a message to the room by way of the outbox: see {@link Client.send}. */
  send(draft: string | Draft): Promise<Message> {
    return this.#client.send(this.room, draft);
  }

  /** Puts or takes back a reaction, and shows it at once; takes that back if the server refuses. */
  async react(message: number, emoji: string, isOn: boolean): Promise<void> {
    const before = this.#window.get(message);
    const had = before?.reactions.find((reaction) => reaction.emoji === emoji);
    if (before && Boolean(had?.me) !== isOn) {
      const others = before.reactions.map((reaction) =>
        reaction.emoji === emoji ? { ...reaction, me: isOn, count: reaction.count + (isOn ? 1 : -1) } : reaction,
      );
      const reactions = had ? others.filter(({ count }) => count > 0) : [...others, { emoji, count: 1, me: true }];
      this.#window.replace({ ...before, reactions });
      this.#publish({});
    }
    try {
      await this.#client[isOn ? "react" : "unreact"](this.room, message, emoji);
    } catch (error) {
      this.#doubt(message);
      throw error;
    }
  }

  /** Stops following the room. */
  close(): void {
    this.#isClosed = true;
    this.#generation += 1;
    clearTimeout(this.#hole);
    for (const stop of this.#unsubscribe) {
      stop();
    }
    this.#onClose();
  }

  async #load(around: number | undefined): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#around = around;
    this.#publish({ status: "loading", error: null });
    try {
      const history = await this.#client.rest.messages(this.room, { around, limit: this.#pageSize });
      if (generation === this.#generation) {
        this.#feed.loaded(this.room, history.seq);
        this.#show(history, around !== undefined);
        if (around !== undefined) {
          // The answer does not tell whether there is more in this direction.
          await this.loadNewer().catch(() => {});
        }
      }
    } catch (error) {
      if (generation === this.#generation) {
        this.#publish({ status: "failed", error });
      }
    }
  }

  /** Shows a page and nothing else. */
  #show(history: History, mayHaveNewer: boolean): void {
    this.#window.show([...history.items].reverse());
    this.#catchUp();
    this.#publish({
      status: "ready",
      error: null,
      hasOlder: history.next !== null,
      hasNewer: mayHaveNewer && this.#window.messages.length > 0,
    });
    this.#settle();
  }

  async #page(
    flag: "isLoadingOlder" | "isLoadingNewer",
    options: HistoryOptions,
    take: (history: History) => Partial<TimelineSnapshot>,
  ): Promise<void> {
    const generation = this.#generation;
    this.#publish({ [flag]: true, error: null });
    try {
      const history = await this.#client.rest.messages(this.room, { ...options, limit: this.#pageSize });
      if (generation === this.#generation) {
        const change = take(history);
        this.#publish({ ...change, [flag]: false });
        this.#settle();
      } else {
        this.#publish({ [flag]: false });
      }
    } catch (error) {
      this.#publish({ [flag]: false, ...(generation === this.#generation ? { error } : {}) });
      throw error;
    }
  }

  /** Takes a message as an event, a reply or another page tells it. */
  #apply(message: Message, change?: ChatEventOf<"message.reacted">["data"]["change"]): void {
    const known = this.#window.known(message);
    if (known && known.changed_seq > message.changed_seq) {
      return;
    }
    const { message: next, isCertain } = withReactions(message, known, change ?? undefined, this.#client.user?.id);
    if (!isCertain) {
      this.#uncertain.add(message.id);
    }
    if (this.#quoted.has(message.id)) {
      this.#quoted.set(message.id, next);
    }
    if (this.#window.has(message.id)) {
      this.#window.replace(next);
    } else if (message.number > this.newestNumber) {
      this.#window.keep(next);
      const { hasNewer, status } = this.getSnapshot();
      if (status === "ready" && !hasNewer) {
        this.#catchUp();
      }
    }
    this.#publish({});
    this.#settle();
  }

  /** The reply to a send: it may be ahead of the events of others before it. */
  #confirm(message: Message): void {
    if (message.nonce !== null) {
      this.#acknowledged.add(message.nonce);
      if (!this.#window.has(message.id)) {
        this.#confirmed.add(message.nonce);
      }
    }
    this.#apply(message);
  }

  /** Takes in what has become adjacent: whether the window has met what came meanwhile. */
  #catchUp(): boolean {
    const { fresh, hasMet } = this.#window.catchUp();
    for (const { nonce } of fresh) {
      if (nonce !== null) {
        this.#confirmed.delete(nonce);
      }
    }
    return hasMet;
  }

  /** The server could not tell what was missed. */
  #reset(history: History): void {
    this.#generation += 1;
    this.#window.clearAhead();
    this.#confirmed.clear();
    if (this.getSnapshot().hasNewer) {
      void this.reload();
    } else {
      this.#window.clear();
      this.#show(history, false);
    }
  }

  /** Looks after what the window lacks: holes, quoted messages, one's own reactions. */
  #settle(): void {
    const { status, hasNewer } = this.getSnapshot();
    clearTimeout(this.#hole);
    if (status === "ready" && !hasNewer && this.#window.hasAhead) {
      this.#hole = setTimeout(() => {
        if (this.#window.hasAhead) {
          void this.#loadAfter().catch(() => {});
        }
      }, HOLE_MS);
    }
    void this.#ask();
  }

  /** Reads single messages, one after the other. */
  async #ask(): Promise<void> {
    if (this.#isAsking) {
      return;
    }
    this.#isAsking = true;
    try {
      let id = this.#nextUnknown();
      while (id !== undefined && !this.#isClosed) {
        const isQuoted = !this.#window.has(id);
        try {
          const message = await this.#client.rest.message(this.room, id);
          this.#uncertain.delete(id);
          if (isQuoted && !this.#window.has(id)) {
            this.#quoted.set(id, message);
          } else {
            this.#window.replace(message);
          }
        } catch (error) {
          this.#uncertain.delete(id);
          if (isTemporary(error)) {
            // The next change asks again for what is quoted.
            return;
          }
          if (isQuoted) {
            this.#quoted.set(id, null);
          }
        }
        this.#publish({});
        id = this.#nextUnknown();
      }
    } finally {
      this.#isAsking = false;
    }
  }

  #nextUnknown(): number | undefined {
    for (const id of this.#uncertain) {
      if (this.#window.has(id)) {
        return id;
      }
      this.#uncertain.delete(id);
    }
    for (const { reply_to } of this.#window.messages) {
      if (reply_to !== null && !this.#window.has(reply_to) && !this.#quoted.has(reply_to)) {
        return reply_to;
      }
    }
    return undefined;
  }

  #doubt(message: number): void {
    this.#uncertain.add(message);
    this.#settle();
  }

  #publish(change: Partial<TimelineSnapshot>): void {
    const before = this.getSnapshot();
    const { status, hasNewer } = { ...before, ...change };
    const items = this.#window.messages.map((message) => this.#item(message));
    if (!hasNewer) {
      for (const message of this.#window.ahead) {
        if (message.nonce !== null && this.#confirmed.has(message.nonce)) {
          items.push(this.#item(message));
        }
      }
      for (const outgoing of this.#client.outbox.getSnapshot()) {
        if (outgoing.room === this.room && !this.#acknowledged.has(outgoing.nonce)) {
          items.push(this.#outgoing(outgoing));
        }
      }
    }
    const isSame = items.length === before.items.length && items.every((item, index) => item === before.items[index]);
    const quoted =
      this.#quoted.size === before.quoted.size && [...this.#quoted].every(([id, one]) => before.quoted.get(id) === one)
        ? before.quoted
        : new Map(this.#quoted);
    const after: TimelineSnapshot = { ...before, ...change, status, items: isSame ? before.items : items, quoted };
    if ((Object.keys(after) as (keyof TimelineSnapshot)[]).some((key) => after[key] !== before[key])) {
      this.publish(after);
    }
  }

  #item(message: Message): TimelineItem {
    let item = this.#items.get(message);
    if (!item) {
      const isOwn = message.nonce !== null && message.sender.id === this.#client.user?.id;
      item = { kind: "message", key: isOwn ? `n${message.nonce}` : `m${message.id}`, message };
      this.#items.set(message, item);
    }
    return item;
  }

  #outgoing(outgoing: OutgoingMessage): TimelineItem {
    let item = this.#items.get(outgoing);
    if (!item) {
      item = { kind: "outgoing", key: `n${outgoing.nonce}`, outgoing };
      this.#items.set(outgoing, item);
    }
    return item;
  }
}
