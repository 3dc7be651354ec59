//! What a message may hold, and how fast messages may come.

use std::collections::HashSet;

use chapar_broker::{Demand, Verdict};
use chapar_shared::internal::SendCommand;
use chapar_shared::problem::Violations;
use chapar_shared::{
    AttachmentId, Limits, MessageId, Problem, RoomId, Timestamp, UserId, Violation, text,
};
use sha2::{Digest, Sha256};

use crate::domain::Context;
use crate::store::messages::NewMessage;

/// A clean message of a send.
pub(super) fn send(
    sender: UserId,
    send: SendCommand,
    limits: &Limits,
    at: Timestamp,
) -> Result<NewMessage, Problem> {
    let mut bad = Violations::default();
    let mut seen = HashSet::new();
    let mut attachments = send.attachments;
    attachments.retain(|file| seen.insert(*file));
    if attachments.len() > limits.max_attachments {
        let max = limits.max_attachments as u64;
        bad.add("attachments", Violation::TooMany { max });
    }
    let may_be_empty = !attachments.is_empty();
    let content = text::content(&send.content, limits.max_content, may_be_empty);
    let content = bad.check("content", content).unwrap_or_default();
    if let Some(nonce) = &send.nonce {
        bad.check("nonce", token(nonce, limits.max_nonce_bytes));
    }
    bad.finish()?;
    Ok(NewMessage {
        body_hash: body_hash(&content, send.reply_to, &attachments),
        mentions: text::mentions(&content),
        room: send.room,
        sender,
        content,
        is_nonce_hidden: send.is_nonce_hidden && send.nonce.is_some(),
        nonce: send.nonce,
        reply_to: send.reply_to,
        attachments,
        at,
    })
}

/// A message's new text.
pub(super) fn content(
    content: &str,
    may_be_empty: bool,
    limits: &Limits,
) -> Result<String, Problem> {
    text::content(content, limits.max_content, may_be_empty)
        .map_err(|violation| Problem::invalid("content", violation))
}

/// An emoji, or any other short text that people react with.
pub(super) fn emoji(emoji: &str, limits: &Limits) -> Result<(), Problem> {
    token(emoji, limits.max_emoji_bytes).map_err(|violation| Problem::invalid("emoji", violation))
}

fn token(text: &str, max_bytes: usize) -> Result<(), Violation> {
    if text.trim().is_empty() {
        Err(Violation::Required)
    } else if text.len() > max_bytes {
        let max = max_bytes as u64;
        Err(Violation::TooManyBytes { max })
    } else if text.chars().any(char::is_control) {
        Err(Violation::Characters)
    } else {
        Ok(())
    }
}

/// SHA-256 of what the sender wrote, in hexadecimal. Each part is told apart by its length or a separator
/// that it cannot hold.
fn body_hash(content: &str, reply_to: Option<MessageId>, files: &[AttachmentId]) -> String {
    let mut hash = Sha256::new();
    hash.update((content.len() as u64).to_be_bytes());
    hash.update(content.as_bytes());
    hash.update(reply_to.map_or(0, |message| message.0).to_be_bytes());
    for file in files {
        hash.update(file.0.to_be_bytes());
    }
    let mut text = String::with_capacity(64);
    for byte in hash.finalize() {
        text.extend(
            [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])),
        );
    }
    text
}

/// Takes one token of the sender's and one of the sender's in the room for each send.
pub(super) async fn admit(ctx: &Context, sends: &[(UserId, RoomId)]) -> Vec<Result<(), Problem>> {
    if sends.is_empty() {
        return Vec::new();
    }
    let demands: Vec<_> = sends
        .iter()
        .map(|(user, room)| demands(&ctx.limits, *user, *room))
        .collect();
    let verdicts = ctx.limiter.take(&demands).await;
    let verdict = |verdict| match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::Limited { retry_after } => Err(Problem::rate_limited(retry_after)),
    };
    verdicts.into_iter().map(verdict).collect()
}

/// What one send takes. The keys share a hash tag, so that a cluster of Redis servers takes both or none, in one
/// round trip.
fn demands(limits: &Limits, user: UserId, room: RoomId) -> Vec<Demand> {
    vec![
        Demand {
            key: format!("send:{{{user}}}"),
            bucket: limits.send_user,
        },
        Demand {
            key: format!("send:{{{user}}}:{room}"),
            bucket: limits.send_room,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(content: &str, files: &[i64]) -> SendCommand {
        SendCommand {
            room: RoomId(1),
            content: content.to_owned(),
            nonce: None,
            is_nonce_hidden: false,
            reply_to: None,
            attachments: files.iter().copied().map(AttachmentId).collect(),
        }
    }

    fn check(command: SendCommand) -> Result<NewMessage, Problem> {
        send(UserId(1), command, &Limits::default(), Timestamp::default())
    }

    #[test]
    fn a_send_is_cleaned_before_it_is_hashed() {
        let clean = check(command("سلام", &[3])).unwrap();
        let same = check(command("  سلام\n", &[3, 3])).unwrap();
        assert_eq!(clean, same);
        // SHA-256 of the text's length, the text, no reply and the file, by another program.
        assert_eq!(
            clean.body_hash,
            "5c69e4e170626ac9482683e7bc80aa12f8e440c4bf8653ea819bfcefca5c20a0"
        );
        let other = check(command("سلام", &[4])).unwrap();
        assert_ne!(clean.body_hash, other.body_hash);
    }

    #[test]
    fn what_a_message_may_not_hold_is_named_by_field() {
        let errors = |command| check(command).unwrap_err().errors;
        assert_eq!(errors(command(" ", &[]))["content"], [Violation::Required]);
        assert!(check(command(" ", &[1])).is_ok());
        let long = "ا".repeat(4001);
        assert_eq!(
            errors(command(&long, &[]))["content"],
            [Violation::TooLong { max: 4000 }]
        );
        assert!(check(command(&"ا".repeat(4000), &[])).is_ok());
        let files: Vec<i64> = (1..=11).collect();
        assert_eq!(
            errors(command("x", &files))["attachments"],
            [Violation::TooMany { max: 10 }]
        );
        for (nonce, violation) in [
            ("", Violation::Required),
            ("a\0", Violation::Characters),
            (&"n".repeat(65), Violation::TooManyBytes { max: 64 }),
        ] {
            let mut command = command("x", &[]);
            command.nonce = Some(nonce.to_owned());
            assert_eq!(errors(command)["nonce"], [violation]);
        }
    }

    #[test]
    fn emoji_are_short_and_visible() {
        let limits = Limits::default();
        for good in ["👍", "👩‍👩‍👧", "❤️", "لایک"] {
            assert_eq!(emoji(good, &limits), Ok(()));
        }
        for bad in ["", " ", "a\nb", &"👍".repeat(9)] {
            assert!(emoji(bad, &limits).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_buckets_of_a_send_lie_in_one_slot_of_a_cluster() {
        let demands = demands(&Limits::default(), UserId(7), RoomId(12));
        let tags = demands.iter().map(|demand| {
            let (_, rest) = demand.key.split_once('{').unwrap();
            rest.split_once('}').unwrap().0
        });
        assert_eq!(tags.collect::<Vec<_>>(), ["7", "7"]);
        assert_ne!(demands[0].key, demands[1].key);
    }
}
