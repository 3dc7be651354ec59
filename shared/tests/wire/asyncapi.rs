//! The AsyncAPI document: committed as it is generated, complete, and closed under its references.
//!
//! That it is valid AsyncAPI, and that every golden frame fits exactly one of its messages, is checked with
//! the real parser and a real schema validator by `tests/contract/check_asyncapi.mjs`.

use std::collections::BTreeSet;
use std::path::Path;

use chapar_shared::asyncapi::document;
use chapar_shared::protocol::{CloseCode, command};
use serde_json::Value;

use crate::golden;

#[test]
fn committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/asyncapi.json");
    golden::compare(&path, &document());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = BTreeSet::new();
    gather(&document, &mut references);
    assert!(references.len() > 60, "{}", references.len());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn gather(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.insert(reference.clone());
            }
            fields.values().for_each(|value| gather(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| gather(value, found)),
        _ => {}
    }
}

#[test]
fn every_command_is_described_and_its_example_is_read() {
    let document = document();
    let messages = document["components"]["messages"].as_object().unwrap();
    let mut count = 0;
    for (name, message) in messages {
        if let Some(op) = name.strip_prefix("command.") {
            let example = &message["examples"][0]["payload"];
            assert_eq!(example["op"], op);
            command::parse(&example.to_string()).unwrap();
            assert!(document["operations"][name]["reply"]["messages"][0].is_object());
            count += 1;
        }
    }
    assert_eq!(count, 11);
}

#[test]
fn nullable_fields_that_are_always_sent_are_required() {
    let document = document();
    let required = |name: &str| document["components"]["schemas"][name]["required"].to_string();
    for field in ["nonce", "reply_to", "edited_at", "deleted_at"] {
        assert!(required("Message").contains(field), "{field}");
    }
    assert!(required("User").contains("avatar_url"));
    assert!(!required("Notification").contains("read_at"));
}

#[test]
fn close_codes_stand_in_the_channel() {
    let document = document();
    let channel = &document["channels"]["socket"];
    assert_eq!(
        channel["x-close-codes"].as_array().unwrap().len(),
        CloseCode::ALL.len()
    );
    let text = channel["description"].as_str().unwrap();
    for code in CloseCode::ALL {
        assert!(text.contains(&code.code().to_string()));
    }
}
