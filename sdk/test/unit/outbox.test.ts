import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DiscardedError, MemoryOutboxStore, MemoryTokenStore, SignedOutError } from "../../src/index.js";
import { FakeServer, type Frame, message, type Peer, readyRoom, SARA, settle, stopTime, until } from "./fake.js";

/** Takes a send and acknowledges it as the message of a number. */
async function accept(peer: Peer, number: number): Promise<Frame> {
  const send = await peer.next("send");
  peer.ok(send.id, { message: sent(send, number) });
  return send;
}

function sent(send: Frame, number: number) {
  return message(send.room, number, { sender: SARA, content: send.content, nonce: send.nonce });
}

describe("outbox", () => {
  test("a message waits for the connection and is then sent with its nonce", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    const answer = client.send(12, { content: "سلام", replyTo: 77, attachments: [{ id: 5 } as never] });
    const [pending] = client.outbox.getSnapshot();
    assert.deepEqual([pending?.state, pending?.content], ["pending", "سلام"]);
    void client.connect();
    const peer = await fake.greet();
    const send = await accept(peer, 31);
    assert.deepEqual(
      { ...send, id: 0 },
      {
        ...{ op: "send", id: 0, room: 12, content: "سلام", nonce: pending?.nonce },
        ...{ reply_to: 77, attachments: [5] },
      },
    );
    assert.equal((await answer).number, 31);
    assert.deepEqual(client.outbox.getSnapshot(), []);
  });

  test("one message of a room is under way at a time, other rooms do not wait", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    for (const content of ["one", "two", "three"]) {
      void client.send(12, content);
    }
    void client.send(13, "elsewhere");
    const first = await peer.next("send");
    const other = await peer.next("send");
    await settle();
    assert.deepEqual([first.content, other.content, peer.pending.length], ["one", "elsewhere", 0]);
    peer.ok(first.id, { message: sent(first, 1) });
    assert.equal((await accept(peer, 2)).content, "two");
    assert.equal((await accept(peer, 3)).content, "three");
  });

  test("what was cut off is sent again with the same nonce, before what was written later", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    void client.send(12, "one");
    const first = await peer.next("send");
    peer.cut();
    void client.send(12, "two");
    const second = await fake.greet();
    const sends = [await accept(second, 1), await accept(second, 2)];
    assert.deepEqual(
      sends.map(({ content }) => content),
      ["one", "two"],
    );
    assert.equal(sends[0]?.nonce, first.nonce);
    await until(() => client.outbox.getSnapshot().length === 0, "the replies");
  });

  test("its event acknowledges a message whose reply was lost, and it is not sent again", async (t) => {
    const fake = await FakeServer.start(t);
    fake.rooms = [readyRoom(12, 5)];
    const { client, peer } = await fake.online(t);
    const answer = client.send(12, "one");
    const send = await peer.next("send");
    peer.cut();
    const second = await fake.peer();
    await second.next("hello");
    fake.rooms = [readyRoom(12, 6)];
    // The server's replay and the outbox's repetition cross: the nonce makes it one.
    fake.ready(second);
    second.event("message.created", 12, 6, sent(send, 6));
    assert.equal((await answer).number, 6);
    await settle();
    assert.ok(second.pending.every(({ nonce }) => nonce === undefined || nonce === send.nonce));
    void client.send(12, "two");
    const again = await second.next("send");
    if (again.nonce === send.nonce) {
      second.ok(again.id, { message: sent(send, 6) });
      assert.equal((await second.next("send")).content, "two");
    } else {
      assert.equal(again.content, "two");
    }
  });

  test("waits as long as it is told, and longer and longer where the outcome is not known", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t);
    const answer = client.send(12, "one");
    const first = await peer.next("send");
    peer.refuse(first.id, "rate_limited", { retry_after_ms: 1_200 });
    await settle();
    await pass(1_000);
    assert.equal(peer.pending.length, 0);
    await pass(250);
    const second = await peer.next("send");
    peer.refuse(second.id, "unavailable");
    await settle();
    await pass(1_000);
    const third = await peer.next("send");
    peer.ok(third.id, { message: sent(third, 9) });
    assert.equal((await answer).number, 9);
    assert.equal(new Set([first.nonce, second.nonce, third.nonce]).size, 1);
  });

  test("repeats where no reply comes in time", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t, { commandTimeoutMs: 2_000 });
    const answer = client.send(12, "one");
    const first = await peer.next("send");
    await pass(2_000);
    await pass(1_000);
    assert.equal((await accept(peer, 1)).nonce, first.nonce);
    await answer;
  });

  test("a refused message fails, does not hold up others, and can be retried or discarded", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    const refused = client.send(12, "");
    const others = client.send(12, "fine");
    const send = await peer.next("send");
    peer.refuse(send.id, "invalid", { detail: "empty" });
    await assert.rejects(refused, { code: "invalid" });
    await accept(peer, 1);
    await others;
    const [failed] = client.outbox.getSnapshot();
    assert.deepEqual([failed?.state, failed?.error], ["failed", { code: "invalid", detail: "empty" }]);
    client.outbox.retry(send.nonce);
    assert.equal(client.outbox.getSnapshot()[0]?.state, "pending");
    const again = await peer.next("send");
    assert.equal(again.nonce, send.nonce);
    peer.refuse(again.id, "invalid");
    await until(() => client.outbox.getSnapshot()[0]?.state === "failed", "the second failure");
    client.outbox.discard(send.nonce);
    assert.deepEqual(client.outbox.getSnapshot(), []);
  });

  test("a nonce that was used for something else is replaced when the user retries", async (t) => {
    const fake = await FakeServer.start(t);
    const { client, peer } = await fake.online(t);
    void client.send(12, "one");
    const send = await peer.next("send");
    peer.refuse(send.id, "nonce_conflict");
    await until(() => client.outbox.getSnapshot()[0]?.state === "failed", "the failure");
    client.outbox.retry(send.nonce);
    assert.notEqual((await accept(peer, 1)).nonce, send.nonce);
    await until(() => client.outbox.getSnapshot().length === 0, "the end");
  });

  test("a discarded message is not sent", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    const answer = client.send(12, "one");
    client.outbox.discard(client.outbox.getSnapshot()[0]?.nonce ?? "");
    await assert.rejects(answer, DiscardedError);
    void client.connect();
    const peer = await fake.greet();
    await settle();
    assert.equal(peer.pending.length, 0);
  });

  test("what was not sent outlives the page, in order and with its nonces", async (t) => {
    const fake = await FakeServer.start(t);
    const [tokens, outbox] = [new MemoryTokenStore(), new MemoryOutboxStore()];
    const first = await fake.signedIn(t, { tokens, outbox });
    void first.send(12, "one");
    void first.send(12, "two");
    const before = first.outbox.getSnapshot().map(({ nonce }) => nonce);
    await settle();
    first.close();

    const second = fake.client(t, { tokens, outbox });
    await second.auth.restore();
    await until(() => second.outbox.getSnapshot().length === 2, "the stored ones");
    void second.send(12, "three");
    void second.connect();
    const peer = await fake.greet();
    const sends = [await accept(peer, 1), await accept(peer, 2), await accept(peer, 3)];
    assert.deepEqual(
      sends.map(({ content }) => content),
      ["one", "two", "three"],
    );
    assert.deepEqual(
      sends.slice(0, 2).map(({ nonce }) => nonce),
      before,
    );
    await until(() => outbox.load(SARA.id).length === 0, "an empty store");
  });

  test("signing out forgets what was not sent, losing the session does not", async (t) => {
    const fake = await FakeServer.start(t);
    const outbox = new MemoryOutboxStore();
    const { client, peer } = await fake.online(t, { outbox });
    const lost = client.send(12, "one");
    await peer.next("send");
    peer.close(4003);
    await assert.rejects(lost, SignedOutError);
    assert.equal(outbox.load(SARA.id).length, 1);
    await client.login({ login: "sara", password: "correct horse" });
    const second = await fake.greet();
    assert.equal((await second.next("send")).content, "one");
    await client.logout();
    await settle();
    assert.deepEqual([outbox.load(SARA.id), client.outbox.getSnapshot()], [[], []]);
  });
});
