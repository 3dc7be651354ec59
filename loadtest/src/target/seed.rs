//! A population in a fresh database, written by SQL: thousands of registrations would only measure argon2.

use std::time::Duration;

use anyhow::Context as _;
use chapar::testing::Settings;
use chapar_shared::token::{Claims, Key, Keyring};
use chapar_shared::{SessionId, Timestamp, UserId};

use crate::layout::Layout;

/// Tokens outlive every run.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// Signs tokens as the api does, with its key.
#[derive(Debug)]
pub(super) struct Tokens(Keyring);

impl Tokens {
    /// With the key of these settings.
    pub(super) fn of(settings: &Settings) -> anyhow::Result<Self> {
        // Refused when it was chosen before, which is as good.
        jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
            .install_default()
            .ok();
        let value = |name| settings.get(name).with_context(|| format!("no {name}"));
        let key = Key::HS256 {
            id: value("TOKENS__KEYS__0__ID")?.to_owned(),
            secret: value("TOKENS__KEYS__0__SECRET")?.into(),
        };
        Ok(Self(Keyring::new(&[key], "chapar", "chapar")?))
    }

    /// A token of the user's one session, which has the user's number.
    pub(super) fn sign(&self, user: usize) -> String {
        let user = i64::try_from(user).expect("fewer users");
        let now = Timestamp::now();
        let claims = Claims {
            user: UserId(user),
            session: SessionId(user),
            expires: now.plus(TOKEN_LIFETIME),
        };
        self.0.sign(&claims, now)
    }
}

/// The statements that write a [`Layout`]. Memberships are computed as it does.
pub(super) fn statements(layout: &Layout) -> String {
    let Layout {
        listeners,
        rooms,
        follows,
        senders,
    } = *layout;
    let (users, follows) = (layout.users(), follows.min(rooms));
    // An hour ago, so that nothing looks as if it had just changed.
    let now = Timestamp::now().minus(Duration::from_hours(1)).as_micros();
    let later = Timestamp::now().plus(TOKEN_LIFETIME).as_micros();
    let streams = (rooms * senders).cast_signed() - 1;
    format!(
        "BEGIN;
         INSERT INTO users (id, username, display_name, search_key, password_hash, changed_at, created_at)
             SELECT i, 'load-' || i, 'Load ' || i, 'load-' || i, '!', {now}, {now}
             FROM generate_series(1, {users}) i;
         INSERT INTO user_names (name, user_id, kind)
             SELECT 'load-' || i, i, 'username' FROM generate_series(1, {users}) i;
         INSERT INTO sessions (id, user_id, device, address, salt, rotated_at, created_at, last_used_at, expires_at)
             SELECT i, i, 'load', '127.0.0.1', '', {now}, {now}, {now}, {later}
             FROM generate_series(1, {users}) i;
         INSERT INTO rooms (id, kind, name, name_key, slug, description, search_key, active_at, changed_at, created_at)
             SELECT i, 'private', 'room ' || i, 'room ' || i, 'room-' || i, '', 'room ' || i, {now}, {now}, {now}
             FROM generate_series(1, {rooms}) i;
         INSERT INTO members (room_id, user_id, role, changed_seq, change_kind, joined_at, read_number)
             SELECT ((u - 1) * {follows} + n) % {rooms} + 1, u, 'member', 0, 'member.joined', {now}, 0
             FROM generate_series(1, {listeners}) u, generate_series(0, {follows} - 1) n
             UNION ALL
             SELECT s % {rooms} + 1, {listeners} + 1 + s, 'admin', 0, 'member.joined', {now}, 0
             FROM generate_series(0, {streams}) s;
         UPDATE rooms SET member_count = (SELECT count(*) FROM members WHERE room_id = rooms.id);
         SELECT setval(pg_get_serial_sequence(name, 'id'), 1000000)
             FROM unnest(ARRAY['users', 'sessions', 'rooms']) name;
         COMMIT;
         ANALYZE;"
    )
}
