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
    let immutable = |attribute: Attribute| Attribute { mutability: Mutability::Immutable, ..attribute };
    let members = Attribute::complex(
        "members",
        "The members of the group",
        vec![
            immutable(Attribute::string("value", "The id of the member").exact()),
            immutable(
                Attribute::new("$ref", Type::Reference, "The URL of the member")
                    .refers_to(&["User", "Group"]),
            ),
            Attribute::string("display", "The member's name, for people"),
            immutable(Attribute::string("type", "The member's resource type").canonical(&["User", "Group"])),
        ],
    );
    let display_name = Attribute { required: true, ..Attribute::string("displayName", "The group's name") };
    Schema::new(GROUP_URN, "Group", "Group", vec![display_name, members.many()])
}
