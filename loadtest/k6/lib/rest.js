// Native REST, for one user. Requests do not block a client's sockets.

import http from "k6/http";

import { BASE_URL } from "./environment.js";

/** An answer that was not the one that a scenario needs. */
export class Refused extends Error {
  constructor(what, response) {
    super(`${what}: ${response.status} ${response.error || String(response.body).slice(0, 300)}`);
    this.status = response.status;
    this.retryAfterS = Number(response.headers["Retry-After"] || 0);
  }
}

/**
 * One request; `name` groups its times, as `GET /v1/rooms/{id}`. A body that is no string becomes JSON. Gives the
 * response, whatever its status.
 */
export function request(name, path, { token, body, headers = {}, expect = [200, 201, 204] } = {}) {
  const method = name.split(" ")[0];
  const isPlain = body === undefined || typeof body === "string";
  const all = { Accept: "application/json", ...headers };
  if (token) {
    all.Authorization = `Bearer ${token}`;
  }
  if (!isPlain && !body.file) {
    all["Content-Type"] = "application/json";
  }
  const kind = method === "GET" ? "read" : "write";
  const params = { headers: all, tags: { name, kind }, responseCallback: http.expectedStatuses(...expect) };
  const sent = isPlain || body.file ? body : JSON.stringify(body);
  return http.asyncRequest(method, BASE_URL + path, sent ?? null, params);
}

/** The JSON of an answer that must be good. */
export async function call(name, path, options) {
  const response = await request(name, path, options);
  if (response.status < 200 || response.status >= 300) {
    throw new Refused(name, response);
  }
  return response.status === 204 || !response.body ? null : response.json();
}

/** The routes that scenarios use; `session` has the token. */
export class Rest {
  constructor(session) {
    this.session = session;
  }

  call(name, path, options = {}) {
    return call(name, path, { ...options, token: this.session.token });
  }

  me() {
    return this.call("GET /v1/users/me", "/v1/users/me");
  }

  users(query) {
    return this.call("GET /v1/users", `/v1/users?q=${encodeURIComponent(query)}`);
  }

  rooms() {
    return this.call("GET /v1/rooms", "/v1/rooms");
  }

  discover(query) {
    return this.call("GET /v1/rooms/discover", `/v1/rooms/discover?q=${encodeURIComponent(query)}`);
  }

  makeRoom(body) {
    return this.call("POST /v1/rooms", "/v1/rooms", { body });
  }

  room(id) {
    return this.call("GET /v1/rooms/{id}", `/v1/rooms/${id}`);
  }

  members(id) {
    return this.call("GET /v1/rooms/{id}/members", `/v1/rooms/${id}/members`);
  }

  join(id) {
    return this.call("PUT /v1/rooms/{id}/members/me", `/v1/rooms/${id}/members/me`, { body: {} });
  }

  history(id, query = "") {
    return this.call("GET /v1/rooms/{id}/messages", `/v1/rooms/${id}/messages${query}`);
  }

  changes(id, since) {
    return this.call("GET /v1/rooms/{id}/changes", `/v1/rooms/${id}/changes?since=${since}`);
  }

  send(id, body) {
    return this.call("POST /v1/rooms/{id}/messages", `/v1/rooms/${id}/messages`, { body });
  }

  edit(room, id, content) {
    const path = `/v1/rooms/${room}/messages/${id}`;
    return this.call("PATCH /v1/rooms/{id}/messages/{message_id}", path, { body: { content } });
  }

  remove(room, id) {
    const path = `/v1/rooms/${room}/messages/${id}`;
    return this.call("DELETE /v1/rooms/{id}/messages/{message_id}", path);
  }

  react(room, id, emoji) {
    const path = `/v1/rooms/${room}/messages/${id}/reactions/${encodeURIComponent(emoji)}`;
    return this.call("PUT /v1/rooms/{id}/messages/{message_id}/reactions/{emoji}", path);
  }

  markRead(room, number) {
    return this.call("PUT /v1/rooms/{id}/read", `/v1/rooms/${room}/read`, { body: { number } });
  }

  notifications() {
    return this.call("GET /v1/notifications", "/v1/notifications");
  }

  presence(users) {
    return this.call("GET /v1/presence", `/v1/presence?users=${users.join(",")}`);
  }

  upload(name, content, type) {
    return this.call("POST /v1/uploads", "/v1/uploads", { body: { file: http.file(content, name, type) } });
  }
}
