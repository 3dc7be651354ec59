//! Text: what names, slugs and messages may hold, and the forms in which they are compared and searched.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

use crate::problem::Violation;

/// The form in which usernames and e-mails are compared: NFKC, case folded, NFKC again (folding can undo it).
pub fn identity(text: &str) -> String {
    caseless::default_case_fold_str(&text.nfkc().collect::<String>())
        .nfkc()
        .collect()
}

/// Letters that people do not tell apart by sight when they search: Arabic forms of Persian letters.
fn persian(c: char) -> char {
    match c {
        'ي' | 'ى' | 'ئ' => 'ی',
        'ك' => 'ک',
        'ة' | 'ۀ' => 'ه',
        'أ' | 'إ' | 'ٱ' | 'آ' => 'ا',
        'ؤ' => 'و',
        '٠'..='٩' => ascii_digit(c, '٠'),
        '۰'..='۹' => ascii_digit(c, '۰'),
        _ => c,
    }
}

fn ascii_digit(c: char, zero: char) -> char {
    char::from_digit(u32::from(c) - u32::from(zero), 10).unwrap_or(c)
}

/// The form in which names are searched: [`identity`], Arabic letters as Persian ones, all digits ASCII, no
/// vowel marks, no tatweel; a zero-width non-joiner and every run of white space is one space.
pub fn search_key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for c in identity(text).chars() {
        let c = persian(c);
        if c.is_whitespace() || c == '\u{200c}' {
            if !key.is_empty() && !key.ends_with(' ') {
                key.push(' ');
            }
        } else if c != 'ـ' && !is_mark(c) && !is_invisible(c) {
            key.push(c);
        }
    }
    key.truncate(key.trim_end().len());
    key
}

fn is_mark(c: char) -> bool {
    c.general_category() == GeneralCategory::NonspacingMark
}

fn is_invisible(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
    ) || matches!(
        c,
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{034f}' | '\u{17b4}' | '\u{17b5}'
    ) || ('\u{fe00}'..='\u{fe0f}').contains(&c)
}

/// Whether a username may hold `c`: letters, marks and digits of any script and `@ . + - _`.
pub fn is_username_char(c: char) -> bool {
    !is_invisible(c)
        && (c.is_alphanumeric()
            || is_mark(c)
            || c.general_category() == GeneralCategory::SpacingMark
            || matches!(c, '@' | '.' | '+' | '-' | '_'))
}

/// A username as it is stored: NFKC, so that it looks as it compares.
///
/// # Errors
/// Empty, longer than `max` characters, or with a character of no username.
pub fn username(text: &str, max: usize) -> Result<String, Violation> {
    let name: String = text.nfkc().collect();
    check_length(&name, max)?;
    if name.chars().all(is_username_char) && text.chars().all(|c| !is_invisible(c)) {
        Ok(name)
    } else {
        Err(Violation::Characters)
    }
}

/// An e-mail address as it is stored, trimmed. Only its form is checked: one `@`, something on both sides, a
/// host without spaces; at most 254 bytes (RFC 5321 §4.5.3.1).
///
/// # Errors
/// Not of that form.
pub fn email(text: &str) -> Result<String, Violation> {
    let text: String = text.trim().nfkc().collect();
    let (local, host) = text.rsplit_once('@').ok_or(Violation::Format)?;
    let is_good = !local.is_empty()
        && !local.contains('@')
        && !host.is_empty()
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !host.contains("..")
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'))
        && !text.chars().any(|c| c.is_whitespace() || is_invisible(c))
        && text.len() <= 254;
    if is_good {
        Ok(text)
    } else {
        Err(Violation::Format)
    }
}

/// A name or description for people: trimmed, without control characters; a description may hold line breaks.
///
/// # Errors
/// Longer than `max` characters, or with control characters.
pub fn label(text: &str, max: usize) -> Result<String, Violation> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(Violation::TooLong { max: max as u64 });
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Violation::Characters);
    }
    Ok(text.to_owned())
}

/// A room's name: a [`label`] on one line that is not all digits, since digits are taken for an id.
///
/// # Errors
/// As [`label`], and all digits.
pub fn room_name(text: &str, max: usize) -> Result<String, Violation> {
    let name = label(text, max)?;
    if name.contains('\n') {
        return Err(Violation::Characters);
    }
    if is_all_digits(&name) {
        Err(Violation::AllDigits)
    } else {
        Ok(name)
    }
}

fn is_all_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_numeric)
}

/// The form of a slug: NFKC, lower case, NFKC again (lower case of one letter can be two).
fn slug_form(text: &str) -> String {
    let lower = text.nfkc().collect::<String>().to_lowercase();
    lower.nfkc().collect()
}

/// A slug that somebody chose: NFKC, lower case; letters, marks and digits of any script, `-` and `_`.
///
/// # Errors
/// Empty, longer than `max` characters, other characters, or all digits.
pub fn slug(text: &str, max: usize) -> Result<String, Violation> {
    let slug = slug_form(text.trim());
    check_length(&slug, max)?;
    if !slug
        .chars()
        .all(|c| c.is_alphanumeric() || is_mark(c) || matches!(c, '-' | '_'))
    {
        return Err(Violation::Characters);
    }
    if is_all_digits(&slug) {
        Err(Violation::AllDigits)
    } else {
        Ok(slug)
    }
}

/// A slug made from a name: letters of any script stay, everything else becomes one hyphen. `room` where
/// nothing is left; `room-` before what would be all digits.
pub fn slug_from(name: &str, max: usize) -> String {
    let mut slug = String::new();
    for c in slug_form(name).chars() {
        if c.is_alphanumeric() || c == '_' || (is_mark(c) && !slug.is_empty()) {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    // Room for the `-123` of a taken slug.
    let slug = shortened(&slug, max.saturating_sub(8));
    if slug.is_empty() {
        "room".to_owned()
    } else if is_all_digits(&slug) {
        shortened(&format!("room-{slug}"), max.saturating_sub(8))
    } else {
        slug
    }
}

fn shortened(slug: &str, max: usize) -> String {
    let mut slug: String = slug.chars().take(max).collect();
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

/// A message's text as it is stored: trimmed; empty only if `may_be_empty`.
///
/// # Errors
/// Empty, longer than `max` characters, or with NUL, which Postgres cannot keep.
pub fn content(text: &str, max: usize, may_be_empty: bool) -> Result<String, Violation> {
    let text = text.trim();
    if text.is_empty() && !may_be_empty {
        return Err(Violation::Required);
    }
    // A text of no more bytes than that has no more characters.
    if text.len() > max && text.chars().count() > max {
        return Err(Violation::TooLong { max: max as u64 });
    }
    if text.contains('\0') {
        return Err(Violation::Characters);
    }
    Ok(text.to_owned())
}

/// The file name that a client claims, made safe to show and to send in a header: no path, no control or
/// invisible characters, at most 150 characters; `file` where nothing is left.
pub fn file_name(text: &str) -> String {
    let base = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = base
        .chars()
        .filter(|&c| !c.is_control() && (!is_invisible(c) || c == '\u{200c}') && c != '"')
        .take(150)
        .collect();
    let name = name.trim_start_matches(|c: char| c == '.' || c.is_whitespace());
    let name = name.trim_end();
    if name.is_empty() {
        "file".to_owned()
    } else {
        name.to_owned()
    }
}

fn check_length(text: &str, max: usize) -> Result<(), Violation> {
    match text.chars().count() {
        0 => Err(Violation::Required),
        count if count > max => Err(Violation::TooLong { max: max as u64 }),
        _ => Ok(()),
    }
}

/// The usernames that a text mentions with `@`, in the form of [`identity`], each once, at most 20.
///
/// A name may end in `.`, `-`, `+` or `_`, and so may a sentence: each mention gives its spellings, longest
/// first, of which the first that is a member's is meant.
pub fn mentions(text: &str) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c == '@' && !is_username_char(before) {
            let rest = &text[at + 1..];
            let end = rest.find(|c| !is_username_char(c)).unwrap_or(rest.len());
            let mut name = &rest[..end];
            let mut spellings = Vec::new();
            while !name.is_empty() && spellings.len() < 4 {
                spellings.push(identity(name));
                let Some(shorter) = name.strip_suffix(['.', '-', '+', '_', '@']) else {
                    break;
                };
                name = shorter;
            }
            if !spellings.is_empty() && !found.contains(&spellings) {
                found.push(spellings);
                if found.len() == 20 {
                    break;
                }
            }
        }
        before = c;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_compare_without_case_and_unicode_form() {
        assert_eq!(identity("Ａli"), identity("ALI"));
        assert_eq!(identity("STRASSE"), identity("straße"));
        assert_eq!(username("علی.رضا-۲", 64).unwrap(), "علی.رضا-۲");
        for bad in [
            "a b",
            "a\u{200b}b",
            "a\u{200c}b",
            "a\0",
            "a/b",
            "\u{202e}abc",
            "a\u{fe0f}",
        ] {
            assert_eq!(username(bad, 64), Err(Violation::Characters), "{bad:?}");
        }
        assert_eq!(username("", 64), Err(Violation::Required));
        assert_eq!(
            username(&"ا".repeat(65), 64),
            Err(Violation::TooLong { max: 64 })
        );
    }

    #[test]
    fn searching_does_not_tell_arabic_from_persian() {
        assert_eq!(search_key("كِتابِ  علي ٣"), search_key("کتاب علی ۳"));
        assert_eq!(search_key("می‌روم"), "می روم");
    }

    #[test]
    fn slugs_keep_persian_letters() {
        assert_eq!(slug_from("گروه  دوستان ۱", 100), "گروه-دوستان-۱");
        assert_eq!(slug_from("Hello, World!", 100), "hello-world");
        assert_eq!(slug_from("!!!", 100), "room");
        assert_eq!(slug_from("۱۲۳", 100), "room-۱۲۳");
        assert_eq!(slug("۱۲۳", 100), Err(Violation::AllDigits));
        assert_eq!(slug("گروه-دوستان", 100).unwrap(), "گروه-دوستان");
        assert_eq!(slug("a b", 100), Err(Violation::Characters));
    }

    #[test]
    fn mentions_are_found_at_word_starts() {
        assert_eq!(
            mentions("سلام @Ali. و @سارا!"),
            [
                vec!["ali.".to_owned(), "ali".to_owned()],
                vec!["سارا".to_owned()]
            ]
        );
        assert!(mentions("mail a@b.com").is_empty());
        assert!(mentions("@ alone").is_empty());
    }

    #[test]
    fn file_names_lose_their_paths() {
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name("C:\\x\\عکس.png"), "عکس.png");
        assert_eq!(file_name(".."), "file");
        assert_eq!(file_name("a\"\r\nb"), "ab");
    }

    #[test]
    fn emails_have_a_form() {
        assert_eq!(email(" a.b@example.com ").unwrap(), "a.b@example.com");
        for bad in ["a", "@b", "a@", "a b@c", "a@b..c", "a@@b", "a@.b"] {
            assert_eq!(email(bad), Err(Violation::Format), "{bad}");
        }
    }
}
