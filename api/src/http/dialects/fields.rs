//! The named values of a request, whatever it was written as, read with all that is wrong with them at once.

use std::collections::HashMap;

use serde_json::Value;

use chapar_shared::problem::Violations;
use chapar_shared::{Problem, Violation};

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    /// Of a JSON object.
    Json(Value),
    /// Of a form or a query, where a name may stand several times.
    Form(Vec<String>),
}

/// Reads fields. A method gives a value of its type, a default one where the field is refused; so nothing that
/// was read may be used before [`Fields::finish`] has agreed. `null` is as good as left out; what is not asked
/// for is ignored.
#[derive(Debug)]
pub struct Fields<'a> {
    entries: &'a HashMap<String, Entry>,
    violations: Violations,
}

impl<'a> Fields<'a> {
    pub(super) fn new(entries: &'a HashMap<String, Entry>) -> Self {
        Self {
            entries,
            violations: Violations::default(),
        }
    }

    /// A text that must be there and not be empty. A number of JSON counts as its digits.
    pub fn text(&mut self, name: &str) -> String {
        let text = self.maybe_text(name).unwrap_or_default();
        if text.is_empty() && !self.is_refused(name) {
            self.violations.add(name, Violation::Required);
        }
        text
    }

    /// A text, if there is one; possibly an empty one.
    pub fn maybe_text(&mut self, name: &str) -> Option<String> {
        match self.entries.get(name)? {
            Entry::Json(Value::String(text)) => Some(text.clone()),
            Entry::Json(Value::Number(number)) => Some(number.to_string()),
            Entry::Json(Value::Null) => None,
            Entry::Json(_) => self.refuse(name),
            Entry::Form(values) => values.last().cloned(),
        }
    }

    /// A whole number that must be there; texts of digits count.
    pub fn id(&mut self, name: &str) -> i64 {
        let id = self.maybe_id(name);
        if id.is_none() && !self.is_refused(name) {
            self.violations.add(name, Violation::Required);
        }
        id.unwrap_or_default()
    }

    /// A whole number, if there is one. An empty text is none.
    pub fn maybe_id(&mut self, name: &str) -> Option<i64> {
        let read = match self.entries.get(name)? {
            Entry::Json(Value::Null) => return None,
            Entry::Json(value) => integer(value),
            Entry::Form(values) => match values.last().map_or("", |value| value.trim()) {
                "" => return None,
                value => value.parse().ok(),
            },
        };
        read.or_else(|| self.refuse(name))
    }

    /// Whole numbers: a list of JSON, or a field that stands several times. None where there is no such field.
    pub fn ids(&mut self, name: &str) -> Vec<i64> {
        let texts = |values: &[String]| {
            let values = values.iter().map(|value| value.trim());
            let given = values.filter(|value| !value.is_empty());
            given.map(|value| value.parse().ok()).collect()
        };
        let read: Option<Vec<i64>> = match self.entries.get(name) {
            None | Some(Entry::Json(Value::Null)) => return Vec::new(),
            Some(Entry::Json(Value::Array(items))) => items.iter().map(integer).collect(),
            Some(Entry::Json(value)) => integer(value).map(|one| vec![one]),
            Some(Entry::Form(values)) => texts(values),
        };
        read.or_else(|| self.refuse(name)).unwrap_or_default()
    }

    /// Texts: a list of JSON, or a field that stands several times. None where there is no such field.
    pub fn texts(&mut self, name: &str) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let read = match self.entries.get(name) {
            None | Some(Entry::Json(Value::Null)) => return Vec::new(),
            Some(Entry::Json(Value::Array(items))) => items.iter().map(text).collect(),
            Some(Entry::Json(value)) => text(value).map(|one| vec![one]),
            Some(Entry::Form(values)) => Some(values.clone()),
        };
        read.or_else(|| self.refuse(name)).unwrap_or_default()
    }

    /// Whether there is a field of this name, `null` excepted.
    pub fn has(&self, name: &str) -> bool {
        let entry = self.entries.get(name);
        entry.is_some_and(|entry| *entry != Entry::Json(Value::Null))
    }

    /// Notes what a dialect itself finds wrong.
    pub fn refuse_as(&mut self, name: &str, violation: Violation) {
        self.violations.add(name, violation);
    }

    /// # Errors
    /// `invalid`, with all that was wrong.
    pub fn finish(self) -> Result<(), Problem> {
        self.violations.finish()
    }

    fn refuse<T>(&mut self, name: &str) -> Option<T> {
        self.violations.add(name, Violation::Format);
        None
    }

    /// Whether something is wrong with it already.
    pub fn is_refused(&self, name: &str) -> bool {
        self.violations.has(name)
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json_entries(value: &Value) -> HashMap<String, Entry> {
        let object = value.as_object().unwrap().iter();
        object
            .map(|(name, value)| (name.clone(), Entry::Json(value.clone())))
            .collect()
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let entries = json_entries(&json!({
            "name": "", "content": ["x"], "room": "x", "users": [1, "two"], "null": null, "flag": true,
        }));
        let mut fields = Fields::new(&entries);
        for name in ["name", "content", "missing", "null", "flag"] {
            assert_eq!(fields.text(name), "");
        }
        assert_eq!((fields.id("room"), fields.id("id")), (0, 0));
        assert_eq!(fields.ids("users"), Vec::<i64>::new());
        let problem = fields.finish().unwrap_err();
        let rules = problem
            .errors
            .iter()
            .map(|(name, found)| (name.as_str(), found.as_slice()));
        assert_eq!(
            rules.collect::<Vec<_>>(),
            [
                ("content", [Violation::Format].as_slice()),
                ("flag", &[Violation::Format]),
                ("id", &[Violation::Required]),
                ("missing", &[Violation::Required]),
                ("name", &[Violation::Required]),
                ("null", &[Violation::Required]),
                ("room", &[Violation::Format]),
                ("users", &[Violation::Format]),
            ]
        );
    }

    #[test]
    fn values_are_the_same_however_they_are_written() {
        let json = json_entries(&json!({"name": "سلام", "room": 7, "users": [1, 2], "pin": 12}));
        let form = |values: &[&str]| Entry::Form(values.iter().map(ToString::to_string).collect());
        let form = HashMap::from([
            ("name".to_owned(), form(&["سلام"])),
            ("room".to_owned(), form(&["7"])),
            ("users".to_owned(), form(&["1", "2"])),
            ("pin".to_owned(), form(&["12"])),
        ]);
        for entries in [json, form] {
            let mut fields = Fields::new(&entries);
            assert_eq!(fields.text("name"), "سلام");
            assert_eq!(fields.id("room"), 7);
            assert_eq!(fields.ids("users"), [1, 2]);
            assert_eq!(fields.texts("users"), ["1", "2"]);
            assert_eq!(fields.text("pin"), "12");
            assert_eq!(fields.maybe_text("none"), None);
            assert!(fields.has("pin") && !fields.has("none"));
            fields.finish().unwrap();
        }
    }
}
