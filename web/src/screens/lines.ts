import type { Message, OutgoingMessage, TimelineItem } from "@chapar/sdk";

import { dayOf } from "../text/format";
import type { Row } from "../ui/virtual";

/** What the history shows one under the other. */
export type Line = Row &
  (
    | { kind: "day"; at: Date }
    | { kind: "unread" }
    | { kind: "message"; message: Message; isFirst: boolean; isLast: boolean }
    | { kind: "outgoing"; outgoing: OutgoingMessage; isLast: boolean }
  );

/** Messages of one author that are further apart are not one group, in milliseconds. */
const GROUP_MS = 5 * 60_000;

/** A guess at a message's height, in pixels; what was drawn is measured. */
function guess(content: string, files: readonly { height?: number | null | undefined }[]): number {
  const lines = content.split("\n").reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 58)), 0);
  return 36 + lines * 27 + files.reduce((sum, { height }) => sum + Math.min(320, height ?? 60) + 8, 0);
}

/**
 * Makes lines of items: a heading for each day, messages grouped by author, a mark before the first unread one. Lines
 * that say the same as before are the same objects, so that they are not drawn again.
 */
export class Lines {
  #before = new Map<string, Line>();

  /** @param unreadAfter - the read mark when the room was opened; `null` shows no mark */
  of(items: readonly TimelineItem[], unreadAfter: number | null, me: number | undefined): Line[] {
    const lines: Line[] = [];
    const known = new Map<string, Line>();
    const add = (line: Line) => {
      const old = this.#before.get(line.key);
      const same = old && isSame(old, line) ? old : line;
      known.set(line.key, same);
      lines.push(same);
    };
    let day = Number.NaN;
    let isMarked = unreadAfter === null;
    for (let index = 0; index < items.length; index += 1) {
      const item = items[index] as TimelineItem;
      const [at, sender] = facts(item, me);
      const today = dayOf(at);
      let isBroken = false;
      if (today !== day) {
        day = today;
        isBroken = true;
        add({ kind: "day", key: `d${today}`, estimate: 48, isSteady: false, at });
      }
      if (!isMarked && item.kind === "message" && item.message.number > (unreadAfter ?? 0) && sender !== me) {
        isMarked = true;
        isBroken = true;
        add({ kind: "unread", key: "unread", estimate: 48, isSteady: false });
      }
      const before = index > 0 ? facts(items[index - 1] as TimelineItem, me) : null;
      const next = items[index + 1];
      const after = next ? facts(next, me) : null;
      const isFirst =
        isBroken || before === null || before[1] !== sender || at.getTime() - before[0].getTime() > GROUP_MS;
      const isLast =
        after === null ||
        after[1] !== sender ||
        after[0].getTime() - at.getTime() > GROUP_MS ||
        dayOf(after[0]) !== today;
      if (item.kind === "message") {
        const { key, message } = item;
        const estimate = guess(message.content, message.attachments);
        add({ kind: "message", key, estimate, isSteady: true, message, isFirst, isLast });
      } else {
        const { key, outgoing } = item;
        const estimate = guess(outgoing.content, outgoing.attachments);
        add({ kind: "outgoing", key, estimate, isSteady: true, outgoing, isLast });
      }
    }
    this.#before = known;
    return lines;
  }
}

function facts(item: TimelineItem, me: number | undefined): [Date, number | undefined] {
  return item.kind === "message"
    ? [new Date(item.message.created_at), item.message.sender.id]
    : [new Date(item.outgoing.created_at), me];
}

function isSame(one: Line, other: Line): boolean {
  switch (one.kind) {
    case "message":
      return (
        other.kind === "message" &&
        one.message === other.message &&
        one.isFirst === other.isFirst &&
        one.isLast === other.isLast
      );
    case "outgoing":
      return other.kind === "outgoing" && one.outgoing === other.outgoing && one.isLast === other.isLast;
    default:
      return one.kind === other.kind;
  }
}
