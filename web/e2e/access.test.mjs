// Every main screen is looked over by axe: nothing serious may be found, in either language and theme.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { launch, online, open, PHONE, signIn, visitor } from "./browser.mjs";
import { Server } from "./servers.mjs";
import { furnish } from "./story.mjs";
import { assertFaultless } from "./waiting.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

let browser;
let server;
let story;
before(async () => {
  [browser, server] = await Promise.all([launch(), Server.single()]);
  story = await furnish(server.url);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function assertAccessible(page, screen) {
  // Not as a script of the page, which its policy would forbid.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(await source());
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html}\n  ${failureSummary}`).join("\n  ")}`,
  );
  assert.deepEqual(told, [], screen);
}

let text;
async function source() {
  const { readFile } = await import("node:fs/promises");
  text ??= await readFile(AXE, "utf8");
  return text;
}

for (const [language, theme, size] of [
  ["en", "light"],
  ["fa", "dark"],
  ["fa", "light", PHONE],
]) {
  test(`no serious violation: ${language}, ${theme}${size ? ", phone" : ""}`, async (t) => {
    const page = await visitor(browser, { language, theme, ...(size ? { size } : {}) });
    t.after(() => page.context().close());
    const { href } = new URL(server.url);
    await page.goto(href);
    await page.locator("form").waitFor();
    await assertAccessible(page, "signing in");
    await page.locator(".link-button").first().click();
    await page.locator('[name="username"]').waitFor();
    await assertAccessible(page, "signing up");
    await page.locator(".link-button").first().click();
    await signIn(page, server.url, story.sara);
    await online(page);
    await page.locator(".room-item .latest").first().waitFor();
    await assertAccessible(page, "the rooms");
    for (const [screen, hash, what] of [
      ["finding rooms", "#/discover", "dialog[open] .line"],
      ["notifications", "#/notifications", ".panel .line"],
      ["the profile", "#/profile", ".panel [data-session]"],
    ]) {
      await page.evaluate((to) => {
        location.hash = to;
      }, hash);
      await page.locator(what).first().waitFor();
      await assertAccessible(page, screen);
      await page.locator("dialog[open] .bar .icon-button, .panel .bar .icon-button").first().click();
    }
    await open(page, story.friends);
    await page.locator(".message").first().waitFor();
    await page.locator(".message").last().focus();
    await assertAccessible(page, "a conversation");
    await page.locator(".bar .who").click();
    await page.locator(".panel .line").first().waitFor();
    await assertAccessible(page, "about a conversation");
    assertFaultless(page);
  });
}
