//! The native protocol, version 1: what a client sends and gets, in REST bodies and WebSocket frames.

pub mod close;
pub mod command;
pub mod event;
pub mod objects;
pub mod reply;

pub use close::CloseCode;
pub use command::{ClientFrame, CommandId};
pub use event::{
    Event, EventBody, EventType, LeftRoom, NotificationsRead, Presence, Reacted, ReactionChange,
    ReadMark, Typing,
};
pub use objects::*;
pub use reply::{Ready, ReadyRoom, ServerFrame};
