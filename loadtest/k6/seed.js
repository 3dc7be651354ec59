// Makes users for later runs against a server whose limits are to stay as they are: USER_COUNT users called USER_PREFIX0
// and on, with USER_PASSWORD, as fast as registrations are allowed (60 a minute from one address by default). Users
// that exist already are left as they are, so that it can be run again.

import { sleep } from "k6";
import exec from "k6/execution";
import http from "k6/http";
import { Counter } from "k6/metrics";

import { STATISTICS } from "./lib/chat.js";
import { BASE_URL, number, word } from "./lib/environment.js";

export { summary as handleSummary } from "./lib/summary.js";

const count = number("USER_COUNT", 100);
const prefix = word("USER_PREFIX", "k6-user-");
const made = new Counter("chapar_users");

export const options = {
  scenarios: { seed: { executor: "shared-iterations", vus: 4, iterations: count, maxDuration: "24h" } },
  thresholds: { chapar_users: [`count==${count}`] },
  summaryTrendStats: STATISTICS,
};

export default function () {
  const index = exec.scenario.iterationInTest;
  const body = JSON.stringify({
    username: `${prefix}${index}`,
    password: word("USER_PASSWORD", "correct horse battery"),
  });
  const params = {
    headers: { "Content-Type": "application/json" },
    tags: { name: "POST /v1/auth/register" },
    responseCallback: http.expectedStatuses(201, 409, 429, 503),
  };
  for (;;) {
    const answer = http.post(`${BASE_URL}/v1/auth/register`, body, params);
    if (answer.status === 201 || answer.status === 409) {
      made.add(1);
      return;
    }
    if (answer.status !== 429 && answer.status !== 503) {
      throw new Error(`${prefix}${index}: ${answer.status} ${answer.body}`);
    }
    sleep(Number(answer.headers["Retry-After"] || 1));
  }
}
