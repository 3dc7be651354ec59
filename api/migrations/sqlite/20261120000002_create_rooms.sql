CREATE TABLE rooms (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- 'public', 'private' or 'direct'.
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    -- text::identity of the name; unique among public rooms.
    name_key TEXT NOT NULL,
    -- Null for direct and deleted rooms.
    slug TEXT UNIQUE,
    description TEXT NOT NULL,
    -- text::search_key of name, slug and description, for discovery.
    search_key TEXT NOT NULL,
    -- The two of a direct room, lower id first; null elsewhere.
    direct_low INTEGER REFERENCES users (id),
    direct_high INTEGER REFERENCES users (id),
    last_seq INTEGER NOT NULL DEFAULT 0,
    last_number INTEGER NOT NULL DEFAULT 0,
    member_count INTEGER NOT NULL DEFAULT 0,
    -- The position of the latest change of the room itself (0: none) and its kind.
    changed_seq INTEGER NOT NULL DEFAULT 0,
    change_kind TEXT NOT NULL DEFAULT '',
    -- The newest message's time, for lists.
    active_at INTEGER NOT NULL,
    -- When last_seq was last raised, for the sweeper.
    changed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER,
    -- Nothing is left of a deleted room but this row.
    is_purged INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX rooms_public_name ON rooms (name_key) WHERE kind = 'public' AND deleted_at IS NULL;
CREATE UNIQUE INDEX rooms_direct ON rooms (direct_low, direct_high) WHERE kind = 'direct' AND deleted_at IS NULL;
CREATE INDEX rooms_unpurged ON rooms (id) WHERE deleted_at IS NOT NULL AND is_purged = 0;
CREATE INDEX rooms_changed_at ON rooms (changed_at);
CREATE INDEX rooms_discover ON rooms (active_at DESC, id DESC) WHERE kind = 'public' AND deleted_at IS NULL;

-- A relation of a user to a room: member, former member (left_at) or banned. Rows stay as tombstones, so
-- that the change feed can tell of a leave.
CREATE TABLE members (
    room_id INTEGER NOT NULL REFERENCES rooms (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- 'owner', 'admin' or 'member'; of a former member the role they had.
    role TEXT NOT NULL,
    changed_seq INTEGER NOT NULL,
    change_kind TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    left_at INTEGER,
    read_number INTEGER NOT NULL,
    is_muted INTEGER NOT NULL DEFAULT 0,
    -- A direct room that the user hid until its next message.
    is_hidden INTEGER NOT NULL DEFAULT 0,
    is_banned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX members_user ON members (user_id) WHERE left_at IS NULL;
CREATE INDEX members_room ON members (room_id, joined_at, user_id) WHERE left_at IS NULL;
-- Owners and successors.
CREATE INDEX members_role ON members (room_id, role, joined_at, user_id) WHERE left_at IS NULL;
CREATE INDEX members_changes ON members (room_id, changed_seq);
