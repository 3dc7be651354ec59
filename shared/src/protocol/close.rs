//! WebSocket close codes: who closes why, and what the client does about it.

use serde::{Deserialize, Serialize};

/// Why the server closes a socket. The number is the close code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u16)]
pub enum CloseCode {
    /// The node is going away, or the client was silent for two heartbeats: reconnect.
    GoingAway = 1001,
    /// The tenth malformed frame or unknown `op` within a minute: do not reconnect.
    Malformed = 4000,
    /// Not authenticated in time, bad token, first frame not `hello`, binary frame: sign in again.
    Unauthenticated = 4001,
    /// The token expired, at `hello` or later: refresh, reconnect.
    TokenExpired = 4002,
    /// The session was revoked, or the user banned or deleted: do not reconnect.
    Revoked = 4003,
    /// The rate limit was exceeded again and again: reconnect after a minute.
    RateLimited = 4008,
    /// A frame longer than the limit: do not reconnect.
    FrameTooLarge = 4009,
    /// The outbound queue is full: reconnect and resume.
    TooSlow = 4010,
    /// Too many connections of this user: do not reconnect.
    TooManyConnections = 4011,
    /// The node lost its event source: reconnect and resume.
    NoEventSource = 4012,
}

impl CloseCode {
    /// Every code, for documents and metrics.
    pub const ALL: [Self; 10] = [
        Self::GoingAway,
        Self::Malformed,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::Revoked,
        Self::RateLimited,
        Self::FrameTooLarge,
        Self::TooSlow,
        Self::TooManyConnections,
        Self::NoEventSource,
    ];

    /// The number on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The reason sent with the code; at most 123 bytes (RFC 6455 §5.5).
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "going away: reconnect",
            Self::Malformed => "too many malformed frames",
            Self::Unauthenticated => "not authenticated: sign in again",
            Self::TokenExpired => "token expired: refresh and reconnect",
            Self::Revoked => "session revoked",
            Self::RateLimited => "rate limit exceeded: reconnect after a minute",
            Self::FrameTooLarge => "frame too large",
            Self::TooSlow => "too slow: reconnect and resume",
            Self::TooManyConnections => "too many connections of this user",
            Self::NoEventSource => "event source lost: reconnect and resume",
        }
    }
}
