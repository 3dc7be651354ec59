// *groups* in a browser: its pages, used as a person does.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";

import { Browser, PageSocket, pageFetch } from "./browser.mjs";
import { assertPlain, says } from "./frames.mjs";
import { PASSWORD, Person, group, unique } from "./person.mjs";
import { Socket, withToken } from "./socket.mjs";
import { ServiceClient } from "./socketio.mjs";
import { eachTarget, ws } from "./targets.mjs";

/** Each of them would be noticed, if it ran: it sets `window.hacked`. */
const SCRIPTS = [
  `<img src=x onerror="window.hacked='image'">`,
  `<script>window.hacked='script'</script>`,
  `"><svg onload="window.hacked='svg'">`,
  `</textarea></title></script><script>window.hacked='closed'</script>`,
  `<a href="javascript:window.hacked='link'">پیوند</a>`,
];

eachTarget("groups in a browser", (_, base) => {
  let browser;
  before(async () => {
    browser = await Browser.start(base);
  });
  after(() => browser?.stop());

  const groupPage = (slug) => `${base}/chat/group/${encodeURIComponent(slug)}/`;

  /** Fills the form of the page as a person does, and waits for where it leads. */
  async function submit(page, fields) {
    for (const [name, value] of Object.entries(fields)) {
      await page.locator(`form [name="${name}"]`).first().fill(value);
    }
    const [first] = Object.keys(fields);
    const form = page.locator("form", { has: page.locator(`[name="${first}"]`) }).first();
    // Of the page that the answer is, or leads to.
    await Promise.all([page.waitForEvent("load"), form.locator('button, input[type="submit"]').first().click()]);
  }

  async function signIn(context, person) {
    const page = await context.newPage();
    const answer = await page.goto(`${base}/chat/login/`);
    assert.equal(answer.status(), 200);
    await submit(page, { username: person.name, password: PASSWORD });
    return page;
  }

  /** A signed-in page of a fresh profile, and a group that its user made. */
  async function scene(t, { name = `گروه کتاب‌خوانی ${unique()}`, ...profile } = {}) {
    const person = await Person.signUp(base, { stem: "علی" });
    const context = await browser.profile(t, profile);
    const { slug } = await group(person, name);
    const page = await signIn(context, person);
    return { person, context, page, slug, name };
  }

  const direction = (page) => page.evaluate(() => getComputedStyle(document.body).direction);

  it("registers somebody by the form, who can then sign in", async (t) => {
    const context = await browser.profile(t);
    const page = await context.newPage();
    await page.goto(`${base}/chat/register/`);
    assert.equal(await direction(page), "rtl");
    const name = `تازه_وارد-${unique()}`;
    await submit(page, { username: name, password1: PASSWORD, password2: "something else" });
    assert.equal(new URL(page.url()).pathname, "/chat/register/");
    assert.equal(await page.locator('form [name="username"]').inputValue(), name);
    await submit(page, { username: name, password1: PASSWORD, password2: PASSWORD });
    assert.notEqual(new URL(page.url()).pathname, "/chat/register/");
    const { access } = await new Person(base).made("POST", "/api/login/", { username: name, password: PASSWORD });
    assert.ok(access);
  });

  it("signs in by the form, with a cookie that scripts cannot read", async (t) => {
    const { context, page, name } = await scene(t);
    const cookie = (await context.cookies()).find(({ name }) => name === "sessionid");
    assert.ok(cookie, "no cookie sessionid");
    assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, "Lax", "/"]);
    const days = (cookie.expires * 1000 - Date.now()) / 86_400_000;
    assert.ok(days > 13.9 && days < 14.1, `${days} days`);
    assert.ok(!(await page.evaluate(() => document.cookie)).includes("sessionid"));
    // It led to the dashboard, which lists the group.
    assert.equal(new URL(page.url()).pathname, "/chat/");
    assert.equal(await direction(page), "rtl");
    await page.getByText(name).first().waitFor();
  });

  it("says what is wrong with a sign-in, and sets no cookie", async (t) => {
    const person = await Person.signUp(base);
    const context = await browser.profile(t);
    const page = await context.newPage();
    await page.goto(`${base}/chat/login/`);
    await submit(page, { username: person.name, password: "not the password" });
    assert.equal(new URL(page.url()).pathname, "/chat/login/");
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await direction(page), "rtl");
    assert.equal(await page.locator('form [name="password"]').inputValue(), "");
  });

  it("sends by the form of the group's page, which shows it", async (t) => {
    const { person, page, slug } = await scene(t);
    const native = await Socket.open(t, base, withToken("/v1/ws", person));
    native.send({ op: "hello" });
    await page.goto(groupPage(slug));
    assert.equal(await direction(page), "rtl");
    await submit(page, { message: "سلام از فرم" });
    const heard = await native.inbox.find("the message", ({ data }) => data?.content === "سلام از فرم");
    assert.equal(heard.data.sender.username, person.name);
    await page.getByText("سلام از فرم").first().waitFor();
  });

  it("shows markup in messages, names of groups and of people as text", async (t) => {
    const { person, page, slug, name } = await scene(t, { name: `${SCRIPTS[0]} ${unique()}` });
    await person.made("POST", "/chat/profile/", { first_name: SCRIPTS[1], last_name: "<b>علی</b>" });
    for (const message of SCRIPTS) {
      await person.made("POST", `/chat/group/${encodeURIComponent(slug)}/`, { message });
    }
    const requested = [];
    page.on("request", (request) => requested.push(request.url()));
    for (const address of [`${base}/chat/`, groupPage(slug), `${base}/chat/profile/`]) {
      await page.goto(address);
      await page.waitForLoadState("load");
      assert.equal(await page.evaluate(() => window.hacked), undefined, address);
      assert.equal(await page.locator('img[src="x"], svg[onload], a[href^="javascript:"]').count(), 0, address);
      assert.equal(await direction(page), "rtl");
    }
    await page.goto(groupPage(slug));
    for (const message of SCRIPTS) await page.getByText(message).first().waitFor();
    await page.getByText(name).first().waitFor();
    await page.goto(`${base}/chat/`);
    await page.getByText(name).first().waitFor();
    assert.deepEqual(
      requested.filter((url) => !url.startsWith(base)),
      [],
    );
  });

  it("opens the page's WebSocket with the cookie alone, and hears every protocol", async (t) => {
    const { person, page, slug } = await scene(t, { hasScripts: true });
    await page.goto(groupPage(slug));
    const sara = await Person.signUp(base);
    const { id } = await person.made("GET", "/chat/").then(({ groups }) => groups.find((found) => found.slug === slug));
    await person.made("PUT", `/v1/rooms/${id}/members/${sara.id}`, {});
    const socket = await PageSocket.open(page, `${ws(base)}/ws/chat/${encodeURIComponent(slug)}/`);
    assert.ok(socket, "the browser was refused");
    const native = await Socket.open(t, base, withToken("/v1/ws", sara));
    native.send({ op: "hello" });
    native.send({ op: "send", id: 1, room: id, content: "از بومی" });
    assertPlain(await socket.inbox.find("the native message", says("از بومی")), { message: "از بومی", person: sara });
    const service = await ServiceClient.connect(t, base, sara);
    await service.ask("chat_message", { room: String(id), message: "از Socket.IO" });
    await socket.inbox.find("the message of Socket.IO", says("از Socket.IO"));
    await socket.send({ message: "از مرورگر" });
    assertPlain(await socket.inbox.find("its own", says("از مرورگر")), { message: "از مرورگر", person });
    await service.message("از مرورگر");
    await native.inbox.find("the browser's message", ({ data }) => data?.content === "از مرورگر");
    assert.deepEqual(
      socket.inbox.items.map(({ message }) => message),
      ["از بومی", "از Socket.IO", "از مرورگر"],
    );
  });

  it("lets no script of a page connect anywhere", async (t) => {
    const { page, slug } = await scene(t);
    const answer = await page.goto(groupPage(slug));
    const policy = answer.headers()["content-security-policy"] ?? "";
    assert.match(policy, /default-src 'none'/);
    // The one that leads to the web client.
    assert.match(policy, /script-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|connect-src/);
    assert.match((await pageFetch(page, "/chat/")).refused ?? "", /Failed to fetch/);
  });

  it("serves the pages to nobody who is not signed in", async (t) => {
    const { slug } = await scene(t);
    const context = await browser.profile(t);
    const page = await context.newPage();
    for (const address of [`${base}/chat/`, groupPage(slug)]) {
      await page.goto(address);
      assert.equal(new URL(page.url()).pathname, "/chat/login/");
    }
  });
});
