//! A problem on its way into a dialect's form.

use std::collections::BTreeMap;

use chapar_shared::{Code, Language, Problem, Violation};

use super::super::error::Failure;
use super::Asked;
use crate::error::Error;

/// Pairs of a field's name in the domain and in a dialect's request.
pub type Names = &'static [(&'static str, &'static str)];

/// For `map_err`: the error, with the fields named as the request names them.
pub fn naming(names: Names) -> impl Fn(Error) -> Failure {
    move |error| Failure::from(error).named(names)
}

/// What to tell, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// What went wrong.
    pub problem: &'a Problem,
    /// How the request names fields that the domain names otherwise.
    pub names: Names,
    /// What was asked.
    pub asked: &'a Asked,
}

impl Refusal<'_> {
    /// The sentence for people.
    pub fn detail(&self) -> String {
        self.problem.detail(self.asked.language)
    }

    /// What is wrong with which field, by the request's names: what is not valid in the words of `text`, what is
    /// taken by somebody else in the problem's own. Empty if no field is to blame.
    pub fn fields(
        &self,
        text: impl Fn(&Violation, Language) -> String,
    ) -> BTreeMap<String, Vec<String>> {
        let language = self.asked.language;
        let mut fields = BTreeMap::<String, Vec<String>>::new();
        for (field, violations) in &self.problem.errors {
            let texts = violations.iter().map(|violation| text(violation, language));
            fields
                .entry(self.name(field).to_owned())
                .or_default()
                .extend(texts);
        }
        if let Some(field) = conflicting(self.problem.code) {
            fields
                .entry(self.name(field).to_owned())
                .or_default()
                .push(self.detail());
        }
        fields
    }

    /// The field's name in the request.
    pub fn name<'b>(&self, field: &'b str) -> &'b str {
        let found = self.names.iter().find(|(own, _)| *own == field);
        found.map_or(field, |(_, theirs)| theirs)
    }
}

/// The field whose value somebody else has.
fn conflicting(code: Code) -> Option<&'static str> {
    match code {
        Code::UsernameTaken => Some("username"),
        Code::EmailTaken => Some("email"),
        Code::NameTaken => Some("name"),
        Code::SlugTaken => Some("slug"),
        _ => None,
    }
}
