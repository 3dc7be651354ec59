// A stream in every room that no gateway has a part in: REST goes to api nodes. While it runs, a client that hears
// nothing is cut off from events, whatever happens to gateways.

import { text } from "./checker.js";
import * as measures from "./measures.js";
import { Refused } from "./rest.js";
import { account, Session } from "./session.js";
import { sleep, until } from "./time.js";

/** Sends the beacon of one room; as the run's user 0, who owns it. */
export async function beacon(plan, room) {
  const { name, count, startAt, everyMs } = room.beacon;
  const session = new Session("native", account(plan.run, 0));
  await session.signIn();
  let said = 0;
  for (let number = 1; number <= count; number += 1) {
    const meantAt = startAt + (number - 1) * everyMs;
    await until(meantAt);
    await session.renew();
    const body = { content: text(name, number, meantAt), nonce: `${name}:${number}` };
    if (!(await sent(session, room, body, plan.lastAt))) {
      break;
    }
    said += 1;
  }
  measures.unsent.add(count - said, { dialect: "rest" });
}

/** Repeats a send that nobody answered, with its nonce. */
async function sent(session, room, body, lastAt) {
  while (Date.now() < lastAt) {
    try {
      await session.rest.send(room.id, body);
      return true;
    } catch (error) {
      const mayPass = error instanceof Refused && (error.status === 0 || error.status >= 500);
      measures.refusedSends.add(1, { dialect: "rest", code: String(error.status) });
      if (!mayPass) {
        console.error(error.message);
        return false;
      }
      await sleep(200);
    }
  }
  return false;
}
