//! Changing a room or one relation to it, under the room's lock.

use std::collections::HashMap;
use std::sync::Arc;

use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::{NotificationKind, Role};
use chapar_shared::{Code, RoomId, Seq, Timestamp, UserId, text};

use super::bumps::Facts;
use super::db::Conn;
use super::making::refused;
use super::notices::{self, Notice};
use super::rooms::membership;
use super::standings::{lock_room, lock_users, standings, stranger};
use crate::error::{Error, StoreError};
use crate::store::records::{ChangeRecord, Committed, Person, RoomRecord, Subject, UserFact};
use crate::store::rooms::{Decide, RoomChange, RoomFacts, RoomOutcome, Standing};
use crate::store::words::Word;

/// [`crate::store::Rooms::change_room`] inside its transaction.
pub(super) async fn change(
    conn: &mut Conn,
    room: RoomId,
    actor: UserId,
    target: Option<UserId>,
    at: Timestamp,
    decide: Decide<'_, RoomFacts, RoomChange>,
) -> Result<RoomOutcome, Error> {
    let room = lock_room(conn, room).await?;
    let (facts, persons) = facts(conn, room, actor, target).await?;
    let decided = decide(&facts)?;
    let mut change = Change {
        actor: persons.get(&actor).cloned().map(Arc::new),
        target: target.and_then(|target| persons.get(&target).cloned()),
        standing: facts.target,
        room: facts.room,
        at,
        changes: Vec::new(),
        facts: Facts::default(),
    };
    change.apply(conn, decided).await?;
    let target = match target {
        Some(target) => membership(conn, change.room.id, target).await?,
        None => None,
    };
    let users = change.facts.raise(conn, at).await?;
    Ok(RoomOutcome {
        room: change.room,
        target,
        committed: Committed {
            changes: change.changes,
            users,
        },
    })
}

/// What holds under the room's lock, and who the actor and the target are.
async fn facts(
    conn: &mut Conn,
    room: RoomRecord,
    actor: UserId,
    target: Option<UserId>,
) -> Result<(RoomFacts, HashMap<UserId, Person>), StoreError> {
    let mut people = vec![actor];
    people.extend(target);
    let mut found = standings(conn, room.id, &people).await?;
    if let Some(target) = target
        && found
            .get(&target)
            .is_some_and(|(_, one)| one.role.is_none())
    {
        // They may come in: how many rooms they are in must stay until then. Members are not locked here,
        // since a read mark locks a membership before its user.
        lock_users(conn, &[target]).await?;
        found = standings(conn, room.id, &people).await?;
    }
    let standing = |user: UserId| found.get(&user).map_or(stranger(user), |(_, one)| *one);
    let subject = standing(target.unwrap_or(actor));
    let is_last_owner = subject.role == Some(Role::Owner)
        && oldest(conn, room.id, Role::Owner, subject.user)
            .await?
            .is_none();
    let mut successor = None;
    if is_last_owner {
        successor = oldest(conn, room.id, Role::Admin, subject.user).await?;
        if successor.is_none() {
            successor = oldest(conn, room.id, Role::Member, subject.user).await?;
        }
    }
    let facts = RoomFacts {
        actor: standing(actor),
        target: target.map(standing),
        room,
        successor,
        is_last_owner,
    };
    let persons = found.into_iter().map(|(user, (person, _))| (user, person));
    Ok((facts, persons.collect()))
}

/// The oldest member of a role but one; by index `members_role`.
async fn oldest(
    conn: &mut Conn,
    room: RoomId,
    role: Role,
    but: UserId,
) -> Result<Option<UserId>, StoreError> {
    let found: Option<(i64,)> = sqlx::query_as(
        "SELECT user_id FROM members
         WHERE room_id = $1 AND role = $2 AND left_at IS NULL AND user_id <> $3
         ORDER BY joined_at, user_id LIMIT 1",
    )
    .bind(room.0)
    .bind(role.word())
    .bind(but.0)
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|(user,)| UserId(user)))
}

/// A change being made. `room` is written at its end.
struct Change {
    room: RoomRecord,
    actor: Option<Arc<Person>>,
    target: Option<Person>,
    standing: Option<Standing>,
    at: Timestamp,
    changes: Vec<ChangeRecord>,
    facts: Facts,
}

impl Change {
    async fn apply(&mut self, conn: &mut Conn, change: RoomChange) -> Result<(), Error> {
        match change {
            RoomChange::Nothing => Ok(()),
            RoomChange::Add {
                role,
                is_invitation,
            } => self.add(conn, role, is_invitation).await,
            RoomChange::SetRole(role) => self.set_role(conn, role).await,
            RoomChange::Remove { successor } => self.remove(conn, successor).await,
            RoomChange::Hide => self.hide(conn).await,
            RoomChange::Ban => self.ban(conn).await,
            RoomChange::Unban => self.unban(conn).await,
            RoomChange::Patch {
                name,
                slug,
                description,
            } => self.patch(conn, name, slug, description).await,
            RoomChange::Delete => self.delete(conn).await,
        }
    }

    /// The target and the role they have in the room now.
    fn target(&self) -> Result<(Person, Option<Role>), Error> {
        let person = self.target.clone().ok_or(Code::UserNotFound)?;
        Ok((person, self.standing.and_then(|standing| standing.role)))
    }

    /// Takes the next position for a change of a member.
    fn member_changed(&mut self, kind: EventType, person: Person, role: Role) -> Seq {
        self.room.last_seq += 1;
        self.changes.push(ChangeRecord {
            room: self.room.id,
            seq: self.room.last_seq,
            kind,
            at: self.at,
            actor: self.actor.clone(),
            subject: Subject::Member(person, role),
        });
        self.room.last_seq
    }

    async fn add(&mut self, conn: &mut Conn, role: Role, is_invitation: bool) -> Result<(), Error> {
        let (person, present) = self.target()?;
        if present.is_some() {
            return Ok(());
        }
        let user = person.id;
        let seq = self.member_changed(EventType::MemberJoined, person, role);
        self.room.member_count += 1;
        sqlx::query(
            "INSERT INTO members (room_id, user_id, role, changed_seq, change_kind, joined_at, read_number)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (room_id, user_id) DO UPDATE SET role = excluded.role,
                 changed_seq = excluded.changed_seq, change_kind = excluded.change_kind,
                 joined_at = excluded.joined_at, read_number = excluded.read_number,
                 left_at = NULL, is_muted = 0, is_hidden = 0, is_banned = 0",
        )
        .bind(self.room.id.0)
        .bind(user.0)
        .bind(role.word())
        .bind(seq)
        .bind(EventType::MemberJoined.word())
        .bind(self.at.as_micros())
        .bind(self.room.last_number)
        .execute(&mut *conn)
        .await?;
        self.facts.add(
            user,
            UserFact::Joined {
                room: self.room.id,
                after: seq,
            },
        );
        if let Some(sender) = self.actor.clone().filter(|_| is_invitation) {
            let invitation = Notice {
                user,
                kind: NotificationKind::Invite,
                room: Some(self.room.id),
                message: None,
                sender,
                text: self.room.name.clone(),
                at: self.at,
            };
            notices::insert(conn, vec![invitation], &mut self.facts).await?;
        }
        self.write_position(conn).await
    }

    async fn set_role(&mut self, conn: &mut Conn, role: Role) -> Result<(), Error> {
        let (person, present) = self.target()?;
        if present.is_none_or(|present| present == role) {
            return Ok(());
        }
        self.write_role(conn, person, role).await?;
        self.write_position(conn).await
    }

    async fn write_role(
        &mut self,
        conn: &mut Conn,
        person: Person,
        role: Role,
    ) -> Result<(), Error> {
        let user = person.id;
        let seq = self.member_changed(EventType::MemberChanged, person, role);
        sqlx::query(
            "UPDATE members SET role = $3, changed_seq = $4, change_kind = $5
             WHERE room_id = $1 AND user_id = $2",
        )
        .bind(self.room.id.0)
        .bind(user.0)
        .bind(role.word())
        .bind(seq)
        .bind(EventType::MemberChanged.word())
        .execute(conn)
        .await?;
        Ok(())
    }

    async fn remove(&mut self, conn: &mut Conn, successor: Option<UserId>) -> Result<(), Error> {
        let (person, present) = self.target()?;
        let Some(role) = present else {
            return Ok(());
        };
        if let Some(successor) = successor {
            let (heir, _) = standings(conn, self.room.id, &[successor])
                .await?
                .remove(&successor)
                .ok_or(Code::UserNotFound)?;
            self.write_role(conn, heir, Role::Owner).await?;
        }
        self.write_leave(conn, person, role).await?;
        self.write_position(conn).await
    }

    async fn write_leave(
        &mut self,
        conn: &mut Conn,
        person: Person,
        role: Role,
    ) -> Result<(), Error> {
        let user = person.id;
        let seq = self.member_changed(EventType::MemberLeft, person, role);
        self.room.member_count -= 1;
        sqlx::query(
            "UPDATE members SET changed_seq = $3, change_kind = $4, left_at = $5
             WHERE room_id = $1 AND user_id = $2",
        )
        .bind(self.room.id.0)
        .bind(user.0)
        .bind(seq)
        .bind(EventType::MemberLeft.word())
        .bind(self.at.as_micros())
        .execute(conn)
        .await?;
        self.facts.add(user, self.left());
        Ok(())
    }

    fn left(&self) -> UserFact {
        UserFact::Left {
            room: self.room.id,
            kind: self.room.kind,
            name: self.room.name.clone(),
        }
    }

    async fn hide(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let (person, _) = self.target()?;
        let hidden = sqlx::query(
            "UPDATE members SET is_hidden = 1
             WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL AND is_hidden = 0",
        )
        .bind(self.room.id.0)
        .bind(person.id.0)
        .execute(conn)
        .await?
        .rows_affected();
        if hidden > 0 {
            self.facts.add(person.id, self.left());
        }
        Ok(())
    }

    async fn ban(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let (person, present) = self.target()?;
        let user = person.id;
        if let Some(role) = present {
            self.write_leave(conn, person, role).await?;
            self.write_position(conn).await?;
        }
        // Who was never in gets a row that the feed does not show: position 0.
        sqlx::query(
            "INSERT INTO members (room_id, user_id, role, changed_seq, change_kind, joined_at, left_at,
                 read_number, is_banned)
             VALUES ($1, $2, $3, 0, '', $4, $4, 0, 1)
             ON CONFLICT (room_id, user_id) DO UPDATE SET is_banned = 1",
        )
        .bind(self.room.id.0)
        .bind(user.0)
        .bind(Role::Member.word())
        .bind(self.at.as_micros())
        .execute(conn)
        .await?;
        Ok(())
    }

    async fn unban(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let (person, _) = self.target()?;
        sqlx::query("UPDATE members SET is_banned = 0 WHERE room_id = $1 AND user_id = $2")
            .bind(self.room.id.0)
            .bind(person.id.0)
            .execute(conn)
            .await?;
        Ok(())
    }

    async fn patch(
        &mut self,
        conn: &mut Conn,
        name: Option<String>,
        slug: Option<String>,
        description: Option<String>,
    ) -> Result<(), Error> {
        let mut room = self.room.clone();
        room.name = name.unwrap_or(room.name);
        room.slug = slug.or(room.slug);
        room.description = description.unwrap_or(room.description);
        if room == self.room {
            return Ok(());
        }
        room.last_seq += 1;
        sqlx::query(
            "UPDATE rooms SET name = $2, name_key = $3, slug = $4, description = $5, search_key = $6,
                 last_seq = $7, changed_seq = $7, change_kind = $8, changed_at = $9
             WHERE id = $1",
        )
        .bind(room.id.0)
        .bind(&room.name)
        .bind(text::identity(&room.name))
        .bind(&room.slug)
        .bind(&room.description)
        .bind(search_key(
            &room.name,
            room.slug.as_deref(),
            &room.description,
        ))
        .bind(room.last_seq)
        .bind(EventType::RoomChanged.word())
        .bind(self.at.as_micros())
        .execute(conn)
        .await
        .map_err(refused)?;
        self.room = room;
        self.room_changed(EventType::RoomChanged);
        Ok(())
    }

    async fn delete(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let gone: Vec<(i64,)> = sqlx::query_as(
            "UPDATE members SET left_at = $2 WHERE room_id = $1 AND left_at IS NULL
             RETURNING user_id",
        )
        .bind(self.room.id.0)
        .bind(self.at.as_micros())
        .fetch_all(&mut *conn)
        .await?;
        for (user,) in gone {
            self.facts.add(UserId(user), self.left());
        }
        self.room.last_seq += 1;
        self.room.slug = None;
        self.room.member_count = 0;
        self.room.is_deleted = true;
        sqlx::query(
            "UPDATE rooms SET slug = NULL, member_count = 0, deleted_at = $4, last_seq = $2,
                 changed_seq = $2, change_kind = $3, changed_at = $4
             WHERE id = $1",
        )
        .bind(self.room.id.0)
        .bind(self.room.last_seq)
        .bind(EventType::RoomDeleted.word())
        .bind(self.at.as_micros())
        .execute(conn)
        .await?;
        self.room_changed(EventType::RoomDeleted);
        Ok(())
    }

    fn room_changed(&mut self, kind: EventType) {
        self.changes.push(ChangeRecord {
            room: self.room.id,
            seq: self.room.last_seq,
            kind,
            at: self.at,
            actor: self.actor.clone(),
            subject: Subject::Room(Box::new(self.room.clone())),
        });
    }

    /// Writes the head and the number of members.
    async fn write_position(&self, conn: &mut Conn) -> Result<(), Error> {
        sqlx::query(
            "UPDATE rooms SET last_seq = $2, member_count = $3, changed_at = $4 WHERE id = $1",
        )
        .bind(self.room.id.0)
        .bind(self.room.last_seq)
        .bind(self.room.member_count)
        .bind(self.at.as_micros())
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// What discovery searches.
pub(super) fn search_key(name: &str, slug: Option<&str>, description: &str) -> String {
    let slug = slug.unwrap_or_default();
    text::search_key(&format!("{name}\n{slug}\n{description}"))
}
