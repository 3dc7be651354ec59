//! Rows that several statements read alike, and the columns they are read from. For both databases.

use chapar_shared::{AttachmentId, UserId};

use super::records::Person;

/// The columns of a [`PersonRow`] from a table `users` of this alias.
macro_rules! person_columns {
    ($users:literal) => {
        concat!(
            $users,
            ".id AS person_id, ",
            $users,
            ".username AS person_username, ",
            $users,
            ".display_name AS person_display_name, ",
            $users,
            ".avatar_id AS person_avatar, ",
            $users,
            ".email AS person_email"
        )
    };
}
pub(super) use person_columns;

/// A user as others see them, joined to something of theirs.
#[derive(Debug, sqlx::FromRow)]
#[expect(
    clippy::struct_field_names,
    reason = "the prefix keeps the columns apart from those they are joined to"
)]
pub(super) struct PersonRow {
    person_id: i64,
    person_username: String,
    person_display_name: String,
    person_avatar: Option<i64>,
    person_email: Option<String>,
}

impl From<PersonRow> for Person {
    fn from(row: PersonRow) -> Self {
        Self {
            id: UserId(row.person_id),
            username: row.person_username,
            display_name: row.person_display_name,
            avatar: row.person_avatar.map(AttachmentId),
            email: row.person_email,
        }
    }
}
