//! What holds for every input: decoders never panic, encoders are undone by decoders, normal forms are stable.

use chapar_shared::envelope::{Channel, Envelope, Ephemeral, RoomChange};
use chapar_shared::protocol::{Event, EventBody, EventType, ServerFrame, Typing, command};
use chapar_shared::text::{
    content, email, file_name, identity, is_username_char, label, mentions, room_name, search_key,
    slug, slug_from, username,
};
use chapar_shared::{Language, MessageId, RoomId, Timestamp, UserId, duration};
use proptest::prelude::*;
use serde_json::value::RawValue;

/// Text of every script, rich in what is special here: Persian and Arabic letters, marks, digits, joiners,
/// compatibility forms, letters whose case folding is not one letter.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        "آأإئؤيىكةۀهی‌ـًِّ٣۳ـ﷼ﷺﻼﻲ ﬁßẞİıŉΐΰσςǅ㎏½²Ⅷ①٪@.+-_ \u{a0}\u{2003}\u{200b}\u{200d}\u{202e}\u{fe0f}\u{34f}\u{345}\u{130}\u{1d2c}\u{3164}\u{1160}가각\0\n\t\"\\/#😀👩‍👩‍👧e\u{301}\u{1f1ee}"
            .chars()
            .collect::<Vec<_>>(),
    );
    let piece = prop_oneof![3 => special, 2 => any::<char>(), 1 => prop::char::range('0', 'z')];
    prop::collection::vec(piece, 0..24).prop_map(|chars| chars.into_iter().collect())
}

/// A client's frame with any of the protocol's fields, of any type.
fn frame_text() -> impl Strategy<Value = String> {
    let op = prop::sample::select(vec![
        "hello", "send", "edit", "delete", "react", "unreact", "read", "typing", "watch", "auth",
        "ping", "x", "",
    ]);
    let field = prop::sample::select(vec![
        "id", "room", "content", "message", "emoji", "users", "token", "since", "epoch", "typing",
        "nonce", "op",
    ]);
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("JSON has no others", |n| n.is_finite())
            .prop_map(|n| n.to_string()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
        prop::sample::select(vec![
            "null",
            "true",
            "[]",
            "{}",
            "[1,2]",
            "{\"1\":2}",
            "{\"x\":2}",
            "[",
            "1e999"
        ])
        .prop_map(str::to_owned),
    ];
    (op, prop::collection::vec((field, value), 0..6)).prop_map(|(op, fields)| {
        let fields = fields
            .iter()
            .map(|(field, value)| format!(",\"{field}\":{value}"));
        format!("{{\"op\":\"{op}\"{}}}", fields.collect::<String>())
    })
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(serde_json::to_string(text).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_decoder_panic(text in text()) {
        drop(command::parse(&text));
        drop(serde_json::from_str::<Event>(&text));
        drop(serde_json::from_str::<ServerFrame>(&text));
        drop(Envelope::decode(text.as_bytes()));
        Channel::parse("chapar", &text);
        drop(duration::parse(&text));
        Language::from_accept(&text);
        drop(serde_json::from_value::<Timestamp>(text.into()));
    }

    #[test]
    fn no_frame_makes_the_parser_panic_and_its_errors_name_no_content(text in frame_text()) {
        if let Err(error) = command::parse(&text) {
            let told = error.to_string();
            prop_assert!(told.is_ascii() && told.len() < 100, "{told}");
        }
    }

    #[test]
    fn a_frame_that_reads_keeps_its_id(id in any::<i64>(), word in "[a-zآ-ی]{0,20}") {
        let (read, _) = command::parse(&format!("{{\"op\":\"ping\",\"id\":{id}}}")).unwrap();
        prop_assert_eq!(read, Some(command::CommandId::Number(id)));
        let (read, _) = command::parse(&format!("{{\"op\":\"ping\",\"id\":\"{word}\"}}")).unwrap();
        prop_assert_eq!(read, Some(command::CommandId::Text(word)));
    }

    #[test]
    fn channels_read_back(id in any::<i64>(), node in any::<u64>(), prefix in "[a-z:{}]{0,8}") {
        let channels = [
            Channel::Room(RoomId(id)),
            Channel::User(UserId(id)),
            Channel::Presence(UserId(id)),
            Channel::Node(node),
        ];
        for channel in channels {
            prop_assert_eq!(Channel::parse(&prefix, &channel.name(&prefix)), Some(channel));
        }
    }

    #[test]
    fn envelopes_read_back(room in any::<i64>(), seq in any::<i64>(), text in text(), user: bool) {
        let change = Envelope::Change(RoomChange {
            room: RoomId(room),
            seq,
            kind: EventType::MessageEdited,
            message: user.then_some(MessageId(seq)),
            actor: None,
            at: Timestamp::from_micros(room >> 12),
            trace: None,
            frame: raw(&text),
        });
        let ephemeral = Envelope::Ephemeral(Ephemeral {
            room: RoomId(room),
            except: user.then_some(UserId(seq)),
            actor: None,
            frame: raw(&text),
        });
        for envelope in [change, ephemeral, Envelope::Head { room: RoomId(room), seq }] {
            let bytes = envelope.encode();
            prop_assert_eq!(Envelope::decode(&bytes).unwrap().encode(), bytes);
        }
    }

    #[test]
    fn events_read_back(room in any::<i64>(), user in any::<i64>(), typing: bool) {
        let event = Event::ephemeral(RoomId(room), EventBody::Typing(Typing { user: UserId(user), typing }));
        prop_assert_eq!(serde_json::from_str::<Event>(&event.encode()).unwrap(), event);
    }

    #[test]
    fn times_read_back_and_sort_as_texts(a in 0..253_402_300_799_999_999_i64, b in 0..253_402_300_799_999_999_i64) {
        let (a, b) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
        let text = serde_json::to_string(&a).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), a);
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn normal_forms_are_stable(text in text()) {
        prop_assert_eq!(identity(&identity(&text)), identity(&text));
        prop_assert_eq!(search_key(&search_key(&text)), search_key(&text));
        prop_assert_eq!(search_key(&identity(&text)), search_key(&text));
    }

    #[test]
    fn a_generated_slug_is_a_slug(text in text(), max in 16_usize..100) {
        let made = slug_from(&text, max);
        prop_assert_eq!(slug(&made, max), Ok(made.clone()), "of {:?}", text);
        let numbered = format!("{made}-123");
        prop_assert_eq!(slug(&numbered, max), Ok(numbered.clone()));
    }

    #[test]
    fn an_accepted_slug_is_stored_as_it_is_accepted(text in text()) {
        if let Ok(accepted) = slug(&text, 100) {
            prop_assert_eq!(slug(&accepted, 100), Ok(accepted.clone()));
            prop_assert!(!accepted.chars().any(char::is_whitespace));
        }
    }

    #[test]
    fn an_accepted_username_stays_accepted_and_has_an_identity(text in text()) {
        if let Ok(name) = username(&text, 64) {
            prop_assert_eq!(username(&name, 64), Ok(name.clone()));
            prop_assert!(!identity(&name).is_empty());
            prop_assert_eq!(identity(&name), identity(&text));
            prop_assert!(identity(&name).chars().all(is_username_char), "{:?}", identity(&name));
        }
    }

    #[test]
    fn an_accepted_username_can_be_mentioned(text in text()) {
        if let Ok(name) = username(&text, 64) && !name.contains('@') {
            let found = mentions(&format!("به @{name} بگو"));
            prop_assert!(found[0].contains(&identity(&name)), "{:?} in {:?}", name, found);
        }
    }

    #[test]
    fn an_accepted_email_stays_accepted(text in text(), host in "[a-z]{1,5}\\.[a-z]{2,3}") {
        if let Ok(address) = email(&format!("{text}@{host}")) {
            prop_assert_eq!(email(&address), Ok(address.clone()));
        }
    }

    #[test]
    fn accepted_labels_and_contents_are_trimmed_and_stable(text in text()) {
        if let Ok(label_) = label(&text, 100) {
            prop_assert_eq!(label(&label_, 100), Ok(label_.clone()));
        }
        if let Ok(name) = room_name(&text, 100) {
            prop_assert!(!name.contains('\n'));
        }
        if let Ok(kept) = content(&text, 4000, true) {
            prop_assert_eq!(content(&kept, 4000, true), Ok(kept.clone()));
            prop_assert_eq!(kept.trim(), kept.as_str());
            prop_assert!(!kept.contains('\0'));
        }
    }

    #[test]
    fn file_names_are_safe_and_stable(text in text()) {
        let name = file_name(&text);
        prop_assert!(!name.is_empty() && name.chars().count() <= 150);
        prop_assert!(!name.contains(['/', '\\', '"', '\n', '\r', '\0']) && !name.starts_with('.'));
        prop_assert_eq!(file_name(&name), name.clone());
    }

    #[test]
    fn mentions_never_panic_and_are_bounded(text in text()) {
        let found = mentions(&text);
        prop_assert!(found.len() <= 20);
        prop_assert!(found.iter().flatten().all(|name| !name.is_empty()));
    }
}
