-- A notice to oneself is in no room. Its kind is 'notice'.
ALTER TABLE notifications ALTER COLUMN room_id DROP NOT NULL;
