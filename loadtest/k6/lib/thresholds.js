// What a run must keep. The words are k6's; a counter that nothing was added to counts as 0, a trend without a value
// passes, which is why each run also names how many messages must have been heard.

import { number } from "./environment.js";

/** What holds whatever happens to nodes: nothing lost, doubled, out of order or where it does not belong. */
export function promises({ clients, heard }) {
  return {
    chapar_lost: ["count==0"],
    chapar_doubled: ["count==0"],
    chapar_disordered: ["count==0"],
    chapar_foreign: ["count==0"],
    chapar_holes: ["count==0"],
    chapar_unsent: ["count==0"],
    chapar_late: ["count==0"],
    chapar_resets: ["count==0"],
    chapar_delivered: [`count==${heard}`],
    chapar_finished: [`count==${clients}`],
  };
}

/** What holds besides where no node is touched. */
export function calm() {
  return {
    chapar_cut_off: ["count==0"],
    chapar_drained: ["count==0"],
    chapar_refused_sockets: ["count==0"],
    chapar_refused_sends: ["count==0"],
    http_req_failed: ["rate==0"],
  };
}

/** Times in milliseconds, of 99 in 100. LATENCY replaces that of a delivery, ACKNOWLEDGEMENT that of a send. */
export function times({ delivery, acknowledgement = delivery }) {
  return {
    "chapar_delivery{via:live}": [`p(99)<${number("LATENCY", delivery)}`],
    chapar_acknowledgement: [`p(99)<${number("ACKNOWLEDGEMENT", acknowledgement)}`],
  };
}
