// Pages of other origins in a browser: what they may, and what they may not, with a visitor's cookie and with a token.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";

import { ALLOWED, Browser, FOREIGN, PageSocket, SIBLING, pageFetch } from "./browser.mjs";
import { assertPlain, says } from "./frames.mjs";
import { Inbox, PATIENCE_MS } from "./inbox.mjs";
import { PASSWORD, Person, group, serviceRoom, unique } from "./person.mjs";
import { ServiceClient } from "./socketio.mjs";
import { eachTarget, ws } from "./targets.mjs";

eachTarget("pages of other origins", (_, base) => {
  let browser;
  before(async () => {
    browser = await Browser.start(base);
  });
  after(() => browser?.stop());

  /** A profile that is signed in at `site`, by the browser itself. */
  async function signedIn(t, site) {
    const person = await Person.signUp(base, { stem: "علی" });
    const { slug } = await group(person, `گروه ${unique()}`);
    const context = await browser.profile(t, { hasScripts: true });
    const page = await context.newPage();
    await page.goto(`${site}/chat/login/`);
    const { status } = await pageFetch(page, "/chat/login/", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ username: person.name, password: PASSWORD }),
    });
    assert.equal(status, 200);
    return { person, slug, context, page };
  }

  const socketOf = (site, slug) => `${ws(site)}/ws/chat/${encodeURIComponent(slug)}/`;

  it("refuses a WebSocket with the cookie to a page of another origin", async (t) => {
    const { slug, context, page } = await signedIn(t, base);
    assert.ok(await PageSocket.open(page, socketOf(base, slug)), "its own page was refused");
    for (const origin of [browser.sameSite, FOREIGN]) {
      const foreign = await context.newPage();
      const complaints = new Inbox(`the console of ${origin}`);
      foreign.on("console", (message) => complaints.put(message.text()));
      await foreign.goto(origin);
      assert.equal(await PageSocket.open(foreign, socketOf(base, slug)), null, `${origin} was let in`);
      await complaints.find("the refusal", (text) => text.includes("Unexpected response code: 403"));
    }
  });

  it("lets no page of another origin read or change anything", async (t) => {
    const { person, context } = await signedIn(t, base);
    for (const origin of [browser.sameSite, FOREIGN]) {
      const page = await context.newPage();
      await page.goto(origin);
      const authorization = `Bearer ${person.token}`;
      const { refused } = await pageFetch(page, `${base}/api/chatrooms/`, { headers: { authorization } });
      assert.match(refused ?? "", /Failed to fetch/, origin);
      const read = await pageFetch(page, `${base}/chat/`, { credentials: "include" });
      assert.match(read.refused ?? "", /Failed to fetch/, origin);
      // A request that needs no leave to be sent, and the form that a page can always submit.
      const group_name = `جعلی ${unique()}`;
      const body = new URLSearchParams({ group_name, type: "public" }).toString();
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const blind = { method: "POST", mode: "no-cors", credentials: "include", headers, body };
      assert.equal((await pageFetch(page, `${base}/chat/create_group/`, blind)).type, "opaque");
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.url().endsWith("/chat/create_group/")),
        page.evaluate(
          ([action, fields]) => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = action;
            for (const [name, value] of fields) {
              const input = document.createElement("input");
              Object.assign(input, { name, value });
              form.append(input);
            }
            document.body.append(form);
            form.submit();
          },
          [`${base}/chat/create_group/`, Object.entries({ group_name, type: "public" })],
        ),
      ]);
      assert.ok([401, 403, 303, 302].includes(answer.status()), `${origin}: ${answer.status()}`);
      const { groups } = await person.made("GET", "/chat/");
      assert.deepEqual(
        groups.filter(({ name }) => name === group_name),
        [],
        `${origin} made a group`,
      );
    }
  });

  it("lets a page of the allowed origin use REST with a token", async (t) => {
    const person = await Person.signUp(base);
    const page = await (await browser.profile(t)).newPage();
    await page.goto(ALLOWED);
    const headers = { authorization: `Bearer ${person.token}`, "content-type": "application/json" };
    const name = `از دور ${unique()}`;
    const made = await pageFetch(page, `${base}/api/chatrooms/`, {
      method: "POST",
      headers,
      body: JSON.stringify({ name, users: [] }),
    });
    assert.equal(made.status, 201, made.refused);
    assert.equal(JSON.parse(made.body).name, name);
    const room = JSON.parse(
      (
        await pageFetch(page, `${base}/chat/chat_rooms/`, {
          method: "POST",
          headers,
          body: JSON.stringify({ name }),
        })
      ).body,
    );
    assert.equal(room.name, name);
    // Errors can be read too.
    const missing = await pageFetch(page, `${base}/chat/chat_rooms/999999`, { headers });
    assert.equal(missing.status, 404, missing.refused);
    assert.deepEqual(JSON.parse(missing.body), { detail: "Chat room not found or access denied" });
  });

  it("lets a page of the allowed origin use the cookie, for REST and for a WebSocket", async (t) => {
    const { person, slug, context } = await signedIn(t, SIBLING);
    const page = await context.newPage();
    await page.goto(ALLOWED);
    const accept = { accept: "application/json" };
    const read = await pageFetch(page, `${SIBLING}/chat/`, { credentials: "include", headers: accept });
    assert.equal(read.status, 200, read.refused);
    assert.equal(JSON.parse(read.body).user.username, person.name);
    const socket = await PageSocket.open(page, socketOf(SIBLING, slug));
    assert.ok(socket, "the allowed page was refused");
    await socket.send({ message: "از مبدأ مجاز" });
    assertPlain(await socket.inbox.find("the message", says("از مبدأ مجاز")), { message: "از مبدأ مجاز", person });
  });

  /** Connects the bundle's client in a page; everything it gets goes to the inbox. */
  async function connectInPage(page, url, options) {
    const inbox = new Inbox(`socket.io-client in ${page.url()}`);
    await page.exposeFunction("received", (event, args) => inbox.put({ event, args }));
    await page.evaluate(
      ([url, options]) => {
        const socket = window.io(url, { forceNew: true, reconnection: false, ...options });
        window.socket = socket;
        window.received("began", [socket.io.engine.transport.name]);
        socket.on("connect", () => window.received("connect", []));
        socket.on("connect_error", (error) => window.received("connect_error", [error.message]));
        socket.io.engine.on("upgrade", (transport) => window.received("upgrade", [transport.name]));
        socket.onAny((event, ...args) => window.received(event, args));
      },
      [url, options],
    );
    return inbox;
  }

  for (const withCredentials of [false, true]) {
    it(`lets socket.io-client of the allowed origin in, credentials ${withCredentials}`, async (t) => {
      const [ali, sara] = await Promise.all([Person.signUp(base), Person.signUp(base)]);
      const room = await serviceRoom(ali, sara);
      const page = await (await browser.profile(t)).newPage();
      await page.goto(ALLOWED);
      const inbox = await connectInPage(page, base, { auth: { token: ali.token }, withCredentials });
      const outcome = await inbox.find("an outcome", ({ event }) => /^connect/.test(event));
      assert.deepEqual(outcome, { event: "connect", args: [] });
      assert.deepEqual(inbox.items[0], { event: "began", args: ["polling"] });
      const upgrade = await inbox.find("the upgrade", ({ event }) => event === "upgrade");
      assert.deepEqual(upgrade.args, ["websocket"]);
      const other = await ServiceClient.connect(t, base, sara);
      const message = "از socket.io در مرورگر";
      const answer = await page.evaluate(
        ([room, message, patience]) => window.socket.timeout(patience).emitWithAck("chat_message", { room, message }),
        [room, message, PATIENCE_MS],
      );
      assert.equal(answer.status, "received");
      assert.equal((await other.message(message)).sender, ali.email);
      await other.ask("chat_message", { room, message: "پاسخ" });
      await inbox.find("the answer", ({ args }) => args[0]?.message?.content === "پاسخ");
    });
  }

  it("lets socket.io-client of another origin in by no transport", async (t) => {
    const person = await Person.signUp(base);
    const context = await browser.profile(t);
    for (const transport of ["polling", "websocket"]) {
      const page = await context.newPage();
      await page.goto(FOREIGN);
      const inbox = await connectInPage(page, base, { auth: { token: person.token }, transports: [transport] });
      const { event } = await inbox.find("an outcome", ({ event }) => /^connect/.test(event));
      assert.equal(event, "connect_error", `let in by ${transport}`);
    }
  });
});
