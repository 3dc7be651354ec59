import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  MemoryTokenStore,
  NetworkError,
  ProblemError,
  SignedOutError,
  type StoredSession,
  type TokenStore,
} from "../../src/index.js";
import { FakeServer, problem, SARA, settle, stopTime, until } from "./fake.js";

/** A session whose access token is over. */
const STALE: StoredSession = { access_token: "access-1", refresh_token: "refresh-1", expires_at: 0, user: SARA };

/** What `localStorage` is to the tabs of a browser. */
class SharedStore implements TokenStore {
  session: StoredSession | null = STALE;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #listeners = new Set<() => void>();

  load(): StoredSession | null {
    return this.session;
  }

  save(session: StoredSession | null): void {
    this.session = session;
    queueMicrotask(() => {
      for (const listener of this.#listeners) {
        listener();
      }
    });
  }

  lock<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  subscribe(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }
}

describe("signing in", () => {
  test("tells who signed in, and whom an earlier visit left", async (t) => {
    const fake = await FakeServer.start(t);
    const tokens = new MemoryTokenStore();
    const client = await fake.signedIn(t, { tokens });
    assert.equal(client.user?.username, "sara");
    const later = fake.client(t, { tokens });
    assert.equal(later.user, null);
    assert.equal((await later.auth.restore())?.username, "sara");
    assert.equal(fake.asked.length, 1);
  });

  test("refreshes once for all who ask, and stores the new pair before it is used", async (t) => {
    const fake = await FakeServer.start(t);
    fake.tokens = 1;
    // Without a lock: within one client that is not what it hangs on.
    const tokens = new MemoryTokenStore(STALE);
    fake.on("GET /v1/users/me", ({ token }) => {
      assert.deepEqual([tokens.load()?.access_token, tokens.load()?.refresh_token], [token, "refresh-2"]);
      return { status: 200, json: SARA };
    });
    const client = fake.client(t, { tokens });
    await Promise.all([client.rest.me(), client.rest.me(), client.rest.me()]);
    assert.equal(fake.count("POST /v1/auth/refresh"), 1);
  });

  test("refreshes once among tabs that share a store", async (t) => {
    const fake = await FakeServer.start(t);
    fake.tokens = 1;
    fake.on("GET /v1/users/me", () => ({ status: 200, json: SARA }));
    const tokens = new SharedStore();
    const tabs = Array.from({ length: 4 }, () => fake.client(t, { tokens }));
    await Promise.all(tabs.map((tab) => tab.rest.me()));
    assert.equal(fake.count("POST /v1/auth/refresh"), 1);
    assert.deepEqual(
      fake.asked.filter(({ path }) => path === "/v1/users/me").map(({ token }) => token),
      Array(4).fill("access-2"),
    );
  });

  test("follows another tab that signs out", async (t) => {
    const fake = await FakeServer.start(t);
    fake.tokens = 1;
    const tokens = new SharedStore();
    const [one, other] = [fake.client(t, { tokens }), fake.client(t, { tokens })];
    await other.auth.restore();
    const reasons: string[] = [];
    other.on("signed-out", (reason) => reasons.push(reason));
    await one.logout();
    await until(() => reasons.length > 0, "the word");
    assert.deepEqual([reasons, other.user, fake.count("POST /v1/auth/logout")], [["logout"], null, 1]);
  });

  test("repeats a refresh whose answer was lost", async (t) => {
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const client = fake.client(t, { tokens: new MemoryTokenStore(STALE) });
    fake.on("GET /v1/users/me", () => ({ status: 200, json: SARA }));
    let asked = 0;
    fake.on("POST /v1/auth/refresh", ({ body }) => {
      assert.equal(body.refresh_token, "refresh-1");
      asked += 1;
      const pair = { access_token: "access-2", refresh_token: "refresh-2", token_type: "Bearer", expires_in: 900 };
      return asked < 3 ? null : { status: 200, json: { ...pair, user: SARA } };
    });
    const me = client.rest.me();
    await until(() => asked === 1, "the first try");
    await settle();
    await pass(300);
    await until(() => asked === 2, "the second try");
    await settle();
    await pass(1_000);
    assert.equal((await me).username, "sara");
    assert.equal(asked, 3);
  });

  test("stays signed in where the server cannot be reached for a refresh", async (t) => {
    const tokens = new MemoryTokenStore(STALE);
    const fake = await FakeServer.start(t);
    const client = fake.client(t, {
      tokens,
      fetch: () => Promise.reject(new TypeError("no network")),
    });
    const { pass } = stopTime(t);
    const failed = assert.rejects(client.rest.me(), NetworkError);
    for (const wait of [300, 1_000, 3_000]) {
      await settle();
      await pass(wait);
    }
    await failed;
    assert.equal(tokens.load(), STALE);
    assert.equal(client.user?.id, SARA.id);
  });

  test("is signed out where the refresh token is refused", async (t) => {
    const fake = await FakeServer.start(t);
    fake.tokens = 9;
    const tokens = new MemoryTokenStore(STALE);
    const client = fake.client(t, { tokens });
    const reasons: string[] = [];
    client.on("signed-out", (reason) => reasons.push(reason));
    await assert.rejects(client.rest.me(), SignedOutError);
    assert.deepEqual([reasons, tokens.load(), client.user], [["revoked"], null, null]);
    await assert.rejects(client.rest.me(), SignedOutError);
  });

  test("asks once more with a new token where the server takes the old one for expired", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    fake.on("GET /v1/rooms", ({ token }) =>
      token === "access-1" ? problem(401, "token_expired") : { status: 200, json: { items: [], next: null } },
    );
    assert.deepEqual(await client.rest.rooms(), { items: [], next: null });
    assert.equal(fake.count("GET /v1/rooms"), 2);
  });

  test("is signed out when a request is told that the session was revoked", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    fake.on("GET /v1/rooms", () => problem(401, "session_revoked"));
    await assert.rejects(client.rest.rooms(), SignedOutError);
    assert.equal(client.user, null);
    assert.equal(fake.count("POST /v1/auth/refresh"), 0);
  });
});

describe("requests", () => {
  test("problems come as errors with their code, fields and delay", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    fake.on("POST /v1/rooms", () => problem(422, "invalid", { errors: { name: ["at most 100 characters"] } }));
    await assert.rejects(client.rest.createRoom({ kind: "public", name: "x" }), (error) => {
      assert.ok(error instanceof ProblemError);
      assert.deepEqual(
        [error.code, error.status, error.isTemporary, error.errors],
        ["invalid", 422, false, { name: ["at most 100 characters"] }],
      );
      return true;
    });
    fake.on("GET /v1/rooms", () => ({ ...problem(429, "rate_limited"), status: 429, headers: { "Retry-After": "7" } }));
    await assert.rejects(client.rest.rooms(), (error) => {
      assert.ok(error instanceof ProblemError && error.isTemporary);
      assert.equal(error.retryAfterMs, 7_000);
      return true;
    });
  });

  test("a balancer's own words are temporary where they are 5xx, and no answer of a Chapar server else", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    fake.on("GET /v1/rooms", () => ({ status: 502, json: "Bad Gateway" }));
    await assert.rejects(client.rest.rooms(), { code: "unavailable", status: 502 });
    fake.on("GET /v1/rooms", () => ({ status: 404, json: "nginx" }));
    await assert.rejects(client.rest.rooms(), NetworkError);
  });

  test("are aborted by their signal, and given up in time", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t, { requestTimeoutMs: 50 });
    fake.on("GET /v1/rooms", () => new Promise(() => {}));
    const controller = new AbortController();
    const aborted = client.rest.rooms({ signal: controller.signal });
    controller.abort(new Error("not wanted"));
    await assert.rejects(aborted, { message: "not wanted" });
    await assert.rejects(client.rest.rooms(), { name: "TimeoutError" });
  });

  test("name the language that is asked for", async (t) => {
    const languages: (string | null)[] = [];
    const answer = async (_: unknown, init?: RequestInit) => {
      languages.push(new Headers(init?.headers).get("Accept-Language"));
      return new Response(JSON.stringify({ items: [], next: null }));
    };
    const fake = await FakeServer.start(t);
    const session = { ...STALE, expires_at: Date.now() + 900_000 };
    const client = fake.client(t, { tokens: new MemoryTokenStore(session), language: "fa", fetch: answer });
    await client.rest.rooms();
    client.language = "en";
    await client.rest.rooms();
    assert.deepEqual(languages, ["fa", "en"]);
  });

  test("lists are walked page by page", async (t) => {
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    fake.on("GET /v1/users", ({ query }) => {
      const cursor = query.get("cursor");
      return { status: 200, json: { items: [{ id: cursor === null ? 1 : 2 }], next: cursor === null ? "more" : null } };
    });
    const ids: number[] = [];
    for await (const user of client.rest.all((page) => client.rest.users({ ...page, q: "a" }))) {
      ids.push(user.id);
    }
    assert.deepEqual(ids, [1, 2]);
  });
});
