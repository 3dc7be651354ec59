// What every room socket must bear, and the plain frame of *chatrooms* and *groups*.

import assert from "node:assert/strict";

/** Frames that no dialect knows: broken JSON, and JSON that is not what was asked for. */
export const MALFORMED = [
  "سلام",
  "{",
  '{"message": "x"',
  "",
  "null",
  "12",
  "true",
  '"سلام"',
  "[]",
  '[{"message": "سلام"}]',
  "{}",
  '{"message": null}',
  '{"message": 12}',
  '{"message": ["سلام"]}',
  '{"message": {"message": "سلام"}}',
  '{"message": ""}',
  '{"message": "   "}',
  '{"type": 5}',
  '{"type": "no_such_type", "message": "سلام"}',
  JSON.stringify({ message: "س".repeat(10 * 1024) }),
];

export function assertRecent(timestamp) {
  assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < 60_000, `timestamp ${timestamp}`);
}

/** Whether a frame tells a message with this text. */
export function says(text) {
  return (frame) => frame.message === text;
}

/** A text frame of *chatrooms* and *groups*, whole. */
export function assertPlain(frame, { message, person }) {
  const { id, timestamp, ...rest } = frame;
  assert.ok(Number.isSafeInteger(id), `id ${id}`);
  assertRecent(timestamp);
  assert.deepEqual(rest, { message, username: person.name, user: person.name, avatar_url: null });
}

/** Whether a frame tells no message, but that something was wrong. */
export function isError(frame) {
  return "error" in frame || frame.type === "error";
}
