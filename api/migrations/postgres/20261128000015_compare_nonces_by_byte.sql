-- Nonces are only compared for equality; the database's language would compare them as words, for each level of the index.
ALTER TABLE messages ALTER COLUMN nonce TYPE TEXT COLLATE "C";
