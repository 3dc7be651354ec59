// A real browser for the tests, and the words by which they use the client.

import { access } from "node:fs/promises";

import { chromium } from "playwright-core";

import { PASSWORD } from "./people.mjs";

/** For anything that is to be seen soon. */
export const PATIENCE_MS = 15_000;

const EXECUTABLE = process.env.CHAPAR_CHROMIUM ?? "/usr/bin/chromium";

/** Starts Debian's Chromium with a profile of its own, which goes with it. */
export async function launch() {
  await access(EXECUTABLE).catch(() => {
    throw new Error(`${EXECUTABLE} is missing: apt-get install --yes --no-install-recommends chromium`);
  });
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 780 };

/**
 * A browser of one person's. What goes wrong in its pages is gathered in `faults`: errors of scripts, and what the
 * policy of content forbade.
 */
export async function visitor(browser, { language = "en", theme = "light", size = DESKTOP, ...rest } = {}) {
  const context = await browser.newContext({
    viewport: size,
    locale: language === "fa" ? "fa-IR" : "en-GB",
    timezoneId: "Asia/Tehran",
    colorScheme: theme,
    reducedMotion: "reduce",
    ...rest,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const faults = [];
  context.on("weberror", (error) => faults.push(error.error().stack ?? String(error.error())));
  context.on("console", (message) => {
    if (/Content Security Policy|TrustedHTML/i.test(message.text())) faults.push(message.text());
  });
  const page = await context.newPage();
  return Object.assign(page, { faults, language });
}

/** What the client calls things, in the tests' two languages. */
export const WORDS = {
  en: { login: "Username or e-mail", password: "Password", signIn: "Sign in", write: "Write a message…", send: "Send" },
  fa: {
    login: "نام کاربری یا رایانامه",
    password: "گذرواژه",
    signIn: "ورود",
    write: "پیامی بنویسید…",
    send: "فرستادن",
  },
};

/** Signs in by the form. */
export async function signIn(page, base, person, at = "/") {
  const words = WORDS[page.language];
  await page.goto(base + at);
  await page.getByLabel(words.login).fill(person.username);
  await page.getByLabel(words.password, { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: words.signIn, exact: true }).first().click();
  await page.locator(".shell").waitFor();
}

/** Waits until events arrive. */
export const online = (page) => page.locator('.shell[data-connection="online"]').waitFor();

/** Opens a room of one's own from the list. */
export async function open(page, room) {
  await page.locator(`.room-item[data-room="${room.id}"]`).click();
  await page.locator("#composer").waitFor();
}

/** Writes and sends. */
export async function send(page, text) {
  await page.locator("#composer").fill(text);
  await page.locator("#composer").press("Enter");
}

/** The message with this text. */
export const message = (page, text) => page.locator(".message", { hasText: text });
