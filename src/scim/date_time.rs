//! xsd:dateTime (RFC 7643 section 2.3.5): read as an instant, written in one form.

use time::format_description::well_known::Rfc3339;
use time::macros::{datetime, format_description};
use time::{OffsetDateTime, UtcOffset};

/// Reads an xsd:dateTime; without offset it is taken as UTC.
pub fn read(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()
}

/// Writes an instant in UTC with milliseconds, always of the same length. What lies in another year than 0 to 9999 there,
/// as its offset allows, is written as the first or the last instant of these.
pub fn write(instant: OffsetDateTime) -> String {
    let utc = match instant.checked_to_offset(UtcOffset::UTC) {
        Some(utc) if utc.year() >= 0 => utc,
        Some(_) => datetime!(0000-01-01 00:00 UTC),
        None => datetime!(9999-12-31 23:59:59.999 UTC),
    };
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    utc.format(form).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_instant_can_be_written() {
        for (text, written) in [
            ("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:59.999Z"),
            ("0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00.000Z"),
            ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(write(read(text).unwrap()), written, "{text}");
        }
    }
}
