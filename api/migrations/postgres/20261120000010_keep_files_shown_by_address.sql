-- Until when a file is promised at its address although it stands in no message; null: it is not.
ALTER TABLE attachments ADD COLUMN shown_until BIGINT;
-- Unused files, by when they began to be so.
CREATE INDEX attachments_idle ON attachments (COALESCE(shown_until, created_at)) WHERE message_id IS NULL;
DROP INDEX attachments_unused;
