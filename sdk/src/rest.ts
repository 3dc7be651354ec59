import type { Auth } from "./auth.js";
import { ProblemError, SignedOutError } from "./errors.js";
import type { Http, RequestParts } from "./http.js";
import type {
  Attachment,
  Changes,
  History,
  Member,
  MemberChange,
  Message,
  NewMessage,
  NewRoom,
  Notification,
  OwnUser,
  Page,
  Presences,
  ProfileChange,
  RoomChange,
  RoomView,
  Session,
  User,
} from "./types.js";
import { type UploadOptions, upload } from "./upload.js";

/** Which page of a list. */
export interface PageOptions {
  /** The `next` of the page before. */
  cursor?: string | null | undefined;
  /** Items of the page: 1 to 100, 50 by default. */
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A list that can be searched. */
export interface SearchOptions extends PageOptions {
  /** What to look for; everything where it is empty. */
  q?: string | undefined;
}

/** Which messages: at most one of `before`, `after` and `around`; the newest where there is none. */
export interface HistoryOptions {
  /** The messages just before this number. */
  before?: number | undefined;
  /** The messages just after this number. */
  after?: number | undefined;
  /** Half of the messages before this number, half after it, and it. */
  around?: number | undefined;
  /** 1 to 100, 50 by default. */
  limit?: number | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * The REST side of the protocol, as the one who is signed in. A token that expires is refreshed on the way; one request
 * is made once, so that what to do about a {@link NetworkError} is the caller's choice.
 */
export class Rest {
  readonly #http: Http;
  readonly #auth: Auth;

  /** @internal */
  constructor(http: Http, auth: Auth) {
    this.#http = http;
    this.#auth = auth;
  }

  // Oneself and others

  /** Oneself. */
  async me(signal?: AbortSignal): Promise<OwnUser> {
    const user = await this.#send<OwnUser>("GET", "/v1/users/me", { signal });
    await this.#auth.updateUser(user);
    return user;
  }

  /** Changes oneself. A new `password` needs `current_password`, and ends all other sessions. */
  async updateMe(change: ProfileChange): Promise<OwnUser> {
    const user = await this.#send<OwnUser>("PATCH", "/v1/users/me", { body: change });
    await this.#auth.updateUser(user);
    return user;
  }

  /** A user by id. */
  user(user: number, signal?: AbortSignal): Promise<User> {
    return this.#send("GET", `/v1/users/${user}`, { signal });
  }

  /** Users whose name has `q` in it, by ascending id. */
  users(options: SearchOptions = {}): Promise<Page<User>> {
    return this.#page("/v1/users", options);
  }

  /** Who of at most 200 users is online; users one shares no room with are left out. */
  presence(users: readonly number[], signal?: AbortSignal): Promise<Presences> {
    return this.#send("GET", "/v1/presence", { query: { users: users.join(",") }, signal });
  }

  // Sessions

  /** The devices that are signed in, newest first. */
  async sessions(signal?: AbortSignal): Promise<Session[]> {
    return (await this.#send<Page<Session>>("GET", "/v1/auth/sessions", { signal })).items;
  }

  /** Signs a device out; its sockets close. For this device {@link Auth.logout} is the better word. */
  endSession(session: number | string): Promise<void> {
    return this.#send("DELETE", `/v1/auth/sessions/${session}`);
  }

  // Rooms

  /** One's own rooms, latest activity first. */
  rooms(options: PageOptions = {}): Promise<Page<RoomView>> {
    return this.#page("/v1/rooms", options);
  }

  /** Public rooms, latest activity first, to the minute. */
  discover(options: SearchOptions = {}): Promise<Page<RoomView>> {
    return this.#page("/v1/rooms/discover", options);
  }

  /** Makes a room, owned by oneself. A public one needs a `name`. */
  createRoom(room: NewRoom): Promise<RoomView> {
    return this.#send("POST", "/v1/rooms", { body: room });
  }

  /** The one direct room with another user, made if there is none. */
  directRoom(user: number): Promise<RoomView> {
    return this.#send("PUT", `/v1/direct/${user}`);
  }

  /** A room that one may read. */
  room(room: number, signal?: AbortSignal): Promise<RoomView> {
    return this.#send("GET", `/v1/rooms/${room}`, { signal });
  }

  /** Renames or describes a room. Admins and the owner. */
  updateRoom(room: number, change: RoomChange): Promise<RoomView> {
    return this.#send("PATCH", `/v1/rooms/${room}`, { body: change });
  }

  /** Ends a room. The owner. */
  deleteRoom(room: number): Promise<void> {
    return this.#send("DELETE", `/v1/rooms/${room}`);
  }

  // Members

  /** A room's members, in the order in which they came. */
  members(room: number, options: PageOptions = {}): Promise<Page<Member>> {
    return this.#page(`/v1/rooms/${room}/members`, options);
  }

  /** Adds a member (admins and the owner) or sets a role (the owner). */
  putMember(room: number, user: number, change: MemberChange = {}): Promise<RoomView> {
    return this.#send("PUT", `/v1/rooms/${room}/members/${user}`, { body: change });
  }

  /** Removes a member. Admins and the owner. */
  removeMember(room: number, user: number): Promise<void> {
    return this.#send("DELETE", `/v1/rooms/${room}/members/${user}`);
  }

  /** Joins a public room. */
  joinRoom(room: number): Promise<RoomView> {
    return this.#send("PUT", `/v1/rooms/${room}/members/me`, { body: {} });
  }

  /** Sets whether one gets no notifications of a room. */
  muteRoom(room: number, muted: boolean): Promise<RoomView> {
    return this.#send("PUT", `/v1/rooms/${room}/members/me`, { body: { muted } });
  }

  /** Leaves a room. A direct one is hidden until its next message; the last one to leave ends a room. */
  leaveRoom(room: number): Promise<void> {
    return this.#send("DELETE", `/v1/rooms/${room}/members/me`);
  }

  /** Removes somebody and keeps them out. Admins and the owner. */
  ban(room: number, user: number): Promise<void> {
    return this.#send("PUT", `/v1/rooms/${room}/bans/${user}`);
  }

  /** Lets somebody come again. Admins and the owner. */
  unban(room: number, user: number): Promise<void> {
    return this.#send("DELETE", `/v1/rooms/${room}/bans/${user}`);
  }

  // Messages

  /** A page of a room's messages, newest first, deleted ones as tombstones. */
  messages(room: number, options: HistoryOptions = {}): Promise<History> {
    const { signal, ...query } = options;
    return this.#send("GET", `/v1/rooms/${room}/messages`, { query, signal });
  }

  /** One message. */
  message(room: number, message: number, signal?: AbortSignal): Promise<Message> {
    return this.#send("GET", `/v1/rooms/${room}/messages/${message}`, { signal });
  }

  /**
   * Sends a message, once, without the outbox: {@link Client.send} is what a user interface wants. With a `nonce` it
   * may be repeated.
   */
  sendMessage(room: number, message: NewMessage): Promise<Message> {
    return this.#send("POST", `/v1/rooms/${room}/messages`, { body: message });
  }

  /** Gives one's own message new text. */
  editMessage(room: number, message: number, content: string): Promise<Message> {
    return this.#send("PATCH", `/v1/rooms/${room}/messages/${message}`, { body: { content } });
  }

  /** Deletes a message: one's own, or as admin or owner. */
  deleteMessage(room: number, message: number): Promise<void> {
    return this.#send("DELETE", `/v1/rooms/${room}/messages/${message}`);
  }

  /** Reacts to a message. */
  react(room: number, message: number, emoji: string): Promise<void> {
    return this.#send("PUT", `/v1/rooms/${room}/messages/${message}/reactions/${encodeURIComponent(emoji)}`);
  }

  /** Takes a reaction back. */
  unreact(room: number, message: number, emoji: string): Promise<void> {
    return this.#send("DELETE", `/v1/rooms/${room}/messages/${message}/reactions/${encodeURIComponent(emoji)}`);
  }

  /** Moves one's read mark forward. Answers where it is now. */
  async read(room: number, number: number): Promise<number> {
    const path = `/v1/rooms/${room}/read`;
    return (await this.#send<{ read_number: number }>("PUT", path, { body: { number } })).read_number;
  }

  /**
   * What changed in a room after the position `since`, each thing once in its latest state. For the pages after the
   * first, `since` is the `next` of the page before, and `from` the `since` of the first.
   */
  changes(
    room: number,
    options: {
      since: number;
      from?: number | undefined;
      limit?: number | undefined;
      signal?: AbortSignal | undefined;
    },
  ): Promise<Changes> {
    const { signal, ...query } = options;
    return this.#send("GET", `/v1/rooms/${room}/changes`, { query, signal });
  }

  // Files

  /** Stores a file, to be named in a message or as one's avatar. */
  async upload(file: Blob, options: UploadOptions = {}): Promise<Attachment> {
    return this.#withToken((token) => upload(this.#http, token, file, options));
  }

  /** The full address of what the server names by path, such as `url` and `thumbnail_url` of an attachment. */
  resolve(url: string): string {
    return new URL(url, this.#http.base).href;
  }

  // Notifications

  /** One's notifications, newest first. */
  notifications(options: PageOptions = {}): Promise<Page<Notification>> {
    return this.#page("/v1/notifications", options);
  }

  /** Reads all notifications up to one. */
  readNotifications(upTo: number): Promise<void> {
    return this.#send("PUT", "/v1/notifications/read", { body: { up_to: upTo } });
  }

  /**
   * Walks through a list page by page, as one asks for more.
   *
   * @example for await (const room of rest.all((page) => rest.rooms(page))) …
   */
  async *all<Item>(list: (page: PageOptions) => Promise<Page<Item>>): AsyncGenerator<Item, void, undefined> {
    let cursor: string | null | undefined;
    do {
      const page = await list({ cursor, limit: 100 });
      yield* page.items;
      cursor = page.next;
    } while (cursor !== null);
  }

  #page<Item>(path: string, options: SearchOptions): Promise<Page<Item>> {
    const { signal, ...query } = options;
    return this.#send("GET", path, { query, signal });
  }

  #send<Answer>(method: string, path: string, parts: RequestParts = {}): Promise<Answer> {
    return this.#withToken((token) => this.#http.send<Answer>(method, path, { ...parts, token }));
  }

  /** Does something with an access token; once more with a new one where the server does not take it. */
  async #withToken<Answer>(work: (token: string) => Promise<Answer>): Promise<Answer> {
    const token = await this.#auth.accessToken();
    try {
      return await work(token);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) {
        throw error;
      }
      if (error.code === "session_revoked") {
        await this.#auth.forget("revoked");
        throw new SignedOutError("the session has ended", { cause: error });
      }
      if (error.code === "invalid_credentials") {
        // A wrong `current_password`.
        throw error;
      }
      return await work(await this.#auth.replace(token));
    }
  }
}
