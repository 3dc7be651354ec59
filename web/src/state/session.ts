import {
  type Attachment,
  BrowserOutboxStore,
  BrowserTokenStore,
  Client,
  MemoryTokenStore,
  type OwnUser,
  ProblemError,
  type SignOutReason,
} from "@chapar/sdk";
import { effect, signal } from "@preact/signals";

import { language } from "../text";

/** Whether somebody is signed in; `unknown` until the stores were read. */
export const standing = signal<"unknown" | "out" | "in">("unknown");
/** Oneself; `null` while signed out. */
export const me = signal<OwnUser | null>(null);
/** Why the sign-in ended; `null` where nobody had one. */
export const ended = signal<SignOutReason | null>(null);

/** What stands for a token where the browser's cookie is the credential, which scripts cannot read. */
const COOKIE = "cookie";
/** The script of the server's own pages leaves here whom their cookie signed in. */
const COOKIE_HINT = "chapar.cookie";
/** As long as the cookie lives, in milliseconds; the server says so earlier if it does not. */
const COOKIE_LIFE = 13 * 86_400_000;

let current: Client;
let isCookie = false;

/** The one client of the page; there from {@link begin} on. */
export const client = (): Client => current;

/** Reads who is signed in from an earlier visit, and connects. */
export async function begin(): Promise<Client> {
  let made = new Client({
    tokens: new BrowserTokenStore(),
    outbox: new BrowserOutboxStore(),
    language: language.value,
  });
  let user = await made.auth.restore();
  if (!user && isCookieLikely()) {
    const visitor = await cookieUser();
    if (visitor) {
      made.close();
      isCookie = true;
      made = byCookie(visitor);
      user = await made.auth.restore();
    }
  }
  current = made;
  made.on("signed-in", enter);
  made.on("signed-out", (reason) => {
    me.value = null;
    ended.value = reason;
    standing.value = "out";
    forgetCookie();
    if (isCookie) {
      location.reload();
    }
  });
  made.auth.on("user", (changed) => {
    me.value = changed;
  });
  effect(() => {
    made.language = language.value;
  });
  if (user) {
    enter(user);
  } else {
    standing.value = "out";
  }
  return made;
}

function enter(user: OwnUser): void {
  me.value = user;
  ended.value = null;
  standing.value = "in";
  void current.connect();
  void current.rooms.load();
}

/** Ends the session here and at the server. */
export async function leave(): Promise<void> {
  if (isCookie) {
    await fetch("/chat/logout/", { method: "POST", headers: { Accept: "application/json" } }).catch(() => {});
  }
  await current.logout().catch(() => {});
}

/**
 * Stores a file. With the cookie without telling how far it is: what tells that sends a token.
 */
export async function upload(
  file: File,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Attachment> {
  if (!isCookie) {
    return current.rest.upload(file, {
      signal,
      onProgress: ({ loaded, total }) => onProgress(total ? loaded / total : 0),
    });
  }
  const form = new FormData();
  form.append("file", file, file.name);
  const answer = await fetch("/v1/uploads", {
    method: "POST",
    body: form,
    signal,
    headers: { Accept: "application/json" },
  });
  const body = (await answer.json()) as Attachment & { code: string; detail: string };
  if (!answer.ok) {
    throw new ProblemError({ code: body.code, detail: body.detail, status: answer.status });
  }
  return body;
}

function isCookieLikely(): boolean {
  try {
    return sessionStorage.getItem(COOKIE_HINT) !== null;
  } catch {
    return false;
  }
}

function forgetCookie(): void {
  sessionStorage.removeItem(COOKIE_HINT);
}

async function cookieUser(): Promise<OwnUser | null> {
  const answer = await fetch("/v1/users/me", { credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (!answer?.ok) {
    forgetCookie();
    return null;
  }
  return (await answer.json()) as OwnUser;
}

/**
 * A client that acts by the cookie of the server's own pages. The token in it stays out of reach of scripts: requests
 * and the socket leave theirs out, and the server takes the cookie where the page is its own.
 */
function byCookie(user: OwnUser): Client {
  const session = { access_token: COOKIE, refresh_token: "", expires_at: Date.now() + COOKIE_LIFE, user };
  return new Client({
    tokens: new MemoryTokenStore(session),
    outbox: new BrowserOutboxStore(),
    language: language.value,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      headers.delete("Authorization");
      return fetch(input, { ...init, headers, credentials: "same-origin" });
    },
    WebSocket: class extends WebSocket {
      override send(frame: string): void {
        const { token, ...rest } = JSON.parse(frame) as { token?: string };
        super.send(token === COOKIE ? JSON.stringify(rest) : frame);
      }
    },
  });
}

/** A request of the client's own, signed in as the SDK's are. */
export async function request(path: string): Promise<Response> {
  const headers = new Headers({ Accept: "application/json", "Accept-Language": language.value });
  if (!isCookie) {
    headers.set("Authorization", `Bearer ${await current.auth.accessToken()}`);
  }
  return fetch(path, { headers, credentials: isCookie ? "same-origin" : "omit" });
}
