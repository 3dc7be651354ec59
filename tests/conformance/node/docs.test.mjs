// *service*'s interactive documentation in a browser.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";

import { Browser } from "./browser.mjs";
import { Person } from "./person.mjs";
import { eachTarget } from "./targets.mjs";

/** Operations that the documents of *service* name. */
const OPERATIONS = [
  ["post", "/auth/signup"],
  ["post", "/auth/login"],
  ["post", "/auth/token"],
  ["get", "/auth/users/me"],
  ["get", "/chat/private_chats/"],
  ["get", "/chat/chat_rooms/"],
  ["post", "/chat/chat_rooms/"],
  ["get", "/chat/chat_rooms/{room_id}"],
  ["get", "/chat/chat_rooms/{room_id}/messages"],
  ["post", "/chat/chat_rooms/{room_id}/messages"],
  ["post", "/chat/upload_media/"],
];

eachTarget("documentation", (_, base) => {
  let browser;
  before(async () => {
    browser = await Browser.start(base);
  });
  after(() => browser?.stop());

  it("is an OpenAPI document that has every operation of service", async () => {
    const document = await new Person(base).made("GET", "/openapi.json");
    assert.match(document.openapi, /^3\./);
    for (const [method, path] of OPERATIONS) {
      assert.ok(document.paths[path]?.[method], `${method} ${path} is not described`);
    }
  });

  it("opens in the browser and shows them, loading nothing from elsewhere", async (t) => {
    const page = await (await browser.profile(t)).newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (/^https?:$/.test(url.protocol) && url.origin !== base) complaints.push(`asked for ${url}`);
    });
    const answer = await page.goto(`${base}/docs`);
    assert.equal(answer.status(), 200);
    // Beside the description of the native protocol, with which the page opens.
    await page.locator("select").selectOption({ label: "Chat Service" });
    for (const path of new Set(OPERATIONS.map(([, path]) => path))) {
      // Long names may be broken for layout by characters without width.
      await page.waitForFunction((path) => document.body.innerText.replaceAll("\u200b", "").includes(path), path);
    }
    assert.deepEqual(complaints, []);
  });
});
