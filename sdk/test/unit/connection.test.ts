import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConnectionError, ProblemError, TimeoutError } from "../../src/index.js";
import { FakeServer, message, readyRoom, settle, stopTime, until } from "./fake.js";

describe("connection", () => {
  test("says hello with the token and no position at first, and is online after ready", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    const online = client.connect();
    assert.equal(client.connection.status, "connecting");
    const { hello } = await fake.greet();
    assert.deepEqual(hello, { op: "hello", token: "access-1", epoch: null, since: {} });
    await online;
    assert.equal(client.connection.status, "online");
    assert.equal(client.limits?.content, 4000);
  });

  test("resumes with the positions it has and their epoch", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 345), readyRoom(13, 9)];
    const { client, peer } = await fake.online(t);
    const seen: number[] = [];
    client.on("message.created", ({ seq }) => seen.push(seq));
    peer.event("message.created", 12, 346, message(12, 346));
    await until(() => seen.length === 1, "the event");
    peer.cut();
    const { hello } = await fake.greet();
    assert.deepEqual(hello, { op: "hello", token: "access-1", epoch: "e1", since: { 12: 346, 13: 9 } });
  });

  const after = [
    { code: 1001, status: "waiting", wait: 500 },
    { code: 1012, status: "waiting", wait: 500 },
    { code: 4010, status: "waiting", wait: 500 },
    { code: 4012, status: "waiting", wait: 500 },
    // A random part of four seconds more than a minute.
    { code: 4008, status: "waiting", wait: 62_000 },
    { code: 4000, status: "stopped", reason: "client-fault" },
    { code: 4003, status: "stopped", reason: "signed-out" },
    { code: 4009, status: "stopped", reason: "client-fault" },
    { code: 4011, status: "stopped", reason: "too-many-connections" },
  ];
  for (const { code, status, wait, reason } of after) {
    test(`after close code ${code} it is ${status} ${reason ?? `for ${wait} ms`}`, async (t) => {
      const fake = await FakeServer.start(t);
      const { pass } = stopTime(t);
      const { client, peer } = await fake.online(t);
      peer.close(code);
      await until(() => client.connection.status === status, status);
      assert.equal(client.connection.closeCode, code);
      assert.equal(client.connection.reason, reason ?? null);
      if (wait === undefined) {
        await pass(120_000);
        assert.equal(fake.hasPeer, false);
        assert.equal(client.user === null, reason === "signed-out");
      } else {
        await pass(wait - 250);
        assert.equal(fake.hasPeer, false, "too early");
        await pass(250);
        await fake.greet();
        await until(() => client.connection.status === "online", "online again");
      }
    });
  }

  test("refreshes an expired token (4002) and comes back at once", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    peer.close(4002);
    const { hello } = await fake.greet();
    assert.equal(hello.token, "access-2");
    await until(() => client.connection.status === "online", "online");
    assert.equal(fake.count("POST /v1/auth/refresh"), 1);
  });

  test("tries a new token once where one is not accepted (4001), then is signed out", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    const reasons: string[] = [];
    client.on("signed-out", (reason) => reasons.push(reason));
    peer.close(4001);
    const second = await fake.peer();
    assert.equal((await second.next()).token, "access-2");
    second.close(4001);
    await until(() => client.connection.status === "stopped", "stopped");
    assert.deepEqual([client.connection.reason, client.user, reasons], ["signed-out", null, ["revoked"]]);
  });

  test("is signed out where the refresh token is not accepted either", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    fake.tokens = 7;
    peer.close(4001);
    await until(() => client.connection.reason === "signed-out", "signed out");
    await client.login({ login: "sara", password: "correct horse" });
    await fake.greet();
    await until(() => client.connection.status === "online", "online again by itself");
  });

  test("waits longer with each failure, up to half a minute, and begins anew after ready", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t);
    peer.cut();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 7; attempt += 1) {
      await until(() => client.connection.attempt === attempt && client.connection.status === "waiting", "waiting");
      const wait = (client.connection.retryAt ?? 0) - Date.now();
      waits.push(wait);
      await pass(wait);
      (await fake.peer()).cut();
    }
    assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    await until(() => client.connection.attempt === 8, "waiting");
    await pass(15_000);
    await fake.greet();
    await until(() => client.connection.status === "online", "online");
    assert.equal(client.connection.attempt, 0);
  });

  test("asks a quiet server after one heartbeat and gives it up after two", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t);
    await pass(29_000);
    assert.equal(peer.pending.length, 0);
    await pass(2_000);
    await peer.next("ping");
    peer.ok(0);
    await settle();
    await pass(29_000);
    assert.equal(client.connection.status, "online", "it answered");
    await pass(38_000);
    assert.notEqual(client.connection.status, "online");
    await pass(1_000);
    await fake.greet();
    await until(() => client.connection.status === "online", "online again");
  });

  test("goes over to a new socket when the node drains, and misses and doubles nothing", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    fake.rooms = [readyRoom(12, 5)];
    const { client, peer } = await fake.online(t);
    const seen: number[] = [];
    const states: string[] = [];
    client.on("message.created", ({ seq }) => seen.push(seq));
    client.on("connection", ({ status }) => states.push(status));
    peer.send({ op: "reconnect", after_ms: 1_500 });
    await settle();
    await pass(1_250);
    assert.equal(fake.hasPeer, false);
    await pass(500);
    const second = await fake.peer();
    // What is said meanwhile comes by the old one …
    peer.event("message.created", 12, 6, message(12, 6));
    await until(() => seen.length === 1, "an event by the old socket");
    assert.deepEqual((await second.next("hello")).since, { 12: 5 });
    fake.rooms = [readyRoom(12, 6)];
    fake.ready(second);
    // … and again by the new one.
    second.event("message.created", 12, 6, message(12, 6));
    second.event("message.created", 12, 7, message(12, 7));
    await until(() => peer.isClosed && seen.length > 1, "the old one's end");
    assert.deepEqual(seen, [6, 7]);
    assert.deepEqual(states, [], "online all the time");
  });

  test("brings a new token in band before the old one expires", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t);
    // A minute before its end; the line is kept alive until then.
    for (let left = 840; left > 0; left -= 20) {
      assert.equal(fake.tokens, 1);
      peer.ok(0);
      await pass(20_000);
    }
    const auth = await peer.next("auth");
    assert.equal(auth.token, "access-2");
    peer.ok(auth.id);
    await settle();
    assert.equal(client.connection.status, "online");
  });

  test("tells commands without a connection, without a reply and with a refusal apart", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const client = await fake.signedIn(t);
    await assert.rejects(client.command("ping", {}), ConnectionError);
    void client.connect();
    const peer = await fake.greet();
    await until(() => client.connection.status === "online", "online");

    const refused = client.command("read", { room: 1, number: 1 });
    peer.refuse((await peer.next("read")).id, "invalid", { errors: { number: ["bad"] } });
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof ProblemError);
      assert.deepEqual([error.code, error.errors], ["invalid", { number: ["bad"] }]);
      return true;
    });

    const late = assert.rejects(client.command("ping", {}), TimeoutError);
    await pass(15_000);
    await late;

    const cut = assert.rejects(client.command("ping", {}), ConnectionError);
    peer.cut();
    await cut;

    const tooLarge = client.command("send", { room: 1, content: "چ".repeat(40_000) });
    await assert.rejects(tooLarge);
  });

  test("repeats an edit over the next socket", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    const edited = client.edit(12, 77, "درود");
    await peer.next("edit");
    peer.cut();
    const second = await fake.greet();
    const again = await second.next("edit");
    assert.equal(again.content, "درود");
    second.ok(again.id, { message: message(12, 77) });
    assert.equal((await edited).id, 77);
  });

  test("connects at once when it is told to while it waits", async (t) => {
    const fake = await FakeServer.start(t);
    stopTime(t);
    const { client, peer } = await fake.online(t);
    peer.cut();
    await until(() => client.connection.status === "waiting", "waiting");
    void client.connect();
    await fake.greet();
    await until(() => client.connection.status === "online", "online");
  });

  test("stays away after disconnect", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    client.disconnect();
    await until(() => peer.isClosed, "its end");
    assert.deepEqual([client.connection.status, peer.closeCode], ["idle", 1000]);
    await assert.rejects(client.edit(1, 1, "x"), ConnectionError);
  });
});
