import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Message, RoomTimeline } from "../../src/index.js";
import { withReactions } from "../../src/reactions.js";
import { FakeServer, message, type Peer, readyRoom, roomView, SARA, settle, stopTime, until } from "./fake.js";

function numbers(timeline: RoomTimeline): number[] {
  return timeline.getSnapshot().items.flatMap((item) => (item.kind === "message" ? [item.message.number] : []));
}

function tell(peer: Peer, seq: number, more: Partial<Message> & { number: number }): void {
  peer.event("message.created", 12, seq, message(12, more.number, { changed_seq: seq, ...more }));
}

describe("timeline", () => {
  test("a replay that tells messages by their latest change is shown by number", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 0)];
    fake.on("GET /v1/rooms/12/messages", () => ({ status: 200, json: { items: [], next: null, seq: 0 } }));
    const { client, peer } = await fake.online(t);
    const timeline = client.timeline(12);
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    peer.cut();
    fake.rooms = [readyRoom(12, 5)];
    const second = await fake.greet();
    for (const [seq, number] of [
      [2, 2],
      [4, 3],
      [5, 1],
    ] as const) {
      tell(second, seq, { number });
    }
    await until(() => timeline.newestNumber === 3, "all of them");
    assert.deepEqual(numbers(timeline), [1, 2, 3]);
    assert.equal(fake.count("GET /v1/rooms/12/messages"), 1);
  });

  test("a hole that stays is filled by REST, and nothing beyond it is shown before", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 10)];
    fake.on("GET /v1/rooms/12/messages", ({ query }) => {
      const items = query.get("after") === null ? [message(12, 10)] : [message(12, 12), message(12, 11)];
      return { status: 200, json: { items, next: null, seq: 12 } };
    });
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t);
    const timeline = client.timeline(12);
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    tell(peer, 11, { number: 12 });
    await until(() => client.resumePoint.since[12] === 11, "the event");
    assert.deepEqual(numbers(timeline), [10]);
    await settle();
    await pass(300);
    await until(() => timeline.newestNumber === 12, "the rest");
    assert.deepEqual(numbers(timeline), [10, 11, 12]);
  });

  test("an older state of a message never replaces a newer one", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 1)];
    let answer = (_: { status: number; json: object }) => {};
    fake.on("GET /v1/rooms/12/messages", () => new Promise((resolve) => (answer = resolve)));
    const { client, peer } = await fake.online(t);
    const timeline = client.timeline(12);
    await until(() => fake.count("GET /v1/rooms/12/messages") === 1, "the question");
    peer.event("message.edited", 12, 2, message(12, 1, { changed_seq: 2, content: "newer" }));
    await until(() => client.resumePoint.since[12] === 2, "the event");
    answer({ status: 200, json: { items: [message(12, 1, { content: "older" })], next: null, seq: 1 } });
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    assert.equal(timeline.find(1)?.content, "newer");
  });

  test("one's own acknowledged message stays in sight while those before it are missing", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 1)];
    fake.on("GET /v1/rooms/12/messages", () => ({
      status: 200,
      json: { items: [message(12, 1)], next: null, seq: 1 },
    }));
    const { client, peer } = await fake.online(t);
    const timeline = client.timeline(12);
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    void timeline.send("mine");
    const send = await peer.next("send");
    const own = { sender: SARA, nonce: send.nonce, content: "mine" };
    peer.ok(send.id, { message: message(12, 3, own) });
    await until(() => client.outbox.getSnapshot().length === 0, "the reply");
    assert.deepEqual(numbers(timeline), [1, 3]);
    tell(peer, 2, { number: 2 });
    tell(peer, 3, { number: 3, ...own });
    await until(() => timeline.newestNumber === 3, "the events");
    assert.deepEqual(numbers(timeline), [1, 2, 3]);
    assert.equal(timeline.getSnapshot().items.length, 3);
  });
});

describe("room list", () => {
  test("takes over what happens while it is loaded", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 5)];
    fake.on("GET /v1/rooms/12/messages", () => ({ status: 200, json: { items: [], next: null, seq: 5 } }));
    fake.on("GET /v1/rooms/13/messages", () => ({ status: 200, json: { items: [], next: null, seq: 1 } }));
    let answer = (_: { status: number; json: object }) => {};
    fake.on("GET /v1/rooms", () => new Promise((resolve) => (answer = resolve)));
    const { client, peer } = await fake.online(t);
    const loaded = client.rooms.load();
    await until(() => fake.count("GET /v1/rooms") === 1, "the question");
    tell(peer, 6, { number: 6 });
    peer.event("room.joined", undefined, undefined, roomView(13, 1));
    peer.event("room.left", undefined, undefined, { id: 14, kind: "public", name: "x" });
    await until(() => client.resumePoint.since[13] === 1, "the events");
    answer({ status: 200, json: { items: [roomView(12, 5), roomView(14, 1)], next: null } });
    await loaded;
    assert.deepEqual([...client.rooms.getSnapshot().rooms].map(({ room }) => room.id).sort(), [12, 13]);
    assert.deepEqual([client.rooms.get(12)?.unread, client.rooms.get(12)?.latest?.number], [1, 6]);
  });
});

describe("one's own reactions", () => {
  const reaction = (emoji: string, count: number, me?: boolean) => ({
    emoji,
    count,
    ...(me === undefined ? {} : { me }),
  });
  const of = (...reactions: Message["reactions"]) => message(12, 1, { reactions });
  const cases = [
    { name: "an answer tells them", next: of(reaction("a", 2, true)), me: [true], isCertain: true },
    {
      ...{ name: "another's change leaves them", before: of(reaction("a", 1, true)), next: of(reaction("a", 2)) },
      ...{ change: { user: 2, emoji: "a", added: true }, me: [true], isCertain: true },
    },
    {
      ...{ name: "another's first one is not one's own", before: of(), next: of(reaction("a", 1)) },
      ...{ change: { user: 2, emoji: "a", added: true }, me: [false], isCertain: true },
    },
    {
      ...{ name: "one's own change counts", before: of(reaction("a", 1, false)), next: of(reaction("a", 2)) },
      ...{ change: { user: 1, emoji: "a", added: true }, me: [true], isCertain: true },
    },
    {
      ...{ name: "an edit leaves them", before: of(reaction("a", 1, true)), next: of(reaction("a", 1)) },
      ...{ me: [true], isCertain: true },
    },
    {
      ...{
        name: "a replay that differs does not tell",
        before: of(reaction("a", 1, true)),
        next: of(reaction("a", 2)),
      },
      ...{ me: [true], isCertain: false },
    },
    {
      name: "of a message not seen before nothing is known",
      next: of(reaction("a", 1)),
      me: [false],
      isCertain: false,
    },
    { name: "a message without any needs no question", next: of(), me: [], isCertain: true },
  ];
  for (const { name, before, next, change, me, isCertain } of cases as (Partial<(typeof cases)[number]> & {
    before?: Message;
    next: Message;
    change?: { user: number; emoji: string; added: boolean };
  })[]) {
    test(name ?? "", () => {
      const found = withReactions(next, before, change, 1);
      assert.deepEqual([found.message.reactions.map((one) => one.me), found.isCertain], [me, isCertain]);
    });
  }
});
