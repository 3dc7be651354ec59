// *groups*: its sockets, with the `ws` package, and its cookie.

import assert from "node:assert/strict";
import { it } from "node:test";

import { MALFORMED, assertPlain, assertRecent, isError, says } from "./frames.mjs";
import { PATIENCE_MS, eventually } from "./inbox.mjs";
import { PASSWORD, Person, group, unique } from "./person.mjs";
import { Socket, withHeader, withToken } from "./socket.mjs";
import { eachTarget, twoGateways } from "./targets.mjs";

const pathOf = (slug) => `/ws/chat/${encodeURIComponent(slug)}/`;
const privatePath = (name) => `/ws/private_chat/${encodeURIComponent(name)}/`;
const notificationPath = (name) => `/ws/notifications/${encodeURIComponent(name)}/`;

/** A red pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==",
  "base64",
);

/** `sessionid=…` of an answer's Set-Cookie, after looking at its attributes. */
function sessionCookie(headers) {
  const set = headers.getSetCookie().find((cookie) => cookie.startsWith("sessionid="));
  assert.ok(set, "no cookie sessionid");
  assert.match(set, /; *HttpOnly/i);
  assert.match(set, /; *SameSite=Lax/i);
  assert.match(set, /; *Path=\//i);
  assert.match(set, /; *Max-Age=1209600/i);
  return set.split(";")[0];
}

eachTarget("groups", (target, base) => {
  async function scene() {
    const [ali, sara] = await Promise.all([Person.signUp(base, { stem: "علی" }), Person.signUp(base)]);
    const name = `گروه کتاب‌خوانی ${unique()}`;
    const { slug, id } = await group(ali, name);
    return { ali, sara, name, slug, id, path: pathOf(slug) };
  }

  /** The cookie of a sign-in as JSON. */
  async function signIn(person) {
    const answer = await new Person(base).ask("POST", "/chat/login/", { username: person.name, password: PASSWORD });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(answer.body.username, person.name);
    return sessionCookie(answer.headers);
  }

  it("makes a Persian slug of the name and serves its socket", async (t) => {
    const { ali, sara, slug, path } = await scene();
    assert.match(slug, /^گروه-کتاب/);
    assert.doesNotMatch(slug, /[ %]/);
    const [first, last] = twoGateways(target);
    const a = await Socket.open(t, first, withToken(path, ali));
    const s = await Socket.open(t, last, path, withHeader(sara));
    // The name and the time that the client claims are not believed.
    a.send({ message: "سلام به همه", user: sara.name, timestamp: "2001-01-01T00:00:00Z" });
    for (const { inbox } of [a, s]) {
      assertPlain(await inbox.find("the message", says("سلام به همه")), { message: "سلام به همه", person: ali });
    }
  });

  it("serves a socket with the cookie alone, from its own origin", async (t) => {
    const { ali, path } = await scene();
    const cookie = await signIn(ali);
    const socket = await Socket.open(t, base, path, { headers: { cookie }, origin: base });
    socket.send({ message: "با کوکی" });
    assertPlain(await socket.inbox.find("the message", says("با کوکی")), { message: "با کوکی", person: ali });
  });

  it("refuses the cookie from another origin and without one", async (t) => {
    const { ali, path } = await scene();
    const headers = { cookie: await signIn(ali) };
    assert.equal(await Socket.refusal(t, base, path, { headers, origin: "http://foreign.test" }), 403);
    assert.equal(await Socket.refusal(t, base, path, { headers, origin: "null" }), 403);
    assert.equal(await Socket.refusal(t, base, path, { headers }), 403);
    const forged = await new Person(base).ask(
      "POST",
      "/chat/create_group/",
      { group_name: `جعلی ${unique()}`, type: "public" },
      { ...headers, origin: "http://foreign.test" },
    );
    assert.equal(forged.status, 403);
  });

  it("ends the cookie and its sockets at sign-out", async (t) => {
    const { ali, path } = await scene();
    const headers = { cookie: await signIn(ali), origin: base };
    const socket = await Socket.open(t, base, path, { headers });
    const anybody = new Person(base);
    assert.equal((await anybody.ask("GET", "/chat/", undefined, headers)).status, 200);
    assert.equal((await anybody.ask("POST", "/chat/logout/", undefined, headers)).status, 204);
    assert.equal(await socket.closeCode(), 1008);
    // Another node may have seen the session a moment ago, and remembers it for a second.
    await eventually("the end of the cookie", async () => {
      const { status } = await anybody.ask("GET", "/chat/", undefined, headers);
      assert.ok([200, 401].includes(status), `${status}`);
      return status === 401;
    });
    await eventually("the refusal", async () => (await Socket.status(t, base, path, { headers })) === 403);
  });

  it("tells what is sent by REST", async (t) => {
    const { ali, slug, path } = await scene();
    const socket = await Socket.open(t, base, withToken(path, ali));
    const sent = await ali.made("POST", `/chat/group/${encodeURIComponent(slug)}/`, { message: "از فرم" });
    const frame = await socket.inbox.find("the message", says("از فرم"));
    assertPlain(frame, { message: "از فرم", person: ali });
    assert.equal(frame.id, sent.id);
  });

  for (const [form, encoded] of [
    ["a data URL", `data:image/png;base64,${PNG.toString("base64")}`],
    ["bare base64", PNG.toString("base64")],
  ]) {
    it(`takes a file as ${form}`, async (t) => {
      const { ali, sara, path } = await scene();
      const a = await Socket.open(t, base, withToken(path, ali));
      const s = await Socket.open(t, base, withToken(path, sara));
      a.send({ file: encoded, filename: "نقطه.png" });
      for (const { inbox } of [a, s]) {
        const { file, id, timestamp, ...frame } = await inbox.find("the file", ({ file }) => file);
        assert.ok(Number.isSafeInteger(id));
        assertRecent(timestamp);
        assert.deepEqual(frame, { filename: "نقطه.png", username: ali.name, user: ali.name });
        const answer = await fetch(new URL(file, base), { signal: AbortSignal.timeout(PATIENCE_MS) });
        assert.equal(answer.status, 200);
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), PNG);
      }
    });
  }

  it("answers malformed frames and files with an error and lives on", async (t) => {
    const { ali, path } = await scene();
    const socket = await Socket.open(t, base, withToken(path, ali));
    const files = [
      { file: "not base64!", filename: "x.png" },
      { file: "data:image/png;base64,@@@", filename: "x.png" },
      { file: 5, filename: "x.png" },
      { file: null, filename: "x.png" },
      { file: "", filename: "x.png" },
    ].map((frame) => JSON.stringify(frame));
    const frames = [...MALFORMED.filter((raw) => !raw.includes("no_such_type")), ...files];
    for (const [index, raw] of frames.entries()) {
      socket.sendRaw(raw);
      await socket.inbox.when(`the error of ${raw.slice(0, 40)}`, (received) => received.length > index);
    }
    assert.deepEqual(
      socket.inbox.items.filter((frame) => !isError(frame)),
      [],
    );
    socket.send({ message: "هنوز زنده" });
    await socket.inbox.find("the message", says("هنوز زنده"));
  });

  it("serves private chats, by the other's name or by both", async (t) => {
    const { ali, sara } = await scene();
    const a = await Socket.open(t, base, withToken(privatePath(sara.name), ali));
    const both = `private_chat_${[ali.name, sara.name].sort().join("_")}`;
    const s = await Socket.open(t, base, withToken(privatePath(both), sara));
    a.send({ message: "خصوصی", user: sara.name, sender: sara.name, recipient: ali.name });
    for (const { inbox } of [a, s]) {
      const { id, timestamp, ...frame } = await inbox.find("the message", says("خصوصی"));
      assert.ok(Number.isSafeInteger(id));
      assertRecent(timestamp);
      assert.deepEqual(frame, { message: "خصوصی", user: ali.name, sender: ali.name, recipient: sara.name });
    }
    const { status } = await sara.ask("GET", `/chat/chat/private/${encodeURIComponent(ali.name)}/`);
    assert.equal(status, 200);
    // Nobody listens in on two others.
    const reza = await Person.signUp(base, { stem: "رضا" });
    assert.equal(await Socket.refusal(t, base, withToken(privatePath(both), reza)), 403);
  });

  it("notifies of private messages, mentions and invitations, the unread ones first", async (t) => {
    const { ali, sara, slug, path } = await scene();
    const a = await Socket.open(t, base, withToken(privatePath(sara.name), ali));
    a.send({ message: "پیش از تو" });
    await a.inbox.find("the message", says("پیش از تو"));
    const notices = await Socket.open(t, base, withToken(notificationPath(sara.name), sara));
    const early = await notices.inbox.find("the unread one", says("پیش از تو"));
    assert.deepEqual([early.sender, early.kind], [ali.name, "direct"]);
    a.send({ message: "پس از تو" });
    await notices.inbox.find("a new one", says("پس از تو"));
    await ali.made("POST", `/chat/group/${encodeURIComponent(slug)}/`, { add_member: true, username: sara.name });
    const invited = await notices.inbox.find("the invitation", ({ kind }) => kind === "invite");
    assert.equal(invited.sender, ali.name);
    const g = await Socket.open(t, base, withToken(path, ali));
    g.send({ message: `کجایی @${sara.name} جان` });
    const mention = await notices.inbox.find("the mention", ({ kind }) => kind === "mention");
    assert.deepEqual(Object.keys(mention).sort(), ["id", "kind", "message", "room", "sender"]);
    const ids = notices.inbox.items.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(await Socket.refusal(t, base, withToken(notificationPath(sara.name), ali)), 403);
  });

  it("sends a notification to somebody one shares a room with", async (t) => {
    const { ali, sara, slug } = await scene();
    await ali.made("POST", `/chat/group/${encodeURIComponent(slug)}/`, { add_member: true, username: sara.name });
    const stranger = await Person.signUp(base);
    const s = await Socket.open(t, base, withToken(notificationPath(sara.name), sara));
    const a = await Socket.open(t, base, withToken(notificationPath(ali.name), ali));
    const x = await Socket.open(t, base, withToken(notificationPath(stranger.name), stranger));
    a.send({ message: "متن اعلان", sender: stranger.name, recipient: sara.name });
    const notice = await s.inbox.find("the notification", says("متن اعلان"));
    assert.equal(notice.sender, ali.name);
    x.send({ message: "مزاحم", recipient: sara.name });
    await x.inbox.find("the refusal", isError);
    assert.ok(x.isOpen);
  });
});
