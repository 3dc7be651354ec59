/** What only browsers have: storage, locks, `XMLHttpRequest`, and events of the network and the page. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  BrowserOutboxStore,
  BrowserTokenStore,
  NetworkError,
  type OutgoingMessage,
  type StoredSession,
} from "../../src/index.js";
import { FakeServer, SARA, settle, stopTime, until } from "./fake.js";

const SESSION: StoredSession = { access_token: "a", refresh_token: "r", expires_at: 1, user: SARA };

/** A `Storage` of a page. */
class FakeStorage {
  readonly #items = new Map<string, string>();

  get length(): number {
    return this.#items.size;
  }

  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }

  removeItem(key: string): void {
    this.#items.delete(key);
  }
}

/** Puts something where a browser has it, and answers what takes it away. */
function provide(name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return () => {
    if (before) {
      Object.defineProperty(globalThis, name, before);
    } else {
      Reflect.deleteProperty(globalThis, name);
    }
  };
}

/** A page and its events. It outlives its clients: `t.after(leave)` comes after they are made. */
function page(): { window: EventTarget; document: EventTarget & { visibilityState: string }; leave: () => void } {
  const window = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const works = [
    provide("addEventListener", window.addEventListener.bind(window)),
    provide("removeEventListener", window.removeEventListener.bind(window)),
    provide("document", document),
  ];
  const leave = () => {
    for (const work of works) {
      work();
    }
  };
  return { window, document, leave };
}

function outgoing(nonce: string, order: number): OutgoingMessage {
  return {
    ...{
      nonce,
      room: 12,
      content: "x",
      reply_to: null,
      attachments: [],
      created_at: "",
      state: "pending",
      error: null,
    },
    order,
  };
}

describe("storage of a browser", () => {
  test("keeps the sign-in, and what cannot be read counts as none", () => {
    const storage = new FakeStorage() as unknown as Storage;
    const store = new BrowserTokenStore("chapar", storage);
    assert.equal(store.load(), null);
    store.save(SESSION);
    assert.deepEqual(new BrowserTokenStore("chapar", storage).load(), SESSION);
    assert.equal(new BrowserTokenStore("other", storage).load(), null);
    storage.setItem("chapar:session", "{");
    assert.equal(store.load(), null);
    store.save(null);
    assert.equal(storage.length, 0);
  });

  test("asks for the browser's lock where there is one", async (t) => {
    const asked: string[] = [];
    const store = new BrowserTokenStore("chapar", new FakeStorage() as unknown as Storage);
    const request = (name: string, work: () => unknown) => {
      asked.push(name);
      return work();
    };
    t.after(provide("navigator", { locks: { request } }));
    assert.equal(await store.lock(async () => 7), 7);
    provide("navigator", {});
    assert.equal(await store.lock(async () => 8), 8);
    assert.deepEqual(asked, ["chapar:session"]);
  });

  test("hears of other tabs' changes of the sign-in and of nothing else", (t) => {
    const { window, leave } = page();
    t.after(leave);
    const storage = new FakeStorage() as unknown as Storage;
    let changes = 0;
    const stop = new BrowserTokenStore("chapar", storage).subscribe(() => (changes += 1));
    const tell = (key: string | null, storageArea: unknown) =>
      window.dispatchEvent(Object.assign(new Event("storage"), { key, storageArea }));
    tell("chapar:session", storage);
    tell(null, storage);
    tell("something else", storage);
    tell("chapar:session", {});
    stop();
    tell("chapar:session", storage);
    assert.equal(changes, 2);
  });

  test("keeps each user's unsent messages apart", () => {
    const storage = new FakeStorage() as unknown as Storage;
    const store = new BrowserOutboxStore("chapar", storage);
    store.put(1, outgoing("a", 1));
    store.put(1, outgoing("b", 2));
    store.put(11, outgoing("c", 3));
    store.put(1, { ...outgoing("a", 1), state: "failed" });
    store.remove(1, "b");
    assert.deepEqual(
      store.load(1).map(({ nonce, state }) => [nonce, state]),
      [["a", "failed"]],
    );
    store.clear(1);
    assert.deepEqual([store.load(1).length, store.load(11).length], [0, 1]);
  });

  test("a store that is full costs the reload, not the sending", async (t) => {
    const fake = await FakeServer.start(t);
    const storage = new FakeStorage();
    storage.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    const outbox = new BrowserOutboxStore("chapar", storage as unknown as Storage);
    const { client, peer } = await fake.online(t, { outbox });
    void client.send(12, "one");
    assert.equal((await peer.next("send")).content, "one");
  });
});

describe("events of a browser", () => {
  test("the network's return ends the wait", async (t) => {
    const { window, leave } = page();
    const fake = await FakeServer.start(t);
    stopTime(t);
    const { client, peer } = await fake.online(t);
    t.after(leave);
    window.dispatchEvent(new Event("offline"));
    assert.equal(client.connection.isOffline, true);
    peer.cut();
    await until(() => client.connection.status === "waiting", "waiting");
    window.dispatchEvent(new Event("online"));
    await fake.greet();
    await until(() => client.connection.status === "online", "online");
    assert.equal(client.connection.isOffline, false);
  });

  test("a lost network is believed once the server does not answer", async (t) => {
    const { window, leave } = page();
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t);
    t.after(leave);
    window.dispatchEvent(new Event("offline"));
    await peer.next("ping");
    peer.ok(0);
    await settle();
    await pass(10_000);
    assert.equal(client.connection.status, "online", "a server nearby needs no network");
    window.dispatchEvent(new Event("offline"));
    await peer.next("ping");
    await pass(5_000);
    assert.equal(client.connection.status, "waiting");
  });

  test("a page that is looked at again asks at once whether the line still holds", async (t) => {
    const { document, leave } = page();
    const fake = await FakeServer.start(t);
    const { pass } = stopTime(t);
    const { client, peer } = await fake.online(t);
    t.after(leave);
    document.visibilityState = "hidden";
    document.dispatchEvent(new Event("visibilitychange"));
    await settle();
    assert.equal(peer.pending.length, 0);
    document.visibilityState = "visible";
    document.dispatchEvent(new Event("visibilitychange"));
    await peer.next("ping");
    await pass(5_000);
    assert.equal(client.connection.status, "waiting");
    document.dispatchEvent(new Event("visibilitychange"));
    await fake.greet();
  });
});

/** As much of an `XMLHttpRequest` as is used; what the server does is said by the test. */
class FakeRequest {
  static latest: FakeRequest;
  upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
  headers: Record<string, string> = {};
  url = "";
  status = 0;
  responseText = "";
  timeout = 0;
  onload?: () => void;
  onerror?: () => void;
  ontimeout?: () => void;
  onabort?: () => void;
  form: FormData | undefined;

  constructor() {
    FakeRequest.latest = this;
  }

  open(_: string, url: URL): void {
    this.url = String(url);
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getResponseHeader(): null {
    return null;
  }

  send(form: FormData): void {
    this.form = form;
  }

  abort(): void {
    this.onabort?.();
  }

  answer(status: number, json: object): void {
    this.status = status;
    this.responseText = JSON.stringify(json);
    this.onload?.();
  }
}

describe("uploads by XMLHttpRequest", () => {
  test("tell how far they are, in bytes of the file", async (t) => {
    t.after(provide("XMLHttpRequest", FakeRequest));
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    const steps: number[] = [];
    const uploading = client.rest.upload(new File(["0123456789"], "a.txt"), {
      onProgress: ({ loaded }) => steps.push(loaded),
    });
    await settle();
    const request = FakeRequest.latest;
    assert.deepEqual([request.url, request.headers.Authorization], [`${fake.url}/v1/uploads`, "Bearer access-1"]);
    const sent = request.form?.get("file");
    assert.ok(sent instanceof File && sent.name === "a.txt");
    // The form around the file is 200 bytes.
    for (const loaded of [0, 105, 210]) {
      request.upload.onprogress?.({ loaded, total: 210 });
    }
    request.answer(201, { id: 5 });
    assert.equal((await uploading).id, 5);
    assert.deepEqual(steps, [0, 5, 10]);
  });

  test("end with the signal, with a broken line, and with what the server says", async (t) => {
    t.after(provide("XMLHttpRequest", FakeRequest));
    const fake = await FakeServer.start(t);
    const client = await fake.signedIn(t);
    const file = new File(["x"], "a.txt");
    const controller = new AbortController();
    const aborted = client.rest.upload(file, { signal: controller.signal });
    await settle();
    controller.abort(new Error("not wanted"));
    await assert.rejects(aborted, { message: "not wanted" });
    const broken = client.rest.upload(file);
    await settle();
    FakeRequest.latest.onerror?.();
    await assert.rejects(broken, NetworkError);
    const refused = client.rest.upload(file);
    await settle();
    FakeRequest.latest.answer(413, { code: "too_large", detail: "too large" });
    await assert.rejects(refused, { code: "too_large", status: 413 });
    const expired = client.rest.upload(file);
    await settle();
    FakeRequest.latest.answer(401, { code: "token_expired", detail: "expired" });
    await until(() => FakeRequest.latest.headers.Authorization === "Bearer access-2", "the second try");
    await settle();
    FakeRequest.latest.answer(201, { id: 6 });
    assert.equal((await expired).id, 6);
  });
});
