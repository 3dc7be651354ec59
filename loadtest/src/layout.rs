//! Who is in which room, and who says what: plain arithmetic that generator, stub and seeded database share.
//!
//! Users and rooms are numbered from 1. The first users listen, one socket each; the last ones send, one for
//! each stream. Stream `s` belongs to room `s mod rooms + 1`.

/// A population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Users that listen.
    pub listeners: usize,
    /// Rooms.
    pub rooms: usize,
    /// How many rooms a listener is in.
    pub follows: usize,
    /// Senders of each room; 0 where messages come from elsewhere, as one stream a room.
    pub senders: usize,
}

impl Layout {
    /// Rooms of so many listeners, each in one.
    pub fn rooms_of(rooms: usize, members: usize) -> Self {
        Self {
            listeners: rooms * members,
            rooms,
            follows: 1,
            senders: 0,
        }
    }

    /// With that many senders in each room.
    #[must_use]
    pub fn with_senders(mut self, senders: usize) -> Self {
        self.senders = senders;
        self
    }

    /// All users.
    pub fn users(&self) -> usize {
        self.listeners + self.rooms * self.senders
    }

    /// All streams.
    pub fn streams(&self) -> usize {
        self.rooms * self.senders.max(1)
    }

    /// Whether a user listens.
    pub fn is_listener(&self, user: usize) -> bool {
        (1..=self.listeners).contains(&user)
    }

    /// The user who says a stream, where users do.
    pub fn sender(&self, stream: usize) -> usize {
        self.listeners + 1 + stream
    }

    /// The room of a stream.
    pub fn room_of(&self, stream: usize) -> usize {
        stream % self.rooms + 1
    }

    /// The streams of a room.
    pub fn streams_of(&self, room: usize) -> impl Iterator<Item = usize> {
        (room - 1..self.streams()).step_by(self.rooms)
    }

    /// The rooms of a user.
    pub fn rooms_of_user(&self, user: usize) -> Vec<usize> {
        if self.is_listener(user) {
            let place = |at: usize| ((user - 1) * self.follows + at) % self.rooms + 1;
            (0..self.follows.min(self.rooms)).map(place).collect()
        } else {
            vec![self.room_of(user - self.listeners - 1)]
        }
    }

    /// How many listen in each room.
    pub fn listeners_by_room(&self) -> Vec<u32> {
        let mut counts = vec![0; self.rooms];
        for user in 1..=self.listeners {
            for room in self.rooms_of_user(user) {
                counts[room - 1] += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_spread_evenly_and_senders_follow_them() {
        let layout = Layout::rooms_of(3, 4).with_senders(2);
        assert_eq!((layout.users(), layout.streams()), (18, 6));
        assert_eq!(layout.listeners_by_room(), [4, 4, 4]);
        assert_eq!(layout.streams_of(2).collect::<Vec<_>>(), [1, 4]);
        for stream in 0..layout.streams() {
            let sender = layout.sender(stream);
            assert!(!layout.is_listener(sender));
            assert_eq!(layout.rooms_of_user(sender), [layout.room_of(stream)]);
        }
    }

    #[test]
    fn a_listener_of_several_rooms_is_in_each_once() {
        let layout = Layout {
            listeners: 20,
            rooms: 10,
            follows: 3,
            senders: 0,
        };
        assert_eq!(layout.listeners_by_room(), [6; 10]);
        let narrow = Layout {
            follows: 50,
            ..layout
        };
        assert_eq!(narrow.listeners_by_room(), [20; 10]);
    }
}
