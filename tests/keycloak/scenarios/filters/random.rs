//! Random people and random filters on them, the same for the same seed.

use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::scim::{ENTERPRISE, USER};

/// Pieces of texts: alike, in several letter cases, and special to filters, databases, URLs or Keycloak's `q`.
const PIECES: &[&str] = &[
    "an", "Ann", "ANNA", "ber", "Bert", "bob", "\u{dc}n", "\u{fc}", "\u{df}", "SS", "50%", "%", "_", "a_b",
    "a\\b", "\\", "\"q\"", "\"", "o'x", "a:b", "&x=1", "+", " ", "k", "K", "\u{212a}", "i", "I", "\u{130}",
    "\u{3a3}", "[x]", "nick", "x",
];

/// Throws from a seed.
pub struct Dice(TestRunner);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Self(TestRunner::new_with_rng(Config::default(), rng))
    }

    pub fn throw<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.0).expect("a value").current()
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.throw(0..end)
    }

    fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn text(&mut self) -> String {
        (0..=self.below(3)).map(|_| *self.pick(PIECES)).collect()
    }

    /// In other letter cases.
    fn recased(&mut self, text: &str) -> String {
        let other = |c: char| {
            if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() }
        };
        text.chars().map(|c| if self.percent(30) { other(c) } else { c.to_string() }).collect()
    }
}

/// A create request for the `n`th person.
pub fn person(dice: &mut Dice, n: usize) -> Value {
    let (before, after) = (dice.text(), dice.text());
    let mut body = json!({
        "schemas": [USER, ENTERPRISE], "userName": format!("{before}{n:02}{after}"), "active": dice.percent(70),
        "name": {}, ENTERPRISE: {},
    });
    for (pointer, percent) in [
        ("/name/givenName", 80),
        ("/name/familyName", 80),
        ("/name/middleName", 40),
        ("/name/formatted", 40),
        ("/displayName", 60),
        ("/nickName", 50),
        ("/title", 70),
        ("/profileUrl", 40),
        ("/userType", 50),
    ] {
        if dice.percent(percent) {
            set(&mut body, pointer, dice.text());
        }
    }
    // Longer than what Keycloak finds by a part.
    if dice.percent(10) {
        let long = "long ".repeat(60) + &dice.text();
        set(&mut body, "/title", long);
    }
    for name in ["department", "employeeNumber"] {
        if dice.percent(70) {
            body[ENTERPRISE][name] = dice.text().into();
        }
    }
    if dice.percent(50) {
        body[ENTERPRISE]["manager"] = json!({ "value": dice.text() });
    }
    if dice.percent(60) {
        body["externalId"] = format!("{}{n}", dice.text()).into();
    }
    let mut emails = Vec::new();
    if dice.percent(80) {
        let local = *dice.pick(&["Ann", "bob", "kim", "o'x", "a+b", "a_b"]);
        emails.push(json!({ "value": format!("{local}{n}@Example.com"), "type": "work", "primary": true }));
    }
    for kind in ["home", "other"] {
        // Only Keycloak's one address is nobody else's.
        if !emails.is_empty() && dice.percent(30) {
            let shared = *dice.pick(&[
                "team@example.com",
                "Team@Example.com",
                "\"a\\b\"@example.com",
                "\u{fc}@example.com",
            ]);
            emails.push(json!({ "value": shared, "type": kind }));
        }
    }
    body["emails"] = emails.into();
    if dice.percent(50) {
        body["phoneNumbers"] = json!([{ "value": dice.text(), "type": "work" }, { "value": dice.text() }]);
    }
    if dice.percent(30) {
        body["addresses"] = json!([{ "locality": dice.text(), "type": "home" }]);
    }
    body
}

fn set(body: &mut Value, pointer: &str, text: String) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    body.pointer_mut(parent).expect("a parent")[key] = text.into();
}

/// A user as an administrator makes one by hand.
pub fn by_hand(dice: &mut Dice, n: usize) -> Value {
    json!({
        "username": format!("{}hand{n}", dice.text()), "email": format!("hand{n}@example.com"), "enabled": dice.percent(70),
        "firstName": dice.text(), "lastName": dice.text(), "attributes": { "title": [dice.text()], "department": [dice.text()] },
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    Instant,
}

/// What filters compare: the path from the top, or from an element of `within`; how often it is taken.
struct Attribute {
    within: &'static str,
    path: &'static str,
    kind: Kind,
    weight: usize,
}

const fn attribute(within: &'static str, path: &'static str, kind: Kind, weight: usize) -> Attribute {
    Attribute { within, path, kind, weight }
}

const ATTRIBUTES: &[Attribute] = &[
    attribute("", "id", Kind::Text, 3),
    attribute("", "userName", Kind::Text, 12),
    attribute("", "externalId", Kind::Text, 4),
    attribute("", "displayName", Kind::Text, 3),
    attribute("", "nickName", Kind::Text, 2),
    attribute("", "profileUrl", Kind::Text, 2),
    attribute("", "title", Kind::Text, 5),
    attribute("", "userType", Kind::Text, 3),
    attribute("", "active", Kind::Flag, 7),
    attribute("name", "givenName", Kind::Text, 10),
    attribute("name", "familyName", Kind::Text, 10),
    attribute("name", "middleName", Kind::Text, 2),
    attribute("name", "formatted", Kind::Text, 2),
    attribute("emails", "value", Kind::Text, 6),
    attribute("emails", "type", Kind::Text, 2),
    attribute("emails", "primary", Kind::Flag, 1),
    attribute("phoneNumbers", "value", Kind::Text, 2),
    attribute("addresses", "locality", Kind::Text, 1),
    attribute(ENTERPRISE, "department", Kind::Text, 5),
    attribute(ENTERPRISE, "employeeNumber", Kind::Text, 2),
    attribute(ENTERPRISE, "manager.value", Kind::Text, 3),
    attribute("meta", "created", Kind::Instant, 5),
    attribute("meta", "lastModified", Kind::Instant, 2),
];

/// Makes filters on these people, in all forms that RFC 7644 has, with values of theirs.
pub struct Filters<'p> {
    people: &'p [Value],
}

impl<'p> Filters<'p> {
    pub fn on(people: &'p [Value]) -> Self {
        Self { people }
    }

    pub fn filter(&self, dice: &mut Dice) -> String {
        self.nested(dice, 3)
    }

    fn nested(&self, dice: &mut Dice, depth: usize) -> String {
        match dice.below(if depth == 0 { 50 } else { 100 }) {
            0..45 => {
                let attribute = weighted(dice, |_| true);
                let name = qualified(dice, attribute);
                self.comparison(dice, attribute, &name)
            }
            45..50 => self.value_path(dice),
            50..82 => self.joined(dice, "and", depth - 1),
            82..95 => self.joined(dice, "or", depth - 1),
            _ => format!("{} ({})", dice.recased("not"), self.nested(dice, depth - 1)),
        }
    }

    fn joined(&self, dice: &mut Dice, word: &str, depth: usize) -> String {
        let parts: Vec<String> = (0..2 + dice.below(2))
            .map(|_| {
                let part = self.nested(dice, depth);
                if dice.percent(60) { format!("({part})") } else { part }
            })
            .collect();
        parts.join(&format!(" {} ", dice.recased(word)))
    }

    /// Conditions on one element, and perhaps Entra ID's comparison after them.
    fn value_path(&self, dice: &mut Dice) -> String {
        let outer = *dice.pick(&[
            "emails",
            "emails",
            "emails",
            "phoneNumbers",
            "addresses",
            "name",
            "meta",
            "manager",
        ]);
        let inner = |dice: &mut Dice| {
            if outer == "manager" {
                let manager = ATTRIBUTES.iter().find(|one| one.path == "manager.value").expect("the manager");
                self.comparison(dice, manager, "value")
            } else {
                let attribute = weighted(dice, |one| one.within == outer);
                let name = dice.recased(attribute.path);
                self.comparison(dice, attribute, &name)
            }
        };
        let (one, other) = (inner(dice), inner(dice));
        let outer = dice.recased(outer);
        match dice.below(5) {
            0 => format!("{outer}[{one}]"),
            1 => format!("{outer}[{one} and {other}]"),
            2 => format!("{outer}[{one} or {other}]"),
            3 => format!("{outer}[not ({one}) and {other}]"),
            _ => format!("{outer}[{one}].{other}"),
        }
    }

    fn comparison(&self, dice: &mut Dice, attribute: &Attribute, name: &str) -> String {
        let rare = dice.below(100);
        if rare < 4 {
            return format!("{name} {}", dice.recased("pr"));
        }
        let operators: &[&str] = match attribute.kind {
            Kind::Flag => &["eq", "eq", "ne"],
            Kind::Instant => &["eq", "ne", "gt", "ge", "lt", "le"],
            Kind::Text => &[
                "eq", "eq", "eq", "eq", "eq", "eq", "co", "co", "co", "sw", "sw", "sw", "ew", "ew", "ew",
                "ne", "gt", "ge", "lt", "le",
            ],
        };
        let operator = *dice.pick(operators);
        let value = match attribute.kind {
            _ if rare < 7 && matches!(operator, "eq" | "ne") => "null".to_owned(),
            Kind::Flag => (*dice.pick(&["true", "false", "\"True\"", "\"false\""])).to_owned(),
            Kind::Instant => Value::from(self.instant(dice, attribute)).to_string(),
            Kind::Text => Value::from(self.text(dice, attribute, operator)).to_string(),
        };
        format!("{name} {} {value}", dice.recased(operator))
    }

    /// A text that somebody has there, or a part of it; rarely one that nobody may have.
    fn text(&self, dice: &mut Dice, attribute: &Attribute, operator: &str) -> String {
        let there = self.values(attribute);
        if there.is_empty() || dice.percent(8) {
            return if dice.percent(20) { String::new() } else { dice.text() };
        }
        let whole = dice.pick(&there).clone();
        let exact = matches!(attribute.path, "id" | "externalId" | "profileUrl" | "manager.value");
        let whole = if exact && dice.percent(80) { whole } else { dice.recased(&whole) };
        let chars: Vec<char> = whole.chars().collect();
        let length = 1 + dice.below(chars.len().clamp(1, 5));
        let first = dice.below(chars.len().saturating_sub(length) + 1);
        let part = match operator {
            "co" => chars.iter().skip(first).take(length).collect(),
            "sw" | "gt" | "ge" | "lt" | "le" => chars.iter().take(length).collect(),
            "ew" => chars.iter().skip(chars.len().saturating_sub(length)).collect(),
            _ => whole.clone(),
        };
        if dice.percent(10) { whole } else { part }
    }

    fn instant(&self, dice: &mut Dice, attribute: &Attribute) -> String {
        let there = self.values(attribute);
        let one = dice.pick(&there).clone();
        match dice.below(10) {
            0 => "2020-02-29T23:59:59+01:00".to_owned(),
            1 => "1969-12-31T23:59:59Z".to_owned(),
            2 => format!("{}Z", &one[..19]),
            3 => one.replace('Z', "4Z"),
            _ => one,
        }
    }

    /// The texts that people have there.
    fn values(&self, attribute: &Attribute) -> Vec<String> {
        let outer = Some(attribute.within).filter(|outer| !outer.is_empty());
        let keys: Vec<&str> = outer.into_iter().chain(attribute.path.split('.')).collect();
        let mut found = Vec::new();
        for person in self.people {
            collect(person, &keys, &mut found);
        }
        found
    }
}

fn collect(value: &Value, keys: &[&str], found: &mut Vec<String>) {
    match (value, keys) {
        (Value::Array(elements), _) => elements.iter().for_each(|element| collect(element, keys, found)),
        (Value::String(text), []) => found.push(text.clone()),
        (_, [key, rest @ ..]) => value.get(key).into_iter().for_each(|inner| collect(inner, rest, found)),
        _ => {}
    }
}

fn weighted(dice: &mut Dice, fits: impl Fn(&Attribute) -> bool) -> &'static Attribute {
    let attributes: Vec<&Attribute> = ATTRIBUTES.iter().filter(|one| fits(one)).collect();
    let mut at = dice.below(attributes.iter().map(|one| one.weight).sum());
    let chosen = attributes.into_iter().find(|one| {
        let chosen = at < one.weight;
        at = at.saturating_sub(one.weight);
        chosen
    });
    chosen.expect("an attribute")
}

/// The attribute's name in one of the ways to write it.
fn qualified(dice: &mut Dice, attribute: &Attribute) -> String {
    let Attribute { within, path, .. } = attribute;
    let name = match *within {
        "" => (*path).to_owned(),
        ENTERPRISE if dice.percent(50) => format!("{ENTERPRISE}:{path}"),
        ENTERPRISE => (*path).to_owned(),
        // Compared by its value.
        "emails" | "phoneNumbers" if *path == "value" && dice.percent(30) => (*within).to_owned(),
        _ => format!("{within}.{path}"),
    };
    let core = *within != ENTERPRISE && dice.percent(15);
    let name = if core { format!("{USER}:{name}") } else { name };
    dice.recased(&name)
}
