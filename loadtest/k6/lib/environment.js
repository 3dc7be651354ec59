// What a run may be told by environment variables. Every scenario names its own defaults; README.md lists them all.

/** Where the load balancer, or the one process, is. */
export const BASE_URL = (__ENV.BASE_URL || "http://127.0.0.1:8080").replace(/\/+$/, "");

/** The same for sockets. */
export const SOCKET_URL = BASE_URL.replace(/^http/, "ws");

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600, "": 1 };

/** A number, or the default where the variable is unset or empty. */
export function number(name, fallback) {
  const text = __ENV[name];
  if (text === undefined || text === "") {
    return fallback;
  }
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) {
    throw new Error(`${name} must be a number from 0, not "${text}"`);
  }
  return value;
}

/** A time in seconds, written as 90s, 5m, 1h or 90. */
export function seconds(name, fallback) {
  const text = __ENV[name];
  if (text === undefined || text === "") {
    return fallback;
  }
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(text);
  if (!parts) {
    throw new Error(`${name} must be a time such as 30s, 5m or 1h, not "${text}"`);
  }
  return Number(parts[1]) * UNITS[parts[2]];
}

/** A word, or the default. */
export function word(name, fallback) {
  return __ENV[name] || fallback;
}

/**
 * What to break, to see that a check can fail: nothing, or one of the words that README.md explains. A run with it
 * must fail.
 */
export const SABOTAGE = word("SABOTAGE", "");
