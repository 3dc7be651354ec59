//! Errors on the wire: stable codes, their HTTP status, and their texts in English and Persian.
//!
//! Codes stand only here. A surface turns a [`Problem`] into its own form: `problem+json` in REST, a reply's
//! `error` on sockets, a dialect's form elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::protocol::reply::ReplyError;

/// The language of texts for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Persian.
    Fa,
}

impl Language {
    /// The preferred one of an `Accept-Language` header (RFC 9110 §12.5.4); English where none fits.
    pub fn from_accept(header: &str) -> Self {
        let mut best = (0.0, Self::En);
        for item in header.split(',') {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let weight = parts
                .find_map(|part| {
                    part.trim()
                        .strip_prefix("q=")
                        .and_then(|q| q.parse::<f32>().ok())
                })
                .unwrap_or(1.0);
            let language = match tag.split('-').next() {
                Some("fa") => Self::Fa,
                Some("en" | "*") => Self::En,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $status:literal $en:literal $fa:literal,)*) => {
        /// A stable word for what went wrong. The wire form is in `snake_case`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, for documents and tests.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// A sentence for people; `{limit}` stands for the problem's limit.
            pub const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::En) => $en, (Self::$name, Language::Fa) => $fa,)*
                }
            }
        }
    };
}

codes! {
    /// The body is not JSON or not of the expected types.
    MalformedRequest 400 "The request could not be read." "درخواست قابل خواندن نیست.",
    /// A WebSocket frame that could not be read.
    MalformedFrame 400 "The frame could not be read." "قاب قابل خواندن نیست.",
    /// A WebSocket `op` that does not exist.
    UnknownOp 400 "There is no such op." "چنین عملیاتی وجود ندارد.",
    /// No credentials, or an unusable token.
    Unauthenticated 401 "Sign in first." "ابتدا وارد شوید.",
    /// The access token expired.
    TokenExpired 401 "The access token has expired." "اعتبار توکن دسترسی تمام شده است.",
    /// The session was revoked, or its user banned or deleted.
    SessionRevoked 401 "This session has ended." "این نشست پایان یافته است.",
    /// Wrong username, e-mail or password.
    InvalidCredentials 401 "The login or the password is wrong." "نام کاربری یا گذرواژه نادرست است.",
    /// The refresh token is unknown, expired or was used before.
    InvalidRefreshToken 401 "The refresh token is not valid." "توکن نوسازی معتبر نیست.",
    /// Known, but not allowed.
    Forbidden 403 "You may not do this." "اجازه‌ی این کار را ندارید.",
    /// Not a member of a public room.
    NotAMember 403 "Join the room first." "ابتدا به اتاق بپیوندید.",
    /// Banned from the room.
    Banned 403 "You are banned from this room." "شما از این اتاق محروم شده‌اید.",
    /// The browser's origin is not allowed.
    ForbiddenOrigin 403 "This origin is not allowed." "این مبدأ مجاز نیست.",
    /// A signed URL is forged or expired.
    InvalidSignature 403 "This link is not valid any more." "این پیوند دیگر معتبر نیست.",
    /// No such path or object, or hidden from the one who asks.
    NotFound 404 "There is no such thing here." "چنین چیزی یافت نشد.",
    /// No such room, or hidden.
    RoomNotFound 404 "There is no such room." "چنین اتاقی یافت نشد.",
    /// No such message in this room.
    MessageNotFound 404 "There is no such message." "چنین پیامی یافت نشد.",
    /// No such user.
    UserNotFound 404 "There is no such user." "چنین کاربری یافت نشد.",
    /// The path has no such method.
    MethodNotAllowed 405 "This method is not allowed here." "این روش در اینجا مجاز نیست.",
    /// Somebody has the username, or has it as e-mail.
    UsernameTaken 409 "This username is taken." "این نام کاربری گرفته شده است.",
    /// Somebody has the e-mail.
    EmailTaken 409 "This e-mail is taken." "این رایانامه گرفته شده است.",
    /// A public room has the name.
    NameTaken 409 "This name is taken." "این نام گرفته شده است.",
    /// A room has the slug.
    SlugTaken 409 "This slug is taken." "این نشانی گرفته شده است.",
    /// The nonce was used with another body.
    NonceConflict 409 "This nonce was used for another message." "این شناسه برای پیام دیگری به کار رفته است.",
    /// A direct room cannot be changed so.
    DirectRoom 409 "This cannot be done in a direct room." "این کار در گفت‌وگوی دونفره ممکن نیست.",
    /// The body or file is too large.
    TooLarge 413 "Too large: at most {limit} bytes." "بیش از اندازه بزرگ است؛ حداکثر {limit} بایت.",
    /// The content type of the body is not one that is read here.
    UnsupportedMediaType 415 "This content type is not supported." "این نوع محتوا پشتیبانی نمی‌شود.",
    /// Well-formed, but a field is not acceptable; see `errors`.
    Invalid 422 "Some fields are not valid." "برخی فیلدها معتبر نیستند.",
    /// The user is in as many rooms as allowed.
    TooManyRooms 422 "At most {limit} rooms." "حداکثر {limit} اتاق.",
    /// The room has as many members as allowed.
    TooManyMembers 422 "At most {limit} members." "حداکثر {limit} عضو.",
    /// The message has as many kinds of reaction as allowed.
    TooManyReactions 422 "At most {limit} kinds of reaction." "حداکثر {limit} نوع واکنش.",
    /// The user's files take as much space as allowed.
    StorageFull 422 "Your files may take {limit} bytes in all." "پرونده‌های شما در مجموع حداکثر {limit} بایت می‌توانند باشند.",
    /// Too many requests.
    RateLimited 429 "Too many requests; try again later." "درخواست‌ها بیش از اندازه است؛ کمی بعد دوباره تلاش کنید.",
    /// A failure of ours.
    Internal 500 "Something went wrong on our side." "خطایی در سمت ما رخ داد.",
    /// Cannot be done or its outcome is not known: repeat it.
    Unavailable 503 "Not available right now; try again." "در حال حاضر در دسترس نیست؛ دوباره تلاش کنید.",
}

impl Code {
    /// The sentence in English, the same for every problem of this code (RFC 9457 §3.1.3).
    pub const fn title(self) -> &'static str {
        match self {
            Self::TooLarge => "Too large.",
            Self::TooManyRooms => "Too many rooms.",
            Self::TooManyMembers => "Too many members.",
            Self::TooManyReactions => "Too many kinds of reaction.",
            Self::StorageFull => "Your files take as much space as they may.",
            _ => self.text(Language::En),
        }
    }

    /// The wire form.
    pub fn as_str(self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(text)) => text,
            _ => unreachable!("a fieldless enum serialises as its name"),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str())
    }
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum Violation {
    /// Missing or empty.
    Required,
    /// Longer than `max` characters.
    TooLong {
        /// Characters.
        max: u64,
    },
    /// Longer than `max` bytes.
    TooManyBytes {
        /// Bytes.
        max: u64,
    },
    /// Shorter than `min` characters.
    TooShort {
        /// Characters.
        min: u64,
    },
    /// More than `max` items.
    TooMany {
        /// Items.
        max: u64,
    },
    /// Outside `min..=max`.
    OutOfRange {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// Holds characters that are not allowed.
    Characters,
    /// Is all digits, which would be taken for an id.
    AllDigits,
    /// Not of the expected form.
    Format,
    /// Names something that does not exist or is not the caller's.
    Unknown,
    /// Wrong, as a current password is.
    Wrong,
    /// Names the caller.
    Oneself,
    /// Is not what was written the first time, as a repeated password.
    Differs,
}

impl Violation {
    /// A sentence for people.
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::En => match self {
                Self::Required => "required".into(),
                Self::TooLong { max } => format!("at most {max} characters"),
                Self::TooManyBytes { max } => format!("at most {max} bytes"),
                Self::TooShort { min } => format!("at least {min} characters"),
                Self::TooMany { max } => format!("at most {max} items"),
                Self::OutOfRange { min, max } => format!("between {min} and {max}"),
                Self::Characters => "holds characters that are not allowed".into(),
                Self::AllDigits => "must not be all digits".into(),
                Self::Format => "not of the expected form".into(),
                Self::Unknown => "names something that does not exist".into(),
                Self::Wrong => "is wrong".into(),
                Self::Oneself => "must not be yourself".into(),
                Self::Differs => "is not the same as before".into(),
            },
            Language::Fa => match self {
                Self::Required => "لازم است".into(),
                Self::TooLong { max } => format!("حداکثر {max} نویسه"),
                Self::TooManyBytes { max } => format!("حداکثر {max} بایت"),
                Self::TooShort { min } => format!("حداقل {min} نویسه"),
                Self::TooMany { max } => format!("حداکثر {max} مورد"),
                Self::OutOfRange { min, max } => format!("بین {min} و {max}"),
                Self::Characters => "نویسه‌ی غیرمجاز دارد".into(),
                Self::AllDigits => "نباید فقط رقم باشد".into(),
                Self::Format => "شکل درستی ندارد".into(),
                Self::Unknown => "چیزی را نام می‌برد که وجود ندارد".into(),
                Self::Wrong => "نادرست است".into(),
                Self::Oneself => "نباید خود شما باشد".into(),
                Self::Differs => "با بار نخست یکی نیست".into(),
            },
        }
    }
}

/// An error that a client is told, independent of surface and language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}")]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// For [`Code::Invalid`]: what is wrong with which field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<Violation>>,
    /// The limit that was exceeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// When to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self {
            code,
            errors: BTreeMap::new(),
            limit: None,
            retry_after_ms: None,
        }
    }
}

impl Problem {
    /// One field that is not acceptable.
    pub fn invalid(field: &str, violation: Violation) -> Self {
        let errors = BTreeMap::from([(field.to_owned(), vec![violation])]);
        Self {
            errors,
            ..Code::Invalid.into()
        }
    }

    /// A limit exceeded.
    pub fn limit(code: Code, limit: u64) -> Self {
        Self {
            limit: Some(limit),
            ..code.into()
        }
    }

    /// Too many requests.
    pub fn rate_limited(retry_after: std::time::Duration) -> Self {
        let millis = u64::try_from(retry_after.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        Self {
            retry_after_ms: Some(millis),
            ..Code::RateLimited.into()
        }
    }

    /// The sentence for people.
    pub fn detail(&self, language: Language) -> String {
        let limit = self
            .limit
            .map(|limit| limit.to_string())
            .unwrap_or_default();
        self.code.text(language).replace("{limit}", &limit)
    }

    /// The sentences for each field.
    pub fn field_texts(&self, language: Language) -> BTreeMap<String, Vec<String>> {
        let texts =
            |violations: &Vec<Violation>| violations.iter().map(|v| v.text(language)).collect();
        self.errors
            .iter()
            .map(|(field, violations)| (field.clone(), texts(violations)))
            .collect()
    }

    /// The body of `application/problem+json` (RFC 9457).
    pub fn to_json(&self, language: Language) -> Value {
        let mut body = json!({
            "type": format!("urn:chapar:problem:{}", self.code),
            "title": self.code.title(),
            "status": self.code.status(),
            "detail": self.detail(language),
            "code": self.code,
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.field_texts(language));
        }
        body
    }

    /// The `error` of a reply.
    pub fn to_reply(&self, language: Language) -> ReplyError {
        ReplyError {
            code: self.code.as_str(),
            detail: self.detail(language),
            errors: self.field_texts(language),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

/// Gathers what is wrong with several fields.
#[derive(Debug, Default)]
pub struct Violations(BTreeMap<String, Vec<Violation>>);

impl Violations {
    /// Keeps the value, or notes the violation under `field`.
    pub fn check<T>(&mut self, field: &str, result: Result<T, Violation>) -> Option<T> {
        result.map_err(|violation| self.add(field, violation)).ok()
    }

    /// Notes a violation.
    pub fn add(&mut self, field: &str, violation: Violation) {
        self.0.entry(field.to_owned()).or_default().push(violation);
    }

    /// Whether there is one of the field already.
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// All of them as one problem.
    ///
    /// # Errors
    /// [`Code::Invalid`] if there was any violation.
    pub fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem {
                errors: self.0,
                ..Code::Invalid.into()
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_follows_weights() {
        assert_eq!(
            Language::from_accept("fa-IR,fa;q=0.9,en;q=0.8"),
            Language::Fa
        );
        assert_eq!(Language::from_accept("en-GB,fa;q=0.5"), Language::En);
        assert_eq!(Language::from_accept("de, fa;q=0.3"), Language::Fa);
        assert_eq!(Language::from_accept("*"), Language::En);
        assert_eq!(Language::from_accept(""), Language::En);
    }

    #[test]
    fn codes_are_snake_case_and_have_both_texts() {
        assert_eq!(Code::InvalidRefreshToken.as_str(), "invalid_refresh_token");
        for code in Code::ALL {
            assert_ne!(code.text(Language::En), code.text(Language::Fa));
            assert!((400..600).contains(&code.status()));
        }
    }

    #[test]
    fn problems_cross_the_internal_wire() {
        let problem = Problem::invalid("content", Violation::TooLong { max: 4000 });
        let text = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
        assert_eq!(
            problem.to_json(Language::Fa)["errors"]["content"][0],
            "حداکثر 4000 نویسه"
        );
    }
}
