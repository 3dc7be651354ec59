//! The bounded queue behind [`crate::Broker::deliveries`]: what does not fit becomes one [`Delivery::Gap`].

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::Delivery;

/// The sending side. It keeps one slot for a gap: when a message does not fit the gap takes that slot, and no
/// message is queued again before the slot is won back. So a gap always stands behind the last message that
/// arrived and before the next one.
#[derive(Debug)]
pub(crate) struct DeliveryQueue {
    sender: mpsc::Sender<Delivery>,
    reserved: Mutex<Option<mpsc::OwnedPermit<Delivery>>>,
    receiver: Mutex<Option<mpsc::Receiver<Delivery>>>,
}

impl DeliveryQueue {
    /// A queue of `capacity` messages and a gap.
    pub(crate) fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1) + 1);
        Self {
            reserved: Mutex::new(sender.clone().try_reserve_owned().ok()),
            receiver: Mutex::new(Some(receiver)),
            sender,
        }
    }

    /// The receiving side, once.
    pub(crate) fn take_receiver(&self) -> mpsc::Receiver<Delivery> {
        self.receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .expect("deliveries has one reader, which asks for them once")
    }

    /// Queues a delivery. False if it was lost, which a queued gap then says.
    pub(crate) fn push(&self, delivery: Delivery) -> bool {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        if reserved.is_none() {
            *reserved = self.sender.clone().try_reserve_owned().ok();
            if reserved.is_none() {
                return delivery == Delivery::Gap; // the queued gap is still unread and covers this too
            }
        }
        match self.sender.try_send(delivery) {
            // With nobody to read, nothing is missed.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(delivery)) => {
                if let Some(permit) = reserved.take() {
                    permit.send(Delivery::Gap);
                }
                delivery == Delivery::Gap
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chapar_shared::RoomId;
    use chapar_shared::envelope::Channel;

    use super::*;

    fn message(number: u8) -> Delivery {
        Delivery::Message(Channel::Room(RoomId(1)), Bytes::from(vec![number]))
    }

    #[test]
    fn a_gap_stands_between_what_fitted_and_what_came_later() {
        let queue = DeliveryQueue::new(2);
        let mut receiver = queue.take_receiver();
        assert!(queue.push(message(1)) && queue.push(message(2)));
        for number in 3..10 {
            assert!(!queue.push(message(number)));
        }
        assert_eq!(receiver.try_recv().unwrap(), message(1));
        assert!(!queue.push(message(10))); // the free slot is the next gap's
        for expected in [message(2), Delivery::Gap, Delivery::Gap] {
            assert_eq!(receiver.try_recv().unwrap(), expected);
        }
        assert!(queue.push(message(11)) && queue.push(message(12)));
        assert_eq!(receiver.try_recv().unwrap(), message(11));
    }

    #[test]
    fn gaps_are_never_lost() {
        let queue = DeliveryQueue::new(1);
        let mut receiver = queue.take_receiver();
        for _ in 0..5 {
            assert!(queue.push(Delivery::Gap));
        }
        assert_eq!(receiver.try_recv().unwrap(), Delivery::Gap);
    }
}
