// Everybody loses the socket at one moment and comes back within seconds, again and again, while people speak: every
// client names where it was, and gets what it missed, once and in order.

import { Chat, STATISTICS } from "./lib/chat.js";
import { number, seconds } from "./lib/environment.js";
import { calm, times } from "./lib/thresholds.js";

export { summary as handleSummary } from "./lib/summary.js";

const clients = number("VUS", 200);
const durationS = seconds("DURATION", 30);
const rounds = Math.max(1, number("ROUNDS", 3));
const jitterMs = seconds("STORM", 2) * 1000;
const chat = new Chat({
  clients,
  perVu: number("CLIENTS_PER_VU", 10),
  roomSize: number("ROOM_SIZE", 20),
  speakers: 2,
  rate: number("RATE", 1),
  durationS,
  bytes: 150,
  habits: (plan) => {
    const leaves = [];
    for (let round = 1; round <= rounds; round += 1) {
      const at = plan.startAt + (round / (rounds + 1)) * durationS * 1000;
      leaves.push({ at, away: Math.random() * jitterMs });
    }
    return { leaves };
  },
});

export const options = {
  scenarios: chat.scenarios(),
  thresholds: {
    ...chat.promises(),
    ...calm(),
    // Of a client that was away: until it is back, and has what it missed. The wait of its own choice is in it.
    chapar_resuming: [`p(99)<${jitterMs + number("RESUMING", 3000)}`],
    "chapar_delivery{via:live}": times({ delivery: 2000 })["chapar_delivery{via:live}"],
    "chapar_delivered{via:replay}": ["count>0"],
    chapar_reconnects: [`count==${clients * rounds}`],
  },
  summaryTrendStats: STATISTICS,
};

export const setup = () => chat.setup();
export const teardown = (plan) => chat.teardown(plan);
export const people = (plan) => chat.people(plan);
