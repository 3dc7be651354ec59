import assert from "node:assert/strict";
import { test } from "node:test";

import { Checker, read, text } from "../lib/checker.js";

/** What a checker of one stream of five messages makes of these numbers, in this order. */
function account(...numbers) {
  const checker = new Checker({ a: 5 });
  for (const number of numbers) {
    checker.take({ stream: "a", number });
  }
  const { doubled, disordered, foreign, missing } = checker;
  return { doubled, disordered, foreign, missing };
}

const nothing = { doubled: 0, disordered: 0, foreign: 0, missing: 0 };

test("a text tells its stream, number and time, whatever is around it", () => {
  const content = text("run.r1.s2", 7, 1_700_000_000_000, 150);
  assert.ok(content.length > 100 && content.length <= 150);
  assert.deepEqual(read(content), { stream: "run.r1.s2", number: 7, meantAt: 1_700_000_000_000 });
  assert.equal(read("سلام"), null);
  assert.equal(read(undefined), null);
});

test("everything once and in order is complete", () => {
  assert.deepEqual(account(1, 2, 3, 4, 5), nothing);
});

test("what never came is missing, at the beginning, in the middle and at the end", () => {
  assert.deepEqual(account(2, 4), { ...nothing, missing: 3 });
  assert.deepEqual(account(), { ...nothing, missing: 5 });
});

test("what came again is doubled and does not stand for another", () => {
  assert.deepEqual(account(1, 1, 2, 3, 4), { ...nothing, doubled: 1, missing: 1 });
});

test("what came after a later one is disordered and not missing", () => {
  assert.deepEqual(account(1, 3, 2, 4, 5), { ...nothing, disordered: 1 });
  assert.deepEqual(account(1, 3, 2, 2, 4, 5), { ...nothing, disordered: 1, doubled: 1 });
});

test("what was changed later and replayed may come late", () => {
  const checker = new Checker({ a: 2 });
  checker.take({ stream: "a", number: 2 });
  checker.take({ stream: "a", number: 1 }, true);
  assert.equal(checker.disordered, 0);
  assert.ok(checker.isComplete());
});

test("what belongs to another room, or to no message that was sent, is foreign", () => {
  const checker = new Checker({ a: 2 });
  checker.take({ stream: "b", number: 1 });
  checker.take({ stream: "a", number: 3 });
  checker.take({ stream: "a", number: 0 });
  assert.equal(checker.foreign, 3);
  assert.equal(checker.missing, 2);
});

test("streams are kept apart", () => {
  const checker = new Checker({ a: 2, b: 2 });
  for (const [stream, number] of [
    ["a", 1],
    ["b", 1],
    ["b", 2],
    ["a", 2],
  ]) {
    assert.ok(checker.take({ stream, number }));
  }
  assert.ok(checker.isComplete());
});

test("it knows what it heard, and names what it lacks", () => {
  const checker = new Checker({ a: 4 });
  checker.take({ stream: "a", number: 2 });
  assert.ok(checker.has({ stream: "a", number: 2 }));
  assert.ok(!checker.has({ stream: "a", number: 1 }));
  assert.ok(!checker.has({ stream: "a", number: 3 }));
  assert.deepEqual(checker.lacking(), ["a:1", "a:3", "a:4"]);
  assert.deepEqual(checker.lacking(2), ["a:1", "a:3"]);
});

test("who came late is forgiven what was before the first that it heard", () => {
  const checker = new Checker({ a: 4 });
  checker.forgive({ stream: "a", number: 3 });
  checker.take({ stream: "a", number: 3 });
  checker.forgive({ stream: "a", number: 4 });
  checker.take({ stream: "a", number: 4 });
  assert.ok(checker.isComplete());
  assert.equal(checker.doubled, 0);
});
