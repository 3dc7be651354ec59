import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Client, Message, RoomTimeline, RoomView } from "../../src/index.js";
import { Cleanup, RealServer, until } from "./real.js";

let server: RealServer;
let ali: Client;
let sara: Client;

const cleanup = new Cleanup();
after(cleanup.run);
before(async () => {
  server = await RealServer.single(cleanup);
  ali = await server.user(cleanup, "ali");
  sara = await server.user(cleanup, "sara");
});

/** A room of both, with as many messages of Ali's. */
async function roomWith(name: string, count: number): Promise<{ room: RoomView; messages: Message[] }> {
  const room = await ali.rest.createRoom({ kind: "public", name, members: [sara.user?.id ?? 0] });
  const messages: Message[] = [];
  for (let number = 1; number <= count; number += 1) {
    messages.push(await ali.rest.sendMessage(room.id, { content: `message ${number}` }));
  }
  return { room, messages };
}

function numbers(timeline: RoomTimeline): number[] {
  return timeline.getSnapshot().items.flatMap((item) => (item.kind === "message" ? [item.message.number] : []));
}

function shown(timeline: RoomTimeline, id: number): Message {
  const message = timeline.find(id);
  assert.ok(message, `message ${id} is shown`);
  return message;
}

function span(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe("timeline", () => {
  test("begins with the newest page and grows into the past", async (t) => {
    const { room } = await roomWith("past", 25);
    const timeline = sara.timeline(room.id, { pageSize: 10 });
    t.after(() => timeline.close());
    await until(() => timeline.getSnapshot().status === "ready", "the first page");
    assert.deepEqual(numbers(timeline), span(16, 25));
    assert.ok(timeline.getSnapshot().hasOlder && !timeline.getSnapshot().hasNewer);
    await Promise.all([timeline.loadOlder(), timeline.loadOlder()]);
    assert.deepEqual(numbers(timeline), span(6, 25));
    await timeline.loadOlder();
    assert.deepEqual(numbers(timeline), span(1, 25));
    assert.equal(timeline.getSnapshot().hasOlder, false);
    await ali.send(room.id, "new");
    await until(() => timeline.newestNumber === 26, "the new one");
    assert.deepEqual(numbers(timeline), span(1, 26));
  });

  test("looks at the past, leaves new messages for later, and meets them without a hole", async (t) => {
    const { room } = await roomWith("around", 40);
    const timeline = sara.timeline(room.id, { around: 12, pageSize: 10 });
    t.after(() => timeline.close());
    await until(() => timeline.getSnapshot().status === "ready" && !timeline.getSnapshot().isLoadingNewer, "the page");
    assert.ok(numbers(timeline).includes(12) && timeline.getSnapshot().hasNewer);
    const before = numbers(timeline);
    await ali.send(room.id, "new");
    await until(() => sara.resumePoint.since[room.id] === room.seq + 41, "its event");
    assert.deepEqual(numbers(timeline), before);
    while (timeline.getSnapshot().hasNewer) {
      await timeline.loadNewer();
    }
    assert.deepEqual(numbers(timeline), span(before[0] ?? 0, 41));
    await ali.send(room.id, "newer");
    await until(() => timeline.newestNumber === 42, "the newer one");
    await timeline.jumpTo(2);
    assert.ok(numbers(timeline).includes(2) && !numbers(timeline).includes(42));
    await timeline.jumpToLatest();
    assert.deepEqual(numbers(timeline), span(33, 42));
  });

  test("follows edits, deletes and reactions, and knows which are one's own", async (t) => {
    const { room, messages } = await roomWith("changes", 3);
    const [first, second] = messages as [Message, Message];
    await sara.react(room.id, first.id, "🌱");
    const timeline = sara.timeline(room.id);
    t.after(() => timeline.close());
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    assert.deepEqual(shown(timeline, first.id).reactions, [{ emoji: "🌱", count: 1, me: true }]);

    await ali.react(room.id, first.id, "🌱");
    await until(() => shown(timeline, first.id).reactions[0]?.count === 2, "Ali's reaction");
    assert.equal(shown(timeline, first.id).reactions[0]?.me, true);
    const unreacting = timeline.react(first.id, "🌱", false);
    assert.deepEqual(shown(timeline, first.id).reactions, [{ emoji: "🌱", count: 1, me: false }], "at once");
    await unreacting;

    await ali.edit(room.id, first.id, "درود");
    await until(() => shown(timeline, first.id).content === "درود", "the edit");
    assert.deepEqual(shown(timeline, first.id).reactions, [{ emoji: "🌱", count: 1, me: false }]);
    await ali.delete(room.id, second.id);
    await until(() => shown(timeline, second.id).deleted_at !== null, "the tombstone");
    assert.deepEqual(numbers(timeline), [1, 2, 3]);
  });

  test("reads again what a replay cannot tell: one's own reaction from another device", async (t) => {
    const { room, messages } = await roomWith("replay", 1);
    const [message] = messages as [Message];
    const phone = server.client(t);
    await phone.login({ login: "sara", password: "correct horse" });
    const timeline = sara.timeline(room.id);
    t.after(() => timeline.close());
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    sara.disconnect();
    await phone.rest.react(room.id, message.id, "☕");
    await sara.connect();
    await until(() => shown(timeline, message.id).reactions[0]?.me === true, "the reaction");
  });

  test("shows one's own message from the first moment on under one key", async (t) => {
    const { room } = await roomWith("own", 1);
    const timeline = sara.timeline(room.id);
    t.after(() => timeline.close());
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    const keys = new Set<string>();
    const counts = new Set<number>();
    timeline.subscribe(() => {
      const { items } = timeline.getSnapshot();
      counts.add(items.length);
      keys.add(items.at(-1)?.key ?? "");
    });
    const message = await timeline.send("سلام");
    await until(() => timeline.newestNumber === message.number, "its event");
    assert.deepEqual([...counts], [2]);
    assert.deepEqual([...keys], [`n${message.nonce}`]);
  });

  test("has what is quoted, where it is too far away too", async (t) => {
    const { room, messages } = await roomWith("quotes", 12);
    await ali.send(room.id, { content: "as I said", replyTo: messages[0]?.id });
    const timeline = sara.timeline(room.id, { pageSize: 5 });
    t.after(() => timeline.close());
    const id = messages[0]?.id ?? 0;
    await until(() => timeline.getSnapshot().quoted.has(id), "the quoted one");
    assert.equal(timeline.getSnapshot().quoted.get(id)?.content, "message 1");
    await ali.edit(room.id, id, "message one");
    await until(() => timeline.find(id)?.content === "message one", "its edit");
  });

  test("is as before after a long absence that the server cannot replay", async (t) => {
    const { room } = await roomWith("reset", 3);
    const timeline = sara.timeline(room.id, { pageSize: 20 });
    t.after(() => timeline.close());
    await until(() => timeline.getSnapshot().status === "ready", "the page");
    let resets = 0;
    t.after(sara.on("reset", () => (resets += 1)));
    sara.disconnect();
    const sends = Array.from({ length: 1_005 }, (_, index) =>
      ali.rest.sendMessage(room.id, { content: `missed ${index}` }),
    );
    await Promise.all(sends);
    await sara.connect();
    await until(() => timeline.newestNumber === 1_008, "the newest");
    assert.equal(resets, 1);
    const all = numbers(timeline);
    assert.deepEqual(all, span(all[0] ?? 0, 1_008));
    await ali.send(room.id, "live again");
    await until(() => timeline.newestNumber === 1_009, "a live one");
  });

  test("shows a public room to who is not in it, and follows it after joining", async (t) => {
    const room = await ali.rest.createRoom({ kind: "public", name: "open" });
    await ali.send(room.id, "one");
    const timeline = sara.timeline(room.id);
    t.after(() => timeline.close());
    await until(() => timeline.newestNumber === 1, "the first");
    await ali.send(room.id, "two");
    await sara.rest.joinRoom(room.id);
    await ali.send(room.id, "three");
    await until(() => timeline.newestNumber === 3, "all of it");
    assert.deepEqual(numbers(timeline), [1, 2, 3]);
  });

  test("tells that a room cannot be read", async (t) => {
    const room = await ali.rest.createRoom({ kind: "private", name: "secret" });
    const timeline = sara.timeline(room.id);
    t.after(() => timeline.close());
    await until(() => timeline.getSnapshot().status === "failed", "the refusal");
    assert.equal((timeline.getSnapshot().error as { code?: string }).code, "room_not_found");
  });
});

describe("room list", () => {
  test("has what is unread and the latest message, latest activity first", async () => {
    const { room: quiet } = await roomWith("quiet", 1);
    const { room: busy } = await roomWith("busy", 2);
    await sara.rooms.load();
    const entry = (id: number) => sara.rooms.get(id);
    await until(() => entry(busy.id)?.latest?.content === "message 2", "the latest message");
    assert.deepEqual([entry(quiet.id)?.unread, entry(busy.id)?.unread], [1, 2]);
    assert.equal(sara.rooms.getSnapshot().rooms[0]?.room.id, busy.id);

    await ali.send(quiet.id, "anybody?");
    await until(() => sara.rooms.getSnapshot().rooms[0]?.room.id === quiet.id, "the new order");
    assert.deepEqual([entry(quiet.id)?.unread, entry(quiet.id)?.latest?.content], [2, "anybody?"]);

    sara.rooms.markRead(quiet.id);
    assert.equal(entry(quiet.id)?.unread, 0);
    const read = () => ali.rest.room(quiet.id).then(() => sara.rest.room(quiet.id));
    await until(() => entry(quiet.id)?.room.me?.read_number === 2, "the mark");
    let mark = 0;
    while (mark < 2) {
      mark = (await read()).me?.read_number ?? 0;
    }

    const direct = await ali.rest.directRoom(sara.user?.id ?? 0);
    await ali.send(direct.id, "psst");
    await until(() => entry(direct.id)?.latest?.content === "psst", "the direct room");
    assert.equal(entry(direct.id)?.room.peer?.username, "ali");
    await sara.send(direct.id, "yes?");
    assert.equal(entry(direct.id)?.unread, 0);

    await ali.rest.updateRoom(quiet.id, { name: "very quiet" });
    await until(() => entry(quiet.id)?.room.name === "very quiet", "the new name");
    assert.equal(entry(quiet.id)?.room.me?.role, "member");
    await ali.rest.putMember(quiet.id, sara.user?.id ?? 0, { role: "admin" });
    await until(() => entry(quiet.id)?.room.me?.role === "admin", "the role");
    await sara.rest.leaveRoom(quiet.id);
    await until(() => entry(quiet.id) === undefined, "the end");
    await ali.rest.deleteRoom(busy.id);
    await until(() => entry(busy.id) === undefined, "the other end");
  });

  test("is right again after an absence", async () => {
    const { room } = await roomWith("absence", 1);
    await until(() => sara.rooms.get(room.id) !== undefined, "the room");
    sara.disconnect();
    await ali.send(room.id, "while you were away");
    const { room: added } = await roomWith("added meanwhile", 1);
    await sara.connect();
    await until(() => sara.rooms.get(room.id)?.latest?.number === 2, "the message");
    assert.equal(sara.rooms.get(room.id)?.unread, 2);
    await until(() => sara.rooms.get(added.id)?.unread === 1, "the new room");
  });
});

describe("presence and typing", () => {
  test("tell who is there and who types", async (t) => {
    const { room } = await roomWith("company", 0);
    const reza = await server.user(t, "reza");
    await reza.rest.joinRoom(room.id);
    const id = reza.user?.id ?? 0;
    const stop = sara.presence.watch([id]);
    t.after(stop);
    await until(() => sara.presence.of(id)?.online === true, "Reza");
    reza.typing.notify(room.id);
    await until(() => sara.typing.in(room.id).includes(id), "typing");
    await reza.send(room.id, "there");
    await until(() => sara.typing.in(room.id).length === 0, "the end of it");
    reza.disconnect();
    await until(() => sara.presence.of(id)?.online === false, "Reza's end", 20);
    await until(() => typeof sara.presence.of(id)?.lastSeen === "string", "when it was");
  });
});
