//! The protocol's table, cell by cell.

use chapar_shared::protocol::objects::{Role, RoomKind};
use chapar_shared::{AttachmentId, Code, Limits, MessageId, RoomId, Timestamp, UserId};

use super::*;
use crate::store::messages::{MessageChange, MessageFacts};
use crate::store::{FileRecord, Membership, MessageRecord, Person, ReactionRecord, RoomRecord};

const ACTOR: UserId = UserId(1);
const TARGET: UserId = UserId(2);

/// Who acts, as the table's columns have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Owner,
    Admin,
    Member,
    Outside,
    Banned,
}

use Who::{Admin, Banned, Member, Outside, Owner};

const ALL: [Who; 5] = [Owner, Admin, Member, Outside, Banned];

fn standing(user: UserId, who: Who) -> Standing {
    Standing {
        user,
        exists: true,
        role: match who {
            Owner => Some(Role::Owner),
            Admin => Some(Role::Admin),
            Member => Some(Role::Member),
            Outside | Banned => None,
        },
        is_banned: who == Banned,
        rooms: 3,
    }
}

fn room(kind: RoomKind) -> RoomRecord {
    RoomRecord {
        id: RoomId(7),
        kind,
        name: "گفتگو".to_owned(),
        slug: Some("گفتگو".to_owned()),
        description: String::new(),
        last_seq: 9,
        last_number: 4,
        member_count: 5,
        created_at: Timestamp::default(),
        active_at: Timestamp::default(),
        is_deleted: false,
    }
}

fn facts(kind: RoomKind, actor: Who, target: Option<Who>) -> RoomFacts {
    RoomFacts {
        room: room(kind),
        actor: standing(ACTOR, actor),
        target: target.map(|who| standing(TARGET, who)),
        successor: Some(TARGET),
        is_last_owner: false,
    }
}

/// Facts of an actor who acts upon themselves.
fn own(kind: RoomKind, actor: Who) -> RoomFacts {
    RoomFacts {
        target: Some(standing(ACTOR, actor)),
        is_last_owner: actor == Owner,
        ..facts(kind, actor, None)
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Problem>) -> Code {
    result.unwrap_err().code
}

/// What somebody who is not in the room is told.
fn outside(kind: RoomKind, who: Who) -> Option<Code> {
    match (who, kind) {
        (Owner | Admin | Member, _) => None,
        (Outside, RoomKind::Public) => Some(Code::NotAMember),
        (Banned, RoomKind::Public) => Some(Code::Banned),
        (Outside | Banned, _) => Some(Code::RoomNotFound),
    }
}

/// Asserts of every column of a row: refused outside, refused below `least`, `done` from there on.
fn row(least: Role, done: &RoomChange, act: impl Fn(Who, RoomKind) -> Result<RoomChange, Problem>) {
    for kind in [RoomKind::Public, RoomKind::Private, RoomKind::Direct] {
        for who in ALL {
            let result = act(who, kind);
            let role = standing(ACTOR, who).role;
            let expected = match outside(kind, who) {
                Some(code) => Err(code),
                None if kind == RoomKind::Direct => Err(Code::DirectRoom),
                None if role < Some(least) => Err(Code::Forbidden),
                None => Ok(done.clone()),
            };
            assert_eq!(result.map_err(|it| it.code), expected, "{who:?} {kind:?}");
        }
    }
}

fn sight(kind: RoomKind, who: Who) -> RoomSight {
    let standing = standing(ACTOR, who);
    RoomSight {
        room: room(kind),
        me: standing.role.map(|role| Membership {
            role,
            read_number: 0,
            is_muted: false,
        }),
        is_banned: standing.is_banned,
        peer: None,
    }
}

#[test]
fn public_rooms_are_read_by_all_but_the_banned_and_others_by_members() {
    for who in ALL {
        let is_in = matches!(who, Owner | Admin | Member);
        assert_eq!(read(&sight(RoomKind::Private, who)).is_ok(), is_in);
        assert_eq!(read(&sight(RoomKind::Direct, who)).is_ok(), is_in);
        assert_eq!(read(&sight(RoomKind::Public, who)).is_ok(), who != Banned);
    }
    let banned = |kind| code(read(&sight(kind, Banned)));
    assert_eq!(banned(RoomKind::Public), Code::Banned);
    assert_eq!(banned(RoomKind::Private), Code::RoomNotFound);
}

#[test]
fn members_send_and_mark_read() {
    for kind in [RoomKind::Public, RoomKind::Private, RoomKind::Direct] {
        for who in ALL {
            let room = room(kind);
            let send_facts = SendFacts {
                room: Some(&room),
                sender: standing(ACTOR, who),
                has_reply_target: true,
                has_attachments: true,
            };
            let expected = outside(kind, who).map_or(Ok(()), Err);
            assert_eq!(send(&send_facts).map_err(|it| it.code), expected);
            let marked = mark_read(&facts(kind, who, None));
            assert_eq!(marked.map_err(|it| it.code), expected);
        }
    }
}

#[test]
fn a_send_names_what_is_there() {
    let room = room(RoomKind::Public);
    let good = SendFacts {
        room: Some(&room),
        sender: standing(ACTOR, Member),
        has_reply_target: true,
        has_attachments: true,
    };
    let no_room = SendFacts {
        room: None,
        ..good.clone()
    };
    assert_eq!(code(send(&no_room)), Code::RoomNotFound);
    let no_target = SendFacts {
        has_reply_target: false,
        ..good.clone()
    };
    let errors = send(&no_target).unwrap_err().errors;
    assert_eq!(errors["reply_to"], [Violation::Unknown]);
    let no_files = SendFacts {
        has_attachments: false,
        ..good
    };
    let errors = send(&no_files).unwrap_err().errors;
    assert_eq!(errors["attachments"], [Violation::Unknown]);
}

#[test]
fn joining_is_for_public_rooms_and_not_for_the_banned() {
    let limits = Limits::default();
    let join = |kind, who| put_member(&own(kind, who), None, &limits);
    let add = RoomChange::Add {
        role: Role::Member,
        is_invitation: false,
    };
    assert_eq!(join(RoomKind::Public, Outside).unwrap(), add);
    assert_eq!(code(join(RoomKind::Public, Banned)), Code::Banned);
    for kind in [RoomKind::Private, RoomKind::Direct] {
        assert_eq!(code(join(kind, Outside)), Code::RoomNotFound);
        assert_eq!(code(join(kind, Banned)), Code::RoomNotFound);
    }
    for who in [Owner, Admin, Member] {
        assert_eq!(join(RoomKind::Public, who).unwrap(), RoomChange::Nothing);
    }
    let as_owner = put_member(&own(RoomKind::Public, Outside), Some(Role::Owner), &limits);
    assert_eq!(code(as_owner), Code::Forbidden);
}

#[test]
fn admins_add_members_and_owners_add_admins() {
    let limits = Limits::default();
    let add = |role| RoomChange::Add {
        role,
        is_invitation: true,
    };
    row(Role::Admin, &add(Role::Member), |who, kind| {
        put_member(&facts(kind, who, Some(Outside)), None, &limits)
    });
    row(Role::Owner, &add(Role::Admin), |who, kind| {
        put_member(&facts(kind, who, Some(Outside)), Some(Role::Admin), &limits)
    });
    let mut nobody = facts(RoomKind::Private, Owner, Some(Outside));
    nobody.target.as_mut().unwrap().exists = false;
    assert_eq!(code(put_member(&nobody, None, &limits)), Code::UserNotFound);
    let banned = facts(RoomKind::Private, Owner, Some(Banned));
    assert_eq!(code(put_member(&banned, None, &limits)), Code::Forbidden);
}

#[test]
fn owners_set_roles_and_one_owner_stays() {
    let limits = Limits::default();
    row(
        Role::Owner,
        &RoomChange::SetRole(Role::Admin),
        |who, kind| put_member(&facts(kind, who, Some(Member)), Some(Role::Admin), &limits),
    );
    row(Role::Member, &RoomChange::Nothing, |who, kind| {
        put_member(&facts(kind, who, Some(Member)), Some(Role::Member), &limits)
    });
    let down = put_member(&own(RoomKind::Private, Owner), Some(Role::Member), &limits);
    assert_eq!(code(down), Code::Forbidden);
    let one_of_two = RoomFacts {
        is_last_owner: false,
        ..own(RoomKind::Private, Owner)
    };
    let down = put_member(&one_of_two, Some(Role::Member), &limits);
    assert_eq!(down.unwrap(), RoomChange::SetRole(Role::Member));
    for who in [Admin, Member] {
        let up = put_member(&own(RoomKind::Private, who), Some(Role::Owner), &limits);
        assert_eq!(code(up), Code::Forbidden);
    }
}

#[test]
fn rooms_and_users_have_bounds() {
    let limits = Limits::default();
    let put = |facts: &RoomFacts| put_member(facts, None, &limits).unwrap_err();
    for (kind, max) in [(RoomKind::Public, 100_000), (RoomKind::Private, 10_000)] {
        let mut full = facts(kind, Owner, Some(Outside));
        full.room.member_count = max;
        let problem = put(&full);
        assert_eq!(problem.code, Code::TooManyMembers);
        assert_eq!(problem.limit, Some(max.unsigned_abs()));
    }
    let mut busy = facts(RoomKind::Private, Owner, Some(Outside));
    busy.target.as_mut().unwrap().rooms = 1000;
    assert_eq!(put(&busy).code, Code::TooManyRooms);
    let mut joining = own(RoomKind::Public, Outside);
    joining.actor.rooms = 1000;
    assert_eq!(put(&joining).code, Code::TooManyRooms);
}

#[test]
fn admins_remove_and_ban_but_not_the_owner() {
    let gone = RoomChange::Remove { successor: None };
    row(Role::Admin, &gone, |who, kind| {
        remove_member(&facts(kind, who, Some(Member)))
    });
    row(Role::Admin, &gone, |who, kind| {
        remove_member(&facts(kind, who, Some(Admin)))
    });
    row(Role::Owner, &gone, |who, kind| {
        remove_member(&facts(kind, who, Some(Owner)))
    });
    row(Role::Admin, &RoomChange::Nothing, |who, kind| {
        remove_member(&facts(kind, who, Some(Outside)))
    });
    for target in [Member, Admin, Outside] {
        row(Role::Admin, &RoomChange::Ban, |who, kind| {
            ban(&facts(kind, who, Some(target)))
        });
    }
    row(Role::Owner, &RoomChange::Ban, |who, kind| {
        ban(&facts(kind, who, Some(Owner)))
    });
    row(Role::Admin, &RoomChange::Nothing, |who, kind| {
        ban(&facts(kind, who, Some(Banned)))
    });
    row(Role::Admin, &RoomChange::Unban, |who, kind| {
        unban(&facts(kind, who, Some(Banned)))
    });
    row(Role::Admin, &RoomChange::Nothing, |who, kind| {
        unban(&facts(kind, who, Some(Member)))
    });
    assert_eq!(code(ban(&own(RoomKind::Public, Owner))), Code::Invalid);
    let mut nobody = facts(RoomKind::Public, Owner, Some(Outside));
    nobody.target.as_mut().unwrap().exists = false;
    assert_eq!(code(ban(&nobody)), Code::UserNotFound);
}

#[test]
fn the_last_owner_leaves_a_successor_and_the_last_member_no_room() {
    let leave = |kind, who| remove_member(&own(kind, who));
    for kind in [RoomKind::Public, RoomKind::Private] {
        let gone = RoomChange::Remove { successor: None };
        assert_eq!(leave(kind, Member).unwrap(), gone);
        assert_eq!(leave(kind, Admin).unwrap(), gone);
        let successor = Some(TARGET);
        assert_eq!(
            leave(kind, Owner).unwrap(),
            RoomChange::Remove { successor }
        );
        let mut alone = own(kind, Owner);
        alone.room.member_count = 1;
        alone.successor = None;
        assert_eq!(remove_member(&alone).unwrap(), RoomChange::Delete);
        for who in [Outside, Banned] {
            assert_eq!(Some(code(leave(kind, who))), outside(kind, who));
        }
    }
    assert_eq!(leave(RoomKind::Direct, Member).unwrap(), RoomChange::Hide);
    assert_eq!(code(leave(RoomKind::Direct, Outside)), Code::RoomNotFound);
}

#[test]
fn admins_describe_a_room_and_owners_end_it() {
    let change = Patch {
        name: Some("نام تازه".to_owned()),
        ..Patch::default()
    };
    let done = RoomChange::Patch {
        name: change.name.clone(),
        slug: None,
        description: None,
    };
    row(Role::Admin, &done, |who, kind| {
        patch(&facts(kind, who, None), &change)
    });
    let same = Patch {
        name: Some("گفتگو".to_owned()),
        slug: Some("گفتگو".to_owned()),
        description: Some(String::new()),
    };
    row(Role::Admin, &RoomChange::Nothing, |who, kind| {
        patch(&facts(kind, who, None), &same)
    });
    row(Role::Owner, &RoomChange::Delete, |who, kind| {
        delete_room(&facts(kind, who, None))
    });
    let nameless = Patch {
        name: Some(String::new()),
        ..Patch::default()
    };
    let facts = |kind| facts(kind, Owner, None);
    assert_eq!(
        code(patch(&facts(RoomKind::Public), &nameless)),
        Code::Invalid
    );
    assert!(patch(&facts(RoomKind::Private), &nameless).is_ok());
}

fn person(id: UserId) -> Person {
    Person {
        id,
        username: format!("u{id}"),
        display_name: String::new(),
        avatar: None,
        email: None,
    }
}

/// A message of the target's, or of the actor's own if they are the same.
fn message_facts(kind: RoomKind, actor: Who, author: UserId, author_is: Who) -> MessageFacts {
    MessageFacts {
        room: room(kind),
        actor: standing(ACTOR, actor),
        message: MessageRecord {
            id: MessageId(5),
            room: RoomId(7),
            seq: 3,
            changed_seq: 3,
            number: 2,
            sender: person(author).into(),
            content: "سلام".to_owned(),
            nonce: None,
            reply_to: None,
            attachments: Vec::new(),
            reactions: Vec::new(),
            created_at: Timestamp::default(),
            edited_at: None,
            deleted_at: None,
        },
        author_role: standing(author, author_is).role,
    }
}

fn deleted(mut facts: MessageFacts) -> MessageFacts {
    facts.message.deleted_at = Some(Timestamp::default());
    facts.message.content.clear();
    facts
}

#[test]
fn a_message_is_edited_by_its_author_while_a_member() {
    for kind in [RoomKind::Public, RoomKind::Private, RoomKind::Direct] {
        for who in ALL {
            let of_another = edit(&message_facts(kind, who, TARGET, Member), "x");
            let expected = outside(kind, who).unwrap_or(Code::Forbidden);
            assert_eq!(code(of_another), expected, "{who:?} {kind:?}");
            let own = edit(&message_facts(kind, who, ACTOR, who), "x");
            match outside(kind, who) {
                Some(expected) => assert_eq!(code(own), expected),
                None => assert_eq!(
                    own.unwrap(),
                    MessageChange::Edit {
                        content: "x".to_owned()
                    }
                ),
            }
        }
    }
    let own = message_facts(RoomKind::Public, Member, ACTOR, Member);
    assert_eq!(edit(&own, "سلام").unwrap(), MessageChange::Nothing);
    assert_eq!(code(edit(&own, "")), Code::Invalid);
    assert_eq!(code(edit(&deleted(own), "x")), Code::MessageNotFound);
}

#[test]
fn others_messages_are_deleted_by_admins_but_not_the_owners() {
    for kind in [RoomKind::Public, RoomKind::Private, RoomKind::Direct] {
        for who in ALL {
            let own = delete_message(&message_facts(kind, who, ACTOR, who));
            let expected = outside(kind, who).map_or(Ok(MessageChange::Delete), Err);
            assert_eq!(own.map_err(|it| it.code), expected);
            for (author, least) in [
                (Member, Role::Admin),
                (Admin, Role::Admin),
                (Outside, Role::Admin),
                (Owner, Role::Owner),
            ] {
                let facts = message_facts(kind, who, TARGET, author);
                let may = kind != RoomKind::Direct && facts.actor.role >= Some(least);
                let expected = match outside(kind, who) {
                    Some(code) => Err(code),
                    None if may => Ok(MessageChange::Delete),
                    None => Err(Code::Forbidden),
                };
                let result = delete_message(&facts).map_err(|it| it.code);
                assert_eq!(result, expected, "{who:?} of {author:?} in {kind:?}");
            }
        }
    }
    let again = deleted(message_facts(RoomKind::Public, Member, ACTOR, Member));
    assert_eq!(delete_message(&again).unwrap(), MessageChange::Nothing);
}

#[test]
fn members_react_with_a_bounded_number_of_kinds() {
    let limits = Limits::default();
    for kind in [RoomKind::Public, RoomKind::Private, RoomKind::Direct] {
        for who in ALL {
            let result = react(
                &message_facts(kind, who, TARGET, Member),
                "👍",
                true,
                &limits,
            );
            match outside(kind, who) {
                Some(expected) => assert_eq!(code(result), expected),
                None => assert!(matches!(result, Ok(MessageChange::React { .. }))),
            }
        }
    }
    let mut full = message_facts(RoomKind::Public, Member, TARGET, Member);
    assert_eq!(
        react(&full, "👍", false, &limits).unwrap(),
        MessageChange::Nothing
    );
    full.message.reactions = (0..20)
        .map(|at| ReactionRecord {
            emoji: at.to_string(),
            count: 1,
            is_mine: at == 0,
        })
        .collect();
    let refused = react(&full, "👍", true, &limits).unwrap_err();
    assert_eq!(refused.code, Code::TooManyReactions);
    assert!(matches!(
        react(&full, "1", true, &limits),
        Ok(MessageChange::React { added: true, .. })
    ));
    assert_eq!(
        react(&full, "0", true, &limits).unwrap(),
        MessageChange::Nothing
    );
    assert!(matches!(
        react(&full, "0", false, &limits),
        Ok(MessageChange::React { added: false, .. })
    ));
    assert_eq!(
        code(react(&deleted(full), "0", false, &limits)),
        Code::MessageNotFound
    );
}

#[test]
fn a_file_is_added_by_the_author() {
    let limits = Limits::default();
    let file = AttachmentId(4);
    let of_another = message_facts(RoomKind::Public, Owner, TARGET, Member);
    assert_eq!(code(attach(&of_another, file, &limits)), Code::Forbidden);
    let mut own = message_facts(RoomKind::Public, Member, ACTOR, Member);
    assert_eq!(
        attach(&own, file, &limits).unwrap(),
        MessageChange::Attach { file }
    );
    own.message.attachments = (1..=10)
        .map(|id| FileRecord {
            id: AttachmentId(id),
            owner: ACTOR,
            name: String::new(),
            content_type: String::new(),
            size: 1,
            width: None,
            height: None,
            has_thumbnail: false,
            object: String::new(),
            created_at: Timestamp::default(),
        })
        .collect();
    assert_eq!(attach(&own, file, &limits).unwrap(), MessageChange::Nothing);
    assert_eq!(code(attach(&own, AttachmentId(11), &limits)), Code::Invalid);
    assert_eq!(
        code(attach(&deleted(own), AttachmentId(11), &limits)),
        Code::MessageNotFound
    );
}
