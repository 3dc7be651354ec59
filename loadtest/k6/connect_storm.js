// Everybody opens a socket within a few seconds, as after an outage of the network, while people speak already. Signing
// in and joining are done before: this is about sockets, `hello` and `ready`.

import { Chat, STATISTICS } from "./lib/chat.js";
import { number, seconds } from "./lib/environment.js";
import { calm, times } from "./lib/thresholds.js";

export { summary as handleSummary } from "./lib/summary.js";

const clients = number("VUS", 300);
const stormMs = seconds("STORM", 3) * 1000;
const roomSize = number("ROOM_SIZE", 50);
const chat = new Chat({
  clients,
  perVu: number("CLIENTS_PER_VU", 10),
  roomSize,
  rate: number("RATE", 2),
  durationS: seconds("DURATION", 15),
  bytes: 150,
  // The first of each room speaks, and is there before. The others come one after the other, evenly, whatever the
  // server does, and from `since`, so that what was said before is missing to nobody.
  habits: (plan, index) =>
    index % roomSize === 0 ? {} : { connectAt: plan.startAt + (index / clients) * stormMs },
});

export const options = {
  scenarios: chat.scenarios(),
  thresholds: {
    ...chat.promises(),
    ...calm(),
    ...times({ delivery: 2000 }),
    chapar_connects: [`count==${clients}`],
    chapar_connecting: [`p(99)<${number("CONNECTING", 3000)}`],
  },
  summaryTrendStats: STATISTICS,
};

export const setup = () => chat.setup();
export const teardown = (plan) => chat.teardown(plan);
export const people = (plan) => chat.people(plan);
