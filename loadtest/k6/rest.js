// REST alone, in the proportions of a chat client, at a rate that does not wait for the server.

import exec from "k6/execution";

import { STATISTICS } from "./lib/chat.js";
import { number, seconds } from "./lib/environment.js";
import { Person } from "./lib/mix.js";
import { makePlan, removeRooms } from "./lib/plan.js";

export { summary as handleSummary } from "./lib/summary.js";

const vus = number("VUS", 20);
const durationS = seconds("DURATION", 30);

export const options = {
  scenarios: {
    mix: {
      executor: "constant-arrival-rate",
      rate: number("RATE", 20),
      timeUnit: "1s",
      duration: `${durationS}s`,
      preAllocatedVUs: vus,
    },
  },
  thresholds: {
    checks: ["rate==1"],
    http_req_failed: ["rate==0"],
    // More than this server answers at this rate: fewer VUs were free than steps were due.
    dropped_iterations: ["count==0"],
    iterations: ["count>0"],
    "http_req_duration{kind:read}": [`p(99)<${number("LATENCY", 500)}`],
    "http_req_duration{kind:write}": [`p(99)<${number("LATENCY", 500) * 2}`],
  },
  summaryTrendStats: STATISTICS,
};

export const setup = () => makePlan({ clients: vus, rooms: 4, speakers: 0, rate: 1, durationS });
export const teardown = (plan) => removeRooms(plan);

let person = null;

export default async function (plan) {
  person ??= await Person.begin(plan, exec.vu.idInTest);
  await person.step();
}
