-- Postgres only: here the check is two lookups without a lock, and dropping it means writing the table anew.
SELECT 1;
