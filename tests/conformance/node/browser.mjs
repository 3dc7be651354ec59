// A real browser, and pages of other origins for it, served here.
//
// Chromium is told that the names below are this machine, so that pages have origins which are known before any port
// is: the deployments allow http://allowed.test (CHAPAR_HTTP__ALLOWED_ORIGINS), and no other.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

import { chromium } from "playwright-core";

import { Inbox, PATIENCE_MS } from "./inbox.mjs";

/** The origin that the deployments allow. */
export const ALLOWED = "http://allowed.test";
/** One that they do not. */
export const FOREIGN = "http://foreign.test";
/** The deployment under another name, of the same site as the allowed origin: so the browser sends it cookies. */
export const SIBLING = "http://chat.allowed.test";

const EXECUTABLE = process.env.CHAPAR_CHROMIUM ?? "/usr/bin/chromium";

/** The bundle for browsers, from the npm package. */
const BUNDLE = path.join(
  path.dirname(createRequire(import.meta.url).resolve("socket.io-client/package.json")),
  "dist/socket.io.min.js",
);

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>a page of another origin</title>
<script src="/socket.io.js"></script>`;

/** The pages of other origins, on a port of their own: one page, and the bundle. */
async function servePages() {
  const bundle = await readFile(BUNDLE);
  const server = createServer((request, response) => {
    const isBundle = request.url === "/socket.io.js";
    response.writeHead(200, { "content-type": isBundle ? "text/javascript" : "text/html; charset=utf-8" });
    response.end(isBundle ? bundle : PAGE);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, address: `127.0.0.1:${server.address().port}` };
}

export class Browser {
  /** Of the server's own site, as the same host is, but of another origin. */
  sameSite;
  #server;
  #chromium;

  /** @param base the deployment that `SIBLING` is to be */
  static async start(base) {
    const browser = new Browser();
    try {
      await browser.#open(base);
    } catch (error) {
      // What is left open would keep the process.
      await browser.stop();
      throw error;
    }
    return browser;
  }

  async #open(base) {
    const { server, address } = await servePages();
    this.#server = server;
    this.sameSite = `http://${address}`;
    const names = [
      ["allowed.test", address],
      ["foreign.test", address],
      ["chat.allowed.test", new URL(base).host],
    ];
    this.#chromium = await chromium.launch({
      executablePath: EXECUTABLE,
      timeout: PATIENCE_MS * 2,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        `--host-resolver-rules=${names.map(([name, to]) => `MAP ${name}:80 ${to}`).join(",")}`,
      ],
    });
  }

  async stop() {
    await this.#chromium?.close();
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  /**
   * A fresh profile, without cookies, closed with the test `t`.
   *
   * It stays on the server's pages, as `?plain` makes a tab do, where a page's script would go on to the web client.
   * The pages forbid all connections. `hasScripts` lifts that, for tests of what the browser sends along with the
   * requests of a script of the same origin.
   */
  async profile(t, { hasScripts = false } = {}) {
    const context = await this.#chromium.newContext({ locale: "fa-IR", bypassCSP: hasScripts });
    context.setDefaultTimeout(PATIENCE_MS);
    await context.addInitScript(() => {
      try {
        sessionStorage.setItem("chapar.plain", "1");
      } catch {
        // A page without an origin has no storage.
      }
    });
    t.after(() => context.close());
    return context;
  }
}

/** A WebSocket of the page's own, in a page. `query` holds the token, if there is to be one. */
export class PageSocket {
  /** Frames, parsed. */
  inbox;
  static #count = 0;

  /** Opens it and waits for the outcome: the socket, or null if the browser was refused. */
  static async open(page, url) {
    const name = `socket${(PageSocket.#count += 1)}`;
    const socket = new PageSocket(page, name);
    await page.exposeFunction(`${name}Frame`, (data) => socket.inbox.put(JSON.parse(data)));
    const isOpen = await page.evaluate(
      ([name, url]) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url);
          window[name] = socket;
          socket.onopen = () => resolve(true);
          socket.onclose = () => resolve(false);
          socket.onmessage = ({ data }) => window[`${name}Frame`](data);
        }),
      [name, url],
    );
    return isOpen ? socket : null;
  }

  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.inbox = new Inbox(`the WebSocket of ${page.url()}`);
  }

  send(frame) {
    return this.page.evaluate(([name, data]) => window[name].send(data), [this.name, JSON.stringify(frame)]);
  }
}

/** A fetch of the page's own: `{status, body, type}`, or `{refused}` with the browser's reason. */
export function pageFetch(page, url, options = {}) {
  return page.evaluate(
    async ([url, options]) => {
      try {
        const answer = await fetch(url, options);
        return { status: answer.status, type: answer.type, body: await answer.text() };
      } catch (error) {
        return { refused: String(error) };
      }
    },
    [url, options],
  );
}
