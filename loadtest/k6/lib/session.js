// Who a client is: a user, signed in natively or by a dialect's own login.

import { SharedArray } from "k6/data";

import { number, word } from "./environment.js";
import { call, Refused, Rest } from "./rest.js";
import { sleep } from "./time.js";

/** Renewed so long before its end. */
const RENEW_BEFORE_MS = 60_000;
/** How long a registration or login that is refused for its rate is tried again. */
const PATIENCE_MS = 300_000;

const PASSWORD = word("USER_PASSWORD", "correct horse battery");

// USERS: the path of a JSON file [{"username", "password"}].
const seeded = new SharedArray("users", () => (__ENV.USERS ? JSON.parse(open(__ENV.USERS)) : []));
// Or USER_COUNT users called USER_PREFIX0, USER_PREFIX1, …, as seed.js makes them.
const prefix = word("USER_PREFIX", "");
const count = number("USER_COUNT", 0);

/** Whether users exist already and are signed in, rather than registered. */
export const isSeeded = seeded.length > 0 || (prefix !== "" && count > 0);

/** How a dialect signs in, and what its answer calls the token. */
const LOGINS = {
  native: { path: "/v1/auth/login", field: "login", token: "access_token", refresh: "refresh_token" },
  chatrooms: { path: "/api/login/", field: "username", token: "access" },
  groups: { path: "/chat/login/", field: "username", token: "access" },
  conversations: { path: "/auth/jwt/create/", field: "username", token: "access" },
  service: { path: "/auth/login", field: "username", token: "access_token" },
};

/** The name and password of the run's user of this number. */
export function account(run, index) {
  if (seeded.length > 0) {
    const { username, password } = seeded[index % seeded.length];
    return { username, password };
  }
  const username = isSeeded ? `${prefix}${index % count}` : `k6-${run}-${index}`;
  return { username, password: PASSWORD };
}

/** A user who is signed in. */
export class Session {
  constructor(dialect, credentials) {
    this.dialect = dialect;
    this.credentials = credentials;
    this.token = null;
    this.refreshToken = null;
    this.expiresAt = Number.POSITIVE_INFINITY;
    this.rest = new Rest(this);
  }

  /** Registers the user where none is seeded, and signs in by the dialect. */
  static async begin(dialect, run, index) {
    const session = new Session(dialect, account(run, index));
    if (!isSeeded) {
      const body = session.credentials;
      session.adopt(await patiently("POST /v1/auth/register", "/v1/auth/register", body), LOGINS.native);
    }
    if (isSeeded || dialect !== "native") {
      await session.signIn();
    }
    return session;
  }

  /** Signs in by the dialect's login, whatever was before. */
  async signIn() {
    const login = LOGINS[this.dialect];
    const { username, password } = this.credentials;
    const body = { [login.field]: username, password };
    this.adopt(await patiently(`POST ${login.path}`, login.path, body), login);
  }

  /** Whether the token ends soon. */
  isEnding() {
    return Date.now() > this.expiresAt - RENEW_BEFORE_MS;
  }

  /** Gets a fresh token if the old one ends soon. Dialects' tokens last a day; theirs is a new login. */
  async renew(isForced = false) {
    if (!isForced && !this.isEnding()) {
      return;
    }
    if (this.refreshToken === null) {
      await this.signIn();
      return;
    }
    const body = { refresh_token: this.refreshToken };
    this.adopt(await call("POST /v1/auth/refresh", "/v1/auth/refresh", { body }), LOGINS.native);
  }

  adopt(tokens, names) {
    this.token = tokens[names.token];
    this.refreshToken = names.refresh ? tokens[names.refresh] : null;
    this.expiresAt = tokens.expires_in ? Date.now() + tokens.expires_in * 1000 : Number.POSITIVE_INFINITY;
  }
}

/** A request that a rate limit may refuse for a while: registrations are 60 a minute from one address by default. */
async function patiently(name, path, body) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call(name, path, { body, expect: [200, 201, 429, 503] });
    } catch (error) {
      const mayPass = error instanceof Refused && (error.status === 429 || error.status === 503);
      if (!mayPass || Date.now() > deadline) {
        throw error;
      }
      await sleep(Math.max(1, error.retryAfterS) * 1000);
    }
  }
}
