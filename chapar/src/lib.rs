//! chapar
