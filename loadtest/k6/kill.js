// Gateways are killed (SIGKILL) one after the other while people chat: their clients lose their sockets, come back
// through another gateway, and miss nothing.

import { number } from "./lib/environment.js";
import { struck } from "./lib/strikes.js";

export { summary as handleSummary } from "./lib/summary.js";

const run = struck("kill", {
  // Whoever was on the killed node noticed.
  chapar_cut_off: ["count>0"],
  chapar_silence: [`max<${number("SILENCE", 5000)}`],
  chapar_resuming: [`p(99)<${number("RESUMING", 5000)}`],
});

export const { options } = run;
export const setup = () => run.chat.setup();
export const teardown = (plan) => run.chat.teardown(plan);
export const people = (plan) => run.chat.people(plan);
export const beacons = (plan) => run.chat.beacons(plan);
export const strike = (plan) => run.strike(plan);
