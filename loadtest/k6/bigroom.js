// One room with everybody in it, and a few who speak: every message goes to every client.

import { Chat, STATISTICS } from "./lib/chat.js";
import { number, seconds } from "./lib/environment.js";
import { calm, times } from "./lib/thresholds.js";

export { summary as handleSummary } from "./lib/summary.js";

const clients = number("VUS", 200);
const chat = new Chat({
  clients,
  perVu: number("CLIENTS_PER_VU", 10),
  roomSize: clients,
  speakers: number("SPEAKERS", 5),
  rate: number("RATE", 1),
  durationS: seconds("DURATION", 30),
  bytes: 150,
});

export const options = {
  scenarios: chat.scenarios(),
  thresholds: { ...chat.promises(), ...calm(), ...times({ delivery: 1000 }) },
  summaryTrendStats: STATISTICS,
};

export const setup = () => chat.setup();
export const teardown = (plan) => chat.teardown(plan);
export const people = (plan) => chat.people(plan);
