//! The schema's steps, part of the binary. A step is never edited after it landed.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

type Step = (i64, &'static str, &'static str);

macro_rules! steps {
    ($folder:literal: $($version:literal $name:literal),* $(,)?) => {
        &[$((
            $version,
            $name,
            include_str!(concat!("../../migrations/", $folder, "/", $version, "_", $name, ".sql")),
        ),)*]
    };
}

#[expect(
    clippy::unreadable_literal,
    reason = "versions are times, as in the file names"
)]
const POSTGRES: &[Step] = steps!("postgres":
    20261120000001 "create_users",
    20261120000002 "create_rooms",
    20261120000003 "create_messages",
    20261120000010 "keep_files_shown_by_address",
    20261120000011 "add_given_names",
    20261120000012 "index_public_rooms",
    20261120000013 "allow_notices_without_room",
    20261128000014 "drop_foreign_keys_of_messages",
    20261128000015 "compare_nonces_by_byte",
    20261128000016 "index_activity_by_slots",
);

#[expect(
    clippy::unreadable_literal,
    reason = "versions are times, as in the file names"
)]
const SQLITE: &[Step] = steps!("sqlite":
    20261120000001 "create_users",
    20261120000002 "create_rooms",
    20261120000003 "create_messages",
    20261120000010 "keep_files_shown_by_address",
    20261120000011 "add_given_names",
    20261120000012 "index_public_rooms",
    20261120000013 "allow_notices_without_room",
    20261128000014 "drop_foreign_keys_of_messages",
    20261128000015 "compare_nonces_by_byte",
    20261128000016 "index_activity_by_slots",
);

/// The steps for Postgres.
pub(super) fn postgres() -> Migrator {
    migrator(POSTGRES)
}

/// The steps for SQLite.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps.iter().map(|&(version, name, sql)| {
        let kind = MigrationType::Simple;
        Migration::new(
            version,
            Cow::Borrowed(name),
            kind,
            sql.into_sql_str(),
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    // A node of the previous release starts on the schema of the next one while a release rolls out.
    migrator.set_ignore_missing(true);
    migrator
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_step_in_both_databases() {
        for (folder, steps) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let path = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<String> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let named: Vec<String> = steps
                .iter()
                .map(|(version, name, _)| format!("{version}_{name}.sql"))
                .collect();
            assert_eq!(files, named, "{folder}");
        }
        let names = |steps: &[Step]| steps.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>();
        assert_eq!(names(POSTGRES), names(SQLITE));
    }
}
