//! What comes twice, and what comes in the wrong order.

use super::*;

#[test]
fn a_nonce_stored_twice_is_found() {
    let mut story = Story::of_three();
    story.say(5).deliver(0, 5).deliver(1, 5);
    for message in &mut story.truth.messages {
        if message.id == MessageId(5) {
            message.nonce = Some(nonce(4));
        }
    }
    let found = story.check().violations;
    let twice = Violation::TwoMessages {
        room: ROOM,
        nonce: nonce(4),
        messages: vec![MessageId(4), MessageId(5)],
    };
    assert!(found.contains(&twice), "{found:?}");
}

#[test]
fn a_nonce_acknowledged_as_two_messages_is_found() {
    let mut story = Story::of_three();
    story.send(&nonce(2)).acknowledge(&nonce(2), 3, 3);
    story.assert_broken(&[Violation::TwoMessages {
        room: ROOM,
        nonce: nonce(2),
        messages: vec![MessageId(2), MessageId(3)],
    }]);
}

#[test]
fn a_repeated_acknowledgement_is_none_too_many() {
    let mut story = Story::of_three();
    story.send(&nonce(2)).acknowledge(&nonce(2), 2, 2);
    assert_eq!(story.assert_whole().messages, 3);
}

#[test]
fn a_position_that_comes_again_after_a_reconnect_is_found() {
    let mut story = Story::of_three();
    story.open(1, 4).deliver(1, 4);
    let found = story.check();
    assert!(found.violations.contains(&Violation::DeliveredTwice {
        client: 1,
        room: ROOM,
        seq: 4,
    }));
    assert_eq!(found.count(Kind::Duplicated), found.violations.len());
}

#[test]
fn a_message_told_as_new_twice_is_found() {
    let mut story = Story::of_three();
    story.change(3, 5).deliver_change(0, 3, 5);
    story.deliver_as(1, 5, Change::Created(Box::new(message(3, 5))));
    story.assert_broken(&[Violation::CreatedTwice {
        client: 1,
        room: ROOM,
        message: MessageId(3),
    }]);
}

#[test]
fn positions_out_of_order_are_found() {
    let mut story = Story::of_three();
    story.say(5).say(6).deliver(0, 5).deliver(0, 6);
    story.deliver(1, 6).deliver(1, 5);
    assert!(story.check().violations.contains(&Violation::OutOfOrder {
        client: 1,
        room: ROOM,
        seq: 5,
        after: 6,
    }));
}

/// Two sends whose messages stand the other way round.
fn turned_round(is_put_off: bool) -> Story {
    let mut story = Story::of_three();
    story.send("a").send("b");
    if is_put_off {
        story.add(0, What::Deferred { nonce: "a".into() });
    }
    story.acknowledge("b", 5, 5).acknowledge("a", 6, 6);
    for (seq, nonce) in [(5, "b"), (6, "a")] {
        let mut message = message(seq, seq);
        message.nonce = Some(nonce.to_owned());
        story.truth.messages.push(message.clone());
        story.truth.seq = seq;
        for client in 0..2 {
            story.deliver_as(client, seq, Change::Created(Box::new(message.clone())));
        }
    }
    story
}

#[test]
fn sends_in_another_order_than_they_were_sent_are_found() {
    turned_round(false).assert_broken(&[Violation::SentOrder {
        client: 0,
        room: ROOM,
        first: ("a".to_owned(), 6),
        second: ("b".to_owned(), 5),
    }]);
}

#[test]
fn a_send_that_was_put_off_may_stand_later() {
    turned_round(true).assert_whole();
}
