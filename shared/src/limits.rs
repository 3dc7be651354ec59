//! The protocol's limits: what every node of a deployment must agree on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A token bucket: `capacity` at once, refilled by `refill_per_s` a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Tokens in a full bucket; at least 1.
    pub capacity: u32,
    /// Tokens that come back each second; may be a fraction.
    pub refill_per_s: f64,
}

impl Bucket {
    /// `capacity` at once, all of it again after `period`.
    pub fn per(capacity: u32, period: Duration) -> Self {
        Self {
            capacity,
            refill_per_s: f64::from(capacity) / period.as_secs_f64(),
        }
    }
}

/// Section `limits` of the configuration. Lengths are in Unicode scalar values unless the name says bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Longest username; 64.
    pub max_username: usize,
    /// Shortest password; 8.
    pub min_password: usize,
    /// Longest password; 128. Higher lets one request cost more hashing.
    pub max_password: usize,
    /// Longest message after trimming; 4,000.
    pub max_content: usize,
    /// Attachments of one message; 10.
    pub max_attachments: usize,
    /// Longest room name, display name and e-mail part; 100.
    pub max_name: usize,
    /// Longest slug; 100.
    pub max_slug: usize,
    /// Longest room description; 500.
    pub max_description: usize,
    /// Longest nonce in bytes; 64.
    pub max_nonce_bytes: usize,
    /// Longest emoji in bytes; 32.
    pub max_emoji_bytes: usize,
    /// Kinds of reaction on one message; 20.
    pub max_reactions: usize,
    /// Longest incoming WebSocket frame in bytes; 65,536. A longer one closes 4009.
    pub max_frame_bytes: usize,
    /// Largest REST body in bytes; 262,144.
    pub max_body_bytes: usize,
    /// Largest upload in bytes; 10 MiB.
    pub max_upload_bytes: u64,
    /// Bytes of files that one user may keep; 1 GiB.
    pub max_user_files_bytes: u64,
    /// Rooms of one user; 1,000. Every one is subscribed while the user is connected.
    pub max_rooms: u32,
    /// Members of a private room; 10,000.
    pub max_private_members: u32,
    /// Members of a public room; 100,000.
    pub max_public_members: u32,
    /// Members named when a room is made; 100.
    pub max_initial_members: usize,
    /// Sockets of one user on one node; 20. The next one is closed 4011.
    pub max_sockets: usize,
    /// Users watched by one connection; 200.
    pub max_watched: usize,
    /// Items of one page; 100.
    pub max_page: u32,
    /// Items of one page where the request names none; 50.
    pub default_page: u32,
    /// Positions a room that are replayed one by one; 1,000. Beyond it the client gets `reset`.
    pub max_replay: i64,
    /// Rooms larger than this relay no typing; 200.
    pub max_typing_members: u32,
    /// Rooms larger than this tell nobody else how far somebody read; 100.
    pub max_read_event_members: u32,
    /// Sends of one user in all rooms together; 50, refilled 5 a second.
    pub send_user: Bucket,
    /// Sends of one user in one room; 20, refilled 5 a second.
    pub send_room: Bucket,
    /// Commands other than sends of one connection; 20, refilled 20 a second.
    pub commands: Bucket,
    /// Failed logins of one account from one address; 5, refilled in a minute.
    pub login_account_address: Bucket,
    /// Failed logins of one account from anywhere; 60, refilled in an hour.
    pub login_account: Bucket,
    /// Registrations from one address; 60, refilled in a minute.
    pub registrations: Bucket,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_username: 64,
            min_password: 8,
            max_password: 128,
            max_content: 4000,
            max_attachments: 10,
            max_name: 100,
            max_slug: 100,
            max_description: 500,
            max_nonce_bytes: 64,
            max_emoji_bytes: 32,
            max_reactions: 20,
            max_frame_bytes: 64 << 10,
            max_body_bytes: 256 << 10,
            max_upload_bytes: 10 << 20,
            max_user_files_bytes: 1 << 30,
            max_rooms: 1000,
            max_private_members: 10_000,
            max_public_members: 100_000,
            max_initial_members: 100,
            max_sockets: 20,
            max_watched: 200,
            max_page: 100,
            default_page: 50,
            max_replay: 1000,
            max_typing_members: 200,
            max_read_event_members: 100,
            send_user: Bucket {
                capacity: 50,
                refill_per_s: 5.0,
            },
            send_room: Bucket {
                capacity: 20,
                refill_per_s: 5.0,
            },
            commands: Bucket {
                capacity: 20,
                refill_per_s: 20.0,
            },
            login_account_address: Bucket::per(5, Duration::from_mins(1)),
            login_account: Bucket::per(60, Duration::from_hours(1)),
            registrations: Bucket::per(60, Duration::from_mins(1)),
        }
    }
}
