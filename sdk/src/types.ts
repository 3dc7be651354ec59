/**
 * The objects on the wire, under the names that the protocol gives them. Everything here is derived from
 * `generated/`, which is made from the server's OpenAPI and AsyncAPI documents.
 *
 * @module
 */

import type { operations } from "./generated/rest.js";
import type { CLOSE_CODES, components, ERROR_CODES, EventFrame } from "./generated/socket.js";

type Schemas = components["schemas"];

/** The JSON body of an operation's successful answer. */
type Answer<Operation extends keyof operations> = {
  [Status in keyof operations[Operation]["responses"]]: Status extends 200 | 201
    ? operations[Operation]["responses"][Status] extends { content: { "application/json": infer Body } }
      ? Body
      : never
    : never;
}[keyof operations[Operation]["responses"]];

/** The JSON body of an operation's request. */
type Body<Operation extends keyof operations> = operations[Operation] extends {
  requestBody?: { content: { "application/json": infer Sent } };
}
  ? NonNullable<Sent>
  : never;

/** A user as everybody sees them. */
export type User = Schemas["User"];
/** Oneself: a user with their e-mail. */
export type OwnUser = Schemas["OwnUser"];
/** A room as everybody sees it; this form stands in room events. */
export type Room = Schemas["Room"];
/** A room as one user sees it: with `me`, and `peer` in direct rooms. */
export type RoomView = Schemas["RoomView"];
/** What a room is to the one who asks. */
export type RoomMe = Schemas["RoomMe"];
/** `public`, `private` or `direct`. */
export type RoomKind = Schemas["RoomKind"];
/** `member`, `admin` or `owner`. */
export type Role = Schemas["Role"];
/** A message in its latest state; a tombstone where `deleted_at` is set. */
export type Message = Schemas["Message"];
/** One kind of reaction on a message. `me` is missing in events. */
export type Reaction = Schemas["Reaction"];
/** An uploaded file. */
export type Attachment = Schemas["Attachment"];
/** Somebody in a room, with their role. */
export type Member = Schemas["Member"];
/** Something that a user should see. */
export type Notification = Schemas["Notification"];
/** What a message is to its notification. */
export type NotificationKind = Schemas["NotificationKind"];
/** The first frame of a socket that was signed in. */
export type Ready = Schemas["Ready"];
/** One of the user's rooms in {@link Ready}. */
export type ReadyRoom = Schemas["ReadyRoom"];
/** What the server accepts. */
export type Limits = Schemas["ReadyLimits"];
/** Who is online of those one asked about, and when the others were seen last. */
export type Presences = Answer<"get_presence">;
/** One device's sign-in. */
export type Session = Answer<"list_sessions">["items"][number];
/** What signing in gives. */
export type Tokens = Answer<"login">;
/** A page of a room's messages, newest first. */
export type History = Answer<"list_messages">;
/** A page of a room's changes. */
export type Changes = Omit<Answer<"list_changes">, "items"> & { items: ChatEvent[] };

/** What {@link Rest.register} takes. */
export type Registration = Body<"register">;
/** What {@link Rest.login} takes. */
export type Credentials = Body<"login">;
/** What {@link Rest.updateMe} takes; what is left out stays. */
export type ProfileChange = Body<"update_me">;
/** What {@link Rest.createRoom} takes. */
export type NewRoom = Body<"create_room">;
/** What {@link Rest.updateRoom} takes; what is left out stays. */
export type RoomChange = Body<"update_room">;
/** What {@link Rest.putMember} takes. */
export type MemberChange = Body<"put_member">;
/** What {@link Rest.sendMessage} takes. */
export type NewMessage = Body<"send_message">;

/** A page of a list. */
export interface Page<Item> {
  /** In the list's order. */
  items: Item[];
  /** The cursor of the next page; `null` at the end. */
  next: string | null;
}

/** Something that happened, as the server says it. `type` tells what stands in `data`. */
export type ChatEvent = EventFrame;
/** The word for what happened, such as `message.created`. */
export type ChatEventType = EventFrame["type"];
/** The event of one type. */
export type ChatEventOf<Type extends ChatEventType> = Extract<EventFrame, { type: Type }>;
/** The events that are positions in a room's feed: durable, ordered, with `room` and `seq`. */
export type ChangeEvent = Extract<EventFrame, { seq: number }>;

/** The stable word that an error carries; a newer server may have more. */
export type ErrorCode = (typeof ERROR_CODES)[number] | (string & {});
/** The name of a close code. */
export type CloseName = keyof typeof CLOSE_CODES;
