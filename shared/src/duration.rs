//! Durations in configuration, as text with a unit: `500ms`, `30s`, `15m`, `24h`, `7d`.
//!
//! For fields: `#[serde(with = "chapar_shared::duration")]`. A number without a unit is refused, so that
//! nobody has to remember which one was meant. A hundred years is the most, so that what lies so
//! far ahead has a time to be written: its year has four digits on the wire.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A hundred years.
const MAX: Duration = Duration::from_hours(36_500 * 24);

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a number and a unit.
    #[error("{0:?} is not a duration: write a whole number and one of ms, s, m, h, d, as in 30s")]
    Malformed(String),
    /// More than a hundred years.
    #[error("{0:?} is too long: 36500d is the most")]
    TooLong(String),
}

/// Reads `500ms`, `30s`, `15m`, `24h`, `7d`.
///
/// # Errors
/// When it is not a whole number with a unit, or is more than `36500d`.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.ok_or_else(malformed)?);
    if number.is_empty() {
        return Err(malformed());
    }
    let (_, millis) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(malformed)?;
    let number: Option<u64> = number.parse().ok();
    let duration = number.and_then(|number| number.checked_mul(*millis));
    duration
        .map(Duration::from_millis)
        .filter(|duration| *duration <= MAX)
        .ok_or_else(|| DurationError::TooLong(text.to_owned()))
}

/// Writes a duration in its largest whole unit.
pub fn format(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (unit, size) = UNITS
        .iter()
        .rev()
        .find(|(_, size)| millis != 0 && millis.is_multiple_of(*size))
        .unwrap_or(&UNITS[1]);
    format!("{}{unit}", millis / size)
}

/// For serde.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For serde.
///
/// # Errors
/// As [`parse`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back() {
        for text in ["500ms", "30s", "15m", "24h", "7d", "90s", "0s", "1ms"] {
            let duration = parse(text).unwrap();
            assert_eq!(parse(&format(duration)).unwrap(), duration, "{text}");
        }
        assert_eq!(format(Duration::from_mins(15)), "15m");
        assert_eq!(format(Duration::ZERO), "0s");
    }

    #[test]
    fn a_unit_is_needed() {
        for text in ["30", "s", "", "-1s", "1.5s", "30 s", "۳۰s"] {
            let error = DurationError::Malformed(text.to_owned());
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_hundred_years_are_the_most() {
        assert_eq!(parse("36500d").unwrap(), MAX);
        for text in ["36501d", "300000000000d", "99999999999999999999s"] {
            let error = DurationError::TooLong(text.to_owned());
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
