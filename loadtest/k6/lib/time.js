// Waiting without blocking a client's sockets.
//
// k6's clearTimeout is not used: up to 1.2 (its issue 5199) clearing the timer that is due next lets the one after it
// act at that moment, however late that is due. So timers are kept here, and k6 only wakes us: nothing acts before its time, and
// what was cancelled holds a VU up for a tick at most.

import { setTimeout } from "k6/timers";

const TICK_MS = 250;

// Of this VU: what is to be done, by time, and when k6 wakes us next.
const waiting = [];
let wakeAt = Number.POSITIVE_INFINITY;

function wake(at) {
  if (at === wakeAt) {
    wakeAt = Number.POSITIVE_INFINITY;
  }
  const now = Date.now();
  while (waiting.length > 0 && waiting[0].at <= now) {
    waiting.shift().act();
  }
  arm();
}

function arm() {
  if (waiting.length === 0) {
    return;
  }
  const now = Date.now();
  const at = Math.min(waiting[0].at, now + TICK_MS);
  // An iteration that was cut off takes its timers along; then nobody wakes us at a time that has passed.
  if (at < wakeAt || wakeAt < now - 4 * TICK_MS) {
    wakeAt = at;
    setTimeout(() => wake(at), Math.max(0, at - now));
  }
}

/** Acts when the clock shows so many milliseconds; gives what `cancel` takes. */
export function actAt(at, act) {
  const entry = { at, act };
  let place = waiting.length;
  while (place > 0 && waiting[place - 1].at > at) {
    place -= 1;
  }
  waiting.splice(place, 0, entry);
  arm();
  return entry;
}

/** Takes back what was to be done, if it was not yet. */
export function cancel(entry) {
  const place = waiting.indexOf(entry);
  if (place >= 0) {
    waiting.splice(place, 1);
  }
}

/** Waits until the clock shows so many milliseconds. */
export function until(at) {
  return new Promise((resolve) => actAt(at, resolve));
}

/** Waits so many milliseconds. */
export function sleep(ms) {
  return until(Date.now() + ms);
}

/** What a promise gives, or `fallback` when the clock shows `at` first. */
export function before(at, promise, fallback) {
  return new Promise((resolve, reject) => {
    const entry = actAt(at, () => resolve(fallback));
    const settle = (done) => (value) => {
      cancel(entry);
      done(value);
    };
    promise.then(settle(resolve), settle(reject));
  });
}
