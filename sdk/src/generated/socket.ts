// Generated from docs/asyncapi.json by `npm run generate`: change that, not this.

/** Why the server closes a socket, by name. */
export const CLOSE_CODES = {
  going_away: 1001,
  malformed: 4000,
  unauthenticated: 4001,
  token_expired: 4002,
  revoked: 4003,
  rate_limited: 4008,
  frame_too_large: 4009,
  too_slow: 4010,
  too_many_connections: 4011,
  no_event_source: 4012,
} as const;

/** The stable words that errors carry. A newer server may have more. */
export const ERROR_CODES = [
  "malformed_request",
  "malformed_frame",
  "unknown_op",
  "unauthenticated",
  "token_expired",
  "session_revoked",
  "invalid_credentials",
  "invalid_refresh_token",
  "forbidden",
  "not_a_member",
  "banned",
  "forbidden_origin",
  "invalid_signature",
  "not_found",
  "room_not_found",
  "message_not_found",
  "user_not_found",
  "method_not_allowed",
  "username_taken",
  "email_taken",
  "name_taken",
  "slug_taken",
  "nonce_conflict",
  "direct_room",
  "too_large",
  "unsupported_media_type",
  "invalid",
  "too_many_rooms",
  "too_many_members",
  "too_many_reactions",
  "storage_full",
  "rate_limited",
  "internal",
  "unavailable",
] as const;

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description An uploaded file. */
        Attachment: {
            /** @description Recognised from the content; `application/octet-stream` where it was not. */
            content_type: string;
            /**
             * Format: int32
             * @description Pixels, for images.
             */
            height: number | null;
            /** @description Names it in a message. */
            id: components["schemas"]["AttachmentId"];
            /** @description The claimed file name, without path. */
            name: string;
            /**
             * Format: int64
             * @description Bytes.
             */
            size: number;
            /** @description Signed; for images. */
            thumbnail_url: string | null;
            /** @description Signed; valid for 7 days. */
            url: string;
            /**
             * Format: int32
             * @description Pixels, for images.
             */
            width: number | null;
        };
        /**
         * Format: int64
         * @description An uploaded file.
         */
        AttachmentId: number;
        /** @description `auth`. */
        Auth: {
            /** @description A new access token of the same user and session. */
            token: string;
        };
        CommandAuthFrame: components["schemas"]["Auth"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "auth";
        };
        CommandDeleteFrame: components["schemas"]["Delete"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "delete";
        };
        CommandEditFrame: components["schemas"]["Edit"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "edit";
        };
        CommandHelloFrame: components["schemas"]["Hello"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "hello";
        };
        /** @description The client's name for a command, echoed in its reply. */
        CommandId: number | string;
        CommandPingFrame: {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "ping";
        };
        CommandReactFrame: components["schemas"]["React"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "react";
        };
        CommandReadFrame: components["schemas"]["Read"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "read";
        };
        CommandSendFrame: components["schemas"]["Send"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "send";
        };
        CommandTypingFrame: components["schemas"]["TypingCommand"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "typing";
        };
        CommandUnreactFrame: components["schemas"]["React"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "unreact";
        };
        CommandWatchFrame: components["schemas"]["Watch"] & {
            /** @description Echoed in the reply; at most 64 bytes where it is a string. */
            id?: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "watch";
        };
        /** @description `delete`. */
        Delete: {
            /** @description Which. */
            message: components["schemas"]["MessageId"];
            /** @description The message's room. */
            room: components["schemas"]["RoomId"];
        };
        /** @description `edit`: the author's alone. */
        Edit: {
            /** @description The new text. */
            content: string;
            /** @description Which. */
            message: components["schemas"]["MessageId"];
            /** @description The message's room. */
            room: components["schemas"]["RoomId"];
        };
        EventMemberChangedFrame: {
            data: components["schemas"]["Member"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "member.changed";
        };
        EventMemberJoinedFrame: {
            data: components["schemas"]["Member"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "member.joined";
        };
        EventMemberLeftFrame: {
            data: components["schemas"]["Member"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "member.left";
        };
        EventMessageCreatedFrame: {
            data: components["schemas"]["Message"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "message.created";
        };
        EventMessageDeletedFrame: {
            data: components["schemas"]["Message"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "message.deleted";
        };
        EventMessageEditedFrame: {
            data: components["schemas"]["Message"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "message.edited";
        };
        EventMessageReactedFrame: {
            data: components["schemas"]["Reacted"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "message.reacted";
        };
        EventNotificationCreatedFrame: {
            data: components["schemas"]["Notification"];
            /** @constant */
            op: "event";
            /** @constant */
            type: "notification.created";
        };
        EventNotificationReadFrame: {
            data: components["schemas"]["NotificationsRead"];
            /** @constant */
            op: "event";
            /** @constant */
            type: "notification.read";
        };
        EventPresenceFrame: {
            data: components["schemas"]["Presence"];
            /** @constant */
            op: "event";
            /** @constant */
            type: "presence";
        };
        EventReadFrame: {
            data: components["schemas"]["ReadMark"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** @constant */
            type: "read";
        };
        EventRoomChangedFrame: {
            data: components["schemas"]["Room"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "room.changed";
        };
        EventRoomDeletedFrame: {
            data: components["schemas"]["Room"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** Format: int64 */
            seq: number;
            /** @constant */
            type: "room.deleted";
        };
        EventRoomJoinedFrame: {
            data: components["schemas"]["RoomView"];
            /** @constant */
            op: "event";
            /** @constant */
            type: "room.joined";
        };
        EventRoomLeftFrame: {
            data: components["schemas"]["LeftRoom"];
            /** @constant */
            op: "event";
            /** @constant */
            type: "room.left";
        };
        EventTypingFrame: {
            data: components["schemas"]["Typing"];
            /** @constant */
            op: "event";
            /** Format: int64 */
            room: number;
            /** @constant */
            type: "typing";
        };
        /** @description `hello`: signs in and resumes. */
        Hello: {
            /** @description The epoch of the positions in `since`. */
            epoch?: string | null;
            /** @description The last position that the client has of each room it names. */
            since?: {
                [key: string]: number;
            };
            /** @description An access token, unless the upgrade carried one. */
            token?: string | null;
        };
        /** Format: int64 */
        i64: number;
        /** @description Data of `room.left`. */
        LeftRoom: {
            /** @description The room. */
            id: components["schemas"]["RoomId"];
            /** @description What it was. */
            kind: components["schemas"]["RoomKind"];
            /** @description What it was called. */
            name: string;
        };
        /** @description A member of a room. */
        Member: {
            /** @description Their role; in `member.left` the one they had. */
            role: components["schemas"]["Role"];
            /** @description Who. */
            user: components["schemas"]["User"];
        };
        /** @description A message in its latest state. A deleted one is without content, attachments and reactions. */
        Message: {
            /** @description Up to 10 files. */
            attachments: components["schemas"]["Attachment"][];
            /** @description The position of its latest change; `seq` while there was none. */
            changed_seq: components["schemas"]["i64"];
            /** @description Trimmed text, up to 4,000 characters; empty only with attachments or when deleted. */
            content: string;
            /** @description When it was committed. */
            created_at: components["schemas"]["Timestamp"];
            deleted_at: components["schemas"]["Timestamp"] | null;
            edited_at: components["schemas"]["Timestamp"] | null;
            /** @description Unique over all rooms. */
            id: components["schemas"]["MessageId"];
            /** @description The sender's idempotency key, if they named one. */
            nonce: string | null;
            /** @description Its place among the room's messages. */
            number: components["schemas"]["i64"];
            /** @description In order of first use. */
            reactions: components["schemas"]["Reaction"][];
            reply_to: components["schemas"]["MessageId"] | null;
            /** @description Where it was sent. */
            room: components["schemas"]["RoomId"];
            /** @description Its author. */
            sender: components["schemas"]["User"];
            /** @description The position of its creation. */
            seq: components["schemas"]["i64"];
        };
        /**
         * Format: int64
         * @description A message; unique over all rooms.
         */
        MessageId: number;
        /** @description Something a user should see. */
        Notification: {
            /** @description When. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Ascending for each user. */
            id: components["schemas"]["NotificationId"];
            /** @description Why. */
            kind: components["schemas"]["NotificationKind"];
            message: components["schemas"]["MessageId"] | null;
            read_at?: components["schemas"]["Timestamp"] | null;
            room: components["schemas"]["RoomId"] | null;
            /** @description Who caused it. */
            sender: components["schemas"]["User"];
            /** @description The beginning of the message's text, or the room's name, or the notice. */
            text: string;
        };
        /**
         * Format: int64
         * @description A notification of one user.
         */
        NotificationId: number;
        /**
         * @description Why a user is notified.
         * @enum {string}
         */
        NotificationKind: "direct" | "mention" | "invite" | "notice";
        /** @description Data of `notification.read`. */
        NotificationsRead: {
            room?: components["schemas"]["RoomId"] | null;
            /** @description Every notification up to this one is read … */
            up_to: components["schemas"]["NotificationId"];
        };
        /** @description A user as they see themselves. */
        OwnUser: components["schemas"]["User"] & {
            /** @description Seen by oneself only. */
            email: string | null;
        };
        /** @description Data of `presence`. */
        Presence: {
            last_seen: components["schemas"]["Timestamp"] | null;
            /** @description Whether they have a socket open. */
            online: boolean;
            /** @description Who. */
            user: components["schemas"]["UserId"];
        };
        /** @description `react` and `unreact`. */
        React: {
            /** @description Up to 32 bytes. */
            emoji: string;
            /** @description Which. */
            message: components["schemas"]["MessageId"];
            /** @description The message's room. */
            room: components["schemas"]["RoomId"];
        };
        /** @description Data of `message.reacted`. */
        Reacted: components["schemas"]["Message"] & {
            change?: components["schemas"]["ReactionChange"] | null;
        };
        /** @description One kind of reaction on a message. */
        Reaction: {
            /**
             * Format: int64
             * @description How many reacted so.
             */
            count: number;
            /** @description Up to 32 bytes. */
            emoji: string;
            /** @description Whether the reader is among them; left out of events, which are the same for every receiver. */
            me?: boolean | null;
        };
        /** @description One reaction put or taken back. */
        ReactionChange: {
            /** @description Put, or taken back. */
            added: boolean;
            /** @description Up to 32 bytes. */
            emoji: string;
            /** @description Whose. */
            user: components["schemas"]["UserId"];
        };
        /** @description `read`. */
        Read: {
            /** @description The last message read; never goes back, never beyond the head. */
            number: components["schemas"]["i64"];
            /** @description The room. */
            room: components["schemas"]["RoomId"];
        };
        /** @description Data of `read`. */
        ReadMark: {
            /** @description The last message they read. */
            number: components["schemas"]["i64"];
            /** @description Who. */
            user: components["schemas"]["UserId"];
        };
        /** @description `ready`: signed in; every change of each room after its `seq` follows on this socket. */
        Ready: {
            /** @description The store's epoch; positions of another epoch mean nothing. */
            epoch: string;
            /**
             * Format: int64
             * @description Seconds between the server's pings; silence for two of them closes the socket.
             */
            heartbeat_s: number;
            /** @description What the server accepts. */
            limits: components["schemas"]["ReadyLimits"];
            /** @description All rooms of the user's. */
            rooms: components["schemas"]["ReadyRoom"][];
            /** @description The device session. */
            session: string;
            /** @description Who signed in. */
            user: components["schemas"]["OwnUser"];
        };
        ReadyFrame: components["schemas"]["Ready"] & {
            /** @constant */
            op: "ready";
        };
        /** @description The limits a client needs to know before it sends. */
        ReadyLimits: {
            /** @description Attachments of one message. */
            attachments: number;
            /** @description Longest message in characters. */
            content: number;
            /** @description Longest frame in bytes. */
            frame_bytes: number;
            /**
             * Format: int32
             * @description Sends of one user: how many at once, and how many more a second.
             */
            send_burst: number;
            /**
             * Format: double
             * @description See `send_burst`.
             */
            sends_per_s: number;
            /**
             * Format: int64
             * @description Largest upload in bytes.
             */
            upload_bytes: number;
            /** @description Users that one connection may watch. */
            watched: number;
        };
        /** @description One of the user's rooms in `ready`. */
        ReadyRoom: {
            /** @description The room. */
            id: components["schemas"]["RoomId"];
            /** @description Public, private or direct. */
            kind: components["schemas"]["RoomKind"];
            /** @description Empty for direct and unnamed rooms. */
            name: string;
            /** @description The newest message's number. */
            number: components["schemas"]["i64"];
            /** @description The last message that the user read. */
            read_number: components["schemas"]["i64"];
            /** @description The user's role. */
            role: components["schemas"]["Role"];
            /** @description The position after which every change follows. */
            seq: components["schemas"]["i64"];
            /** @description `null` for direct rooms. */
            slug: string | null;
        };
        /** @description `reconnect`. */
        Reconnect: {
            /**
             * Format: int64
             * @description Milliseconds to wait first.
             */
            after_ms: number;
        };
        ReconnectFrame: components["schemas"]["Reconnect"] & {
            /** @constant */
            op: "reconnect";
        };
        ReplyEmptyFrame: {
            /** @description The command's; `null` where it could not be read. */
            id: components["schemas"]["CommandId"] | null;
            ok: Record<string, unknown>;
            /** @constant */
            op: "reply";
        };
        /** @description Why a command was refused. */
        ReplyError: {
            /** @description A stable word, the same as in REST problems. */
            code: string;
            /** @description For people, in their language. */
            detail: string;
            /** @description For invalid input: what is wrong with which field. */
            errors?: {
                [key: string]: string[];
            };
            /**
             * Format: int64
             * @description When to try again.
             */
            retry_after_ms?: number | null;
        };
        ReplyErrorFrame: {
            error: components["schemas"]["ReplyError"];
            /** @description The command's; `null` where it could not be read. */
            id: components["schemas"]["CommandId"] | null;
            /** @constant */
            op: "reply";
        };
        ReplyMessageFrame: {
            /** @description The command's; `null` where it could not be read. */
            id: components["schemas"]["CommandId"] | null;
            ok: {
                message: components["schemas"]["Message"];
            };
            /** @constant */
            op: "reply";
        };
        ReplyOnlineFrame: {
            /** @description The command's; `null` where it could not be read. */
            id: components["schemas"]["CommandId"] | null;
            ok: {
                online: number[];
            };
            /** @constant */
            op: "reply";
        };
        ReplyReadFrame: {
            /** @description The command's; `null` where it could not be read. */
            id: components["schemas"]["CommandId"] | null;
            ok: {
                /** Format: int64 */
                read_number: number;
            };
            /** @constant */
            op: "reply";
        };
        ReplySeqFrame: {
            /** @description The command's; `null` where it could not be read. */
            id: components["schemas"]["CommandId"] | null;
            ok: {
                /** Format: int64 */
                seq: number;
            };
            /** @constant */
            op: "reply";
        };
        /** @description `reset`. */
        Reset: {
            /** @description The room to load again. */
            room: components["schemas"]["RoomId"];
            /** @description Its head. */
            seq: components["schemas"]["i64"];
        };
        ResetFrame: components["schemas"]["Reset"] & {
            /** @constant */
            op: "reset";
        };
        /**
         * @description A member's power in a room, least first.
         * @enum {string}
         */
        Role: "member" | "admin" | "owner";
        /** @description A room as everybody who may see it does; this form stands in room events. */
        Room: {
            /** @description When it was made. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Up to 500 characters, possibly empty. */
            description: string;
            /** @description Unique and stable. */
            id: components["schemas"]["RoomId"];
            /** @description Public, private or direct. */
            kind: components["schemas"]["RoomKind"];
            /**
             * Format: int64
             * @description How many are in it.
             */
            member_count: number;
            /** @description Up to 100 characters; empty for direct and unnamed rooms. */
            name: string;
            /** @description The newest message's number. */
            number: components["schemas"]["i64"];
            /** @description The room's newest position. */
            seq: components["schemas"]["i64"];
            /** @description Unique; letters of any script; `null` for direct rooms. */
            slug: string | null;
        };
        /**
         * Format: int64
         * @description A room: public, private or direct.
         */
        RoomId: number;
        /**
         * @description Who may find and enter a room.
         * @enum {string}
         */
        RoomKind: "public" | "private" | "direct";
        /** @description What a room is to the one who asks. */
        RoomMe: {
            /** @description Whether they asked for no notifications of it. */
            muted: boolean;
            /** @description The number of the last message they read; unread = `number` − this. */
            read_number: components["schemas"]["i64"];
            /** @description Their role. */
            role: components["schemas"]["Role"];
        };
        /** @description A room in an answer to one user. */
        RoomView: components["schemas"]["Room"] & {
            me: components["schemas"]["RoomMe"] | null;
            peer?: components["schemas"]["User"] | null;
        };
        /** @description `send`. */
        Send: {
            /** @description Uploads of the sender's own, at most 10. */
            attachments?: components["schemas"]["AttachmentId"][];
            /** @description Up to 4,000 characters after trimming; may be empty with attachments. */
            content?: string;
            /** @description Idempotency key, up to 64 bytes: a repeat gets the first message. */
            nonce?: string | null;
            reply_to?: components["schemas"]["MessageId"] | null;
            /** @description Where to. */
            room: components["schemas"]["RoomId"];
        };
        /**
         * Format: date-time
         * @description Microseconds since 1970-01-01T00:00:00Z.
         *
         *     On the wire `2026-11-20T13:14:15.000001Z`: always six digits, always `Z`, so that texts sort as times do.
         * @example 2026-11-20T13:14:15.000001Z
         */
        Timestamp: string;
        /** @description Data of `typing`; forgotten after 10 s. */
        Typing: {
            /** @description Types, or stopped. */
            typing: boolean;
            /** @description Who; never the receiver. */
            user: components["schemas"]["UserId"];
        };
        /** @description `typing`. */
        TypingCommand: {
            /** @description The room. */
            room: components["schemas"]["RoomId"];
            /** @description Types, or stopped. */
            typing: boolean;
        };
        /** @description A user as everybody sees them. */
        User: {
            /** @description Signed and expiring; `null` without a picture. */
            avatar_url: string | null;
            /** @description What people call them; the username where none was given. */
            display_name: string;
            /** @description Unique and stable. */
            id: components["schemas"]["UserId"];
            /** @description Unique without regard to case and Unicode form; 1 to 64 characters. */
            username: string;
        };
        /**
         * Format: int64
         * @description A user, in every dialect.
         */
        UserId: number;
        /** @description `watch`: replaces the connection's list. */
        Watch: {
            /** @description At most 200; people one shares no room with are left out. */
            users: components["schemas"]["UserId"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;

/** What a client says. */
export type CommandFrame =
  | components["schemas"]["CommandAuthFrame"]
  | components["schemas"]["CommandDeleteFrame"]
  | components["schemas"]["CommandEditFrame"]
  | components["schemas"]["CommandHelloFrame"]
  | components["schemas"]["CommandPingFrame"]
  | components["schemas"]["CommandReactFrame"]
  | components["schemas"]["CommandReadFrame"]
  | components["schemas"]["CommandSendFrame"]
  | components["schemas"]["CommandTypingFrame"]
  | components["schemas"]["CommandUnreactFrame"]
  | components["schemas"]["CommandWatchFrame"];

/** What happened. */
export type EventFrame =
  | components["schemas"]["EventMemberChangedFrame"]
  | components["schemas"]["EventMemberJoinedFrame"]
  | components["schemas"]["EventMemberLeftFrame"]
  | components["schemas"]["EventMessageCreatedFrame"]
  | components["schemas"]["EventMessageDeletedFrame"]
  | components["schemas"]["EventMessageEditedFrame"]
  | components["schemas"]["EventMessageReactedFrame"]
  | components["schemas"]["EventNotificationCreatedFrame"]
  | components["schemas"]["EventNotificationReadFrame"]
  | components["schemas"]["EventPresenceFrame"]
  | components["schemas"]["EventReadFrame"]
  | components["schemas"]["EventRoomChangedFrame"]
  | components["schemas"]["EventRoomDeletedFrame"]
  | components["schemas"]["EventRoomJoinedFrame"]
  | components["schemas"]["EventRoomLeftFrame"]
  | components["schemas"]["EventTypingFrame"];

/** The one answer to a command. */
export type ReplyFrame =
  | components["schemas"]["ReplyEmptyFrame"]
  | components["schemas"]["ReplyErrorFrame"]
  | components["schemas"]["ReplyMessageFrame"]
  | components["schemas"]["ReplyOnlineFrame"]
  | components["schemas"]["ReplyReadFrame"]
  | components["schemas"]["ReplySeqFrame"];

/** Everything that a server says. */
export type ServerFrame =
  | components["schemas"]["ReadyFrame"]
  | components["schemas"]["ReplyEmptyFrame"]
  | components["schemas"]["ReplyErrorFrame"]
  | components["schemas"]["ReplyMessageFrame"]
  | components["schemas"]["ReplyOnlineFrame"]
  | components["schemas"]["ReplyReadFrame"]
  | components["schemas"]["ReplySeqFrame"]
  | components["schemas"]["EventMemberChangedFrame"]
  | components["schemas"]["EventMemberJoinedFrame"]
  | components["schemas"]["EventMemberLeftFrame"]
  | components["schemas"]["EventMessageCreatedFrame"]
  | components["schemas"]["EventMessageDeletedFrame"]
  | components["schemas"]["EventMessageEditedFrame"]
  | components["schemas"]["EventMessageReactedFrame"]
  | components["schemas"]["EventNotificationCreatedFrame"]
  | components["schemas"]["EventNotificationReadFrame"]
  | components["schemas"]["EventPresenceFrame"]
  | components["schemas"]["EventReadFrame"]
  | components["schemas"]["EventRoomChangedFrame"]
  | components["schemas"]["EventRoomDeletedFrame"]
  | components["schemas"]["EventRoomJoinedFrame"]
  | components["schemas"]["EventRoomLeftFrame"]
  | components["schemas"]["EventTypingFrame"]
  | components["schemas"]["ResetFrame"]
  | components["schemas"]["ReconnectFrame"];
