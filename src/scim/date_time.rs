//! xsd:dateTime (RFC 7643 section 2.3.5): read as an instant, written in one form.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Reads an xsd:dateTime; without offset it is taken as UTC.
pub fn read(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()
}

/// Writes an instant in UTC with milliseconds, always of the same length.
pub fn write(instant: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    instant.to_offset(time::UtcOffset::UTC).format(form).unwrap_or_default()
}
