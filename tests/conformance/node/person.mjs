// Somebody who signed up, and asks by REST with Node's own fetch.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { appendFileSync } from "node:fs";

import { PATIENCE_MS } from "./inbox.mjs";

export const PASSWORD = "correct horse battery";

/** Different in each call, and the same in every script: names of one run never meet those of another. */
export function unique() {
  return randomBytes(5).toString("hex");
}

/** Notes what no log may hold; the runner looks for it afterwards. */
function secret(value) {
  const file = process.env.CHAPAR_CONFORMANCE_SECRETS;
  if (file) appendFileSync(file, `${value}\n`);
}

export class Person {
  /** @returns {Promise<Person>} with an account of the native protocol, as any other, whose session can be ended */
  static async signUp(base, { stem = "سارا", email = true } = {}) {
    const person = new Person(base);
    const suffix = unique();
    person.name = `${stem}-${suffix}`;
    person.email = email ? `person.${suffix}@example.com` : null;
    const body = { username: person.name, password: PASSWORD, ...(email && { email: person.email }) };
    const { access_token, user } = await person.made("POST", "/v1/auth/register", body);
    person.token = access_token;
    person.id = user.id;
    secret(access_token);
    return person;
  }

  constructor(base) {
    this.base = base;
    this.token = null;
  }

  /** What *service* calls the person. */
  get member() {
    return this.email ?? this.name;
  }

  /** The answer to a request: its status, headers and body (JSON where it is). A FormData or URLSearchParams goes as it is. */
  async ask(method, path, body, headers = {}) {
    const isForm = body instanceof FormData || body instanceof URLSearchParams;
    const answer = await fetch(this.base + path, {
      method,
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE_MS),
      headers: {
        accept: "application/json",
        ...(this.token && { authorization: `Bearer ${this.token}` }),
        ...(body !== undefined && !isForm && { "content-type": "application/json" }),
        ...headers,
      },
      body: isForm || body === undefined ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    const isJson = /\bjson\b/.test(answer.headers.get("content-type") ?? "");
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** The body of an answer that must be a success. */
  async made(method, path, body, headers) {
    const answer = await this.ask(method, path, body, headers);
    assert.ok(
      answer.status >= 200 && answer.status < 300,
      `${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`,
    );
    return answer.body;
  }

  /** The same person, signed in once more. */
  async onAnotherDevice() {
    const { access_token } = await this.made("POST", "/v1/auth/login", { login: this.name, password: PASSWORD });
    secret(access_token);
    return Object.assign(new Person(this.base), this, { token: access_token });
  }

  /** Ends the session that the token is bound to. */
  signOut() {
    return this.made("POST", "/v1/auth/logout");
  }
}

/** A room of *service*: private, with everybody named. @returns its id, a string */
export async function serviceRoom(owner, ...others) {
  const members = others.map((person) => person.member);
  const room = await owner.made("POST", "/chat/chat_rooms/", { name: `اتاق ${unique()}`, members });
  assert.match(room.id, /^\d+$/);
  return room.id;
}

/** A room of *chatrooms*: public, with everybody named. */
export function chatroom(owner, name, ...others) {
  return owner.made("POST", "/api/chatrooms/", { name, users: others.map((person) => person.id) });
}

/** A conversation with everybody named. */
export function conversation(owner, ...others) {
  return owner.made("POST", "/api/conversations/", { participants: others.map((person) => person.id) });
}

/** A group. */
export function group(owner, group_name, type = "public") {
  return owner.made("POST", "/chat/create_group/", { group_name, type });
}
