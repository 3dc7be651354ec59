import "./browser";

import assert from "node:assert/strict";
import { test } from "node:test";

import type { TimelineItem } from "@chapar/sdk";

import { Lines } from "../src/screens/lines";
import { language } from "../src/text";
import { dayName, digits, fileSize, moment, shortTime } from "../src/text/format";

function item(number: number, sender: number, at: string): TimelineItem {
  const message = { id: number, number, sender: { id: sender }, content: "…", attachments: [], created_at: at };
  return { kind: "message", key: `m${number}`, message } as unknown as TimelineItem;
}

const ITEMS = [
  item(1, 7, "2026-11-27T20:00:00Z"),
  item(2, 7, "2026-11-27T20:01:00Z"),
  item(3, 8, "2026-11-27T20:02:00Z"),
  // In Tehran it is the next day from 20:30 on.
  item(4, 8, "2026-11-27T20:31:00Z"),
  item(5, 8, "2026-11-27T20:40:00Z"),
  item(6, 9, "2026-11-27T20:41:00Z"),
];

test("days are the reader's, groups are of one author and a few minutes", () => {
  const told = new Lines().of(ITEMS, 4, 9).map((line) => {
    if (line.kind !== "message") {
      return line.kind;
    }
    return `${line.message.number}${line.isFirst ? "[" : ""}${line.isLast ? "]" : ""}`;
  });
  assert.deepEqual(told, ["day", "1[", "2]", "3[]", "day", "4[]", "unread", "5[]", "6[]"]);
});

test("lines that say the same are the same objects", () => {
  const lines = new Lines();
  const before = lines.of(ITEMS, null, 9);
  const after = lines.of([item(0, 7, "2026-11-27T19:59:00Z"), ...ITEMS], null, 9);
  assert.equal(after.at(-1), before.at(-1));
  // It is not the first of its group any more.
  assert.notEqual(after[2], before[1]);
  assert.deepEqual(new Set(after.map(({ key }) => key)).size, after.length);
});

test("Persian has its digits and its calendar", () => {
  const [at, now] = [new Date("2026-03-21T08:05:00Z"), new Date("2026-11-28T12:00:00Z")];
  language.value = "fa";
  assert.equal(digits(1234), "۱٬۲۳۴");
  assert.match(moment(at), /۱ فروردین ۱۴۰۵/);
  assert.equal(shortTime(at, now), "۱ فروردین");
  assert.equal(dayName(new Date("2026-11-27T12:00:00Z"), now), "دیروز");
  assert.equal(fileSize(1_572_864), "۱٫۵ مگابایت");
  language.value = "en";
  assert.equal(shortTime(at, now), "21 Mar");
  assert.equal(dayName(now, now), "Today");
  assert.equal(fileSize(900), "900 B");
});
