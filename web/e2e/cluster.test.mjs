// Two browsers on different gateways of a cluster, and what happens between them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, message, online, open, send, signIn, visitor } from "./browser.mjs";
import { Person, unique } from "./people.mjs";
import { Door, Server } from "./servers.mjs";
import { assertFaultless, becomes, eventually, texts } from "./waiting.mjs";

let browser;
let cluster;
before(async () => {
  [browser, cluster] = await Promise.all([launch(), Server.cluster()]);
});
after(async () => {
  await browser?.close();
  await cluster?.stop();
});

/** Two people in a room, each in a browser of their own whose address leads to a gateway of its own. */
async function scene(t, { languages = ["en", "en"] } = {}) {
  const base = cluster.url;
  const [sara, ali] = await Promise.all([Person.make(base), Person.make(base, { stem: "ali" })]);
  const room = await sara.room(`اتاق ${unique()}`, { members: [ali] });
  const doors = [];
  const pages = [];
  for (const [index, person] of [sara, ali].entries()) {
    const [api, gateway] = [cluster.nodes.get(`api ${index + 1}`), cluster.nodes.get(`gateway ${index + 1}`)];
    const door = await Door.before(api.url, gateway.url);
    t.after(() => door.close());
    const page = await visitor(browser, { language: languages[index] });
    t.after(() => page.context().close());
    await signIn(page, door.url, person);
    await open(page, room);
    await online(page);
    doors.push(door);
    pages.push(page);
  }
  return { people: [sara, ali], room, doors, pages };
}

const isSent = (page, text) =>
  message(page, text)
    .locator(".meta .heard", { hasText: /Sent|Seen/ })
    .waitFor();

test("two people on different gateways see what the other does", async (t) => {
  const { people, pages, room } = await scene(t, { languages: ["fa", "en"] });
  const [sara, ali] = pages;
  await send(sara, "سلام علی، چه خبر؟");
  await message(ali, "سلام علی").waitFor();
  await send(ali, "Fine, thanks");
  await message(sara, "Fine, thanks").waitFor();
  await message(ali, "Fine, thanks").locator(".seen").waitFor();

  await ali.locator("#composer").pressSequentially("I am wri");
  await sara.locator(".typing-line", { hasText: people[1].name }).waitFor();
  await ali.locator("#composer").fill("");
  await becomes(() => sara.locator(".typing-line").innerText(), "");

  const theirs = message(ali, "سلام علی");
  await theirs.hover();
  await theirs.getByRole("button", { name: "React" }).click();
  await ali.getByRole("menuitem", { name: "🎉" }).click();
  await message(sara, "سلام علی").locator(".reactions", { hasText: "🎉" }).waitFor();
  await message(sara, "سلام علی").locator(".reactions button").click();
  await theirs.locator(".reactions button", { hasText: "2" }).waitFor();

  await theirs.hover();
  await theirs.getByRole("button", { name: "Reply" }).click();
  await send(ali, "Nothing new");
  await message(sara, "Nothing new").locator(".quote", { hasText: "سلام علی" }).waitFor();

  await ali.locator("#composer").press("ArrowUp");
  await ali.locator("#composer").fill("Nothing at all");
  await ali.locator("#composer").press("Enter");
  await message(sara, "Nothing at all").locator(".meta", { hasText: "ویرایش‌شده" }).waitFor();

  const own = message(ali, "Fine, thanks");
  await own.hover();
  await own.getByRole("button", { name: "More" }).click();
  await ali.getByRole("menuitem", { name: "Delete" }).click();
  await ali.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await sara.getByText("این پیام حذف شده است.").waitFor();
  assert.equal(await message(sara, "Fine, thanks").count(), 0);

  // A direct chat tells who is there, and when they were.
  const direct = await people[0].direct(people[1]);
  await people[0].say(direct, "خصوصی");
  await open(ali, direct);
  await ali.locator(".bar .below", { hasText: "online" }).waitFor();
  await sara.context().close();
  // Also over REST: her own requests hold no socket.
  await ali.locator(".bar .below", { hasText: "last seen" }).waitFor();
  assert.equal((await people[1].messages(room)).filter(({ content }) => content).length, 2);
  assertFaultless(ali);
});

test("whoever was offline gets what they missed, and what they wrote is sent, once", async (t) => {
  const { people, pages, doors, room } = await scene(t);
  const [sara, ali] = pages;
  await send(sara, "Before");
  await message(ali, "Before").waitFor();
  doors[0].shut();
  await sara.context().setOffline(true);
  await sara.locator(".status-bar").waitFor();
  for (const text of ["Missed 1", "Missed 2", "Missed 3"]) await send(ali, text);
  for (const text of ["Kept 1", "Kept 2"]) await send(sara, text);
  await message(sara, "Kept 2").locator(".meta .heard", { hasText: "Waiting to be sent" }).waitFor();
  await isSent(ali, "Missed 3");
  assert.equal(await message(ali, "Kept").count(), 0);
  // Even a page that is loaded again meanwhile has them: they are kept by the browser.
  doors[0].open();
  await sara.context().setOffline(false);
  await sara.locator(".status-bar").waitFor({ state: "detached", timeout: 45_000 });
  const all = ["Before", "Missed 1", "Missed 2", "Missed 3", "Kept 1", "Kept 2"];
  for (const page of pages) await becomes(() => texts(page), all);
  assert.deepEqual(
    (await people[0].messages(room)).map(({ content }) => content),
    all,
  );
  assertFaultless(ali);
});

test("a gateway that is killed while somebody types costs them nothing", async (t) => {
  const { people, pages, room } = await scene(t);
  const [sara, ali] = pages;
  await sara.locator("#composer").pressSequentially("A thought that");
  await ali.locator(".typing-line", { hasText: people[0].name }).waitFor();
  cluster.kill("gateway 1");
  await sara.locator(".status-bar").waitFor();
  await sara.locator("#composer").pressSequentially(" goes on");
  await sara.locator("#composer").press("Enter");
  await send(ali, "Meanwhile");
  await sara.locator(".status-bar").waitFor({ state: "detached", timeout: 45_000 });
  await isSent(sara, "A thought that goes on");
  for (const page of pages) {
    await eventually(
      async () => (await texts(page)).sort(),
      (said) => assert.deepEqual(said, ["A thought that goes on", "Meanwhile"]),
    );
  }
  assert.equal((await people[0].messages(room)).length, 2);
  assertFaultless(sara, ali);
});

test("the load balancer serves the page, its files and its socket", async (t) => {
  const person = await Person.make(cluster.url);
  const room = await person.room(`Behind nginx ${unique()}`);
  const page = await visitor(browser);
  t.after(() => page.context().close());
  const failed = [];
  page.on("response", (answer) => answer.status() >= 400 && failed.push(answer.url()));
  await signIn(page, cluster.url, person);
  await open(page, room);
  await online(page);
  await send(page, "Through the balancer");
  await isSent(page, "Through the balancer");
  assert.deepEqual(failed, []);
  assertFaultless(page);
});
