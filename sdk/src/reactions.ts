import type { components } from "./generated/socket.js";
import type { Message, Reaction } from "./types.js";

/**
 * A message with `me` set in each reaction. Events are the same for every receiver and leave it out: it follows from
 * what was known before and from what an event says has changed.
 *
 * @param next - the message as it came
 * @param before - the same message as it was known; `undefined` if it was not
 * @param change - what a live `message.reacted` says
 * @param user - one's own id
 * @returns `isCertain`: false where neither tells, so that the message should be read by REST
 */
export function withReactions(
  next: Message,
  before: Message | undefined,
  change: components["schemas"]["ReactionChange"] | undefined,
  user: number | undefined,
): { message: Message; isCertain: boolean } {
  if (next.reactions.every((reaction) => typeof reaction.me === "boolean")) {
    return { message: next, isCertain: true };
  }
  // Where something changed that no `change` tells, one's own part in it is not known either.
  let isCertain = change ? before !== undefined : isSame(next.reactions, before?.reactions ?? []);
  const reactions = next.reactions.map((reaction) => {
    if (change?.user === user && change?.emoji === reaction.emoji) {
      return { ...reaction, me: change.added };
    }
    const known = before?.reactions.find(({ emoji }) => emoji === reaction.emoji)?.me;
    if (typeof known !== "boolean" && !(change?.emoji === reaction.emoji && before)) {
      isCertain = false;
    }
    return { ...reaction, me: known ?? false };
  });
  return { message: { ...next, reactions }, isCertain };
}

function isSame(one: readonly Reaction[], other: readonly Reaction[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ emoji, count }) => other.some((reaction) => reaction.emoji === emoji && reaction.count === count))
  );
}
