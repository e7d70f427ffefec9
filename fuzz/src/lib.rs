//! What must hold for any bytes that a client may send: one function for each kind of input, which panics where it does not.
//!
//! The fuzz targets call these functions, and so does `tests/corpus.rs`, with the committed inputs alone.

use std::sync::{Arc, LazyLock};

use scimgate::dialects;
use scimgate::scim::filter::{self, Filter, MAX_DEPTH, MAX_LENGTH};
use scimgate::scim::group::{GROUP_URN, group};
use scimgate::scim::members::{self, GroupPatch, MAX_MEMBERS, MemberChange};
use scimgate::scim::path::AttrPath;
use scimgate::scim::render::{Meta, render};
use scimgate::scim::schema::{Attribute, Mutability, Returned, Type};
use scimgate::scim::user::{ENTERPRISE_URN, USER_URN, user_with};
use scimgate::scim::{
    Code, Extension, Object, Patch, Policy, Projection, Resource, ResourceType, Schema, dropped, sanitize,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

const BADGE_URN: &str = "urn:example:badge:2.0:User";

/// Users with the enterprise extension and a schema of the realm's own, which has attributes of every type.
static USERS: LazyLock<ResourceType> = LazyLock::new(|| {
    let many = |name, kind| Attribute::new(name, kind, "").many();
    let access = vec![Attribute::string("zone", "").exact(), Attribute::new("level", Type::Integer, "")];
    let attributes = vec![
        many("tags", Type::String),
        many("floors", Type::Integer),
        many("visits", Type::DateTime),
        Attribute::new("height", Type::Decimal, ""),
        Attribute::new("vip", Type::Boolean, ""),
        Attribute::new("print", Type::Binary, ""),
        Attribute::complex("access", "", access),
        Attribute::string("number", "").exact().read_only(),
        Attribute { mutability: Mutability::Immutable, ..Attribute::string("issuer", "").kept() },
        Attribute {
            returned: Returned::Never,
            mutability: Mutability::WriteOnly,
            ..Attribute::string("pin", "").kept()
        },
        Attribute { returned: Returned::Request, ..Attribute::string("note", "").kept() },
    ];
    let schema = Arc::new(Schema::new(BADGE_URN, "Badge", "", attributes));
    user_with(vec![Extension { schema, required: false }])
});

/// One of these users, who has a value nearly everywhere.
static BABS: LazyLock<Resource> = LazyLock::new(|| {
    let body = json!({
        "userName": "bjensen@example.com", "externalId": "701984", "active": true, "title": "Tour Guide",
        "displayName": "Babs Jensen", "nickName": "", "profileUrl": "https://login.example.com/bjensen",
        "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara"},
        "emails": [
            {"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"},
            {"value": "babs@jensen.org", "type": "other", "primary": false},
        ],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
        "addresses": [{"streetAddress": "100 Universal City Plaza", "type": "work"}, {"country": "USA", "type": "home"}],
        "roles": [{"value": "guide", "primary": true}],
        "x509Certificates": [{"value": "AQID"}],
        ENTERPRISE_URN: {
            "employeeNumber": "701984", "department": "Tour Operations",
            "manager": {"value": "26118915", "$ref": "../Users/26118915", "displayName": "John Smith"},
        },
        BADGE_URN: {
            "tags": ["a", "B", "50%"], "floors": [1, -2], "visits": ["2011-05-13T04:42:34Z"], "height": 1.75, "vip": false,
            "print": "AQID", "access": {"zone": "A", "level": 3}, "issuer": "HQ", "pin": "1234", "note": "n",
        },
    });
    let mut babs = read(&object(&body)).expect("Babs is well formed");
    let set = |babs: &mut Resource, name: &str, value: Value| match AttrPath::resolve(&USERS, name) {
        Ok(AttrPath::Attribute { extension, attribute, .. }) => babs.set(extension, attribute, Some(value)),
        other => panic!("{other:?}"),
    };
    set(&mut babs, "groups", json!([{"value": "e9e30dba", "display": "Tour Guides", "type": "direct"}]));
    set(&mut babs, &format!("{BADGE_URN}:number"), json!("B-17"));
    babs
});

fn object(value: &Value) -> Object {
    value.as_object().cloned().unwrap_or_default()
}

fn read(body: &Object) -> Result<Resource, scimgate::scim::Error> {
    Resource::read(&USERS, body, &Policy::default())
}

fn rendered(resource: &Resource) -> Value {
    let meta = Meta {
        id: "2819c223-7f76-453a-919d-413861904646".into(),
        created: Some(OffsetDateTime::UNIX_EPOCH),
        last_modified: Some(OffsetDateTime::UNIX_EPOCH),
        revision: None,
    };
    render(&USERS, resource, &meta, "https://scim.example.com/realms/acme/scim/v2")
}

/// What of a resource a client may write.
fn writable(resource: &Resource) -> Resource {
    let mut writable = resource.clone();
    for (extension, attribute) in USERS.attributes() {
        if attribute.mutability == Mutability::ReadOnly {
            writable.set(extension, attribute, None);
        }
    }
    writable
}

/// A resource is canonical where reading it again, or taking it back from storage, gives the same.
fn assert_canonical(resource: &Resource) {
    let writable = writable(resource);
    assert_eq!(read(writable.as_object()).as_ref(), Ok(&writable), "not canonical");
    assert_eq!(Resource::restore(&USERS, writable.as_object()), writable, "not the same out of storage");
    for (name, value) in writable.as_object() {
        let primary = |element: &&Value| element.get("primary") == Some(&Value::Bool(true));
        let primaries = value.as_array().map_or(0, |elements| elements.iter().filter(primary).count());
        assert!(primaries <= 1, "{name} has {primaries} primary values");
    }
}

/// How deep the printed filter is nested.
fn depth(filter: &Filter) -> usize {
    let joined = |part: &Filter| depth(part) + usize::from(matches!(part, Filter::And(_) | Filter::Or(_)));
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().map(joined).max().unwrap_or_default(),
        Filter::Not(inner) | Filter::Element(_, inner) => depth(inner) + 1,
        Filter::Present(_) | Filter::Compare(..) => 0,
    }
}

/// A filter, or an error whose position lies in the text. A filter that is printed is read as the same filter.
pub fn filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let filter = match filter::parse(&USERS, text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.position), "{error}");
            return;
        }
    };
    let printed = filter.to_string();
    // What was just within the bounds may be beyond them with its parentheses and URNs written out.
    if printed.len() <= MAX_LENGTH && depth(&filter) <= MAX_DEPTH {
        assert_eq!(filter::parse(&USERS, &printed).as_ref(), Ok(&filter), "{printed}");
    }
    let matches = filter.matches(&rendered(&BABS));
    assert_eq!(Filter::Not(Box::new(filter.clone())).matches(&rendered(&BABS)), !matches);
    assert!(filter.size() >= 1);
}

/// A path in attribute notation, as PATCH and the query parameters take it.
pub fn path(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let resolved = AttrPath::resolve(&USERS, text);
    if let Ok(AttrPath::Attribute { extension, attribute, sub }) = resolved {
        let urn = extension.map_or(USER_URN, |schema| &schema.id);
        let sub_name = sub.map(|sub| format!(".{}", sub.name)).unwrap_or_default();
        let full = format!("{urn}:{}{sub_name}", attribute.name);
        match AttrPath::resolve(&USERS, &full) {
            Ok(AttrPath::Attribute { attribute: again, sub: sub_again, .. }) => {
                assert!(Arc::ptr_eq(attribute, again), "{full}");
                assert_eq!(sub.map(Arc::as_ptr), sub_again.map(Arc::as_ptr), "{full}");
            }
            other => panic!("{full}: {other:?}"),
        }
    }
    for (op, value) in [("add", json!("x")), ("replace", json!({"value": "x"})), ("remove", Value::Null)] {
        apply_to_babs(&object(&json!({"Operations": [{"op": op, "path": text, "value": value}]})));
    }
    for name in ["attributes", "excludedAttributes"] {
        let projection =
            Projection::read(&USERS, &[(name.to_owned(), text.to_owned())]).expect("one of them alone");
        assert_projects(&projection, &BABS);
    }
}

/// Projecting twice is projecting once, what is always returned stays, and what is never returned does not appear.
fn assert_projects(projection: &Projection, resource: &Resource) {
    let rendered = rendered(resource);
    let once = projection.apply(&USERS, rendered.clone());
    for always in ["schemas", "id"] {
        assert_eq!(once.get(always), rendered.get(always), "{projection:?}");
    }
    assert!(once.get(BADGE_URN).is_none_or(|badge| badge.get("pin").is_none()), "a secret is shown");
    assert_eq!(projection.apply(&USERS, once.clone()), once, "{projection:?}");
}

/// The body of a PATCH, as the intake hands it on.
pub fn patch(data: &[u8]) {
    if let Ok(mut body) = serde_json::from_slice::<Object>(data) {
        // No name is refused, so that nothing is.
        sanitize::patch(USER_URN, &mut body, &Policy::default()).expect("nothing is refused");
        assert_no_password(&Value::Object(body.clone()));
        let sent = body.clone();
        dialects::patch(&USERS, &mut body);
        let _told = dialects::changes(&sent, &body);
        let _told = dropped::in_patch(&USERS, &body);
        apply_to_babs(&body);
    }
    patch_group(data);
}

/// The same body for a group: what it says of members is the same before and after it is made plain, and by operations one
/// by one; what they come to does not contradict itself.
fn patch_group(data: &[u8]) {
    let Ok(mut body) = serde_json::from_slice::<Object>(data) else { return };
    sanitize::patch(GROUP_URN, &mut body, &Policy::default()).expect("nothing is refused");
    let sent = GroupPatch::read(group(), &body);
    dialects::patch(group(), &mut body);
    let Ok(patch) = GroupPatch::read(group(), &body) else {
        assert!(sent.is_err(), "made plain, it can't be read");
        return;
    };
    assert_eq!(sent.expect("plain, it can be read").members, patch.members);
    let operations = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("Operations"));
    let alone =
        operations.and_then(|(_, operations)| operations.as_array()).into_iter().flatten().flat_map(|one| {
            let one = GroupPatch::read(group(), &object(&json!({"Operations": [one]})));
            one.expect("together they can be read").members
        });
    assert_eq!(alone.collect::<Vec<_>>(), patch.members);
    let change = members::net_among(&patch.members, &[]);
    assert!(change.added.iter().all(|member| !change.removed.contains(&member.value)));
    assert!(change.keeps_others || change.removed.is_empty());
    match members::net(&patch.members) {
        Some(alone) => assert_eq!(alone, change),
        None => {
            let judged = |change: &MemberChange| matches!(change, MemberChange::RemoveMatching(_));
            assert!(patch.members.iter().any(judged), "it depends on nothing");
        }
    }
}

fn apply(before: &Resource, body: &Object) -> Result<Resource, scimgate::scim::Error> {
    let policy = Policy { refuse_unknown: true, ..Policy::default() };
    let strict = Patch::read(&USERS, body)?.apply(&USERS, before, &policy);
    let patched = Patch::read(&USERS, body)?.apply(&USERS, before, &Policy::default())?;
    if let Ok(strict) = strict {
        assert_eq!(strict.resource, patched.resource, "what is unknown must change nothing");
    }
    Ok(patched.resource)
}

/// All operations are applied, or none, and what comes out is a canonical user.
fn apply_to_babs(body: &Object) {
    let whole = apply(&BABS, body);
    if let Ok(after) = &whole {
        assert_canonical(after);
        for (extension, attribute) in USERS.attributes() {
            let (was, is) = (BABS.get(extension, attribute), after.get(extension, attribute));
            let fixed = matches!(attribute.mutability, Mutability::ReadOnly | Mutability::Immutable);
            assert!(!fixed || was == is, "{} was changed", attribute.name);
        }
    }
    // One after the other they do the same as together.
    let operations = body.iter().find(|(key, _)| key.eq_ignore_ascii_case("Operations"));
    let operations =
        operations.and_then(|(_, operations)| operations.as_array()).cloned().unwrap_or_default();
    let alone =
        |before: Resource, operation: &Value| apply(&before, &object(&json!({"Operations": [operation]})));
    let Ok(expected) = operations.iter().try_fold(BABS.clone(), alone) else { return };
    match whole {
        Ok(after) => assert_eq!(after, expected, "together they do something else"),
        Err(error) => assert!(
            operations.is_empty() || matches!(error.code, Code::TooMuchWork | Code::WrongMessage),
            "together they fail: {error}"
        ),
    }
}

/// The body of a POST or PUT, as the intake takes it, up to the answer.
pub fn resource(data: &[u8]) {
    // serde_json refuses what is nested deeper than 128 levels; so does the gateway.
    let Ok(mut body) = serde_json::from_slice::<Object>(data) else { return };
    group_resource(body.clone());
    sanitize::resource(USER_URN, &mut body, &Policy::default()).expect("nothing is refused");
    assert_no_password(&Value::Object(body.clone()));
    let sent = body.clone();
    dialects::resource(&USERS, &mut body);
    let _told = dialects::changes(&sent, &body);
    let _told = dropped::in_resource(&USERS, &body);
    let policy = Policy { refuse_unknown: true, ..Policy::default() };
    let strict = Resource::read(&USERS, &body, &policy);
    let Ok(resource) = read(&body) else {
        assert!(
            strict.is_err(),
            "refused where unknown attributes are ignored, and taken where they are refused"
        );
        return;
    };
    if let Ok(strict) = strict {
        assert_eq!(strict, resource);
    }
    assert_canonical(&resource);
    // A PUT of what a GET shows changes nothing.
    let mut echoed = read(&object(&rendered(&resource))).expect("what was rendered can be read");
    echoed.keep_omitted(&USERS, &resource);
    assert_eq!(echoed, resource, "a PUT of what was read changes it");
    let lists = [
        "userName",
        "name.givenName,emails.value,emails[type eq \"work\"]",
        BADGE_URN,
        ENTERPRISE_URN,
        USER_URN,
    ];
    for (name, list) in
        ["attributes", "excludedAttributes"].into_iter().flat_map(|name| lists.map(|list| (name, list)))
    {
        let parameters = [(name.to_owned(), list.to_owned())];
        assert_projects(&Projection::read(&USERS, &parameters).expect("one of them alone"), &resource);
    }
    assert_projects(&Projection::All, &resource);
}

/// The same body for a group: its members are taken out once, the same before and after it is made plain.
fn group_resource(mut body: Object) {
    sanitize::resource(GROUP_URN, &mut body, &Policy::default()).expect("nothing is refused");
    let sent = members::take(&mut body.clone());
    dialects::resource(group(), &mut body);
    let taken = members::take(&mut body);
    assert_eq!(taken, sent);
    let Ok(taken) = taken else { return };
    assert!(taken.unwrap_or_default().len() <= MAX_MEMBERS);
    assert_eq!(members::take(&mut body), Ok(None));
    if let Ok(resource) = Resource::read(group(), &body, &Policy::default()) {
        assert!(!resource.as_object().contains_key("members"), "members are left");
    }
}

fn assert_no_password(value: &Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let last = key.rsplit([':', '.']).next().unwrap_or(key);
                assert!(!last.trim().eq_ignore_ascii_case("password"), "a password is left");
                assert_no_password(value);
            }
        }
        Value::Array(elements) => elements.iter().for_each(assert_no_password),
        _ => {}
    }
}
