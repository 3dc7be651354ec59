-- Times are microseconds since 1970, flags 0 and 1: one text of a statement serves both databases.

-- The store's epoch and other single facts.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    display_name TEXT NOT NULL,
    email TEXT,
    -- text::search_key of username and display name, for the search of users.
    search_key TEXT NOT NULL,
    -- An attachment; without a foreign key, since attachments name their owner.
    avatar_id INTEGER,
    password_hash TEXT NOT NULL,
    is_banned INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    -- When version was last raised, for the sweeper.
    changed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX users_changed_at ON users (changed_at);

-- Usernames and e-mails in one namespace, in the form in which they are compared.
CREATE TABLE user_names (
    name TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- 'username' or 'email'.
    kind TEXT NOT NULL
);
CREATE UNIQUE INDEX user_names_user ON user_names (user_id, kind);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    salt TEXT NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    rotated_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
