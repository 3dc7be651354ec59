// A little of everything, in half a minute: every protocol speaks and hears in one room, a second client of each leaves
// and comes back, every native command is given once, and every REST step.

import { Chat, STATISTICS } from "./lib/chat.js";
import { number, seconds } from "./lib/environment.js";
import { DIALECTS } from "./lib/member.js";
import { Person } from "./lib/mix.js";
import { once } from "./lib/plan.js";
import { calm, times } from "./lib/thresholds.js";
import { tour } from "./lib/tour.js";

export { summary as handleSummary } from "./lib/summary.js";

const durationS = seconds("DURATION", 10);
const speakers = DIALECTS.length;
// The first of each protocol speaks; the second one only listens, leaves in the middle and comes back.
const chat = new Chat({
  clients: 2 * speakers,
  roomSize: 2 * speakers,
  speakers,
  rate: number("RATE", 1),
  durationS,
  spare: 2,
  dialectOf: (index) => DIALECTS[index % speakers],
  habits: (plan, index) => {
    const leaves = [{ at: plan.startAt + 0.3 * durationS * 1000, away: 1_500 }];
    return index < speakers ? { isLively: true } : { leaves };
  },
});
const ofEach = Object.fromEntries(
  DIALECTS.map((dialect) => [`chapar_delivered{dialect:${dialect}}`, [`count==${chat.heard() / speakers}`]]),
);

export const options = {
  scenarios: {
    ...chat.scenarios(),
    commands: once(1, { durationS, clients: chat.clients, exec: "commands" }),
    rest: once(1, { durationS, clients: chat.clients, exec: "steps" }),
  },
  thresholds: {
    ...chat.promises(),
    ...calm(),
    ...times({ delivery: 2000 }),
    ...ofEach,
    "chapar_delivered{via:replay}": ["count>0"],
    chapar_reconnects: [`count==${speakers}`],
    chapar_connecting: [`p(99)<${number("CONNECTING", 2000)}`],
    chapar_resuming: [`p(99)<${number("RESUMING", 4000)}`],
    chapar_silence: [`max<${number("SILENCE", 5000)}`],
    http_req_duration: [`p(99)<${number("REST", 2000)}`],
    checks: ["rate==1"],
    "checks{scenario:commands}": ["rate==1"],
    "iterations{scenario:commands}": ["count==1"],
    "iterations{scenario:rest}": ["count==1"],
  },
  summaryTrendStats: STATISTICS,
};

export const setup = () => chat.setup();
export const teardown = (plan) => chat.teardown(plan);
export const people = (plan) => chat.people(plan);

// In rooms of their own: clients of the chat hear what belongs to it.
export const commands = (plan) => tour(plan, plan.spare[0], [chat.clients + 1, chat.clients + 2]);

export async function steps(plan) {
  const person = await Person.begin({ ...plan, rooms: plan.spare.slice(1) }, chat.clients + 3);
  await person.all();
}
