// People who talk to a server by REST, for what a test needs to be there before it begins.

import { randomBytes } from "node:crypto";

export const PASSWORD = "correct horse battery";

/** A name that nobody else has. */
export const unique = () => randomBytes(5).toString("hex");

/** Somebody with an account. */
export class Person {
  constructor(base, tokens) {
    this.base = base;
    this.token = tokens.access_token;
    this.user = tokens.user;
    this.id = tokens.user.id;
    this.username = tokens.user.username;
    this.name = tokens.user.display_name;
  }

  /** Makes an account. Of the name `stem` with something behind it, unless it is given whole. */
  static async make(base, { username, stem = "sara", name } = {}) {
    const body = {
      username: username ?? `${stem}-${unique()}`,
      password: PASSWORD,
      ...(name ? { display_name: name } : {}),
    };
    return new Person(base, await request(base, "POST", "/v1/auth/register", { body }));
  }

  ask(method, path, body) {
    return request(this.base, method, path, { token: this.token, body });
  }

  /** Makes a room with these people. */
  room(name, { kind = "public", members = [], ...rest } = {}) {
    return this.ask("POST", "/v1/rooms", { kind, name, members: members.map(({ id }) => id), ...rest });
  }

  direct(other) {
    return this.ask("PUT", `/v1/direct/${other.id}`);
  }

  say(room, content, rest = {}) {
    return this.ask("POST", `/v1/rooms/${room.id}/messages`, { content, ...rest });
  }

  messages(room) {
    return this.ask("GET", `/v1/rooms/${room.id}/messages?limit=100`).then(({ items }) => items.reverse());
  }

  async upload(bytes, name, type) {
    const form = new FormData();
    form.append("file", new Blob([bytes], { type }), name);
    return request(this.base, "POST", "/v1/uploads", { token: this.token, form });
  }
}

async function request(base, method, path, { token, body, form } = {}) {
  const answer = await fetch(base + path, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { "content-type": "application/json" } : {}),
    },
    body: form ?? (body ? JSON.stringify(body) : undefined),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
