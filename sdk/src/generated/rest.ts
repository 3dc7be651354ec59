// Generated from docs/openapi.json by `npm run generate`: change that, not this.

export interface paths {
    "/.well-known/jwks.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The keys that verify access tokens
         * @description A JSON Web Key Set (RFC 7517); empty where tokens are signed with a shared secret.
         */
        get: operations["get_keys"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in
         * @description The answer and the time it takes are the same whether there is such an account or not. Failures are limited by
         *     account and address.
         */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign out
         * @description Ends the session of the token; its sockets close.
         */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Renew tokens
         * @description A refresh token is used once and gives the next. Shown again within 10 seconds, while its successor was not used,
         *     it gives the same successor; later that is taken for theft and ends the session.
         */
        post: operations["refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Register
         * @description Makes an account and signs in.
         */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One's sessions
         * @description All devices that are signed in, newest first; at most 1,000, on one page.
         */
        get: operations["list_sessions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth/sessions/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End a session
         * @description Its tokens are no good any more and its sockets close.
         */
        delete: operations["end_session"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/direct/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** The one direct room of the caller and another user */
        put: operations["open_direct_room"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/files/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A file
         * @description Recognised images, audio and video are shown in place, all else is downloaded. One byte range is answered 206.
         */
        get: operations["get_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/notifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's notifications, newest first */
        get: operations["list_notifications"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/notifications/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Reads all notifications up to one */
        put: operations["read_notifications"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/presence": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who is online
         * @description Of people with whom one shares a room; others are left out.
         */
        get: operations["get_presence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's rooms, latest activity first */
        get: operations["list_rooms"];
        put?: never;
        /** Makes a room, owned by the caller */
        post: operations["create_room"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{room_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A room that the caller may read */
        get: operations["get_room"];
        put?: never;
        post?: never;
        /**
         * Ends a room
         * @description Its owner.
         */
        delete: operations["delete_room"];
        options?: never;
        head?: never;
        /**
         * Renames or describes a room
         * @description Admins and the owner.
         */
        patch: operations["update_room"];
        trace?: never;
    };
    "/v1/rooms/{room_id}/bans/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Removes somebody and keeps them out
         * @description Admins and the owner.
         */
        put: operations["ban_user"];
        post?: never;
        /**
         * Lets somebody come again
         * @description Admins and the owner.
         */
        delete: operations["unban_user"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{room_id}/changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What changed in a room since a position */
        get: operations["list_changes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{room_id}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Members in the order in which they came */
        get: operations["list_members"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{room_id}/members/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Adds a member, sets a role, joins, or mutes
         * @description Admins and the owner add, the owner sets roles. For `me` or the own id: joins a public room, or sets
         *     whether one is notified.
         */
        put: operations["put_member"];
        post?: never;
        /**
         * Removes a member, or leaves
         * @description Admins and the owner remove. A direct room is not left but hidden until its next message. The last one
         *     to leave ends the room.
         */
        delete: operations["remove_member"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{room_id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Messages of a room, newest first */
        get: operations["list_messages"];
        put?: never;
        /** Sends a message */
        post: operations["send_message"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{room_id}/messages/{message_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One message, deleted ones included */
        get: operations["get_message"];
        put?: never;
        post?: never;
        /**
         * Deletes a message
         * @description Its author; admins (but not the owner's) and the owner.
         */
        delete: operations["delete_message"];
        options?: never;
        head?: never;
        /**
         * Gives a message new text
         * @description Its author.
         */
        patch: operations["edit_message"];
        trace?: never;
    };
    "/v1/rooms/{room_id}/messages/{message_id}/reactions/{emoji}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Reacts to a message */
        put: operations["add_reaction"];
        post?: never;
        /** Takes a reaction back */
        delete: operations["remove_reaction"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/{room_id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Marks a room as read */
        put: operations["mark_read"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/rooms/discover": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Public rooms, latest activity first, to the minute */
        get: operations["discover_rooms"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/thumbnails/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * An image's thumbnail
         * @description At most 320 pixels on each side.
         */
        get: operations["get_thumbnail"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Upload a file
         * @description To be named in a message, or as one's avatar if it is an image; removed if it is not within 24 hours.
         */
        post: operations["upload_file"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Look for users
         * @description By ascending id.
         */
        get: operations["search_users"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user */
        get: operations["get_user"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Oneself */
        get: operations["get_me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Change oneself */
        patch: operations["update_me"];
        trace?: never;
    };
}
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
        /** @description What a member becomes. */
        ChangedMember: {
            /** @description For oneself: whether to get no notifications of the room. */
            muted?: boolean | null;
            role?: components["schemas"]["Role"] | null;
        };
        /** @description A message's new text. */
        ChangedMessage: {
            /** @description May be empty with attachments. */
            content: string;
        };
        /** @description What to change of a room; what is left out stays. */
        ChangedRoom: {
            /** @description What it is for. */
            description?: string | null;
            /** @description As when it was made. */
            name?: string | null;
            /** @description As when it was made. */
            slug?: string | null;
        };
        /** @description What changed in a room. */
        Changes: {
            /** @description Events as on the WebSocket, by ascending `seq`; each thing once, in its latest state. */
            items: Record<string, unknown>[];
            /** @description Whether there is more after `next`. */
            more: boolean;
            /** @description Everything from `since` to here is covered: the position to pass on. */
            next: components["schemas"]["i64"];
            /** @description The room's position in the same snapshot. */
            seq: components["schemas"]["i64"];
        };
        /** @description A page of a room's messages. */
        History: {
            /** @description Newest first, deleted ones included. */
            items: components["schemas"]["Message"][];
            next: components["schemas"]["i64"] | null;
            /** @description The room's position in the same snapshot: ignore its events up to here. */
            seq: components["schemas"]["i64"];
        };
        /** Format: int64 */
        i64: number;
        /** @description A page of a list. */
        List_Member: {
            /** @description In the list's order. */
            items: {
                /** @description Their role; in `member.left` the one they had. */
                role: components["schemas"]["Role"];
                /** @description Who. */
                user: components["schemas"]["User"];
            }[];
            /** @description The cursor of the next page; `null` at the end. */
            next: string | null;
        };
        /** @description A page of a list. */
        List_Notification: {
            /** @description In the list's order. */
            items: {
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
            }[];
            /** @description The cursor of the next page; `null` at the end. */
            next: string | null;
        };
        /** @description A page of a list. */
        List_RoomView: {
            /** @description In the list's order. */
            items: (components["schemas"]["Room"] & {
                me: components["schemas"]["RoomMe"] | null;
                peer?: components["schemas"]["User"] | null;
            })[];
            /** @description The cursor of the next page; `null` at the end. */
            next: string | null;
        };
        /** @description A page of a list. */
        List_Session: {
            /** @description In the list's order. */
            items: {
                /** @description The address it signed in from. */
                address: string;
                /** @description When it signed in. */
                created_at: components["schemas"]["Timestamp"];
                /** @description Whether it is the one that asks. */
                current: boolean;
                /** @description The `User-Agent` it signed in with, cut to 200 characters. */
                device: string;
                /** @description Names it for revoking. */
                id: components["schemas"]["SessionId"];
                /** @description When it last renewed its token. */
                last_used_at: components["schemas"]["Timestamp"];
            }[];
            /** @description The cursor of the next page; `null` at the end. */
            next: string | null;
        };
        /** @description A page of a list. */
        List_User: {
            /** @description In the list's order. */
            items: {
                /** @description Signed and expiring; `null` without a picture. */
                avatar_url: string | null;
                /** @description What people call them; the username where none was given. */
                display_name: string;
                /** @description Unique and stable. */
                id: components["schemas"]["UserId"];
                /** @description Unique without regard to case and Unicode form; 1 to 64 characters. */
                username: string;
            }[];
            /** @description The cursor of the next page; `null` at the end. */
            next: string | null;
        };
        /** @description What one signs in with. */
        LoginBody: {
            /** @description Username or e-mail. */
            login: string;
            /**
             * Format: password
             * @description Their password.
             */
            password: string;
        };
        /** @description Up to where a room was read. */
        Mark: {
            /** @description The number of the last message read. */
            number: components["schemas"]["i64"];
        };
        /** @description Where the caller's read mark is. */
        Marked: {
            /** @description Never before where it was, never beyond the newest message. */
            read_number: components["schemas"]["i64"];
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
        /** @description A message to send. */
        NewMessage: {
            /** @description Uploads of the caller's own that stand in no message; at most 10. */
            attachments?: components["schemas"]["AttachmentId"][];
            /** @description May be empty with attachments. */
            content?: string;
            /** @description Idempotency key of the client's: a repeat gives the first message. At most 64 bytes. */
            nonce?: string | null;
            reply_to?: components["schemas"]["MessageId"] | null;
        };
        /** @description A room to make. */
        NewRoom: {
            /** @description What it is for. */
            description?: string | null;
            /** @enum {string} */
            kind: "public" | "private";
            /** @description Who is in it from the start, besides the caller; at most 100. */
            members?: components["schemas"]["UserId"][];
            /** @description Needed where public, and unique among public rooms; one line, not all digits. */
            name?: string | null;
            /** @description Made from the name where it is left out. Letters of any script, digits, `-` and `_`, not all digits. */
            slug?: string | null;
        };
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
        /** @description A user as they see themselves. */
        OwnUser: components["schemas"]["User"] & {
            /** @description Seen by oneself only. */
            email: string | null;
        };
        /** @description Who is online. */
        Presences: {
            /** @description When those who are not were last seen, by id, where it is known. */
            last_seen: {
                [key: string]: components["schemas"]["Timestamp"];
            };
            /** @description By ascending id. */
            online: components["schemas"]["UserId"][];
        };
        /** @description An error (RFC 9457), `application/problem+json`. */
        Problem: {
            /** @description A stable word in `snake_case`. */
            code: string;
            /** @description A sentence for people, in the language of the request. */
            detail: string;
            /** @description For invalid input: what is wrong with which field, in the language of the request. */
            errors?: {
                [key: string]: string[];
            };
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description What the code means, in English. */
            title: string;
            /** @description `urn:chapar:problem:<code>`. */
            type: string;
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
        /** @description Up to where notifications were read. */
        Read: {
            /** @description The newest one read. */
            up_to: components["schemas"]["NotificationId"];
        };
        /** @description The token to renew. */
        RefreshBody: {
            /** @description As it was given last. */
            refresh_token: string;
        };
        /** @description A new account. */
        RegisterBody: {
            /** @description What people call them; the username where there is none. */
            display_name?: string | null;
            /**
             * Format: email
             * @description Unique, also among usernames; for signing in. `null` or left out: none.
             */
            email?: string | null;
            /**
             * Format: password
             * @description At least 8 characters.
             */
            password: string;
            /**
             * @description Letters and digits of any script and `@ . + - _`; unique without regard to case and Unicode form, also
             *     among e-mails.
             */
            username: string;
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
        /** @description One device's sign-in. */
        Session: {
            /** @description The address it signed in from. */
            address: string;
            /** @description When it signed in. */
            created_at: components["schemas"]["Timestamp"];
            /** @description Whether it is the one that asks. */
            current: boolean;
            /** @description The `User-Agent` it signed in with, cut to 200 characters. */
            device: string;
            /** @description Names it for revoking. */
            id: components["schemas"]["SessionId"];
            /** @description When it last renewed its token. */
            last_used_at: components["schemas"]["Timestamp"];
        };
        /**
         * Format: int64
         * @description One device's sign-in.
         */
        SessionId: number;
        /**
         * Format: date-time
         * @description Microseconds since 1970-01-01T00:00:00Z.
         *
         *     On the wire `2026-11-20T13:14:15.000001Z`: always six digits, always `Z`, so that texts sort as times do.
         * @example 2026-11-20T13:14:15.000001Z
         */
        Timestamp: string;
        /** @description What signing in gives. */
        Tokens: {
            /** @description A JWT for `Authorization: Bearer`. */
            access_token: string;
            /**
             * Format: int64
             * @description Seconds for which the access token lives.
             */
            expires_in: number;
            /** @description Opaque; exchanged once for the next pair. */
            refresh_token: string;
            /** @description Always `Bearer`. */
            token_type: string;
            /** @description Who signed in. */
            user: components["schemas"]["OwnUser"];
        };
        /** @description What to change of oneself; what is left out stays. */
        UpdateBody: {
            avatar?: components["schemas"]["AttachmentId"] | null;
            /**
             * Format: password
             * @description The present one.
             */
            current_password?: string | null;
            /** @description Empty: the username. */
            display_name?: string | null;
            /**
             * Format: email
             * @description `null` removes it.
             */
            email?: string | null;
            /**
             * Format: password
             * @description A new password, with `current_password`; all other sessions end.
             */
            password?: string | null;
        };
        /** @description A file to keep. Its claimed type does not count, its claimed name is shown as it is, without path. */
        UploadBody: {
            /**
             * Format: binary
             * @description The file.
             */
            file: string;
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
    };
    responses: {
        /** @description It would clash with what is there. */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Known, but not allowed. */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A failure of ours. */
        Internal: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Well-formed, but not acceptable; see `errors`. */
        Invalid: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The request could not be read. */
        Malformed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description No such thing, or hidden from the caller. */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too many requests. */
        RateLimited: {
            headers: {
                /** @description Seconds. */
                "Retry-After"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is too large. */
        TooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description No credentials, or none that are good. */
        Unauthenticated: {
            headers: {
                /** @description The scheme, and what is wrong with the token. */
                "WWW-Authenticate"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not available right now. */
        Unavailable: {
            headers: {
                /** @description Seconds. */
                "Retry-After"?: string;
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body's content type is not read here. */
        UnsupportedMediaType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get_keys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key set. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": unknown;
                };
            };
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginBody"];
            };
        };
        responses: {
            /** @description Signed in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Signed out. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            401: components["responses"]["Unauthenticated"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RefreshBody"];
            };
        };
        responses: {
            /** @description The next pair. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RegisterBody"];
            };
        };
        responses: {
            /** @description Registered and signed in. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tokens"];
                };
            };
            400: components["responses"]["Malformed"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_sessions: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sessions. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Session"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    end_session: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The session. */
                id: components["schemas"]["SessionId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    open_direct_room: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The other one. */
                user_id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It was there. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoomView"];
                };
            };
            /** @description Made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoomView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_file: {
        parameters: {
            query: {
                /** @description Seconds since 1970. */
                expires: number;
                /** @description Ours, over kind, id and `expires`. */
                signature: string;
            };
            header?: never;
            path: {
                /** @description The file. */
                id: components["schemas"]["AttachmentId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The bytes. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "*/*": string;
                };
            };
            /** @description The bytes of the range. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "*/*": string;
                };
            };
            /** @description As the client has it. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_notifications: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Items of the page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Notification"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    read_notifications: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Read"];
            };
        };
        responses: {
            /** @description They are read. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_presence: {
        parameters: {
            query: {
                /** @description Ids with commas between them; at most 200. */
                users: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Those of them who are online. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Presences"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_rooms: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Items of the page. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_RoomView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    create_room: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewRoom"];
            };
        };
        responses: {
            /** @description Made. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoomView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_room: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The room. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoomView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    delete_room: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    update_room: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangedRoom"];
            };
        };
        responses: {
            /** @description The room after it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoomView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    ban_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which room. */
                room_id: components["schemas"]["RoomId"];
                /** @description Whom. */
                user_id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are kept out. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    unban_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which room. */
                room_id: components["schemas"]["RoomId"];
                /** @description Whom. */
                user_id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are not kept out. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_changes: {
        parameters: {
            query?: {
                /**
                 * @description The `since` of the first page, where this is a later one; `since` by default. Messages that are newer
                 *     than it are `message.created`, also those that earlier pages left out because they were changed later.
                 */
                from?: components["schemas"]["i64"];
                /** @description Items of the page. */
                limit?: number;
                /** @description The last position known; 0 for everything. */
                since?: components["schemas"]["i64"];
            };
            header?: never;
            path: {
                /** @description Which. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Changes"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_members: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Items of the page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Which room. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_Member"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    put_member: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which room. */
                room_id: components["schemas"]["RoomId"];
                /** @description Whom: an id, or `me`. */
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ChangedMember"] | null;
            };
        };
        responses: {
            /** @description The room after it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoomView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    remove_member: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which room. */
                room_id: components["schemas"]["RoomId"];
                /** @description Whom: an id, or `me`. */
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description They are not in it. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    list_messages: {
        parameters: {
            query?: {
                /** @description The messages just after this number. */
                after?: components["schemas"]["i64"];
                /** @description Half of the messages before this number, half after it, and it. */
                around?: components["schemas"]["i64"];
                /** @description The messages just before this number. */
                before?: components["schemas"]["i64"];
                /** @description Items of the page. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Which room. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["History"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    send_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Where to. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewMessage"];
            };
        };
        responses: {
            /** @description It was sent before with this nonce. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            /** @description Sent. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
                /** @description Its room. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The message. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    delete_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
                /** @description Its room. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    edit_message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
                /** @description Its room. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ChangedMessage"];
            };
        };
        responses: {
            /** @description The message after it. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Message"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    add_reaction: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description At most 32 bytes, percent-encoded. */
                emoji: string;
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
                /** @description Its room. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The reaction is there. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    remove_reaction: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description At most 32 bytes, percent-encoded. */
                emoji: string;
                /** @description Which. */
                message_id: components["schemas"]["MessageId"];
                /** @description Its room. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The reaction is not there. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    mark_read: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Which. */
                room_id: components["schemas"]["RoomId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Mark"];
            };
        };
        responses: {
            /** @description Where the mark is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Marked"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    discover_rooms: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Items of the page. */
                limit?: number;
                /** @description Part of a name, slug or description; everything where it is empty. */
                q?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_RoomView"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_thumbnail: {
        parameters: {
            query: {
                /** @description Seconds since 1970. */
                expires: number;
                /** @description Ours, over kind, id and `expires`. */
                signature: string;
            };
            header?: never;
            path: {
                /** @description The image. */
                id: components["schemas"]["AttachmentId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The image. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/*": string;
                };
            };
            /** @description The bytes of the range. */
            206: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "image/*": string;
                };
            };
            /** @description As the client has it. */
            304: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["Malformed"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    upload_file: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "multipart/form-data": components["schemas"]["UploadBody"];
            };
        };
        responses: {
            /** @description Kept. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Attachment"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    search_users: {
        parameters: {
            query?: {
                /** @description `next` of the page before. */
                cursor?: string;
                /** @description Items of the page. */
                limit?: number;
                /**
                 * @description A part of the username or display name, without regard to case, vowel marks, and Arabic or Persian
                 *     spelling; all users where there is none.
                 */
                q?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of users. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["List_User"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            422: components["responses"]["Invalid"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The user. */
                id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    get_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The caller. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnUser"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    update_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UpdateBody"];
            };
        };
        responses: {
            /** @description The caller as they are now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OwnUser"];
                };
            };
            400: components["responses"]["Malformed"];
            401: components["responses"]["Unauthenticated"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["Invalid"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
}
