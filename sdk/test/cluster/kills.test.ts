/**
 * Several clients send to shared rooms through a real cluster while its gateways are killed and drained. What
 * every client was told is recorded and compared: nothing lost, nothing twice, nothing out of order.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ChangeEvent, Client, Message, RoomTimeline } from "../../src/index.js";
import { Cleanup, RealServer, until } from "../server/real.js";

const CLIENTS = 6;
const ROOMS = 2;
/** One is told to drain, as in an upgrade. */
const ENDS = ["SIGKILL", "SIGKILL", "SIGTERM", "SIGKILL"] as const;

let cluster: RealServer;
const cleanup = new Cleanup();
after(cleanup.run);
before(async () => {
  cluster = await RealServer.cluster(cleanup);
});

/** One client, and what it was told. */
class Witness {
  readonly client: Client;
  readonly events = new Map<number, ChangeEvent[]>();
  readonly breaks: (number | null)[] = [];
  /** What it sent to each room, in order. */
  readonly sent = new Map<number, string[]>();
  readonly answers: Promise<Message>[] = [];

  constructor(client: Client) {
    this.client = client;
    client.on("event", (event) => {
      if ("seq" in event) {
        this.events.set(event.room, [...(this.events.get(event.room) ?? []), event]);
      }
    });
    let last: string | null = null;
    client.on("connection", ({ status, closeCode }) => {
      if (last === "online" && status !== "online") {
        this.breaks.push(closeCode);
      }
      last = status;
    });
  }

  send(room: number): void {
    const sent = this.sent.get(room) ?? [];
    const content = `${this.client.user?.username} ${sent.length + 1}`;
    sent.push(content);
    this.sent.set(room, sent);
    this.answers.push(this.client.send(room, content));
  }

  /** Messages of a room by id, as a client that replaces by id has them. */
  messages(room: number): Message[] {
    const created = (this.events.get(room) ?? []).filter((event) => event.type === "message.created");
    return [...new Map(created.map(({ data }) => [data.id, data])).values()];
  }
}

function contents(timeline: RoomTimeline): string[] {
  return timeline.getSnapshot().items.flatMap((item) => (item.kind === "message" ? [item.message.content] : []));
}

test("gateways are killed while clients send: nothing is lost, doubled or out of order", async (t) => {
  const witnesses: Witness[] = [];
  for (let number = 1; number <= CLIENTS; number += 1) {
    witnesses.push(new Witness(await cluster.user(t, `client${number}`)));
  }
  const [first] = witnesses as [Witness, ...Witness[]];
  const others = witnesses.slice(1).map(({ client }) => client.user?.id ?? 0);
  const rooms: number[] = [];
  for (let number = 1; number <= ROOMS; number += 1) {
    const room = await first.client.rest.createRoom({ kind: "public", name: `room ${number}`, members: others });
    rooms.push(room.id);
  }
  await until(() => witnesses.every(({ client }) => rooms.every((id) => id in client.resumePoint.since)), "the rooms");
  const timelines = rooms.map((room) => first.client.timeline(room, { pageSize: 100 }));
  await until(() => timelines.every((timeline) => timeline.getSnapshot().status === "ready"), "the timelines");

  let isOver = false;
  const sending = witnesses.map(async (witness, index) => {
    for (let count = 0; !isOver; count += 1) {
      witness.send(rooms[(index + count) % ROOMS] as number);
      // Each at its own pace, and two in a row now and then.
      await (count % 5 === 0 ? null : new Promise((resolve) => setTimeout(resolve, 20 + 7 * index)));
    }
  });
  const acknowledged = () =>
    witnesses.map(({ client, answers }) => answers.length - client.outbox.getSnapshot().length);
  for (const [at, signal] of ENDS.entries()) {
    const before = acknowledged();
    // Not before every client has got on since the last one.
    await until(() => acknowledged().every((count, index) => count >= (before[index] ?? 0) + 10), "progress");
    await cluster.end(`gateway ${(at % 2) + 1}`, signal);
  }
  isOver = true;
  await Promise.all(sending);
  const messages = await Promise.all(witnesses.flatMap(({ answers }) => answers));

  assert.ok(
    witnesses.every(({ breaks }) => breaks.length > 0),
    "every client lost its socket at least once",
  );
  assert.equal(new Set(messages.map(({ id }) => id)).size, messages.length, "an answer of its own for each send");
  for (const [index, room] of rooms.entries()) {
    const expected = witnesses.flatMap(({ sent }) => sent.get(room) ?? []);
    const view = await first.client.rest.room(room);
    assert.equal(view.number, expected.length, "as many messages in the room as were sent");
    for (const witness of witnesses) {
      await until(() => witness.client.resumePoint.since[room] === view.seq, "the last event");
      const events = witness.events.get(room) ?? [];
      assert.ok(
        events.every(({ seq }, at) => at === 0 || seq > (events[at - 1]?.seq ?? 0)),
        "positions ascend, none comes twice",
      );
      const told = witness.messages(room).sort((one, other) => one.number - other.number);
      assert.deepEqual(
        told.map(({ number }) => number),
        expected.map((_, at) => at + 1),
        "every message is told",
      );
      for (const { client, sent } of witnesses) {
        const theirs = told.filter(({ sender }) => sender.id === client.user?.id).map(({ content }) => content);
        assert.deepEqual(theirs, sent.get(room) ?? [], "each one's messages in the order in which they were written");
      }
    }
    const timeline = timelines[index] as RoomTimeline;
    await until(() => timeline.newestNumber === view.number, "the timeline");
    const history = first.messages(room).sort((one, other) => one.number - other.number);
    assert.deepEqual(
      contents(timeline),
      history.map(({ content }) => content),
      "the view shows it so",
    );
  }
  const counts = witnesses.map(({ sent }) => [...sent.values()].reduce((sum, { length }) => sum + length, 0));
  t.diagnostic(
    `${messages.length} messages of ${CLIENTS} clients (${counts.join(", ")}), gateways ended by ${ENDS.join(", ")}, ` +
      `${witnesses.reduce((sum, { breaks }) => sum + breaks.length, 0)} sockets lost`,
  );
});

test("a page that is closed while its message is under way sends it once when it is opened again", async (t) => {
  const { MemoryOutboxStore, MemoryTokenStore } = await import("../../src/index.js");
  const [tokens, outbox] = [new MemoryTokenStore(), new MemoryOutboxStore()];
  const before = await cluster.user(t, "reloader", { tokens, outbox });
  const room = await before.rest.createRoom({ kind: "private", name: "reload" });
  for (let number = 1; number <= 20; number += 1) {
    void before.send(room.id, `message ${number}`);
  }
  // Some are acknowledged, one is under way, the rest waits.
  await until(() => before.outbox.getSnapshot().length < 15, "the first answers");
  before.close();
  const later = cluster.client(t, { tokens, outbox });
  void later.connect();
  await until(() => later.user !== null && later.connection.status === "online", "the new page");
  await until(
    () => later.outbox.getSnapshot().length === 0 && outbox.load(later.user?.id ?? 0).length === 0,
    "the rest",
  );
  const { items } = await later.rest.messages(room.id, { limit: 100 });
  assert.deepEqual(
    items.map(({ content }) => content).reverse(),
    Array.from({ length: 20 }, (_, index) => `message ${index + 1}`),
  );
});
