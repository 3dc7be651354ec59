// A chat while gateways are taken away, for kill.js and drain.js: rooms with clients of every protocol, a beacon by REST
// in each, and one VU that asks whoever runs this to strike.

import http from "k6/http";
import { Counter } from "k6/metrics";

import { Chat, STATISTICS } from "./chat.js";
import { number, seconds, word } from "./environment.js";
import { DIALECTS } from "./member.js";
import { once } from "./plan.js";
import { until } from "./time.js";

/** Gateways that were struck. */
const strikes = new Counter("chapar_strikes");

// Where a POST to /gateway/1/kill (or /drain) strikes, and is answered once the node serves again. `run` listens there.
const FAULT_URL = word("FAULT_URL", "");

/** Of each room: six native clients, of which two speak, and one of each dialect. Those that speak have nonces. */
const ROOM_SIZE = 6 + DIALECTS.length - 1;

/** The scenario of one kind of strike; `thresholds(chat)` are added to what always holds. */
export function struck(kind, thresholds) {
  const durationS = seconds("DURATION", 12);
  const targets = word("TARGETS", "gateway/1,gateway/2").split(",");
  const chat = new Chat({
    clients: number("VUS", 2 * ROOM_SIZE),
    perVu: number("CLIENTS_PER_VU", 1),
    roomSize: ROOM_SIZE,
    speakers: 2,
    rate: number("RATE", 2),
    beaconEveryMs: 250,
    durationS,
    dialectOf: (index) => DIALECTS[Math.max(0, (index % ROOM_SIZE) - 5)],
  });
  const options = {
    scenarios: {
      ...chat.scenarios(),
      strikes: once(1, { durationS, clients: chat.clients, exec: "strike" }),
    },
    thresholds: {
      ...chat.promises(),
      chapar_reconnects: ["count>0"],
      chapar_strikes: [`count==${targets.length}`],
      "http_req_failed{scenario:beacons}": ["rate==0"],
      ...thresholds,
    },
    summaryTrendStats: STATISTICS,
  };

  async function strike(plan) {
    const between = (durationS * 1000) / (targets.length + 1);
    for (const [at, target] of targets.entries()) {
      await until(plan.startAt + (at + 0.5) * between);
      console.log(`${kind} ${target}`);
      if (FAULT_URL !== "") {
        const answer = await http.asyncRequest("POST", `${FAULT_URL}/${target}/${kind}`, null, {
          timeout: "60s",
        });
        if (answer.status !== 200) {
          console.error(`${kind} ${target}: ${answer.status} ${answer.body}`);
          continue;
        }
        console.log(`${target}: ${answer.body}`);
      }
      strikes.add(1);
    }
  }

  return { chat, options, strike };
}
