// *chatrooms*: its sockets, with the `ws` package.

import assert from "node:assert/strict";
import { it } from "node:test";

import { MALFORMED, assertPlain, assertRecent, isError, says } from "./frames.mjs";
import { eventually } from "./inbox.mjs";
import { PASSWORD, Person, chatroom, unique } from "./person.mjs";
import { Socket, withHeader, withToken } from "./socket.mjs";
import { eachTarget, twoGateways } from "./targets.mjs";

const pathOf = (name) => `/ws/chat/${encodeURIComponent(name)}/`;

eachTarget("chatrooms", (target, base) => {
  async function scene(name = `گفت و گوی-آزاد ${unique()}`) {
    const [ali, sara] = await Promise.all([Person.signUp(base, { stem: "علی" }), Person.signUp(base)]);
    const room = await chatroom(ali, name);
    return { ali, sara, room, name, path: pathOf(name) };
  }

  it("lets a client register, sign in, join by opening the socket and speak", async (t) => {
    const anybody = new Person(base);
    const username = `نو-${unique()}`;
    const tokens = await anybody.made("POST", "/api/register/", { username, password: PASSWORD });
    assert.deepEqual(Object.keys(tokens).sort(), ["access", "refresh"]);
    const { access } = await anybody.made("POST", "/api/login/", { username, password: PASSWORD });
    const newcomer = Object.assign(new Person(base), { token: access, name: username });
    const { id } = await newcomer.made("GET", "/v1/users/me");
    const { ali, room, path } = await scene();
    const hearer = await Socket.open(t, base, withToken(path, ali));
    const speaker = await Socket.open(t, base, withToken(path, newcomer));
    const rooms = await ali.made("GET", "/api/chatrooms/");
    assert.deepEqual(rooms.find((found) => found.id === room.id).users.toSorted(), [ali.id, id].toSorted());
    speaker.send({ message: "سلام، این یک پیام تستی است." });
    for (const socket of [hearer, speaker]) {
      const frame = await socket.inbox.find("the message", says("سلام، این یک پیام تستی است."));
      assertPlain(frame, { message: "سلام، این یک پیام تستی است.", person: newcomer });
    }
  });

  it("takes the token from the query and from the header, on either gateway", async (t) => {
    const { ali, sara, path } = await scene();
    const [first, last] = twoGateways(target);
    const a = await Socket.open(t, first, withToken(path, ali));
    const s = await Socket.open(t, last, path, withHeader(sara));
    a.send({ message: "از یکی" });
    await s.inbox.find("the message", says("از یکی"));
    s.send({ message: "از دیگری" });
    await a.inbox.find("the answer", says("از دیگری"));
  });

  it("refuses the upgrade without a token, with a bad one, and where the caller may not be", async (t) => {
    const { ali, sara, path } = await scene();
    assert.equal(await Socket.refusal(t, base, path), 403);
    assert.equal(await Socket.refusal(t, base, `${path}?token=not.a.token`), 403);
    assert.equal(await Socket.refusal(t, base, path, { headers: { authorization: "Bearer nothing" } }), 403);
    const secret = await ali.made("POST", "/v1/rooms", { kind: "private", name: `راز ${unique()}` });
    assert.equal(await Socket.refusal(t, base, withToken(pathOf(secret.name), sara)), 403);
    assert.equal(await Socket.refusal(t, base, withToken(pathOf(`هیچ ${unique()}`), ali)), 403);
    await ali.signOut();
    // Nodes remember a good session for a second.
    const where = withToken(path, ali);
    await eventually("the refusal", async () => (await Socket.status(t, base, where)) === 403);
  });

  for (const name of ["سلام دنیا", "نیم‌فاصله-ها", "a b+c%20d", "گروه/بخش", "سؤال؟ & جواب!", "كيك"]) {
    it(`finds a room called «${name}»`, async (t) => {
      const { ali, path } = await scene(`${name} ${unique()}`);
      const socket = await Socket.open(t, base, withToken(path, ali));
      socket.send({ message: name });
      assertPlain(await socket.inbox.find("the message", says(name)), { message: name, person: ali });
    });
  }

  it("answers malformed frames with an error and lives on", async (t) => {
    const { ali, sara, path } = await scene();
    const socket = await Socket.open(t, base, withToken(path, ali));
    const hearer = await Socket.open(t, base, withToken(path, sara));
    for (const [index, raw] of MALFORMED.filter((raw) => !raw.includes("no_such_type")).entries()) {
      socket.sendRaw(raw);
      await socket.inbox.when(`the error of ${raw.slice(0, 40)}`, (frames) => frames.length > index);
    }
    assert.deepEqual(
      socket.inbox.items.filter((frame) => !isError(frame)),
      [],
    );
    socket.send({ message: "هنوز زنده" });
    await Promise.all([socket, hearer].map(({ inbox }) => inbox.find("the message", says("هنوز زنده"))));
    // Nobody else heard of it.
    assert.equal(hearer.inbox.items.length, 1);
  });

  it("closes with 1009 on a frame longer than it takes", async (t) => {
    const { ali, path } = await scene();
    const socket = await Socket.open(t, base, withToken(path, ali));
    // A little more than the largest file takes in base64.
    socket.send({ message: "x".repeat(15 * 1024 * 1024) });
    assert.equal(await socket.closeCode(), 1009);
  });

  it("tells messages in the order in which they were sent, to author and others alike", async (t) => {
    const { ali, sara, path } = await scene();
    const a = await Socket.open(t, base, withToken(path, ali));
    const s = await Socket.open(t, base, withToken(path, sara));
    const texts = Array.from({ length: 50 }, (_, number) => `پیام ${number}`);
    for (const message of texts) a.send({ message });
    for (const { inbox } of [a, s]) {
      await inbox.find("the last", says(texts.at(-1)));
      assert.deepEqual(
        inbox.items.map(({ message }) => message),
        texts,
      );
    }
  });

  it("serves direct messages by username", async (t) => {
    const { ali, sara } = await scene();
    const a = await Socket.open(t, base, withToken(`/ws/direct/${encodeURIComponent(sara.name)}/`, ali));
    const s = await Socket.open(t, base, withToken(`/ws/direct/${encodeURIComponent(ali.name)}/`, sara));
    a.send({ message: "فقط برای تو" });
    for (const { inbox } of [a, s]) {
      const { id, timestamp, ...frame } = await inbox.find("the message", says("فقط برای تو"));
      assert.ok(Number.isSafeInteger(id));
      assertRecent(timestamp);
      assert.deepEqual(frame, { message: "فقط برای تو", sender: ali.name });
    }
    assert.equal(await Socket.refusal(t, base, withToken(`/ws/direct/${unique()}/`, ali)), 403);
  });

  it("closes the sockets of a session that ends, with 1008", async (t) => {
    const { ali, path } = await scene();
    const socket = await Socket.open(t, base, withToken(path, ali));
    await ali.signOut();
    assert.equal(await socket.closeCode(), 1008);
  });

  it("speaks another dialect in the same room where that is asked for", async (t) => {
    const { ali, sara, path } = await scene();
    const plain = await Socket.open(t, base, withToken(path, ali));
    const other = await Socket.open(t, base, withToken(`${path}?dialect=conversations`, sara));
    plain.send({ message: "به دو زبان" });
    const { type, message } = await other.inbox.find("the message", ({ type }) => type === "chat.message");
    assert.deepEqual([type, message.sender, message.content], ["chat.message", ali.name, "به دو زبان"]);
    other.send({ type: "chat_message", message: "پاسخ" });
    assertPlain(await plain.inbox.find("the answer", says("پاسخ")), { message: "پاسخ", person: sara });
  });
});
