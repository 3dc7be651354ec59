// A working day: rooms of ten, everybody speaks now and then, types and marks as read.

import { Chat, STATISTICS } from "./lib/chat.js";
import { number, seconds } from "./lib/environment.js";
import { calm, times } from "./lib/thresholds.js";

export { summary as handleSummary } from "./lib/summary.js";

const roomSize = number("ROOM_SIZE", 10);
const chat = new Chat({
  clients: number("VUS", 50),
  perVu: number("CLIENTS_PER_VU", 1),
  roomSize,
  speakers: roomSize,
  rate: number("RATE", 0.5),
  durationS: seconds("DURATION", 60),
  bytes: 150,
  habits: () => ({ isLively: true }),
});

export const options = {
  scenarios: chat.scenarios(),
  thresholds: { ...chat.promises(), ...calm(), ...times({ delivery: 500 }) },
  summaryTrendStats: STATISTICS,
};

export const setup = () => chat.setup();
export const teardown = (plan) => chat.teardown(plan);
export const people = (plan) => chat.people(plan);
