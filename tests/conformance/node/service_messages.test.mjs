// *service*: messages over Socket.IO and REST, and who gets which form of them.

import assert from "node:assert/strict";
import { it } from "node:test";

import { Person, chatroom, serviceRoom, unique } from "./person.mjs";
import { ServiceClient } from "./socketio.mjs";
import { eachTarget, twoGateways } from "./targets.mjs";

/** Ali and Sara in one room, each connected. */
async function pair(t, base, { gateways = [base, base] } = {}) {
  const [ali, sara] = await Promise.all([Person.signUp(base, { stem: "علی" }), Person.signUp(base)]);
  const room = await serviceRoom(ali, sara);
  const [a, s] = await Promise.all([
    ServiceClient.connect(t, gateways[0], ali),
    ServiceClient.connect(t, gateways[1], sara),
  ]);
  return { ali, sara, room, a, s };
}

/** The form in which a message reaches everybody but the socket that sent it. */
function assertFull(response, { room, sender, content, id }) {
  assert.deepEqual(Object.keys(response).sort(), ["message", "room_id"]);
  assert.equal(response.room_id, room);
  const { timestamp, ...message } = response.message;
  assert.deepEqual(message, { id, sender, content });
  assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < 60_000, `timestamp ${timestamp}`);
}

/** The texts in all forms, in the order in which they came. */
const texts = (client) => client.all("chat_response").map(({ message }) => message.content ?? message);

eachTarget("service: messages", (target, base) => {
  const names = [
    ["room", "message"],
    ["room_id", "message"],
    ["room", "content"],
    ["room_id", "content"],
  ];
  for (const [roomKey, textKey] of names) {
    it(`takes chat_message {${roomKey}, ${textKey}} with an acknowledgement`, async (t) => {
      const { ali, room, a, s } = await pair(t, base);
      const content = "سلام، این یک پیام تستی است.";
      const { id, ...answer } = await a.ask("chat_message", { [roomKey]: room, [textKey]: content });
      assert.match(id, /^\d+$/);
      assert.deepEqual(answer, { status: "received", room_id: room });
      assert.deepEqual(await a.on("chat_response"), { status: "received", message: content, id, room_id: room });
      assertFull(await s.on("chat_response"), { room, sender: ali.email, content, id });
    });
  }

  it("takes chat_message without an acknowledgement", async (t) => {
    const { ali, room, a, s } = await pair(t, base);
    a.tell("chat_message", { room, message: "بی‌پاسخ" });
    const { id, ...form } = await a.on("chat_response");
    assert.match(id, /^\d+$/);
    assert.deepEqual(form, { status: "received", message: "بی‌پاسخ", room_id: room });
    assertFull(await s.on("chat_response"), { room, sender: ali.email, content: "بی‌پاسخ", id });
  });

  it("gives the sending socket one form, every other socket the other, each once", async (t) => {
    const { ali, room, a, s } = await pair(t, base);
    const second = await ServiceClient.connect(t, base, ali);
    const { id } = await a.ask("chat_message", { room, message: "یک" });
    // What comes after it in the room shows that nothing else came before.
    await s.ask("chat_message", { room, message: "دو" });
    await Promise.all([a.message("دو"), second.message("دو"), s.on("chat_response", (r) => r.message === "دو")]);
    assert.deepEqual(texts(a), ["یک", "دو"]);
    assert.deepEqual(texts(second), ["یک", "دو"]);
    assert.deepEqual(texts(s), ["یک", "دو"]);
    assert.equal(a.all("chat_response")[0].status, "received");
    assertFull(second.all("chat_response")[0], { room, sender: ali.email, content: "یک", id });
  });

  it("tells messages sent by REST, to the author's sockets too", async (t) => {
    const { ali, room, a, s } = await pair(t, base);
    const sent = await ali.made("POST", `/chat/chat_rooms/${room}/messages`, { content: "از REST" });
    for (const client of [a, s]) {
      const response = await client.on("chat_response");
      assertFull(response, { room, sender: ali.email, content: "از REST", id: sent.id });
      assert.equal(response.message.timestamp, sent.timestamp);
    }
  });

  it("stores what was sent over the socket", async (t) => {
    const { ali, sara, room, a } = await pair(t, base);
    const { id } = await a.ask("chat_message", { room, message: "می‌ماند" });
    const messages = await sara.made("GET", `/chat/chat_rooms/${room}/messages`);
    assert.deepEqual(
      messages.map(({ id, sender, content }) => ({ id, sender, content })),
      [{ id, sender: ali.email, content: "می‌ماند" }],
    );
  });

  it("names a person without an e-mail by username", async (t) => {
    const ali = await Person.signUp(base, { email: false });
    const sara = await Person.signUp(base);
    const room = await serviceRoom(sara, ali);
    const a = await ServiceClient.connect(t, base, ali);
    const s = await ServiceClient.connect(t, base, sara);
    await a.ask("chat_message", { room, message: "بی‌نشانی" });
    assert.equal((await s.message("بی‌نشانی")).sender, ali.name);
  });

  it("is heard in rooms that were made after connecting", async (t) => {
    const { ali, sara, a, s } = await pair(t, base);
    const later = await serviceRoom(sara, ali);
    await sara.made("POST", `/chat/chat_rooms/${later}/messages`, { content: "اتاق تازه" });
    const heard = await a.on("chat_response", ({ room_id }) => room_id === later);
    assert.equal(heard.message.content, "اتاق تازه");
    // And may be spoken in.
    assert.equal((await a.ask("chat_message", { room: later, message: "رسید" })).status, "received");
    await s.message("رسید");
  });

  it("is heard in a room of another dialect, and no longer after leaving it", async (t) => {
    const { ali, sara, a, s } = await pair(t, base);
    const { id } = await chatroom(sara, `اتاق عمومی ${unique()}`, ali);
    const room = String(id);
    await sara.made("POST", "/api/messages/", { chatroom: id, content: "از اتاق دیگر" });
    await Promise.all([a.message("از اتاق دیگر"), s.message("از اتاق دیگر")]);
    await ali.made("DELETE", `/v1/rooms/${id}/members/${ali.id}`);
    const refused = await a.ask("chat_message", { room, message: "نباید" });
    assert.notEqual(refused.status, "received");
    assert.equal((await s.ask("chat_message", { room, message: "بی علی" })).status, "received");
    // A later message elsewhere closes the time in which this one could have come.
    const other = await serviceRoom(sara, ali);
    assert.equal((await s.ask("chat_message", { room: other, message: "بعد" })).status, "received");
    await a.message("بعد");
    assert.ok(!texts(a).includes("بی علی"));
  });

  it("keeps the order of 200 messages that were sent without waiting", async (t) => {
    const { sara, room, a, s } = await pair(t, base);
    const sent = Array.from({ length: 200 }, (_, number) => `پیام شماره ${number}`);
    const answers = await Promise.all(sent.map((message) => a.ask("chat_message", { room, message })));
    assert.deepEqual(
      answers.filter(({ status }) => status !== "received"),
      [],
    );
    await s.message(sent.at(-1));
    // The author's own come with the room's events, which may be after their acknowledgements.
    await a.on("chat_response", ({ message }) => message === sent.at(-1));
    assert.deepEqual(texts(s), sent);
    assert.deepEqual(texts(a), sent);
    const ids = answers.map(({ id }) => Number(id));
    assert.deepEqual(
      ids,
      ids.toSorted((x, y) => x - y),
    );
    assert.deepEqual(
      s.all("chat_response").map(({ message }) => message.id),
      answers.map(({ id }) => id),
    );
    const stored = await sara.made("GET", `/chat/chat_rooms/${room}/messages`);
    assert.deepEqual(
      stored.map(({ content }) => content),
      sent,
    );
  });

  it("connects people on different gateways", async (t) => {
    const { a, s, room } = await pair(t, base, { gateways: twoGateways(target) });
    await a.ask("chat_message", { room, message: "از یکی" });
    await s.message("از یکی");
    await s.ask("chat_message", { room, message: "از دیگری" });
    await a.message("از دیگری");
  });

  for (const way of ["with an acknowledgement", "without one"]) {
    it(`tells edits, deletes and typing, asked for ${way}`, async (t) => {
      const { room, a, s } = await pair(t, base);
      const does = async (event, payload) => {
        if (way === "without one") return a.tell(event, payload);
        const answer = await a.ask(event, payload);
        assert.equal(answer.status, "ok", `${event}: ${JSON.stringify(answer)}`);
      };
      const { id } = await a.ask("chat_message", { room, message: "اول" });
      await does("edit_message", { room, message_id: id, content: "دوم" });
      const edited = await s.on("message_edited");
      assert.equal(edited.room_id, room);
      assert.deepEqual([edited.message.id, edited.message.content], [id, "دوم"]);
      await does("typing", { room, is_typing: true });
      const typing = await s.on("typing");
      assert.deepEqual([typing.room_id, typing.is_typing], [room, true]);
      await does("delete_message", { room, message_id: id });
      const deleted = await s.on("message_deleted");
      assert.deepEqual([deleted.room_id, deleted.message_id], [room, id]);
      await Promise.all([a.on("message_edited"), a.on("message_deleted")]);
      assert.deepEqual([a.all("typing"), a.all("error"), s.all("error")], [[], [], []]);
    });
  }
});
