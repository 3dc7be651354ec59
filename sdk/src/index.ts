/**
 * The client library of Chapar: begin at {@link Client}.
 *
 * @module
 */

export { Auth, type AuthEvents, type SignOutReason } from "./auth.js";
export { Client, type ClientEvents, type ClientOptions, type ProtocolEvents } from "./client.js";
export type { Fields, Ok, Op } from "./commands.js";
export type { ConnectionState, StopReason } from "./connection.js";
export { Emitter, type Unsubscribe, Watchable } from "./emitter.js";
export {
  ChaparError,
  ConnectionError,
  isTemporary,
  NetworkError,
  ProblemError,
  SignedOutError,
  TimeoutError,
} from "./errors.js";
export type { ResumePoint, RoomReset } from "./feed.js";
export { CLOSE_CODES, ERROR_CODES } from "./generated/socket.js";
export type { WebSocketConstructor, WebSocketLike } from "./link.js";
export { DiscardedError, type Draft, type Outbox } from "./outbox.js";
export type { PresenceList, PresenceSnapshot, PresenceState } from "./presence.js";
export type { HistoryOptions, PageOptions, Rest, SearchOptions } from "./rest.js";
export type { RoomEntry, RoomList, RoomListSnapshot } from "./room-list.js";
export {
  BrowserOutboxStore,
  BrowserTokenStore,
  MemoryOutboxStore,
  MemoryTokenStore,
  type OutboxStore,
  type OutgoingMessage,
  type StoredSession,
  type TokenStore,
} from "./stores.js";
export type { RoomTimeline, TimelineItem, TimelineOptions, TimelineSnapshot } from "./timeline.js";
export type * from "./types.js";
export type { TypingList, TypingSnapshot } from "./typing.js";
export type { UploadOptions, UploadProgress } from "./upload.js";
