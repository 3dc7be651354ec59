//! The doors of older clients' sockets: which room a path means, and who may come in. Also the files that come
//! through them, in frames.
//!
//! Nothing is decided here that is not decided elsewhere: rooms are found and entered as by REST.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use futures_util::stream;

use chapar_shared::internal::{
    ResolveRequest, ResolveResponse, Target, UploadRequest, UploadResponse,
};
use chapar_shared::{Code, Problem, RoomId, UserId, Violation, text};

use super::files::Upload;
use super::{Context, Files, Rooms, Sessions, users};
use crate::error::Error;
use crate::store::{Person, RoomSight};

/// Clients leave the padding out as often as not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How one user's name and another's begin, where both stand in one path.
const PAIR: &str = "private_chat_";

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Doors {
    ctx: Context,
    sessions: Sessions,
    rooms: Rooms,
    files: Files,
}

impl Doors {
    /// Over the services of a node.
    pub fn new(ctx: Context, sessions: Sessions, rooms: Rooms, files: Files) -> Self {
        Self {
            ctx,
            sessions,
            rooms,
            files,
        }
    }

    /// Finds what a path names and lets its user in: into a public room, and into the direct room that it names,
    /// which is made if there is none and shown again if it was hidden.
    ///
    /// # Errors
    /// Refused `session_revoked`, `room_not_found`, `user_not_found`, `banned`, `forbidden` for the
    /// notifications of somebody else, `invalid` for a direct room with oneself, `too_many_rooms`,
    /// `too_many_members`; a failure of the store.
    pub async fn resolve(&self, request: ResolveRequest) -> Result<ResolveResponse, Error> {
        let user = self
            .sessions
            .resume(request.user, request.session)
            .await?
            .user;
        let own = self.ctx.store.user(user).await?;
        let own = own.ok_or(Code::UserNotFound)?.person;
        let sight = match &request.target {
            Target::Chat(name) => self.enter(user, name).await?,
            Target::Direct(name) => {
                let peer = users::of_username(&self.ctx.store, name).await?;
                self.rooms.direct(user, peer.id).await?.0
            }
            Target::PrivateChat(name) => {
                let peer = self.other(&own, name).await?;
                self.rooms.direct(user, peer.id).await?.0
            }
            Target::Notifications(name) => {
                if text::identity(name) != text::identity(&own.username) {
                    return Err(Code::Forbidden.into());
                }
                return Ok(ResolveResponse {
                    room: None,
                    username: own.username,
                    peer: None,
                });
            }
        };
        Ok(ResolveResponse {
            room: Some(sight.room.id),
            username: own.username,
            peer: sight.peer.map(|peer| peer.username),
        })
    }

    /// The room of an id, slug or name, entered.
    async fn enter(&self, user: UserId, name: &str) -> Result<RoomSight, Error> {
        let sight = self.find(user, name).await?;
        match (&sight.me, &sight.peer) {
            // A member, who may have hidden it.
            (Some(_), Some(peer)) => match self.rooms.direct(user, peer.id).await {
                // A peer who was deleted leaves the room to the other.
                Err(Error::Refused(problem)) if problem.code == Code::UserNotFound => Ok(sight),
                shown => Ok(shown?.0),
            },
            (Some(_), None) => Ok(sight),
            (None, _) => {
                self.rooms
                    .put_member(user, sight.room.id, user, None)
                    .await?;
                Ok(sight)
            }
        }
    }

    async fn find(&self, user: UserId, name: &str) -> Result<RoomSight, Error> {
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
            let id = name.parse().map_err(|_| Code::RoomNotFound)?;
            return self.rooms.get(user, RoomId(id)).await;
        }
        self.rooms.find(user, name).await
    }

    /// The one who is named, else the other of the two who are, of whom one is `own`. Names may hold what
    /// stands between them, so that there may be two readings: the first of somebody who exists counts.
    async fn other(&self, own: &Person, name: &str) -> Result<Person, Error> {
        let pair = text::identity(name);
        let pair = pair.strip_prefix(PAIR).unwrap_or(&pair);
        let own = text::identity(&own.username);
        let after = pair.strip_prefix(&own).and_then(|it| it.strip_prefix('_'));
        let before = pair.strip_suffix(&own).and_then(|it| it.strip_suffix('_'));
        for peer in [Some(name), after, before].into_iter().flatten() {
            match users::of_username(&self.ctx.store, peer).await {
                Err(Error::Refused(problem)) if problem.code == Code::UserNotFound => {}
                found => return found,
            }
        }
        Err(Code::UserNotFound.into())
    }

    /// Keeps a file that came as base64.
    ///
    /// # Errors
    /// Refused `session_revoked`, `invalid` for what is not base64, and as [`Files::receive`].
    pub async fn upload(&self, request: UploadRequest) -> Result<UploadResponse, Error> {
        let actor = self.sessions.resume(request.user, request.session).await?;
        let bytes = decode(request.data)?;
        let upload = Upload {
            name: request.filename,
            chunks: stream::iter([Ok(bytes)]),
        };
        let kept = self.files.receive(actor, upload).await?;
        Ok(UploadResponse {
            attachment: kept.id,
        })
    }

    /// The longest body that holds an upload, with what stands around it.
    pub fn max_upload_body(&self) -> usize {
        let bytes = usize::try_from(self.ctx.limits.max_upload_bytes).unwrap_or(usize::MAX / 2);
        bytes / 3 * 4 + (64 << 10)
    }
}

/// The bytes of a `data:` address (RFC 2397) or of base64 alone, which may be broken into lines.
fn decode(mut data: String) -> Result<Bytes, Problem> {
    let malformed = || Problem::invalid("file", Violation::Format);
    if let Some(rest) = data.strip_prefix("data:") {
        let (kind, body) = rest.split_once(',').ok_or_else(malformed)?;
        if !kind.ends_with(";base64") {
            return Err(malformed());
        }
        let start = data.len() - body.len();
        data.drain(..start);
    }
    if data.bytes().any(|byte| byte.is_ascii_whitespace()) {
        data.retain(|c| !c.is_ascii_whitespace());
    }
    let bytes = BASE64.decode(data).map_err(|_| malformed())?;
    if bytes.is_empty() {
        return Err(Problem::invalid("file", Violation::Required));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(data: &str) -> Option<Vec<u8>> {
        decode(data.to_owned()).ok().map(Into::into)
    }

    #[test]
    fn base64_comes_alone_or_as_an_address_with_or_without_padding() {
        for data in [
            "c2FsYW0h",
            "data:text/plain;base64,c2FsYW0h",
            "data:;base64,c2Fs\r\nYW0h",
        ] {
            assert_eq!(decoded(data).as_deref(), Some(&b"salam!"[..]), "{data}");
        }
        assert_eq!(decoded("c2E").as_deref(), Some(&b"sa"[..]));
        assert_eq!(decoded("c2E=").as_deref(), Some(&b"sa"[..]));
        for data in ["", "سلام", "data:text/plain,salam", "data:x;base64", "a*b"] {
            assert_eq!(decoded(data), None, "{data}");
        }
    }
}
