-- Lists of public rooms, newest first.
CREATE INDEX rooms_public ON rooms (id) WHERE kind = 'public' AND deleted_at IS NULL;
