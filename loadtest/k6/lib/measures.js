// What is measured, under the names that the summary and README.md use. Times are in milliseconds.

import { Counter, Trend } from "k6/metrics";

/** Messages heard, each once per client, tagged `via`: live, or replay (after a reconnect). */
export const delivered = new Counter("chapar_delivered");
/** Messages that a client never heard. */
export const lost = new Counter("chapar_lost");
/** Messages that a client heard again. */
export const doubled = new Counter("chapar_doubled");
/** Messages that came after a later one of their sender. */
export const disordered = new Counter("chapar_disordered");
/** Messages of a room that the client is not in. */
export const foreign = new Counter("chapar_foreign");
/** Positions of a room that a native client was not told on a socket that resumed nothing. */
export const holes = new Counter("chapar_holes");
/** From the moment at which a message was meant to be sent until a client heard it. */
export const delivery = new Trend("chapar_delivery", true);
/** From the same moment until its sender was told that it is stored. */
export const acknowledgement = new Trend("chapar_acknowledgement", true);
/** From the wish to connect until the first frame that says all is set (`ready`, CONNECT, the upgrade). */
export const connecting = new Trend("chapar_connecting", true);
/** From the loss of a socket until its client was connected again and had been told all it had missed. */
export const resuming = new Trend("chapar_resuming", true);
/** The longest time that a client heard nothing while messages were sent, one value for each client. */
export const silence = new Trend("chapar_silence", true);
/** Sockets opened. */
export const connects = new Counter("chapar_connects");
/** Sockets opened in place of one that was lost or given up, tagged with the `cause`. */
export const reconnects = new Counter("chapar_reconnects");
/** Sockets that ended although nobody had asked for it, tagged with the close `code`. */
export const cutOff = new Counter("chapar_cut_off");
/** Sockets that were told to come back elsewhere (`reconnect` or 1001; 1012 in the dialects). */
export const drained = new Counter("chapar_drained");
/** Attempts to open a socket that came to nothing. */
export const refusedSockets = new Counter("chapar_refused_sockets");
/** Rooms that a native client was told to load anew. */
export const resets = new Counter("chapar_resets");
/** Sends answered with an error, tagged with its `code`; they were repeated. */
export const refusedSends = new Counter("chapar_refused_sends");
/** Messages that were never acknowledged. */
export const unsent = new Counter("chapar_unsent");
/** Clients that were not connected when the first message was sent: raise WARMUP. */
export const late = new Counter("chapar_late");
/** Clients that went through their run to its end. */
export const finished = new Counter("chapar_finished");

/**
 * Gives every counter a sample, so that one that nothing happened to is shown as 0, and a threshold on it is held
 * against 0. From setup().
 */
export function begin() {
  const counters = [lost, doubled, disordered, foreign, holes, connects, reconnects, cutOff, drained];
  counters.push(delivered, refusedSockets, resets, refusedSends, unsent, late, finished);
  for (const counter of counters) {
    counter.add(0);
  }
}
