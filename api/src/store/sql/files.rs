//! Uploaded files: the statements.
