// Gateways are drained (SIGTERM) one after the other behind the load balancer while people chat, as in a rolling
// upgrade: clients are told to go, and nobody is without events for more than five seconds.

import { number } from "./lib/environment.js";
import { struck } from "./lib/strikes.js";

export { summary as handleSummary } from "./lib/summary.js";

const run = struck("drain", {
  chapar_drained: ["count>0"],
  // Native clients are told to go, and nobody's socket is torn.
  "chapar_cut_off{dialect:native}": ["count==0"],
  // There is always a node that takes them in, and the load balancer knows it.
  chapar_refused_sockets: ["count==0"],
  chapar_silence: [`max<${number("SILENCE", 5000)}`],
  chapar_resuming: [`p(99)<${number("RESUMING", 5000)}`],
});

export const { options } = run;
export const setup = () => run.chat.setup();
export const teardown = (plan) => run.chat.teardown(plan);
export const people = (plan) => run.chat.people(plan);
export const beacons = (plan) => run.chat.beacons(plan);
export const strike = (plan) => run.strike(plan);
