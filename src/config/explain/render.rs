//! Values as TOML writes them, on one line.

use std::time::Duration;

use toml::de::DeValue;

/// What stands in place of a secret.
pub(super) fn hidden() -> String {
    "(set)".to_owned()
}

/// A value as TOML writes it.
pub(super) fn rendered(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => self::text(text),
        DeValue::Integer(number) => match number.radix() {
            10 => number.as_str().to_owned(),
            radix => i64::from_str_radix(number.as_str(), radix)
                .map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
        },
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(list) => self::list(list.iter().map(|element| rendered(element.get_ref()))),
        DeValue::Table(table) => {
            let entry =
                |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
                    format!("{} = {}", key.get_ref(), rendered(value.get_ref()))
                };
            let entries: Vec<String> = table.iter().map(entry).collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

/// A URL without its query, which may hold a key.
pub(in crate::config) fn shown_url(url: &str) -> String {
    url.split_once('?').map_or_else(|| url.to_owned(), |(url, _)| format!("{url}?…"))
}

/// A text, quoted.
pub(super) fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Texts in brackets.
pub(super) fn texts(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    list(texts.into_iter().map(|text| self::text(text.as_ref())))
}

fn list(elements: impl Iterator<Item = String>) -> String {
    format!("[{}]", elements.collect::<Vec<_>>().join(", "))
}

/// A length of time, as `"30s"`.
pub(super) fn period(period: Duration) -> String {
    text(&humantime::format_duration(period).to_string())
}
