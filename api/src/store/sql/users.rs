//! Users and their names: the statements.
