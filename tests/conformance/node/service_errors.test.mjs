// *service*: whatever is wrong with an event gets an answer, and the socket lives on.

import assert from "node:assert/strict";
import { it } from "node:test";

import { Person, serviceRoom } from "./person.mjs";
import { ServiceClient } from "./socketio.mjs";
import { eachTarget } from "./targets.mjs";

/** Payloads of chat_message, by what is wrong with them; `room` is one's own, `foreign` another's. */
function wrong(room, foreign) {
  return {
    "a string": ["سلام"],
    "an empty string": [""],
    "JSON within a string": [JSON.stringify({ room, message: "سلام" })],
    "a number": [7],
    "a boolean": [true],
    null: [null],
    "no payload": [],
    "an array": [[room, "سلام"]],
    "an empty array": [[]],
    "an object without keys": [{}],
    "no room": [{ message: "سلام" }],
    "no text": [{ room }],
    "an empty text": [{ room, message: "" }],
    "a blank text": [{ room, message: " \n\t " }],
    "a number as text": [{ room, message: 12 }],
    "null as text": [{ room, message: null }],
    "an object as text": [{ room, message: { content: "سلام" } }],
    "an object as room": [{ room: { id: room }, message: "سلام" }],
    "null as room": [{ room: null, message: "سلام" }],
    "words as room": [{ room: "اتاق", message: "سلام" }],
    "a negative room": [{ room: "-1", message: "سلام" }],
    "a fraction as room": [{ room: "1.5", message: "سلام" }],
    "a room beyond all numbers": [{ room: "9".repeat(40), message: "سلام" }],
    "a room that is not there": [{ room: "9007199254740991", message: "سلام" }],
    "a room of others": [{ room: foreign, message: "سلام" }],
    "a text of 20 KiB": [{ room, message: "س".repeat(10 * 1024) }],
    "a NUL in the text": [{ room, message: "سلا\u0000م" }],
  };
}

/** Payloads of the other events. */
function wrongOthers(room, foreign) {
  return {
    get_online_users: [[{ room: "اتاق" }], [{ room: foreign }], [{ room: {} }]],
    edit_message: [[], ["x"], [{ room }], [{ room, message_id: "9007199254740991", content: "نو" }], [[1, 2]]],
    delete_message: [[], [null], [{ room }], [{ room, message_id: "9007199254740991" }], [7]],
    typing: [["x"], [{}], [{ room: foreign, is_typing: true }]],
  };
}

function assertRefusal(answer, what) {
  assert.equal(typeof answer?.message, "string", `${what}: acknowledged ${JSON.stringify(answer)}`);
  assert.ok(answer.message.length > 0, what);
  assert.notEqual(answer.status, "received", what);
}

eachTarget("service: errors", (_, base) => {
  async function scene(t, transports) {
    const [ali, sara] = await Promise.all([Person.signUp(base), Person.signUp(base)]);
    const room = await serviceRoom(ali);
    const foreign = await serviceRoom(sara);
    const client = await ServiceClient.connect(t, base, ali, { transports });
    return { ali, sara, room, foreign, client };
  }

  /** Still the same connection, and it sends. */
  async function assertAlive(client, id, room) {
    assert.equal(client.socket.id, id);
    assert.equal((await client.ask("chat_message", { room, message: "هنوز زنده" })).status, "received");
  }

  for (const transports of [["websocket"], ["polling"]]) {
    it(`answers every wrong chat_message, acknowledged or not (${transports})`, async (t) => {
      const { ali, sara, room, foreign, client } = await scene(t, transports);
      const { id } = client.socket;
      let errors = 0;
      for (const [what, payload] of Object.entries(wrong(room, foreign))) {
        assertRefusal(await client.ask("chat_message", ...payload), what);
        client.tell("chat_message", ...payload);
        errors += 2;
        await client.inbox.when(`two events error for ${what}`, () => client.all("error").length >= errors);
      }
      assert.equal(client.all("error").length, errors);
      for (const error of client.all("error")) assertRefusal(error, "an event");
      await assertAlive(client, id, room);
      const stored = [ali, sara].map((person, at) =>
        person.made("GET", `/chat/chat_rooms/${[room, foreign][at]}/messages`),
      );
      const [own, others] = await Promise.all(stored);
      assert.deepEqual(
        own.map(({ content }) => content),
        ["هنوز زنده"],
      );
      assert.deepEqual(others, []);
    });
  }

  it("answers the other events when they are wrong", async (t) => {
    const { room, foreign, client } = await scene(t, ["websocket"]);
    const { id } = client.socket;
    let errors = 0;
    for (const [event, payloads] of Object.entries(wrongOthers(room, foreign))) {
      for (const payload of payloads) {
        const what = `${event} ${JSON.stringify(payload)}`;
        assertRefusal(await client.ask(event, ...payload), what);
        errors += 1;
        await client.inbox.when(`the error of ${what}`, () => client.all("error").length >= errors);
      }
    }
    assert.equal(client.all("error").length, errors);
    await assertAlive(client, id, room);
  });

  it("lets nobody but the author edit or delete a message", async (t) => {
    const { ali, sara, client } = await scene(t, ["websocket"]);
    const room = await serviceRoom(ali, sara);
    const other = await ServiceClient.connect(t, base, sara);
    const { id } = await client.ask("chat_message", { room, message: "مال علی" });
    assertRefusal(await other.ask("edit_message", { room, message_id: id, content: "مال سارا" }), "edit");
    assertRefusal(await other.ask("delete_message", { room, message_id: id }), "delete");
    const [message] = await ali.made("GET", `/chat/chat_rooms/${room}/messages`);
    assert.equal(message.content, "مال علی");
  });

  it("is not disturbed by events that it does not know", async (t) => {
    const { room, client } = await scene(t, ["websocket"]);
    const { id } = client.socket;
    client.tell("join", room);
    client.tell("پیام", { room });
    await assertAlive(client, id, room);
  });
});
