-- A notice to oneself is in no room. Its kind is 'notice'. SQLite changes no column: the table is made anew, with its
-- ids where they were.
CREATE TABLE notifications_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    -- 'direct', 'mention', 'invite' or 'notice'.
    kind TEXT NOT NULL,
    room_id INTEGER REFERENCES rooms (id),
    message_id INTEGER,
    -- The message's number, for reading a room up to it; 0 without a message.
    number INTEGER NOT NULL,
    sender_id INTEGER NOT NULL REFERENCES users (id),
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    read_at INTEGER
);
INSERT INTO notifications_new SELECT * FROM notifications;
-- Ids of notifications that were removed are not given out again.
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'notifications')
WHERE name = 'notifications_new' AND EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'notifications');
INSERT INTO sqlite_sequence (name, seq)
SELECT 'notifications_new', seq FROM sqlite_sequence
WHERE name = 'notifications' AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'notifications_new');
DROP TABLE notifications;
ALTER TABLE notifications_new RENAME TO notifications;
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, room_id, number) WHERE read_at IS NULL;
CREATE INDEX notifications_read_at ON notifications (read_at) WHERE read_at IS NOT NULL;
CREATE INDEX notifications_message ON notifications (message_id) WHERE message_id IS NOT NULL;
