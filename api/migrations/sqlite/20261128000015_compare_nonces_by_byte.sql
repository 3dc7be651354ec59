-- Postgres only: here texts are compared by byte unless told otherwise.
SELECT 1;
