/** Every operation of the server's description has a method of the library's, and they get on with each other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ProblemError, type UploadProgress } from "../../src/index.js";
import { RealServer } from "./real.js";

/** What is not for clients of the library: files are read by their addresses, keys by other servers. */
const LEFT_OUT = ["GET /.well-known/jwks.json", "GET /v1/files/{id}", "GET /v1/thumbnails/{id}"];

/** A picture of one pixel. */
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

test("every operation of the description can be called", async (t) => {
  const server = await RealServer.single(t);
  const called = new Set<string>();
  const recording: typeof fetch = (input, init) => {
    called.add(`${init?.method} ${decodeURIComponent(new URL(String(input)).pathname)}`);
    return fetch(input, init);
  };
  const sara = server.client(t, { fetch: recording });
  const ali = server.client(t);
  const own = await sara.register({ username: "sara", password: "correct horse", email: "sara@example.org" });
  const other = await ali.register({ username: "ali", password: "correct horse" });
  await sara.login({ login: "sara@example.org", password: "correct horse" });
  const { rest } = sara;

  assert.equal((await rest.me()).email, "sara@example.org");
  const progress: UploadProgress[] = [];
  const picture = await rest.upload(new Blob([Buffer.from(PNG, "base64")]), {
    name: "pixel.png",
    onProgress: (step) => progress.push(step),
  });
  assert.deepEqual([picture.content_type, picture.width, progress.at(-1)?.loaded], ["image/png", 1, picture.size]);
  const users: unknown[] = [];
  sara.on("signed-in", () => users.push("never again"));
  sara.auth.on("user", ({ display_name }) => users.push(display_name));
  const changed = await rest.updateMe({ display_name: "سارا", avatar: picture.id });
  assert.deepEqual([sara.user?.display_name, users], ["سارا", ["سارا"]]);
  const avatar = await fetch(rest.resolve(changed.avatar_url ?? ""));
  assert.deepEqual([avatar.status, avatar.headers.get("content-type")], [200, "image/png"]);
  assert.equal((await rest.user(other.id)).username, "ali");
  assert.deepEqual(
    (await rest.users({ q: "al" })).items.map(({ id }) => id),
    [other.id],
  );

  const sessions = await rest.sessions();
  assert.deepEqual(
    sessions.map(({ current }) => current),
    [true, false],
  );
  await rest.endSession(sessions[1]?.id ?? 0);
  assert.equal((await rest.sessions()).length, 1);

  const room = await rest.createRoom({ kind: "public", name: "tea house", description: "tea" });
  assert.equal((await rest.updateRoom(room.id, { description: "more tea" })).description, "more tea");
  assert.equal((await rest.room(room.id)).me?.role, "owner");
  assert.equal((await rest.rooms({ limit: 1 })).items[0]?.id, room.id);
  assert.equal((await ali.rest.discover({ q: "tea" })).items[0]?.me, null);
  assert.equal((await rest.discover({ q: "tea" })).items.length, 1);
  await ali.rest.joinRoom(room.id);
  await rest.putMember(room.id, other.id, { role: "admin" });
  assert.deepEqual(
    (await rest.members(room.id)).items.map(({ user, role }) => [user.username, role]),
    [
      ["sara", "owner"],
      ["ali", "admin"],
    ],
  );
  assert.equal((await rest.muteRoom(room.id, true)).me?.muted, true);
  await rest.removeMember(room.id, other.id);
  await rest.ban(room.id, other.id);
  await assert.rejects(ali.rest.joinRoom(room.id), (error) => error instanceof ProblemError && error.code === "banned");
  await rest.unban(room.id, other.id);
  await ali.rest.joinRoom(room.id);

  const sent = await rest.sendMessage(room.id, { content: "سلام", nonce: "n1" });
  assert.equal((await rest.sendMessage(room.id, { content: "سلام", nonce: "n1" })).id, sent.id);
  assert.equal((await rest.editMessage(room.id, sent.id, "درود")).content, "درود");
  await rest.react(room.id, sent.id, "🌱/✨");
  assert.deepEqual((await rest.message(room.id, sent.id)).reactions, [{ emoji: "🌱/✨", count: 1, me: true }]);
  await rest.unreact(room.id, sent.id, "🌱/✨");
  await ali.rest.sendMessage(room.id, { content: "hello @sara" });
  assert.equal(await rest.read(room.id, 2), 2);
  assert.equal((await rest.messages(room.id, { before: 2 })).items[0]?.id, sent.id);
  await rest.deleteMessage(room.id, sent.id);
  const changes = await rest.changes(room.id, { since: 0, limit: 100 });
  assert.ok(changes.items.some(({ type }) => type === "message.deleted"));

  const direct = await rest.directRoom(other.id);
  assert.equal(direct.peer?.username, "ali");
  await ali.rest.sendMessage(direct.id, { content: "psst" });
  const { items } = await rest.notifications();
  assert.equal(items[0]?.kind, "direct");
  await rest.readNotifications(items[0]?.id ?? 0);
  assert.deepEqual((await rest.presence([own.id, other.id])).online, []);
  await ali.rest.leaveRoom(room.id);
  await rest.deleteRoom(room.id);

  await sara.auth.replace(await sara.auth.accessToken());
  await sara.logout();
  assert.equal(sara.user, null);

  const description = JSON.parse(readFileSync(new URL("../../../../docs/openapi.json", import.meta.url), "utf8"));
  const routes = Object.entries<object>(description.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const isCalled = (route: string) => {
    const pattern = new RegExp(`^${route.replaceAll(".", "\\.").replaceAll(/\{[^}]*\}/g, "[^ ]+?")}$`);
    return [...called].some((one) => pattern.test(one));
  };
  assert.deepEqual(
    routes.filter((route) => !LEFT_OUT.includes(route) && !isCalled(route)),
    [],
  );
});
