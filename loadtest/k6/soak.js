// For hours: clients of every protocol that chat, leave and come back, beside people who use REST. What grows slowly
// shows here: memory of the nodes (watch their /metrics meanwhile), and latency, which is to be at the end what it was
// at the beginning.

import exec from "k6/execution";

import { Chat, STATISTICS } from "./lib/chat.js";
import { number, seconds } from "./lib/environment.js";
import { DIALECTS } from "./lib/member.js";
import { Person } from "./lib/mix.js";
import { calm, times } from "./lib/thresholds.js";

export { summary as handleSummary } from "./lib/summary.js";

// Of a room: six native clients, and one of each dialect. All native ones and two others speak; native ones and those
// that only listen leave now and then.
const ROOM_SIZE = 6 + DIALECTS.length - 1;
const SPEAKERS = 8;
const durationS = seconds("DURATION", 3600);
const churnS = seconds("CHURN", 60);
const chat = new Chat({
  clients: number("VUS", 5 * ROOM_SIZE),
  perVu: number("CLIENTS_PER_VU", 1),
  roomSize: ROOM_SIZE,
  speakers: SPEAKERS,
  rate: number("RATE", 0.2),
  durationS,
  bytes: 150,
  spare: 4,
  dialectOf: (index) => DIALECTS[Math.max(0, (index % ROOM_SIZE) - 5)],
  habits: (plan, index) => {
    const place = index % ROOM_SIZE;
    const leaves = [];
    if (place < 6 || place >= SPEAKERS) {
      // Not in the last seconds, so that all are back when the account is made.
      for (let at = Math.random() * churnS; at < durationS - 10; at += churnS * (0.5 + Math.random())) {
        leaves.push({ at: plan.startAt + at * 1000, away: Math.random() * 3_000 });
      }
    }
    return { leaves, isLively: true };
  },
});
const vus = number("REST_VUS", 10);

export const options = {
  scenarios: {
    ...chat.scenarios(),
    rest: {
      executor: "constant-arrival-rate",
      exec: "steps",
      rate: number("REST_RATE", 5),
      timeUnit: "1s",
      duration: `${durationS}s`,
      preAllocatedVUs: vus,
    },
  },
  thresholds: {
    ...chat.promises(),
    ...calm(),
    ...times({ delivery: 1000 }),
    chapar_resuming: [`p(99)<${3_000 + number("RESUMING", 2000)}`],
    http_req_duration: [`p(99)<${number("REST", 1000)}`],
    checks: ["rate==1"],
  },
  summaryTrendStats: STATISTICS,
};

export const setup = () => chat.setup();
export const teardown = (plan) => chat.teardown(plan);
export const people = (plan) => chat.people(plan);

let person = null;

export async function steps(plan) {
  person ??= await Person.begin({ ...plan, rooms: plan.spare }, chat.clients + exec.vu.idInTest);
  await person.step();
}
