CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id INTEGER NOT NULL REFERENCES rooms (id),
    seq INTEGER NOT NULL,
    changed_seq INTEGER NOT NULL,
    change_kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    sender_id INTEGER NOT NULL REFERENCES users (id),
    content TEXT NOT NULL,
    nonce TEXT,
    -- The nonce was made by a gateway and is shown to nobody.
    is_nonce_hidden INTEGER NOT NULL DEFAULT 0,
    -- SHA-256 of the first send's body, in hexadecimal; null without a nonce.
    body_hash TEXT,
    reply_to INTEGER,
    created_at INTEGER NOT NULL,
    edited_at INTEGER,
    deleted_at INTEGER
);
-- History and reply targets.
CREATE UNIQUE INDEX messages_number ON messages (room_id, number);
-- Changes since a position.
CREATE INDEX messages_changes ON messages (room_id, changed_seq);
-- Idempotency.
CREATE UNIQUE INDEX messages_nonce ON messages (room_id, sender_id, nonce) WHERE nonce IS NOT NULL;

CREATE TABLE reactions (
    message_id INTEGER NOT NULL REFERENCES messages (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    emoji TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (message_id, emoji, user_id)
);

CREATE TABLE attachments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL REFERENCES users (id),
    -- Null while it stands in no message.
    message_id INTEGER REFERENCES messages (id),
    -- Its place in the message.
    position INTEGER NOT NULL DEFAULT 0,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    has_thumbnail INTEGER NOT NULL,
    object TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Its message or room ended: its bytes and then this row are removed in the background.
    is_orphaned INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX attachments_message ON attachments (message_id, position) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_owner ON attachments (owner_id);
CREATE INDEX attachments_unused ON attachments (created_at) WHERE message_id IS NULL;
CREATE INDEX attachments_orphaned ON attachments (id) WHERE is_orphaned = 1;

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- 'direct', 'mention' or 'invite'.
    kind TEXT NOT NULL,
    room_id INTEGER NOT NULL REFERENCES rooms (id),
    message_id INTEGER,
    -- The message's number, for reading a room up to it; 0 for an invitation.
    number INTEGER NOT NULL,
    sender_id INTEGER NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    read_at INTEGER
);
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, room_id, number) WHERE read_at IS NULL;
CREATE INDEX notifications_read_at ON notifications (read_at) WHERE read_at IS NOT NULL;
CREATE INDEX notifications_message ON notifications (message_id) WHERE message_id IS NOT NULL;
