//! The filter grammar: one pass, no backtracking, bounded in length and depth.

use std::sync::Arc;

use serde_json::Value;

use super::super::date_time;
use super::super::path::{AttrPath, PathError};
use super::super::schema::{Attribute, ResourceType, Schema, Type};
use super::{Filter, Operand, Operator, Path};

/// The longest filter, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;
/// The deepest nesting of parentheses, brackets and `not`.
pub const MAX_DEPTH: usize = 32;

/// Why a filter can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at position {position} of the filter")]
pub struct ParseError {
    /// Characters before the place, plus one.
    pub position: usize,
    /// What was expected or found.
    pub message: String,
}

/// Reads a filter on resources of this type.
///
/// Besides the RFC's grammar it takes `emails[type eq "work"].value eq "x"`, which Entra ID sends: the comparison
/// counts for the same element.
///
/// # Errors
/// [`ParseError`] for what is malformed, unknown, or can't be compared so.
pub fn parse(resource_type: &ResourceType, text: &str) -> Result<Filter, ParseError> {
    Parser::run(text, Scope::Resource(resource_type))
}

/// Reads the filter inside the brackets of a value path, on elements of this attribute.
///
/// # Errors
/// As [`parse`].
pub fn parse_within(attribute: &Arc<Attribute>, text: &str) -> Result<Filter, ParseError> {
    Parser::run(text, Scope::Element(attribute))
}

/// Where names are looked up.
#[derive(Clone, Copy)]
enum Scope<'s> {
    Resource(&'s ResourceType),
    Element(&'s Arc<Attribute>),
}

/// An attribute that a name led to.
#[derive(Clone, Copy)]
struct Found<'s> {
    extension: Option<&'s Arc<Schema>>,
    attribute: &'s Arc<Attribute>,
    sub: Option<&'s Arc<Attribute>>,
    /// Is it the element itself that the value filter judges, named `value`?
    is_element: bool,
}

impl<'s> Found<'s> {
    fn leaf(&self) -> &'s Arc<Attribute> {
        self.sub.unwrap_or(self.attribute)
    }

    fn path(&self) -> Path {
        let leaf = self.leaf();
        let own = (!self.is_element).then(|| Arc::clone(&self.attribute.name));
        let keys = self.extension.map(|schema| Arc::clone(&schema.id)).into_iter().chain(own);
        Path {
            keys: keys.chain(self.sub.map(|sub| Arc::clone(&sub.name))).collect(),
            kind: leaf.kind,
            case_exact: leaf.case_exact,
        }
    }

    /// A complex attribute without sub-attribute is compared by its `value` (RFC 7644 section 3.4.2.2).
    fn or_its_value(self) -> Self {
        match (self.attribute.kind, self.sub) {
            (Type::Complex, None) => Self { sub: self.attribute.sub("value"), ..self },
            _ => self,
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn run(text: &'t str, scope: Scope<'_>) -> Result<Filter, ParseError> {
        let mut parser = Self { text, at: 0, depth: 0 };
        if text.len() > MAX_LENGTH {
            return Err(parser.error(format!("The filter is longer than {MAX_LENGTH} bytes")));
        }
        let filter = parser.any(scope)?;
        parser.spaces();
        if parser.rest().is_empty() {
            Ok(filter)
        } else {
            Err(parser.error("Expected \"and\", \"or\" or the end"))
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        ParseError { position: before.chars().count() + 1, message: message.into() }
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(' ').len();
    }

    fn take(&mut self, token: char) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len_utf8();
        }
        found
    }

    /// The word ahead, up to a space, bracket, parenthesis or quote.
    fn word(&self) -> &'t str {
        let rest = self.rest();
        let end = rest.find([' ', '(', ')', '[', ']', '"']).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let word = self.word();
        let found = word.eq_ignore_ascii_case(keyword);
        if found {
            self.at += word.len();
        }
        found
    }

    fn any(&mut self, scope: Scope<'_>) -> Result<Filter, ParseError> {
        let mut parts = vec![self.all(scope)?];
        loop {
            self.spaces();
            if !self.keyword("or") {
                break;
            }
            parts.push(self.all(scope)?);
        }
        Ok(one_or(parts, Filter::Or))
    }

    fn all(&mut self, scope: Scope<'_>) -> Result<Filter, ParseError> {
        let mut parts = vec![self.term(scope)?];
        loop {
            self.spaces();
            if !self.keyword("and") {
                break;
            }
            parts.push(self.term(scope)?);
        }
        Ok(one_or(parts, Filter::And))
    }

    fn term(&mut self, scope: Scope<'_>) -> Result<Filter, ParseError> {
        self.spaces();
        if self.take('(') {
            return self.nested(scope, ')');
        }
        let start = self.at;
        if self.keyword("not") {
            self.spaces();
            if !self.take('(') {
                self.at = start;
                return Err(self.error("\"not\" must be followed by a parenthesis"));
            }
            return Ok(Filter::Not(Box::new(self.nested(scope, ')')?)));
        }
        self.comparison(scope)
    }

    fn nested(&mut self, scope: Scope<'_>, close: char) -> Result<Filter, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("The filter is nested deeper than {MAX_DEPTH}")));
        }
        let inner = self.any(scope)?;
        self.spaces();
        if !self.take(close) {
            return Err(self.error(format!("Expected \"{close}\"")));
        }
        self.depth -= 1;
        Ok(inner)
    }

    fn comparison(&mut self, scope: Scope<'_>) -> Result<Filter, ParseError> {
        let found = self.name(scope)?;
        if self.take('[') {
            return self.value_path(scope, found);
        }
        self.spaces();
        if self.keyword("pr") {
            return Ok(Filter::Present(found.path()));
        }
        let found = found.or_its_value();
        let (operator, operand) = self.operation(found.leaf())?;
        Ok(Filter::Compare(found.path(), operator, operand))
    }

    fn value_path(&mut self, scope: Scope<'_>, found: Found<'_>) -> Result<Filter, ParseError> {
        let whole =
            found.sub.is_none() && (found.attribute.kind == Type::Complex || found.attribute.multi_valued);
        if !whole || matches!(scope, Scope::Element(_)) {
            return Err(
                self.error("A value filter in brackets needs a complex or multi-valued attribute before it")
            );
        }
        let inner = self.nested(Scope::Element(found.attribute), ']')?;
        if !self.take('.') {
            return Ok(Filter::Element(found.path(), Box::new(inner)));
        }
        let more = self.comparison(Scope::Element(found.attribute))?;
        Ok(Filter::Element(found.path(), Box::new(Filter::And(vec![inner, more]))))
    }

    fn name<'s>(&mut self, scope: Scope<'s>) -> Result<Found<'s>, ParseError> {
        let word = self.word();
        let found = match scope {
            Scope::Resource(resource_type) => match AttrPath::resolve(resource_type, word) {
                Ok(AttrPath::Attribute { extension, attribute, sub }) => {
                    Ok(Found { extension, attribute, sub, is_element: false })
                }
                Ok(AttrPath::Core | AttrPath::Extension(_)) | Err(PathError::Unknown) => {
                    Err(PathError::Unknown)
                }
                Err(PathError::Malformed) => Err(PathError::Malformed),
            },
            Scope::Element(attribute) if attribute.kind != Type::Complex => {
                let found = Found { extension: None, attribute, sub: None, is_element: true };
                if word.eq_ignore_ascii_case("value") { Ok(found) } else { Err(PathError::Unknown) }
            }
            Scope::Element(attribute) => match attribute.sub(word) {
                Some(sub) => Ok(Found { extension: None, attribute: sub, sub: None, is_element: false }),
                None => Err(PathError::Unknown),
            },
        };
        let found = found.map_err(|error| match error {
            PathError::Unknown => self.error("No served schema has the attribute"),
            PathError::Malformed => self.error("Expected an attribute name"),
        })?;
        if found.attribute.is_secret() || found.sub.is_some_and(|sub| sub.is_secret()) {
            return Err(
                self.error(format!("{} is never returned, and so can't be filtered by", found.leaf().name))
            );
        }
        self.at += word.len();
        Ok(found)
    }

    fn operation(&mut self, attribute: &Attribute) -> Result<(Operator, Operand), ParseError> {
        let operator = match self.word().to_ascii_lowercase().as_str() {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "co" => Operator::Co,
            "sw" => Operator::Sw,
            "ew" => Operator::Ew,
            "gt" => Operator::Gt,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "le" => Operator::Le,
            _ => return Err(self.error("Expected one of eq ne co sw ew gt ge lt le pr")),
        };
        if attribute.kind == Type::Complex {
            return Err(
                self.error(format!("{} is complex: compare one of its sub-attributes", attribute.name))
            );
        }
        let equality = matches!(operator, Operator::Eq | Operator::Ne);
        let order = matches!(operator, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le);
        let fits = match attribute.kind {
            Type::Boolean | Type::Binary => equality,
            Type::Integer | Type::Decimal | Type::DateTime => equality || order,
            Type::String | Type::Reference | Type::Complex => true,
        };
        if !fits {
            return Err(self.error(format!("{} can't be compared with this operator", attribute.name)));
        }
        self.at += 2;
        if !self.take(' ') {
            return Err(self.error("Expected a space and a value after the operator"));
        }
        self.spaces();
        let start = self.at;
        let value = match self.bare_word(attribute.kind) {
            Some(word) => Value::from(word),
            None => self.literal()?,
        };
        let operand = match (attribute.kind, value) {
            (_, Value::Null) if equality => Some(Operand::Null),
            (Type::Boolean, Value::Bool(value)) => Some(Operand::Boolean(value)),
            // Entra ID writes booleans as strings.
            (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("true") => {
                Some(Operand::Boolean(true))
            }
            (Type::Boolean, Value::String(text)) if text.eq_ignore_ascii_case("false") => {
                Some(Operand::Boolean(false))
            }
            (Type::Integer, Value::Number(number)) => number.as_i64().map(Operand::Integer),
            // And numbers.
            (Type::Integer, Value::String(text)) => text.parse().ok().map(Operand::Integer),
            (Type::Decimal, Value::String(text)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map(Operand::Decimal)
            }
            (Type::Decimal, Value::Number(number)) => number.as_f64().map(Operand::Decimal),
            (Type::DateTime, Value::String(text)) => date_time::read(&text).map(Operand::DateTime),
            (Type::String | Type::Reference | Type::Binary, Value::String(text)) => {
                Some(Operand::String(text))
            }
            _ => None,
        };
        match operand {
            Some(operand) => Ok((operator, operand)),
            None => {
                self.at = start;
                Err(self.error(format!("The value does not fit the attribute {}", attribute.name)))
            }
        }
    }

    /// A text without its quotes, as RFC 7644 itself writes one in section 3.4.2.1 (`meta.resourceType eq User`), and
    /// Microsoft's collections of requests do. Never what may have been meant otherwise.
    fn bare_word(&mut self, kind: Type) -> Option<&'t str> {
        let word = self.word();
        let texts = matches!(kind, Type::String | Type::Reference | Type::Binary | Type::DateTime);
        let otherwise = ["and", "or", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
            || ["true", "false", "null"].iter().any(|literal| word.eq_ignore_ascii_case(literal))
            || serde_json::from_str::<Value>(word).is_ok();
        let after = self.rest().get(word.len()..).unwrap_or_default();
        let ends = after.is_empty() || after.starts_with([' ', ')', ']']);
        let plain = |c: char| c.is_alphanumeric() || "@._+-:/~%*|".contains(c);
        if !texts || word.is_empty() || !word.chars().all(plain) || otherwise || !ends {
            return None;
        }
        self.at += word.len();
        Some(word)
    }

    /// A JSON string, number, true, false or null.
    fn literal(&mut self) -> Result<Value, ParseError> {
        let rest = self.rest();
        let end = if rest.starts_with('"') { string_end(rest) } else { Some(self.word().len()) };
        let literal = end.and_then(|end| rest.get(..end)).unwrap_or_default();
        let value = match literal.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            "null" => Some(Value::Null),
            _ => serde_json::from_str(literal).ok(),
        };
        let Some(value) = value else {
            return Err(self.error("Expected a string in double quotes, a number, true, false or null"));
        };
        self.at += literal.len();
        Ok(value)
    }
}

fn one_or(mut parts: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            several(parts)
        }
    }
}

/// The length of the JSON string at the start of `text`, quotes included.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::user::user;
    use super::*;

    fn error(text: &str) -> ParseError {
        parse(user(), text).expect_err(text)
    }

    #[test]
    fn and_binds_closer_than_or() {
        let filter = parse(user(), "title pr or userName eq \"a\" and active eq true").unwrap();
        let Filter::Or(parts) = filter else { panic!("{filter:?}") };
        assert!(matches!(parts.as_slice(), [Filter::Present(_), Filter::And(_)]));
    }

    #[test]
    fn names_operators_and_keywords_are_read_in_any_letter_case() {
        assert_eq!(
            parse(user(), "USERNAME EQ \"a\" AND NOT (Active Eq TRUE)").unwrap(),
            parse(user(), "userName eq \"a\" and not(active eq true)").unwrap()
        );
    }

    #[test]
    fn entras_comparison_after_a_value_path_counts_for_the_same_element() {
        let filter = parse(user(), "emails[type eq \"work\"].value eq \"a@b\"").unwrap();
        assert_eq!(filter, parse(user(), "emails[type eq \"work\" and value eq \"a@b\"]").unwrap());
    }

    #[test]
    fn what_is_malformed_is_told_with_its_position() {
        assert_eq!(error("userName eq ").position, 13);
        assert_eq!(error("userName xx \"a\"").position, 10);
        assert_eq!(error("nope eq \"a\"").position, 1);
        assert_eq!(error("userName eq \"a\" nonsense").position, 17);
        for text in [
            "",
            " ",
            "userName",
            "userName eq",
            "userName eq\"a\"",
            "userName eq a\"",
            "userName eq 1a(",
            "userName eq and",
            "userName eq 'a'",
            "userName eq a=b",
            "userName eq or title pr",
            "active eq a",
            "userName eq \"a",
            "(title pr",
            "title pr)",
            "not title pr",
            "title pr and",
            "emails[type eq \"work\"",
            "userName[value eq 1]",
            "emails[emails[type pr]]",
            "active gt true",
            "name eq \"x\"",
            "userName eq 1",
            "active eq \"maybe\"",
            "meta.created gt \"yesterday\"",
            "password eq \"x\"",
            "urn:x:y eq \"a\"",
            "title eq \"\\q\"",
        ] {
            error(text);
        }
    }

    #[test]
    fn a_text_may_lack_its_quotes() {
        for (bare, quoted) in [
            ("userName sw O", "userName sw \"O\""),
            (
                "(meta.resourceType eq User) or title co a.b@c",
                "(meta.resourceType eq \"User\") or title co \"a.b@c\"",
            ),
            ("emails[type eq work].value ew .com", "emails[type eq \"work\"].value ew \".com\""),
            (
                "meta.created gt 2015-10-10T14:38:21.8617979-07:00",
                "meta.created gt \"2015-10-10T14:38:21.8617979-07:00\"",
            ),
        ] {
            assert_eq!(parse(user(), bare).unwrap(), parse(user(), quoted).unwrap(), "{bare}");
        }
    }

    #[test]
    fn length_and_depth_are_bounded() {
        let nested = |depth: usize| format!("{}title pr{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(user(), &nested(MAX_DEPTH)).is_ok());
        error(&nested(MAX_DEPTH + 1));
        error(&nested(2000));
        error(&format!("userName eq \"{}\"", "a".repeat(MAX_LENGTH)));
    }
}
