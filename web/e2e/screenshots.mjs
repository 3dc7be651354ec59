// Takes the pictures of docs/images/ from a fresh server: each main screen in both languages and themes.
//
//   npm run screenshots
//
// Pictures look the same on every machine but for its emoji (Debian: fonts-noto-color-emoji).

import { mkdir } from "node:fs/promises";
import path from "node:path";

import { DESKTOP, launch, online, open, PHONE, signIn, visitor } from "./browser.mjs";
import { Server } from "./servers.mjs";
import { furnish } from "./story.mjs";

const folder = path.join(import.meta.dirname, "../../docs/images");
await mkdir(folder, { recursive: true });
const [browser, server] = await Promise.all([launch(), Server.single()]);
try {
  const story = await furnish(server.url);
  const ali = await visitor(browser);
  await signIn(ali, server.url, story.ali);
  await online(ali);
  for (const [language, theme] of [
    ["fa", "light"],
    ["en", "dark"],
    ["fa", "dark"],
    ["en", "light"],
  ]) {
    const name = (screen) => path.join(folder, `${screen}-${language}-${theme}.png`);
    const page = await visitor(browser, { language, theme, size: DESKTOP });
    await page.goto(server.url);
    await page.locator("form").waitFor();
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: name("sign-in") });
    await signIn(page, server.url, story.sara);
    await online(page);
    await open(page, story.friends);
    await page.locator(".message .picture img").waitFor();
    await open(ali, story.friends);
    await ali.locator("#composer").pressSequentially("…");
    await page.locator(".typing-line", { hasText: story.ali.name }).waitFor();
    await page.waitForFunction(() => [...document.images].every((image) => image.complete));
    await page.screenshot({ path: name("conversation") });
    await ali.locator("#composer").fill("");
    await page.locator(".bar .who").click();
    await page.locator(".panel .line").nth(4).waitFor();
    await page.screenshot({ path: name("members") });
    await page.locator(".sidebar .bar > .icon-button").last().click();
    await page.locator(".panel [data-session]").first().waitFor();
    await page.screenshot({ path: name("profile") });
    await page.context().close();

    const phone = await visitor(browser, { language, theme, size: PHONE, deviceScaleFactor: 2 });
    await signIn(phone, server.url, story.sara);
    await online(phone);
    await phone.locator(".room-item .latest").first().waitFor();
    await phone.screenshot({ path: name("phone-rooms") });
    await open(phone, story.friends);
    await phone.locator(".message .picture img").waitFor();
    await phone.waitForFunction(() => [...document.images].every((image) => image.complete));
    await phone.screenshot({ path: name("phone-conversation") });
    await phone.context().close();
  }
} finally {
  await browser.close();
  await server.stop();
}
