// Waiting for what is to become so, with a deadline.

import assert from "node:assert/strict";

import { PATIENCE_MS } from "./browser.mjs";

/** Asks again and again until the answer passes `check`, an assertion; fails with its complaint. */
export async function eventually(ask, check, patience = PATIENCE_MS) {
  const deadline = performance.now() + patience;
  for (;;) {
    const answer = await ask();
    try {
      check(answer);
      return answer;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits until `ask` gives what equals `wanted`. */
export const becomes = (ask, wanted) => eventually(ask, (answer) => assert.deepEqual(answer, wanted));

/** The texts of the messages in sight, in order. */
export const texts = (page) => page.locator(".message .text").allInnerTexts();

/** Nothing went wrong in these pages. */
export function assertFaultless(...pages) {
  for (const page of pages) assert.deepEqual(page.faults, []);
}
