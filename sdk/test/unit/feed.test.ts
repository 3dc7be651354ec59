import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Client } from "../../src/index.js";
import { FakeServer, message, problem, readyRoom, roomView, settle, stopTime, until } from "./fake.js";

/** What a client is told of a room's changes, as it comes. */
function record(client: Client): (number | string)[] {
  const told: (number | string)[] = [];
  client.on("event", (event) => "seq" in event && told.push(event.seq));
  client.on("reset", ({ history }) => told.push(`reset to ${history.seq}`));
  return told;
}

function created(seq: number): object {
  return { op: "event", type: "message.created", room: 12, seq, data: message(12, seq) };
}

describe("feed", () => {
  test("what was told before is not told again", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 5)];
    const { client, peer } = await fake.online(t);
    const told = record(client);
    for (const seq of [5, 6, 6, 7, 6]) {
      peer.send(created(seq));
    }
    await until(() => told.length >= 2, "events");
    await settle();
    assert.deepEqual(told, [6, 7]);
  });

  test("a hole is mended by REST before what comes after it is told", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 5)];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    fake.on("GET /v1/rooms/12/changes", async ({ query }) => {
      await released;
      const since = Number(query.get("since"));
      // Two pages, and the second one has what the socket told already.
      return since === 5
        ? { status: 200, json: { items: [created(6)], next: 6, seq: 8, more: true } }
        : { status: 200, json: { items: [created(7), created(8)], next: 8, seq: 8, more: false } };
    });
    const { client, peer } = await fake.online(t);
    const told = record(client);
    peer.send(created(8));
    peer.send(created(9));
    await until(() => fake.count("GET /v1/rooms/12/changes") === 1, "the question");
    await settle();
    assert.deepEqual(told, []);
    release();
    await until(() => told.length === 4, "all of them");
    assert.deepEqual(told, [6, 7, 8, 9]);
    assert.deepEqual(
      fake.asked.slice(-2).map(({ query }) => [query.get("since"), query.get("from")]),
      [
        ["5", "5"],
        ["6", "5"],
      ],
    );
    assert.equal(client.resumePoint.since[12], 9);
  });

  test("a repair is tried again while it fails for a moment", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 5)];
    const { pass } = stopTime(t);
    let asked = 0;
    fake.on("GET /v1/rooms/12/changes", () => {
      asked += 1;
      return asked < 3 ? problem(503, "unavailable") : { status: 200, json: { items: [created(6)], next: 7, seq: 7 } };
    });
    const { client, peer } = await fake.online(t);
    const told = record(client);
    peer.send(created(7));
    await until(() => asked === 1, "the first");
    await settle();
    await pass(500);
    await until(() => asked === 2, "the second");
    await settle();
    await pass(1_000);
    await until(() => told.length === 1, "the event");
    // 7 was superseded: the answer covers it.
    assert.deepEqual([told, client.resumePoint.since[12]], [[6], 7]);
  });

  test("a replay may jump: what lies between was superseded", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 5)];
    const { client, peer } = await fake.online(t);
    const told = record(client);
    peer.cut();
    fake.rooms = [readyRoom(12, 20)];
    const second = await fake.greet();
    assert.deepEqual(second.hello.since, { 12: 5 });
    for (const seq of [9, 14, 20, 21]) {
      second.send(created(seq));
    }
    await until(() => told.length === 4, "events");
    assert.deepEqual(told, [9, 14, 20, 21]);
    assert.equal(fake.count("GET /v1/rooms/12/changes"), 0);
  });

  test("after a reset the room is loaded, and events up to what was loaded are left out", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 9001)];
    let heads = [9000, 9003];
    fake.on("GET /v1/rooms/12", () => ({ status: 200, json: roomView(12, 9003) }));
    fake.on("GET /v1/rooms/12/messages", () => {
      const [seq] = heads;
      heads = heads.slice(1);
      return { status: 200, json: { items: [message(12, seq ?? 0)], next: null, seq } };
    });
    const { client, peer } = await fake.online(t, { resume: { epoch: "e1", since: { 12: 3 } } });
    const { pass } = stopTime(t);
    const told = record(client);
    peer.send({ op: "reset", room: 12, seq: 9001 });
    for (const seq of [9002, 9003, 9004]) {
      peer.send(created(seq));
    }
    // The first answer is older than the reset (another node's?), and cannot be built on.
    await until(() => heads.length === 1, "the first answer");
    await settle();
    assert.deepEqual(told, []);
    assert.equal(client.resumePoint.since[12], 3, "a break now would have to begin before the reset");
    await pass(500);
    await until(() => told.length === 2, "the reset");
    assert.deepEqual(told, ["reset to 9003", 9004]);
    assert.equal(client.resumePoint.since[12], 9004);
  });

  test("of another store's positions nothing is kept after its resets", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 500)];
    fake.on("GET /v1/rooms/12", () => ({ status: 200, json: roomView(12, 7) }));
    fake.on("GET /v1/rooms/12/messages", () => ({ status: 200, json: { items: [], next: null, seq: 7 } }));
    const { client, peer } = await fake.online(t);
    const told = record(client);
    peer.cut();
    fake.epoch = "e2";
    fake.rooms = [readyRoom(12, 7)];
    const second = await fake.greet();
    second.send({ op: "reset", room: 12, seq: 7 });
    second.send(created(8));
    await until(() => told.length === 2, "events");
    assert.deepEqual(told, ["reset to 7", 8]);
    assert.deepEqual(client.resumePoint, { epoch: "e2", since: { 12: 8 } });
  });

  test("a room joined begins where it says, a room left is forgotten", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    const told = record(client);
    peer.send(created(40));
    peer.event("room.joined", undefined, undefined, roomView(12, 41));
    peer.send(created(42));
    await until(() => told.length === 1, "the event");
    assert.deepEqual([told, client.resumePoint.since], [[42], { 12: 42 }]);
    peer.event("room.left", undefined, undefined, { id: 12, kind: "public", name: "x" });
    peer.send(created(43));
    await until(() => client.resumePoint.since[12] === undefined, "the end");
    await settle();
    assert.deepEqual(told, [42]);
  });

  test("what was said between a history and the first socket is not missed", async (t) => {
    const fake = await FakeServer.start(t);
    fake.on("GET /v1/rooms/12/messages", () => ({
      status: 200,
      json: { items: [message(12, 5)], next: null, seq: 5 },
    }));
    fake.on("GET /v1/rooms/12/changes", () => ({
      status: 200,
      json: { items: [created(6)], next: 6, seq: 6, more: false },
    }));
    const client = await fake.signedIn(t);
    const timeline = client.timeline(12);
    await until(() => timeline.getSnapshot().status === "ready", "the history");
    fake.rooms = [readyRoom(12, 6)];
    void client.connect();
    const peer = await fake.greet();
    assert.deepEqual(peer.hello.since, {});
    peer.send(created(7));
    await until(() => timeline.newestNumber === 7, "the last one");
    assert.deepEqual(
      timeline.getSnapshot().items.map((item) => item.kind === "message" && item.message.number),
      [5, 6, 7],
    );
  });

  test("a notification that both sockets of a drain tell is told once", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    const ids: number[] = [];
    client.on("notification.created", ({ data }) => ids.push(data.id));
    for (const id of [4, 4, 5]) {
      peer.event("notification.created", undefined, undefined, { id, kind: "direct" });
    }
    await until(() => ids.includes(5), "the last one");
    assert.deepEqual(ids, [4, 5]);
  });

  test("a listener that throws keeps nobody else from hearing", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 5)];
    const { client, peer } = await fake.online(t);
    const uncaught: unknown[] = [];
    const catcher = (error: unknown) => uncaught.push(error);
    process.prependOnceListener("uncaughtException", catcher);
    const stop = client.on("message.created", () => {
      stop();
      throw new Error("a bug of the application's");
    });
    const told = record(client);
    t.mock.method(globalThis, "queueMicrotask", (work: () => void) => {
      try {
        work();
      } catch (error) {
        uncaught.push(error);
      }
    });
    peer.send(created(6));
    peer.send(created(7));
    await until(() => told.length === 2, "both");
    process.removeListener("uncaughtException", catcher);
    assert.equal(uncaught.length, 1);
  });
});
