//! Where typical mistakes in filters are found.

use super::super::user::user;
use super::parse;

/// Each with the place that the error points at, and the beginning of what it says.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("nothing", "^", "Expected an attribute name"),
    ("unknown attribute", "^shoeSize eq \"46\"", "No served schema"),
    ("unknown sub-attribute", "title pr and ^name.nick eq \"B\"", "No served schema"),
    ("unknown in brackets", "emails[^kind eq \"work\"]", "No served schema"),
    ("unknown schema", "^urn:example:2.0:User:title pr", "No served schema"),
    ("schema alone", "^urn:ietf:params:scim:schemas:core:2.0:User pr", "No served schema"),
    ("no attribute name", "title pr and ^1st eq \"x\"", "Expected an attribute name"),
    ("never returned", "^password eq \"x\"", "No served schema"),
    ("operator left out", "userName ^\"bjensen\"", "Expected one of eq"),
    ("operator unknown", "userName ^== \"bjensen\"", "Expected one of eq"),
    ("operator misspelt", "userName ^equals \"bjensen\"", "Expected one of eq"),
    ("value left out", "userName eq ^", "Expected a string"),
    ("value and space left out", "userName eq^", "Expected a space"),
    ("wrong quotes", "userName eq ^'bjensen'", "Expected a string"),
    ("quotes not closed", "userName eq ^\"bjensen", "Expected a string"),
    ("escape unknown", "userName eq ^\"b\\jensen\"", "Expected a string"),
    ("quotes not escaped", "title eq \"a \"^b\" c\"", "Expected \"and\""),
    ("number for a string", "userName eq ^1", "The value does not fit"),
    ("no boolean", "active eq ^\"yes\"", "The value does not fit"),
    ("no dateTime", "meta.created gt ^\"2011-05-13\"", "The value does not fit"),
    ("booleans have no order", "active ^gt true", "active can't be compared"),
    ("dates hold no text", "meta.created ^co \"2011\"", "created can't be compared"),
    ("complex attribute", "name ^eq \"Babs\"", "name is complex"),
    ("joined by a comma", "title ^pr, active eq true", "Expected one of eq"),
    ("joined by a sign", "title pr ^&& active eq true", "Expected \"and\""),
    ("and without more", "title pr and ^", "Expected an attribute name"),
    ("or twice", "title pr or ^or active eq true", "No served schema"),
    ("not without parentheses", "title pr and ^not active eq true", "\"not\" must be followed"),
    ("parenthesis not closed", "(title pr or active eq true^", "Expected \")\""),
    ("parenthesis not opened", "title pr^) or active eq true", "Expected \"and\""),
    ("empty parentheses", "(^)", "Expected an attribute name"),
    ("bracket not closed", "emails[type eq \"work\"^", "Expected \"]\""),
    ("empty brackets", "emails[^]", "No served schema"),
    ("brackets on a string", "userName[^value eq \"b\"]", "A value filter in brackets"),
    ("brackets on a sub-attribute", "emails.value[^value eq \"b\"]", "A value filter in brackets"),
    ("brackets in brackets", "emails[^emails[type pr]]", "No served schema"),
    ("nothing after the bracket", "emails[type eq \"work\"].^", "No served schema"),
    ("after umlauts", "displayName eq \"Jürgen Müßig\" and ^größe eq 1", "Expected an attribute name"),
];

#[test]
fn mistakes_are_told_with_the_place_where_they_are() {
    let mut wrong = Vec::new();
    for (name, marked, message) in MISTAKES {
        let (before, after) = marked.split_once('^').expect("a mark");
        let text = format!("{before}{after}");
        let found = parse(user(), &text).map_err(|error| (error.position, error.message));
        let place = before.chars().count() + 1;
        if !found.as_ref().is_err_and(|(position, told)| *position == place && told.starts_with(message)) {
            wrong.push(format!("{name}: {marked}: {place} {message:?}, but {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
