-- As in Postgres, which it spares writing; here the columns are made when they are read.
ALTER TABLE rooms ADD COLUMN changed_slot BIGINT GENERATED ALWAYS AS (changed_at >> 24) VIRTUAL;
ALTER TABLE rooms ADD COLUMN active_slot BIGINT GENERATED ALWAYS AS (active_at >> 26) VIRTUAL;
DROP INDEX rooms_changed_at;
DROP INDEX rooms_discover;
CREATE INDEX rooms_changed ON rooms (changed_slot);
CREATE INDEX rooms_discover ON rooms (active_slot DESC, id DESC) WHERE kind = 'public' AND deleted_at IS NULL;
