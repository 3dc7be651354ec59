//! Points in time: UTC to the microsecond, RFC 3339 on the wire.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

/// Microseconds since 1970-01-01T00:00:00Z.
///
/// On the wire `2026-11-20T13:14:15.000001Z`: always six digits, always `Z`, so that texts sort as times do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-20T13:14:15.000001Z"))]
pub struct Timestamp(i64);

impl Timestamp {
    /// The wall clock's time.
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// From microseconds since the epoch, as the store keeps them.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as in a JWT's `exp`.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This time and `duration` more, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This time less `duration`, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Timestamp {
    /// The wire form, in ASCII. `None` for a year of more or less than four digits.
    fn text(self) -> Option<[u8; 27]> {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).ok()?;
        let (hour, minute, second, micros) = time.to_hms_micro();
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        for (digits, number) in [
            (0..4, u32::try_from(time.year()).ok()?),
            (5..7, u8::from(time.month()).into()),
            (8..10, time.day().into()),
            (11..13, hour.into()),
            (14..16, minute.into()),
            (17..19, second.into()),
            (20..26, micros),
        ] {
            let mut left = number;
            for digit in text[digits].iter_mut().rev() {
                *digit = b"0123456789"[left as usize % 10];
                left /= 10;
            }
            if left > 0 {
                return None;
            }
        }
        Some(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text().ok_or(fmt::Error)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        let text = text
            .as_ref()
            .and_then(|text| std::str::from_utf8(text).ok());
        serializer.serialize_str(text.ok_or_else(|| ser::Error::custom("a year beyond 9999"))?)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)?;
        i64::try_from(time.unix_timestamp_nanos() / 1000)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// As a number of microseconds, between nodes: reading a text takes a while, and every gateway reads it.
pub(crate) mod micros {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Timestamp;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_has_six_digits_and_reads_back() {
        let time = Timestamp::from_micros(1_795_180_455_000_001);
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, "\"2026-11-20T13:14:15.000001Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_string(), text);
        }
        assert!(serde_json::to_string(&Timestamp::from_micros(i64::MAX)).is_err());
        let offset = "\"2026-11-20T16:44:15.000001+03:30\"";
        assert_eq!(serde_json::from_str::<Timestamp>(offset).unwrap(), time);
    }
}
