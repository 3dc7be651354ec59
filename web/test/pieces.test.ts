import assert from "node:assert/strict";
import { test } from "node:test";

import { directionOf, isOnlyEmoji, pieces } from "../src/text/pieces";

/** Links as `<…>`, mentions as `[…]`. */
const marked = (text: string) =>
  pieces(text)
    .map((piece) => ({ link: `<${piece.text}>`, mention: `[${piece.text}]`, text: piece.text })[piece.kind])
    .join("");

test("links end where the address does", () => {
  for (const [text, wanted] of [
    ["see https://example.org/a?b=c#d.", "see <https://example.org/a?b=c#d>."],
    ["(https://example.org/a_(b))", "(<https://example.org/a_(b)>)"],
    ["ببین https://example.org/راه، خوب است", "ببین <https://example.org/راه>، خوب است"],
    ["www.example.org!", "<www.example.org>!"],
    ["http://localhost:8000/x", "<http://localhost:8000/x>"],
    ['https://example.org/"onclick="x', '<https://example.org/>"onclick="x'],
    ["\u2067https://example.org\u2069", "\u2067<https://example.org>\u2069"],
    ["javascript:alert(1) data:text/html,x file:///etc", "javascript:alert(1) data:text/html,x file:///etc"],
    ["https://", "https://"],
    ["xhttps://example.org", "xhttps://example.org"],
  ] as const) {
    assert.equal(marked(text), wanted);
  }
});

test("a mention is a name, and no part of an address", () => {
  for (const [text, wanted] of [
    ["سلام @علی، خوبی؟", "سلام [@علی]، خوبی؟"],
    ["@sara.", "[@sara]."],
    ["@a.b+c-d_e", "[@a.b+c-d_e]"],
    ["mail sara@example.org", "mail sara@example.org"],
    ["@", "@"],
    ["https://example.org/@sara", "<https://example.org/@sara>"],
  ] as const) {
    assert.equal(marked(text), wanted);
  }
});

test("the pieces are the text, whatever it is", () => {
  const letters = ["@", "h", "https://", "www.", ".", "(", ")", " ", "\n", "س", "\u200c", "<", '"', "😀", "/", "a"];
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 3000; round += 1) {
    const text = Array.from({ length: next(14) }, () => letters[next(letters.length)]).join("");
    const found = pieces(text);
    assert.equal(found.map((piece) => piece.text).join(""), text);
    for (const piece of found) {
      assert.notEqual(piece.text, "", text);
      if (piece.kind === "link") {
        assert.match(new URL(piece.href).protocol, /^https?:$/);
      }
    }
  }
});

test("a direction is that of the first letter", () => {
  assert.deepEqual(["سلام hi", "hi سلام", "… 12 سلام", "123", ""].map(directionOf), [
    "rtl",
    "ltr",
    "rtl",
    undefined,
    undefined,
  ]);
});

test("a few emoji alone are large", () => {
  assert.deepEqual(["😍", "👍🏽 ❤️", "👩‍👩‍👧", "12", "a 😍", "😍😍😍😍"].map(isOnlyEmoji), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
