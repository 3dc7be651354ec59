// *conversations*: its sockets, with the `ws` package.

import assert from "node:assert/strict";
import { it } from "node:test";

import { MALFORMED, assertRecent } from "./frames.mjs";
import { Person, PASSWORD, conversation } from "./person.mjs";
import { Socket, withHeader, withToken } from "./socket.mjs";
import { eachTarget, twoGateways } from "./targets.mjs";

const pathOf = (id) => `/ws/chat/${id}/`;
const typed = (type) => (frame) => frame.type === type;

eachTarget("conversations", (target, base) => {
  async function scene(t) {
    const [ali, sara] = await Promise.all([Person.signUp(base, { stem: "علی" }), Person.signUp(base)]);
    const { id } = await conversation(ali, sara);
    const [first, last] = twoGateways(target);
    const a = await Socket.open(t, first, withToken(pathOf(id), ali));
    const s = await Socket.open(t, last, pathOf(id), withHeader(sara));
    return { ali, sara, id, a, s };
  }

  /** Sends a message and returns its id, once everybody has it. */
  async function said(a, s, message) {
    a.send({ type: "chat_message", message });
    const isIt = (frame) => frame.type === "chat.message" && frame.message.content === message;
    const [frame] = await Promise.all([a, s].map(({ inbox }) => inbox.find(message, isIt)));
    return frame.message.id;
  }

  it("tells messages to all members, the author too", async (t) => {
    const { ali, a, s } = await scene(t);
    a.send({ type: "chat_message", message: "محتوای پیام شما" });
    for (const { inbox } of [a, s]) {
      const frame = await inbox.find("the message", typed("chat.message"));
      const { id, timestamp, ...message } = frame.message;
      assert.ok(Number.isSafeInteger(id));
      assertRecent(timestamp);
      assert.deepEqual(message, { sender: ali.name, content: "محتوای پیام شما", attachments: [] });
      assert.deepEqual(Object.keys(frame).sort(), ["message", "type"]);
    }
  });

  it("tells edits and deletes", async (t) => {
    const { sara, id, a, s } = await scene(t);
    const message_id = await said(a, s, "اول");
    a.send({ type: "edit_message", message_id, content: "دوم" });
    for (const { inbox } of [a, s]) {
      const edited = await inbox.find("the edit", typed("message.edited"));
      assert.deepEqual(edited, { type: "message.edited", message: { id: message_id, content: "دوم" } });
    }
    a.send({ type: "delete_message", message_id });
    for (const { inbox } of [a, s]) {
      const deleted = await inbox.find("the deletion", typed("message.deleted"));
      assert.deepEqual(deleted, { type: "message.deleted", message_id });
    }
    const [left] = await sara.made("GET", `/api/conversations/${id}/messages/`);
    assert.deepEqual([left.is_deleted, left.content], [true, ""]);
  });

  it("tells typing to the others only", async (t) => {
    const { ali, a, s } = await scene(t);
    a.send({ type: "typing", is_typing: true });
    const typing = await s.inbox.find("typing", typed("user.typing"));
    assert.deepEqual(typing, { type: "user.typing", user: ali.name, is_typing: true });
    a.send({ type: "typing", is_typing: false });
    await s.inbox.find("no longer typing", (frame) => frame.type === "user.typing" && !frame.is_typing);
    await said(a, s, "تمام");
    assert.deepEqual(
      a.inbox.items.map(({ type }) => type),
      ["chat.message"],
    );
  });

  it("tells what is done by REST", async (t) => {
    const { ali, id, a, s } = await scene(t);
    const sent = await ali.made("POST", `/api/conversations/${id}/messages/`, { content: "از REST" });
    await ali.made("PATCH", `/api/conversations/${id}/messages/${sent.id}/`, { content: "ویراسته" });
    await ali.made("DELETE", `/api/conversations/${id}/messages/${sent.id}/`);
    for (const { inbox } of [a, s]) {
      await inbox.find("the deletion", typed("message.deleted"));
      assert.deepEqual(
        inbox.items.map(({ type, message, message_id }) => [type, message?.id ?? message_id, message?.content]),
        [
          ["chat.message", sent.id, "از REST"],
          ["message.edited", sent.id, "ویراسته"],
          ["message.deleted", sent.id, undefined],
        ],
      );
    }
  });

  it("answers malformed and forbidden frames with an error, to the sender, and lives on", async (t) => {
    const { a, s } = await scene(t);
    const message_id = await said(s, a, "مال سارا");
    const forbidden = [
      { type: "edit_message", message_id, content: "مال علی" },
      { type: "delete_message", message_id },
      { type: "edit_message", message_id: 9007199254740991, content: "نیست" },
      { type: "edit_message", message_id: "یک", content: "نیست" },
      { type: "edit_message", content: "نیست" },
      { type: "delete_message" },
      { type: "typing", is_typing: "بله" },
      { type: "typing" },
      { type: "chat_message" },
      { type: "chat_message", message: "" },
      { type: "chat_message", message: 5 },
      { message: "بی نوع" },
    ].map((frame) => JSON.stringify(frame));
    for (const [index, raw] of [...MALFORMED, ...forbidden].entries()) {
      a.sendRaw(raw);
      await a.inbox.when(`the error of ${raw.slice(0, 60)}`, (frames) => frames.length > index + 1);
    }
    for (const { type, code, detail } of a.inbox.items.slice(1)) {
      assert.deepEqual([type, typeof code, typeof detail], ["error", "string", "string"]);
    }
    await said(a, s, "هنوز زنده");
    assert.deepEqual(
      s.inbox.items.map(({ type }) => type),
      ["chat.message", "chat.message"],
    );
  });

  it("refuses strangers, and everybody without a token, at the upgrade", async (t) => {
    const { id } = await scene(t);
    const stranger = await Person.signUp(base);
    assert.equal(await Socket.refusal(t, base, withToken(pathOf(id), stranger)), 403);
    assert.equal(await Socket.refusal(t, base, withToken(pathOf(9007199254740991n), stranger)), 403);
    assert.equal(await Socket.refusal(t, base, withToken(pathOf("9".repeat(40)), stranger)), 403);
    assert.equal(await Socket.refusal(t, base, pathOf(id)), 403);
    assert.equal(await Socket.refusal(t, base, `${pathOf(id)}?token=${"x".repeat(40)}`), 403);
  });

  it("closes with 1009 on a frame of more than 64 KiB", async (t) => {
    const { a } = await scene(t);
    a.send({ type: "chat_message", message: "x".repeat(100 * 1024) });
    assert.equal(await a.closeCode(), 1009);
  });

  it("takes the tokens of its own sign-in, and a browser's constructor", async (t) => {
    const { ali, id, s } = await scene(t);
    const credentials = { username: ali.name, password: PASSWORD };
    const { access } = await new Person(base).made("POST", "/auth/jwt/create/", credentials);
    const socket = await Socket.open(t, base, withToken(pathOf(id), { token: access }));
    await said(socket, s, "با توکن خودش");
  });

  it("closes with 1008 when the session ends, and when its member leaves", async (t) => {
    const { ali, sara, a } = await scene(t);
    const reza = await Person.signUp(base, { stem: "رضا" });
    const { id } = await conversation(ali, sara, reza);
    const r = await Socket.open(t, base, withToken(pathOf(id), reza));
    await reza.made("DELETE", `/api/conversations/${id}/`);
    assert.equal(await r.closeCode(), 1008);
    await ali.signOut();
    assert.equal(await a.closeCode(), 1008);
  });
});
