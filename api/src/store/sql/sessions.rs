//! Device sessions: the statements.
