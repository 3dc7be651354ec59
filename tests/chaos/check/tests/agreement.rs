//! What is answered, told and stored differently, and how long things take.

use super::*;

#[test]
fn an_acknowledgement_with_another_position_is_found() {
    let mut story = Story::of_three();
    for message in &mut story.truth.messages {
        if message.id == MessageId(4) {
            message.seq = 3;
        }
    }
    let found = story.check().violations;
    assert!(found.contains(&Violation::Moved {
        room: ROOM,
        message: MessageId(4),
        acknowledged: 4,
        stored: 3,
    }));
}

#[test]
fn clients_that_saw_different_things_are_found() {
    let mut story = Story::of_three();
    story.say(5).deliver(0, 5);
    let mut other = message(5, 5);
    other.content = "another text".to_owned();
    story.deliver_as(1, 5, Change::Created(Box::new(other)));
    let disagreement = Violation::Disagreement {
        room: ROOM,
        seq: 5,
        clients: [0, 1],
    };
    let other = Violation::OtherThanRest {
        client: 1,
        room: ROOM,
        message: MessageId(5),
    };
    story.assert_broken(&[disagreement, other]);
}

#[test]
fn a_history_that_tells_another_text_than_the_events_is_found() {
    let mut story = Story::of_three();
    story.truth.messages[0].content = "another text".to_owned();
    let other = |client| Violation::OtherThanRest {
        client,
        room: ROOM,
        message: MessageId(2),
    };
    story.assert_broken(&[other(0), other(1)]);
}

#[test]
fn a_delivered_message_that_is_not_in_the_history_is_found() {
    let mut story = Story::of_three();
    story.deliver(0, 5).deliver(1, 5);
    let found = story.check().violations;
    let count = |is_it: fn(&Violation) -> bool| found.iter().filter(|one| is_it(one)).count();
    assert_eq!(count(|one| matches!(one, Violation::Ahead { .. })), 2);
    assert_eq!(
        count(|one| matches!(one, Violation::OtherThanRest { .. })),
        2
    );
}

#[test]
fn a_send_without_an_answer_is_found() {
    let mut story = Story::of_three();
    story.send("x");
    story.assert_broken(&[Violation::Unanswered {
        client: 0,
        room: ROOM,
        nonce: "x".to_owned(),
    }]);
}

#[test]
fn a_refused_send_is_answered_and_must_not_be_stored() {
    let mut story = Story::of_three();
    story.send("x").add(0, What::Refused { nonce: "x".into() });
    story.assert_whole();
    story.truth.messages[2].nonce = Some("x".to_owned());
    let stored = Violation::StoredThoughRefused {
        room: ROOM,
        message: MessageId(4),
    };
    assert!(story.check().violations.contains(&stored));
}

#[test]
fn a_broken_protocol_is_found() {
    let mut story = Story::of_three();
    let how = "closed with 4000".to_owned();
    story.add(1, What::Broke(how.clone()));
    story.assert_broken(&[Violation::Protocol { client: 1, how }]);
}

#[test]
fn silence_lasts_from_the_acknowledgement_to_the_last_client() {
    let mut story = Story::of_three();
    story.say(5).deliver(0, 5);
    story.add(1, What::Told { after_ms: 0 });
    story.deliver(1, 5);
    assert_eq!(story.check().silence, Duration::from_millis(300));
    // A client that was away is owed nothing before it is back.
    let mut story = Story::begin();
    story.say(2).deliver(0, 2);
    story.add(1, What::Closed { code: 1006 });
    story.add(1, What::Told { after_ms: 0 });
    story.open(1, 2).deliver(1, 2);
    // Twice a step before it was away, and one after.
    assert_eq!(story.check().silence, Duration::from_millis(300));
    // A node that says nothing is silent until the client is elsewhere.
    let mut story = Story::begin();
    story.say(2).deliver(0, 2);
    for _ in 0..20 {
        story.add(1, What::Told { after_ms: 0 });
    }
    story.add(1, What::Closed { code: 4012 });
    story.open(1, 2).deliver(1, 2);
    assert_eq!(story.check().silence, Duration::from_millis(2300));
}

#[test]
fn the_percentile_is_of_deliveries_to_others_in_the_period() {
    let mut story = Story::begin();
    for seq in 2..=101 {
        story.say(seq).deliver(0, seq).deliver(1, seq);
    }
    let ms = Duration::from_millis;
    let all = ms(0)..ms(1_000_000);
    assert_eq!(percentile_99(&story.entries, &all), Some(ms(300)));
    assert_eq!(percentile_99(&story.entries, &(ms(0)..ms(1))), None);
}
