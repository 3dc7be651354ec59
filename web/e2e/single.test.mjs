// The client against one process: everything that needs no second node.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, message, online, open, PHONE, send, signIn, visitor } from "./browser.mjs";
import { PASSWORD, Person, unique } from "./people.mjs";
import { MAX_UPLOAD, Server } from "./servers.mjs";
import { landscape } from "./story.mjs";
import { assertFaultless, becomes, eventually, texts } from "./waiting.mjs";

/** A picture. */
const PICTURE = landscape(240, 150);

let browser;
let server;
let base;
before(async () => {
  [browser, server] = await Promise.all([launch(), Server.single()]);
  base = server.url;
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A browser of its own for the length of a test. */
async function visit(t, options) {
  const page = await visitor(browser, options);
  t.after(() => page.context().close());
  return page;
}

const css = (locator, property) => locator.evaluate((element, name) => getComputedStyle(element)[name], property);

/** Where it is, also of a row that the list draws anew meanwhile. */
const box = (locator) => locator.evaluate((element) => element.getBoundingClientRect().toJSON());

test("somebody signs up and says the first word", async (t) => {
  const page = await visit(t);
  await page.goto(base);
  assert.equal(await css(page.locator("body"), "direction"), "ltr");
  await page.getByRole("button", { name: "Create an account" }).click();
  const name = `newcomer-${unique()}`;
  await page.getByLabel("Username").fill("a b");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create an account" }).click();
  // What the server finds wrong is told beside the field.
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Username").fill(name);
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByText("No conversations yet").waitFor();
  await online(page);
  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByRole("menuitem", { name: "New room" }).click();
  const room = `Tea house ${unique()}`;
  await page.getByLabel("Name", { exact: true }).fill(room);
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByText("Say the first word.").waitFor();
  await send(page, "Hello, world");
  await message(page, "Hello, world").locator(".meta .heard", { hasText: "Sent" }).waitFor();
  await page.locator(".room-item", { hasText: room }).getByText("You: Hello, world").waitFor();
  assertFaultless(page);
});

test("Persian is written from the right, with its digits and calendar; each message in its own direction", async (t) => {
  const [sara, ali] = [await Person.make(base, { username: `سارا-${unique()}` }), await Person.make(base)];
  const room = await sara.room(`اتاق ${unique()}`, { members: [ali] });
  const said = await ali.say(room, "سلام، ساعت 5 می‌آیم");
  await ali.say(room, "Hello there, see you");
  const page = await visit(t, { language: "fa", theme: "dark" });
  await signIn(page, base, sara);
  await open(page, room);
  const root = page.locator("html");
  assert.deepEqual([await root.getAttribute("lang"), await root.getAttribute("dir")], ["fa", "rtl"]);
  assert.equal(await css(page.locator("body"), "direction"), "rtl");
  assert.match(await css(page.locator("body"), "fontFamily"), /^Vazirmatn/);
  assert.equal(await page.evaluate(() => document.fonts.check("16px Vazirmatn", "سلام")), true);
  const [persian, english] = [message(page, "می‌آیم"), message(page, "Hello there")];
  assert.equal(await css(persian.locator(".text"), "direction"), "rtl");
  assert.equal(await css(english.locator(".text"), "direction"), "ltr");
  // The list is where reading begins, one's own messages where it ends.
  const [list, main] = [await box(page.locator(".sidebar")), await box(page.locator(".main"))];
  assert.ok(list.x > main.x, "the list of rooms is on the right");
  await send(page, "باشد");
  const [own, other] = [await box(message(page, "باشد").locator(".bubble")), await box(persian.locator(".bubble"))];
  assert.ok(own.x < other.x, "one's own messages are on the left");
  assert.match(await persian.locator(".meta time").innerText(), /^[۰-۹]{2}:[۰-۹]{2}$/);
  const year = new Intl.DateTimeFormat("fa-IR-u-ca-persian", { year: "numeric", timeZone: "Asia/Tehran" });
  const title = await persian.locator(".meta time").getAttribute("title");
  assert.ok(title.includes(year.format(new Date(said.created_at))), title);
  await page.getByText("امروز", { exact: true }).waitFor();
  // The other language at once, for all that is there.
  await page.getByRole("button", { name: "نمایه و تنظیمات" }).click();
  await page.getByRole("button", { name: "English" }).click();
  assert.equal(await css(page.locator("body"), "direction"), "ltr");
  await page.getByText("Today", { exact: true }).waitFor();
  assert.equal(await css(persian.locator(".text"), "direction"), "rtl");
  assertFaultless(page);
});

test("markup in messages and names is text", async (t) => {
  const image = `<img src=x onerror="window.hacked=1">`;
  const person = await Person.make(base, { name: `${image} ${unique()}` });
  const room = await person.room(`${image} ${unique()}`, { description: image });
  await person.say(room, image);
  await person.say(room, `javascript:window.hacked=1 https://example.org/"onmouseover="window.hacked=1`);
  const page = await visit(t);
  const requested = [];
  page.on("request", (request) => requested.push(request.url()));
  await signIn(page, base, person);
  await open(page, room);
  await page.getByRole("button", { name: "About this conversation" }).last().click();
  assert.equal(await message(page, "onerror").locator(".text").innerText(), image);
  assert.equal(await page.locator('img[src="x"], a[href^="javascript:"], [onmouseover]').count(), 0);
  const link = page.locator(".message a");
  assert.equal(await link.getAttribute("href"), "https://example.org/");
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(
    requested.filter((url) => !url.startsWith(base)),
    [],
    "only the server is asked for anything",
  );
  assertFaultless(page);
});

test("pictures are sent by button, paste and drop; a file that is too large is refused", async (t) => {
  const person = await Person.make(base);
  const room = await person.room(`Pictures ${unique()}`);
  const page = await visit(t);
  await signIn(page, base, person);
  await open(page, room);
  const choose = page.locator('.composer input[type="file"]');
  await choose.setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PICTURE });
  await page.locator(".upload small").waitFor();
  await send(page, "By button");
  const sent = message(page, "By button");
  await sent.getByRole("button", { name: "Open image: dot.png" }).click();
  await page.locator("dialog.light-box[open] img").waitFor();
  await page.keyboard.press("Escape");

  const put = (kind) =>
    page.locator("#composer").evaluate(
      (box, [kind, bytes]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" }));
        const event =
          kind === "paste"
            ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true })
            : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
        box.dispatchEvent(event);
      },
      [kind, [...PICTURE]],
    );
  for (const kind of ["paste", "drop"]) {
    await put(kind);
    await page.locator(".upload small").waitFor();
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("button", { name: `Open image: ${kind}.png` }).waitFor();
  }

  await choose.setInputFiles({
    name: "large.bin",
    mimeType: "application/octet-stream",
    buffer: Buffer.alloc(MAX_UPLOAD + 1),
  });
  await page.getByRole("alert").filter({ hasText: "Larger than" }).waitFor();
  await page.locator("#composer").fill("Without it");
  await page.locator("#composer").press("Enter");
  await message(page, "Without it").locator(".meta .heard", { hasText: "Sent" }).waitFor();
  const all = await person.messages(room);
  assert.deepEqual(
    all.map(({ attachments }) => attachments.map(({ name }) => name)),
    [["dot.png"], ["paste.png"], ["drop.png"], []],
  );

  // What is no picture is refused as one, in the server's words.
  await page.getByRole("button", { name: "Profile and settings" }).click();
  await page
    .locator('.panel input[type="file"]')
    .setInputFiles({ name: "a.png", mimeType: "image/png", buffer: Buffer.from("text") });
  await page.locator(".toast.bad").waitFor();
  await page
    .locator('.panel input[type="file"]')
    .setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PICTURE });
  await page.locator(".panel .avatar.large img").waitFor();
  assertFaultless(page);
});

test("what is unread is counted, until it is seen, in all windows", async (t) => {
  const [sara, ali] = [await Person.make(base), await Person.make(base, { stem: "ali" })];
  const [busy, quiet] = [await sara.room(`Busy ${unique()}`, { members: [ali] }), await sara.room(`Quiet ${unique()}`)];
  const [page, other] = [await visit(t), await visit(t, { size: PHONE })];
  await signIn(page, base, sara);
  await signIn(other, base, sara);
  await Promise.all([online(page), online(other)]);
  await open(page, quiet);
  await ali.say(busy, "One");
  await ali.say(busy, `Two for @${sara.username}`);
  const count = (where) => where.locator(`.room-item[data-room="${busy.id}"] .count [aria-hidden]`);
  for (const where of [page, other]) await becomes(() => count(where).allInnerTexts(), ["2"]);
  await eventually(
    () => page.title(),
    (title) => assert.equal(title, "(2) Chapar"),
  );
  // A mention is told wherever one is.
  await page.locator(".toast", { hasText: "mentioned you" }).click();
  await page.locator(".unread-line").waitFor();
  await message(page, "Two for").locator(".mention.me").waitFor();
  for (const where of [page, other]) await becomes(() => count(where).count(), 0);
  await eventually(
    () => page.title(),
    (title) => assert.equal(title, "Chapar"),
  );
  assertFaultless(page, other);
});

test("a session that is ended in one browser signs the other out", async (t) => {
  const sara = await Person.make(base);
  const [page, other] = [await visit(t), await visit(t)];
  await signIn(page, base, sara);
  await signIn(other, base, sara);
  await online(other);
  await page.getByRole("button", { name: "Profile and settings" }).click();
  // This one, the other one, and the one of the person's own requests.
  await becomes(() => page.locator("[data-session]").count(), 3);
  for (let left = 2; left > 0; left -= 1) {
    await page.getByRole("button", { name: "End session" }).first().click();
    await becomes(() => page.locator("[data-session]").count(), left);
  }
  await other.getByText("You were signed out.").waitFor();
  assert.equal(await other.evaluate(() => localStorage.getItem("chapar:session")), null);
  assert.equal(await page.locator(".shell").count(), 1);
  assertFaultless(page, other);
});

test("everything is done by keyboard alone", async (t) => {
  const person = await Person.make(base);
  const room = await person.room(`Keys ${unique()}`);
  await person.say(room, "Earlier");
  const page = await visit(t);
  const { keyboard } = page;
  await page.goto(base);
  const focusIs = (what) =>
    eventually(
      () => page.evaluate(() => document.activeElement?.outerHTML ?? ""),
      (html) => assert.match(html, what),
    );
  await page.getByLabel("Username or e-mail").focus();
  await keyboard.type(person.username);
  await keyboard.press("Tab");
  await keyboard.type(PASSWORD);
  await keyboard.press("Enter");
  await online(page);
  await keyboard.press("Control+k");
  await focusIs(/id="search"/);
  await keyboard.type("Keys");
  await keyboard.press("ArrowDown");
  await focusIs(/room-item/);
  await keyboard.press("Enter");
  await focusIs(/id="composer"/);
  await keyboard.type("By keys");
  await keyboard.press("Shift+Enter");
  await keyboard.type("alone");
  await keyboard.press("Enter");
  await becomes(() => texts(page), ["Earlier", "By keys\nalone"]);
  // Up from an empty box edits the last own message.
  await message(page, "By keys").locator(".meta .heard", { hasText: "Sent" }).waitFor();
  await keyboard.press("ArrowUp");
  await page.getByText("Edit message").waitFor();
  await keyboard.press("Control+a");
  await keyboard.type("By keys only");
  await keyboard.press("Enter");
  await becomes(() => texts(page), ["Earlier", "By keys only"]);
  // Back to the messages, up to the first, and answer it.
  await page.getByRole("log", { name: "Messages" }).focus();
  await keyboard.press("ArrowUp");
  await focusIs(/^<article.*By keys only/s);
  await keyboard.press("ArrowUp");
  await focusIs(/^<article.*Earlier/s);
  await keyboard.press("r");
  await focusIs(/id="composer"/);
  await keyboard.type("An answer");
  await keyboard.press("Enter");
  await message(page, "An answer").locator(".quote", { hasText: "Earlier" }).waitFor();
  // What can be done with a message begins once the server has it.
  await message(page, "An answer").locator(".meta .heard", { hasText: "Sent" }).waitFor();
  await page.getByRole("log", { name: "Messages" }).focus();
  await keyboard.press("ArrowUp");
  await focusIs(/^<article.*An answer/s);
  await keyboard.press("Enter");
  await focusIs(/^<button.*React/s);
  await keyboard.press("Enter");
  await focusIs(/menuitem/);
  await keyboard.press("Enter");
  await message(page, "An answer").locator(".reactions button[aria-pressed=true]").waitFor();
  await page.getByRole("log", { name: "Messages" }).focus();
  await keyboard.press("ArrowUp");
  await keyboard.press("Delete");
  await page.getByRole("dialog").waitFor();
  await focusIs(/^<button.*Delete/s);
  await keyboard.press("Enter");
  await page.getByText("This message was deleted.").waitFor();
  await keyboard.press("Escape");
  assertFaultless(page);
});

test("on a phone there is one pane, and nothing sticks out", async (t) => {
  const person = await Person.make(base);
  const room = await person.room(`A room with a rather long name for a small telephone ${unique()}`);
  await person.say(room, "averyveryverylongwordthatgoesonandon".repeat(6));
  for (const language of ["en", "fa"]) {
    const page = await visit(t, { size: PHONE, language, hasTouch: true, isMobile: true });
    const fits = async () => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await signIn(page, base, person);
    await page.locator(".sidebar").waitFor();
    assert.equal(await page.locator(".main").isVisible(), false);
    await fits();
    await page.locator(`.room-item[data-room="${room.id}"]`).tap();
    await page.locator(".message").first().waitFor();
    assert.equal(await page.locator(".sidebar").isVisible(), false);
    await fits();
    await page.locator("#composer").tap();
    await page.locator("#composer").fill("از تلفن");
    await page.locator(".composer .primary").tap();
    await message(page, "از تلفن").first().waitFor();
    await page.locator(".bar .who").tap();
    await page.locator(".panel").waitFor();
    await fits();
    await page.locator(".panel .bar .icon-button").tap();
    await page.locator(".bar .only-phone").tap();
    await page.locator(".sidebar").waitFor();
    assertFaultless(page);
  }
});

test("a public room is found, looked at, joined, and left", async (t) => {
  const [owner, guest] = [await Person.make(base), await Person.make(base, { stem: "guest" })];
  const name = `Garden ${unique()}`;
  const room = await owner.room(name);
  await owner.say(room, "Welcome");
  const page = await visit(t);
  await signIn(page, base, guest, "/#/discover");
  await page.getByLabel("Search public rooms").fill(name);
  await page.getByRole("dialog").getByRole("button", { name }).click();
  await message(page, "Welcome").waitFor();
  assert.equal(await page.locator("#composer").count(), 0);
  await page.getByRole("button", { name: "Join" }).click();
  await send(page, "I am in");
  await message(page, "I am in").locator(".meta .heard", { hasText: "Sent" }).waitFor();
  // A role makes one able to remove others.
  await owner.ask("PUT", `/v1/rooms/${room.id}/members/${guest.id}`, { role: "admin" });
  await page.getByRole("button", { name: "About this conversation" }).last().click();
  const line = page.locator(".panel .line", { hasText: guest.name });
  await line.getByText("Admin").waitFor();
  await page.getByRole("button", { name: "Leave room" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Leave room" }).click();
  await page.getByText("No conversations yet").waitFor();
  assertFaultless(page);
});

test("pages of the groups protocol lead to the same place of the client", async (t) => {
  const [sara, ali] = [await Person.make(base), await Person.make(base, { stem: "ali" })];
  const room = await sara.room(`گروه ${unique()}`, { members: [ali] });
  await ali.say(room, "سلام از گروه");
  const page = await visit(t);
  const group = `/chat/group/${encodeURIComponent(room.slug)}/`;
  // Not signed in: the form, then the group.
  await signIn(page, base, sara, group);
  await message(page, "سلام از گروه").waitFor();
  assert.equal(new URL(page.url()).hash, `#/room/${room.id}`);
  await page.goto(`${base}/chat/chat/private/${ali.username}/`);
  await page.locator(".bar h2", { hasText: ali.name }).waitFor();
  await page.goto(`${base}/chat/profile/`);
  await page.getByRole("heading", { name: "Profile and settings" }).waitFor();
  await page.goto(`${base}/chat/`);
  await page.locator(".shell").waitFor();
  await page.goto(`${base}/chat/group/nothing-of-the-kind/`);
  await page.getByText("This conversation is not there").or(page.getByText("یافت نشد")).first().waitFor();

  const stranger = await visit(t);
  await stranger.goto(`${base}/chat/register/`);
  await stranger.getByRole("heading", { name: "Join the conversation" }).waitFor();
  assertFaultless(page, stranger);
});

test("the cookie of the script-free pages signs the client in, and stays out of its reach", async (t) => {
  const sara = await Person.make(base);
  const room = await sara.room(`Cookies ${unique()}`);
  const page = await visit(t);
  await page.goto(`${base}/chat/login/?plain`);
  await page.locator('[name="username"]').fill(sara.username);
  await page.locator('[name="password"]').fill(PASSWORD);
  await page.locator('main button[type="submit"]').click();
  // The pages without script stay for as long as the tab lives.
  await page.getByText(room.name).first().waitFor();
  assert.equal(new URL(page.url()).pathname, "/chat/");

  const scripted = await page.context().newPage();
  await scripted.goto(`${base}/chat/group/${encodeURIComponent(room.slug)}/`);
  await scripted.locator("#composer").waitFor();
  await send(scripted, "By cookie");
  await message(scripted, "By cookie").locator(".meta .heard", { hasText: "Sent" }).waitFor();
  await scripted
    .locator('.composer input[type="file"]')
    .setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: PICTURE });
  await scripted.locator(".upload small").waitFor();
  const reach = await scripted.evaluate(() => document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.doesNotMatch(reach, /sessionid|eyJ/);
  await scripted.getByRole("button", { name: "Profile and settings" }).click();
  await scripted.getByRole("button", { name: "Sign out" }).click();
  await scripted.getByRole("heading", { name: "Welcome back" }).waitFor();
  await page.goto(`${base}/chat/`);
  assert.equal(new URL(page.url()).pathname, "/chat/login/");
  assertFaultless(page);
});

test("10,000 messages scroll smoothly, and loading older ones moves nothing", async (t) => {
  const COUNT = 10_000;
  const person = await Person.make(base);
  const room = await person.room(`Long ${unique()}`);
  const page = await visit(t);
  await signIn(page, base, person);
  await online(page);
  // By a socket of the page's own, as many at a time as the server takes.
  await page.evaluate(
    ([token, room, count]) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/v1/ws`);
        let [sent, answered] = [0, 0];
        const more = () => {
          for (; sent < count && sent - answered < 400; sent += 1) {
            const content = `${sent + 1}: ${"words ".repeat(1 + (sent % 23))}`;
            socket.send(JSON.stringify({ op: "send", id: sent + 1, room, content }));
          }
        };
        socket.onopen = () => socket.send(JSON.stringify({ op: "hello", token }));
        socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(data);
          if (frame.op === "reply") {
            answered += 1;
            if (frame.error) reject(new Error(JSON.stringify(frame.error)));
            else if (answered === count) resolve(socket.close());
          }
          if (frame.op === "ready" || frame.op === "reply") more();
        };
      }),
    [person.token, room.id, COUNT],
  );
  await open(page, room);
  await message(page, `${COUNT}: `).waitFor();

  // Up to the very first message. Whatever is in sight stays where it is while older ones come in above it.
  const scroller = page.locator(".history .scroll");
  const jumps = await scroller.evaluate(async (box) => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    let worst = 0;
    const deadline = performance.now() + 60_000;
    while (!box.querySelector("[data-key] .text")?.textContent?.startsWith("1: ") || box.scrollTop > 0) {
      if (performance.now() > deadline) throw new Error(`at ${box.scrollTop} of ${box.scrollHeight}`);
      box.scrollTop -= 2500;
      await frame();
      await frame();
      const seen = [...box.querySelectorAll("[data-key]")].find(
        (row) => row.getBoundingClientRect().top >= box.getBoundingClientRect().top,
      );
      const [before, height] = [seen?.getBoundingClientRect().top, box.scrollHeight];
      await frame();
      await frame();
      if (seen?.isConnected && box.scrollHeight !== height) {
        worst = Math.max(worst, Math.abs(seen.getBoundingClientRect().top - before));
      }
    }
    return worst;
  });
  assert.ok(jumps <= 2, `what was looked at moved by ${jumps} px`);

  const { frames, rows } = await scroller.evaluate(async (box) => {
    const frames = [];
    let rows = 0;
    let last = await new Promise((resolve) => requestAnimationFrame(resolve));
    for (let step = 0; step < 240; step += 1) {
      box.scrollTop += 700;
      const now = await new Promise((resolve) => requestAnimationFrame(resolve));
      frames.push(now - last);
      last = now;
      rows = Math.max(rows, box.querySelectorAll("[data-key]").length);
    }
    return { frames: frames.sort((one, other) => one - other), rows };
  });
  const [median, slow] = [frames[frames.length >> 1], frames[Math.floor(frames.length * 0.95)]];
  t.diagnostic(
    `frames while scrolling 10,000 messages: median ${median.toFixed(1)} ms, 95 % within ${slow.toFixed(1)} ms; at most ${rows} rows drawn`,
  );
  assert.ok(rows < 150, `${rows} rows are drawn at once`);
  assert.ok(median < 34, `the median frame took ${median} ms`);
  assert.ok(slow < 100, `one frame in twenty took ${slow} ms`);
  await page.getByRole("button", { name: "To the latest messages" }).click();
  await message(page, `${COUNT}: `).waitFor();
  assertFaultless(page);
});
