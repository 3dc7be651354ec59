//! Random histories: a client that knows the state at any position and applies the changes since then has
//! the state that there is.

use std::collections::BTreeMap;

use chapar_api::store::messages::{Around, MessageChange};
use chapar_api::store::rooms::RoomChange;
use chapar_api::store::{MessageRecord, RoomRecord, Subject};
use chapar_shared::protocol::EventType;
use chapar_shared::protocol::objects::Role;
use chapar_shared::{MessageId, RoomId, Seq, UserId};

use crate::world::World;

const STEPS: usize = 50;
const SEEDS: u64 = 3;

/// What a client knows of a room.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    messages: BTreeMap<MessageId, MessageRecord>,
    members: BTreeMap<UserId, Role>,
    name: String,
}

impl Known {
    async fn read(world: &World, room: RoomId) -> Self {
        let page = world.store.history(room, UserId(0), Around::Latest, 1000);
        let messages = page.await.unwrap().items.into_iter();
        let sight = world.store.room(room, UserId(0)).await.unwrap().unwrap();
        Self {
            messages: messages.map(|message| (message.id, message)).collect(),
            members: world.members(room).await.into_iter().collect(),
            name: sight.room.name,
        }
    }

    /// Applies everything since a position, a page at a time.
    async fn follow(&mut self, world: &World, room: &RoomRecord, since: Seq, limit: u32) {
        let mut position = since;
        loop {
            let page = world
                .store
                .changes(room.id, position, Some(since), limit)
                .await;
            let page = page.unwrap().unwrap();
            assert!(page.items.len() <= limit as usize);
            assert!(page.items.is_sorted_by(|one, two| one.seq < two.seq));
            for change in &page.items {
                assert!(change.seq > position && change.seq <= page.next);
                self.apply(change.kind, &change.subject, since);
            }
            assert_eq!(page.has_more, page.next < page.head);
            position = page.next;
            if !page.has_more {
                return;
            }
            assert_eq!(page.items.last().unwrap().seq, page.next);
        }
    }

    fn apply(&mut self, kind: EventType, subject: &Subject, since: Seq) {
        match subject {
            Subject::Message(message, reaction) => {
                assert_eq!(*reaction, None);
                assert_eq!(
                    kind == EventType::MessageDeleted,
                    message.deleted_at.is_some()
                );
                if message.deleted_at.is_none() {
                    assert_eq!(kind == EventType::MessageCreated, message.seq > since);
                    // Nobody is told of an edit or a reaction of what they were never shown.
                    assert!(
                        kind == EventType::MessageCreated
                            || self.messages.contains_key(&message.id)
                    );
                }
                self.messages.insert(message.id, (**message).clone());
            }
            Subject::Member(person, role) => {
                if kind == EventType::MemberLeft {
                    self.members.remove(&person.id);
                } else {
                    self.members.insert(person.id, *role);
                }
            }
            Subject::Room(room) => room.name.clone_into(&mut self.name),
        }
    }
}

/// The generator `SplitMix64`: the same histories in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }
}

pub(crate) async fn changes_since_any_position_lead_to_the_same_state(world: World) {
    let users = world.users(["علی", "سارا", "رضا", "مریم"]).await;
    for seed in 0..SEEDS {
        let room = world
            .room(&format!("room {seed}"), users[0], &[users[1]])
            .await;
        let mut dice = Dice(seed);
        let mut moments = vec![(
            0,
            Known {
                name: room.name.clone(),
                ..Known::default()
            },
        )];
        let mut sent: Vec<MessageId> = Vec::new();
        moments.push((
            world.head(room.id).await,
            Known::read(&world, room.id).await,
        ));
        for step in 0..STEPS {
            act(&world, room.id, &users, &mut dice, &mut sent, step).await;
            moments.push((
                world.head(room.id).await,
                Known::read(&world, room.id).await,
            ));
        }
        let (_, last) = moments.last().unwrap().clone();
        for (since, mut known) in moments {
            known
                .follow(
                    &world,
                    &room,
                    since,
                    1 + u32::try_from(dice.roll(9)).unwrap(),
                )
                .await;
            assert_eq!(known, last, "seed {seed}, since {since}");
        }
    }
}

async fn act(
    world: &World,
    room: RoomId,
    users: &[UserId],
    dice: &mut Dice,
    sent: &mut Vec<MessageId>,
    step: usize,
) {
    let owner = users[0];
    let other = users[1 + dice.roll(users.len() - 1)];
    let action = dice.roll(10);
    if sent.is_empty() || action < 3 {
        sent.push(world.send(room, owner, &format!("پیام {step}")).await.id);
        return;
    }
    let message = sent[dice.roll(sent.len())];
    let change = match action {
        3 => Some(MessageChange::Edit {
            content: format!("ویرایش {step}"),
        }),
        4 => Some(MessageChange::Delete),
        5 | 6 => Some(MessageChange::React {
            emoji: ["👍", "❤️"][dice.roll(2)].to_owned(),
            added: dice.roll(3) > 0,
        }),
        _ => None,
    };
    if let Some(change) = change {
        world.change_message(room, message, other, change).await;
        return;
    }
    let change = match action {
        7 => RoomChange::Add {
            role: Role::Member,
            is_invitation: true,
        },
        8 if dice.roll(2) == 0 => RoomChange::Remove { successor: None },
        8 => RoomChange::SetRole([Role::Member, Role::Admin][dice.roll(2)]),
        _ if dice.roll(4) == 0 => RoomChange::Ban,
        _ => RoomChange::Patch {
            name: Some(format!("نام {step} {}", room.0)),
            slug: None,
            description: None,
        },
    };
    world.change(room, owner, Some(other), change).await;
}
