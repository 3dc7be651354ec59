import type {
  Client,
  ConnectionState,
  Notification,
  PresenceSnapshot,
  RoomEntry,
  RoomListSnapshot,
  RoomTimeline,
  TimelineSnapshot,
  TypingSnapshot,
  User,
} from "@chapar/sdk";
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";

import { client, me } from "./session";

/** A value of the SDK's that can be watched. */
interface Watched<Value> {
  subscribe(listener: () => void): () => void;
  getSnapshot(): Value;
}

/** Events arrive, and what else the connection says. */
export const connection = signal<ConnectionState>({
  status: "idle",
  attempt: 0,
  retryAt: null,
  reason: null,
  closeCode: null,
  isOffline: false,
});
/** One's own rooms. */
export const roomList = signal<RoomListSnapshot>({ status: "idle", error: null, rooms: [] });
/** Who types, by room. */
export const typing = signal<TypingSnapshot>(new Map());
/** Who is online, by user. */
export const presence = signal<PresenceSnapshot>(new Map());
/** One's notifications, newest first. */
export const notices = signal<readonly Notification[]>([]);
/** Users by id, as they were last seen in a message, a list or an event. */
export const people = signal<ReadonlyMap<number, User>>(new Map());
/** The highest number that others than oneself have read, by room. */
export const seenBy = signal<ReadonlyMap<number, number>>(new Map());

/** Own rooms by id. */
export const ownRooms: ReadonlySignal<ReadonlyMap<number, RoomEntry>> = computed(
  () => new Map(roomList.value.rooms.map((entry) => [entry.room.id, entry])),
);

/** Messages not read in rooms that are not muted. */
export const unreadTotal = computed(() =>
  roomList.value.rooms.reduce((sum, { room, unread }) => sum + (room.me?.muted ? 0 : unread), 0),
);

/** Notifications not read. */
export const unreadNotices = computed(() => notices.value.filter(({ read_at }) => !read_at).length);

/** Remembers people. */
export function meet(users: Iterable<User>): void {
  const known = people.peek();
  const fresh = [...users].filter((user) => {
    const before = known.get(user.id);
    return before?.avatar_url !== user.avatar_url || before.display_name !== user.display_name;
  });
  if (fresh.length > 0) {
    people.value = new Map([...known, ...fresh.map((user): [number, User] => [user.id, user])]);
  }
}

function seen(room: number, number: number): void {
  if ((seenBy.peek().get(room) ?? 0) < number) {
    seenBy.value = new Map([...seenBy.peek(), [room, number]]);
  }
}

/** Between two looks at what changes again and again, in milliseconds: nobody reads faster. */
const CALM_MS = 40;

/** Does the work at once, but not more often than people can see; what comes meanwhile is done together. */
function calmly(work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isDue = false;
  const later = () => {
    timer = undefined;
    if (isDue) {
      isDue = false;
      work();
      timer = setTimeout(later, CALM_MS);
    }
  };
  return () => {
    if (timer !== undefined) {
      isDue = true;
      return;
    }
    work();
    timer = setTimeout(later, CALM_MS);
  };
}

/** Lets the signals follow the client. */
export function follow(from: Client): void {
  const bind = <Value>(to: Signal<Value>, source: Watched<Value>) => {
    const take = () => {
      to.value = source.getSnapshot();
    };
    source.subscribe(calmly(take));
    take();
  };
  bind(connection, from.watchConnection);
  bind(roomList, from.rooms);
  bind(typing, from.typing);
  bind(presence, from.presence);
  from.rooms.subscribe(
    calmly(() => {
      const { rooms } = from.rooms.getSnapshot();
      meet(
        rooms.flatMap(({ room, latest }) => [...(room.peer ? [room.peer] : []), ...(latest ? [latest.sender] : [])]),
      );
      watchPeers(from);
    }),
  );
  from.on("message.created", ({ room, data }) => {
    meet([data.sender]);
    if (data.sender.id !== me.peek()?.id) {
      // Whoever says something has read what was before.
      seen(room, data.number);
    }
  });
  from.on("member.joined", ({ data }) => meet([data.user]));
  from.on("member.changed", ({ data }) => meet([data.user]));
  from.on("read", ({ room, data }) => {
    if (data.user !== me.peek()?.id) {
      seen(room, data.number);
    }
  });
  from.on("ready", () => void loadNotices());
  from.on("notification.created", ({ data }) => {
    meet([data.sender]);
    notices.value = [data, ...notices.peek().filter(({ id }) => id !== data.id)];
  });
  from.on("notification.read", ({ data }) => {
    const read_at = new Date().toISOString();
    notices.value = notices
      .peek()
      .map((notice) =>
        !notice.read_at && notice.id <= data.up_to && (data.room == null || notice.room === data.room)
          ? { ...notice, read_at }
          : notice,
      );
  });
  from.on("signed-out", () => {
    batch(() => {
      notices.value = [];
      people.value = new Map();
      seenBy.value = new Map();
    });
  });
}

/** Who one talks with in direct rooms: their presence is shown in the list. */
let stopPeers: (() => void) | null = null;
let watchedPeers = "";

function watchPeers(from: Client): void {
  const { rooms } = from.rooms.getSnapshot();
  const peers = rooms.flatMap(({ room }) => (room.peer ? [room.peer.id] : [])).slice(0, 100);
  const key = [...peers].sort((one, other) => one - other).join();
  if (key !== watchedPeers) {
    watchedPeers = key;
    const stop = stopPeers;
    stopPeers = peers.length > 0 ? from.presence.watch(peers) : null;
    stop?.();
  }
}

async function loadNotices(): Promise<void> {
  try {
    const { items } = await client().rest.notifications({ limit: 50 });
    meet(items.map(({ sender }) => sender));
    notices.value = items;
  } catch {
    // The next connection asks again.
  }
}

/** A timeline as a signal; also follows who is met in it. */
export function timelineSignal(timeline: RoomTimeline): { snapshot: Signal<TimelineSnapshot>; stop: () => void } {
  const snapshot = signal(timeline.getSnapshot());
  const stop = timeline.subscribe(
    calmly(() => {
      const next = timeline.getSnapshot();
      if (next.items !== snapshot.peek().items) {
        meet(next.items.flatMap((item) => (item.kind === "message" ? [item.message.sender] : [])));
      }
      snapshot.value = next;
    }),
  );
  return { snapshot, stop };
}
