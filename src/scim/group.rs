//! The Group resource type: its core schema (RFC 7643 section 4.2).

use std::sync::{Arc, LazyLock};

use super::schema::{Attribute, Mutability, ResourceType, Schema, Type, common_attributes};

/// The URN of the core Group schema.
pub const GROUP_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

static GROUP: LazyLock<ResourceType> = LazyLock::new(|| ResourceType {
    name: "Group",
    endpoint: "/Groups",
    description: "Group",
    core: Arc::new(core()),
    extensions: Vec::new(),
    common: common_attributes(),
});

/// The Group resource type.
pub fn group() -> &'static ResourceType {
    &GROUP
}

fn core() -> Schema {
    let display_name = Attribute {
        required: true,
        unique: true,
        ..Attribute::string(
            "displayName",
            "The group's name; no other group that is provisioned here has it, in whatever letter case",
        )
    };
    // A membership is given and taken as a whole; a PUT that does not speak of members says nothing about them.
    let immutable = |attribute: Attribute| Attribute { mutability: Mutability::Immutable, ..attribute };
    let members = Attribute::complex(
        "members",
        "The members of the group: users that are provisioned here, and groups within it",
        vec![
            immutable(Attribute::string("value", "The id of the member").exact()),
            immutable(
                Attribute::new("$ref", Type::Reference, "The URL of the member")
                    .refers_to(&["User", "Group"]),
            ),
            Attribute::string("display", "The member's name, for people").read_only(),
            immutable(Attribute::string("type", "The member's resource type").canonical(&["User", "Group"])),
        ],
    );
    Schema::new(GROUP_URN, "Group", "Group", vec![display_name, members.many().kept()])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schema_is_that_of_rfc_7643_section_8_7_1() {
        let shown = group().core.to_json("https://scim.example.com");
        assert_eq!(
            (&shown["id"], &shown["name"], &shown["description"]),
            (&json!(GROUP_URN), &json!("Group"), &json!("Group"))
        );
        let attributes = shown["attributes"].as_array().unwrap();
        let told = |attribute: &serde_json::Value| {
            let mut told = attribute.clone();
            let members = told.as_object_mut().unwrap();
            assert!(members.shift_remove("description").is_some_and(|text| text != ""));
            members.shift_remove("subAttributes");
            told
        };
        let text = json!({
            "type": "string", "multiValued": false, "required": false, "caseExact": false, "returned": "default",
            "uniqueness": "none"
        });
        let with = |more: serde_json::Value| {
            let mut all = text.clone();
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        // The name is required by its description there, and unique because that is held here.
        let name = json!({"name": "displayName", "required": true, "mutability": "readWrite", "uniqueness": "server"});
        assert_eq!(told(&attributes[0]), with(name));
        assert_eq!(
            told(&attributes[1]),
            json!({
                "name": "members", "type": "complex", "multiValued": true, "required": false, "mutability": "readWrite",
                "returned": "default", "uniqueness": "none"
            })
        );
        let both = json!(["User", "Group"]);
        let subs: Vec<_> = attributes[1]["subAttributes"].as_array().unwrap().iter().map(told).collect();
        assert_eq!(
            subs,
            [
                with(json!({"name": "value", "caseExact": true, "mutability": "immutable"})),
                with(json!({
                    "name": "$ref", "type": "reference", "caseExact": true, "mutability": "immutable",
                    "referenceTypes": both
                })),
                with(json!({"name": "display", "mutability": "readOnly"})),
                with(json!({"name": "type", "mutability": "immutable", "canonicalValues": both})),
            ]
        );
        assert_eq!(attributes.len(), 2);
    }
}
