//! Golden files: the wire as it is, one file per frame, event, command, problem and envelope.
//!
//! A change of a file is a change of the protocol. With `CHAPAR_UPDATE_GOLDEN` set the files are written
//! instead of compared.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use chapar_shared::envelope::Envelope;
use chapar_shared::protocol::{Event, EventBody, ServerFrame, command};
use chapar_shared::{Code, Language};
use serde_json::{Value, json};

use crate::samples;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub(crate) fn is_updating() -> bool {
    std::env::var_os("CHAPAR_UPDATE_GOLDEN").is_some()
}

/// Compares `value` with a file, or writes it.
pub(crate) fn compare(path: &Path, value: &Value) {
    let text = serde_json::to_string_pretty(value).unwrap() + "\n";
    if is_updating() {
        fs::write(path, &text).unwrap();
    }
    let expected =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, expected, "{} differs", path.display());
}

fn golden(kind: &str, name: &str, value: &Value) -> Value {
    let path = root().join(format!("{kind}.{name}.json"));
    compare(&path, value);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// A later release's addition, which a reader of this one ignores.
fn with_unknown_field(mut value: Value) -> Value {
    value["added_later"] = json!({"x": [1]});
    value
}

fn assert_event_reads(value: &Value, event: &Event) {
    let read: Event = serde_json::from_str(&value.to_string()).unwrap();
    assert_eq!(&read, event);
}

#[test]
fn events_are_as_written_and_read_back() {
    for (name, event) in samples::events() {
        let value = golden(
            "event",
            name,
            &serde_json::from_str(&event.encode()).unwrap(),
        );
        assert_event_reads(&value, &event);
        let mut later = with_unknown_field(value);
        later["data"]["added_later"] = json!(1);
        assert_event_reads(&later, &event);
    }
}

#[test]
fn every_event_type_has_a_sample() {
    let name = |body: &EventBody| match serde_json::to_value(body).unwrap()["type"].take() {
        Value::String(name) => name,
        other => panic!("{other}"),
    };
    let sampled: BTreeSet<String> = samples::events()
        .iter()
        .map(|(_, e)| name(&e.body))
        .collect();
    let document = chapar_shared::asyncapi::document();
    let described: BTreeSet<String> = document["components"]["messages"]
        .as_object()
        .unwrap()
        .keys()
        .filter_map(|key| key.strip_prefix("event.").map(ToOwned::to_owned))
        .collect();
    assert_eq!(sampled, described);
    // The type whose variants these are, counted by the compiler: a new one must be added here.
    for (_, event) in samples::events() {
        match event.body {
            EventBody::MessageCreated(_)
            | EventBody::MessageEdited(_)
            | EventBody::MessageDeleted(_)
            | EventBody::MessageReacted(_)
            | EventBody::MemberJoined(_)
            | EventBody::MemberLeft(_)
            | EventBody::MemberChanged(_)
            | EventBody::RoomChanged(_)
            | EventBody::RoomDeleted(_)
            | EventBody::Typing(_)
            | EventBody::Read(_)
            | EventBody::Presence(_)
            | EventBody::RoomJoined(_)
            | EventBody::RoomLeft(_)
            | EventBody::NotificationCreated(_)
            | EventBody::NotificationRead(_) => {}
        }
    }
    assert_eq!(sampled.len(), 16);
}

#[test]
fn server_frames_are_as_written_and_read_back() {
    for (name, frame) in samples::frames() {
        let value = golden(
            "frame",
            name,
            &serde_json::from_str(&frame.encode()).unwrap(),
        );
        for text in [
            value.to_string(),
            with_unknown_field(value.clone()).to_string(),
        ] {
            let read: ServerFrame = serde_json::from_str(&text).unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(&read.encode()).unwrap(),
                value,
                "{name}"
            );
        }
    }
}

#[test]
fn commands_are_read() {
    for (name, id, frame) in samples::commands() {
        let path = root().join(format!("command.{name}.json"));
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let value: Value = serde_json::from_str(&text).unwrap();
        for text in [text, with_unknown_field(value).to_string()] {
            assert_eq!(
                command::parse(&text).unwrap(),
                (id.clone(), frame.clone()),
                "{name}"
            );
        }
    }
}

#[test]
fn problems_are_as_written_in_both_languages() {
    for (name, problem) in samples::problems() {
        let value = json!({
            "en": problem.to_json(Language::En),
            "fa": problem.to_json(Language::Fa),
        });
        let value = golden("problem", &name, &value);
        for language in ["en", "fa"] {
            let text = value[language].to_string();
            assert!(!text.contains("{limit}"), "{name}: {text}");
            assert_eq!(value[language]["title"], json!(problem.code.title()));
        }
    }
}

#[test]
fn problems_cross_the_internal_wire() {
    for (name, problem) in samples::problems() {
        let text = serde_json::to_string(&problem).unwrap();
        assert_eq!(
            serde_json::from_str::<chapar_shared::Problem>(&text).unwrap(),
            problem,
            "{name}"
        );
    }
    assert_eq!(samples::problems().len(), Code::ALL.len() + 1);
}

#[test]
fn envelopes_are_as_written_and_read_back() {
    for (name, envelope) in samples::envelopes() {
        let encoded: Value = serde_json::from_slice(&envelope.encode()).unwrap();
        let value = golden("envelope", name, &encoded);
        let read = Envelope::decode(value.to_string().as_bytes()).unwrap();
        assert_same(&read, &envelope);
    }
}

fn assert_same(left: &Envelope, right: &Envelope) {
    let value = |envelope: &Envelope| serde_json::from_slice::<Value>(&envelope.encode()).unwrap();
    assert_eq!(value(left), value(right));
}

#[test]
fn no_golden_file_is_left_over() {
    let file = |kind: &str, name: &str| format!("{kind}.{name}.json");
    let mut expected = BTreeSet::new();
    expected.extend(
        samples::events()
            .iter()
            .map(|(name, _)| file("event", name)),
    );
    expected.extend(
        samples::frames()
            .iter()
            .map(|(name, _)| file("frame", name)),
    );
    expected.extend(
        samples::commands()
            .iter()
            .map(|(name, ..)| file("command", name)),
    );
    expected.extend(
        samples::problems()
            .iter()
            .map(|(name, _)| file("problem", name)),
    );
    expected.extend(
        samples::envelopes()
            .iter()
            .map(|(name, _)| file("envelope", name)),
    );
    let found: BTreeSet<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_sets(&found, &expected);
}

fn assert_sets<T: Ord + Debug>(found: &BTreeSet<T>, expected: &BTreeSet<T>) {
    let (extra, missing): (Vec<_>, Vec<_>) = (
        found.difference(expected).collect(),
        expected.difference(found).collect(),
    );
    assert!(
        extra.is_empty() && missing.is_empty(),
        "left over: {extra:?}, missing: {missing:?}"
    );
}
