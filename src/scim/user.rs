//! The User resource type: core schema (RFC 7643 section 4.1) and enterprise extension (section 4.3).

use std::sync::{Arc, LazyLock};

use super::schema::{Attribute, Extension, ResourceType, Returned, Schema, Type, common_attributes};

/// The URN of the core User schema.
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URN of the enterprise extension.
pub const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

static USER: LazyLock<ResourceType> = LazyLock::new(|| user_with(Vec::new()));

/// The User resource type without custom schemas.
pub fn user() -> &'static ResourceType {
    &USER
}

/// The User resource type with these schemas beside the enterprise extension.
pub fn user_with(custom: Vec<Extension>) -> ResourceType {
    let mut extensions = vec![Extension { schema: Arc::new(enterprise()), required: false }];
    extensions.extend(custom);
    ResourceType {
        name: "User",
        endpoint: "/Users",
        description: "User Account",
        core: Arc::new(core()),
        extensions,
        common: common_attributes(),
    }
}

/// A multi-valued attribute of value, display, type and primary (RFC 7643 section 2.4).
fn plural(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let kind = Attribute::string("type", "A label for the value's function").canonical(types);
    Attribute::complex(
        name,
        description,
        vec![
            value,
            Attribute::string("display", "A name for people to read"),
            kind,
            Attribute::new("primary", Type::Boolean, "Is this the preferred value? At most one is"),
        ],
    )
    .many()
}

fn uri(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Type::Reference, description).refers_to(&["external"])
}

fn core() -> Schema {
    let user_name = Attribute {
        required: true,
        unique: true,
        ..Attribute::string(
            "userName",
            "The name the user signs in with, in the letter case that the client sent",
        )
    };
    let name = Attribute::complex(
        "name",
        "The parts of the user's name",
        vec![
            Attribute::string("formatted", "The full name, ready for display"),
            Attribute::string("familyName", "The family name; Keycloak's last name"),
            Attribute::string("givenName", "The given name; Keycloak's first name"),
            Attribute::string("middleName", "The middle names"),
            Attribute::string("honorificPrefix", "Titles before the name"),
            Attribute::string("honorificSuffix", "Titles after the name"),
        ],
    );
    let addresses = Attribute::complex(
        "addresses",
        "Postal addresses",
        vec![
            Attribute::string("formatted", "The full address, ready for display"),
            Attribute::string("streetAddress", "Street, house number, P.O. box"),
            Attribute::string("locality", "City or locality"),
            Attribute::string("region", "State or region"),
            Attribute::string("postalCode", "Postal code"),
            Attribute::string("country", "Country, ISO 3166-1 alpha-2"),
            Attribute::string("type", "A label for the address's function")
                .canonical(&["work", "home", "other"]),
            Attribute::new("primary", Type::Boolean, "Is this the preferred address? At most one is"),
        ],
    )
    .many();
    let value = |description| Attribute::string("value", description);
    Schema::new(
        USER_URN,
        "User",
        "User Account",
        vec![
            user_name,
            name,
            Attribute::string("displayName", "The name to show"),
            Attribute::string("nickName", "The casual name"),
            uri("profileUrl", "The user's online profile"),
            Attribute::string("title", "The title, such as \"Vice President\""),
            Attribute::string("userType", "The relationship to the organization, such as \"Employee\""),
            Attribute::string("preferredLanguage", "The preferred language, as in Accept-Language"),
            Attribute::string("locale", "The default location, for currency, dates and numbers"),
            Attribute::string("timezone", "The time zone, such as \"America/Los_Angeles\""),
            Attribute::new("active", Type::Boolean, "May the user sign in? false ends all sessions").kept(),
            plural(
                "emails",
                "E-mail addresses; the primary one is Keycloak's",
                value("An e-mail address"),
                &["work", "home", "other"],
            ),
            plural(
                "phoneNumbers",
                "Phone numbers",
                value("A phone number"),
                &["work", "home", "mobile", "fax", "pager", "other"],
            ),
            plural("ims", "Instant messaging addresses", value("An instant messaging address"), &[]),
            plural(
                "photos",
                "Pictures of the user",
                uri("value", "The URL of a picture"),
                &["photo", "thumbnail"],
            ),
            addresses,
            groups(),
            plural("entitlements", "Entitlements", value("An entitlement"), &[]),
            plural("roles", "Roles, stored as sent; they give no role in Keycloak", value("A role"), &[]),
            plural(
                "x509Certificates",
                "Certificates",
                Attribute::new("value", Type::Binary, "A DER certificate in Base64"),
                &[],
            ),
        ],
    )
}

/// The groups that the user belongs to (RFC 7643 section 4.1.2); changed through the Group resource alone.
fn groups() -> Attribute {
    let groups = Attribute::complex(
        "groups",
        "The groups that the user belongs to; read only, changed through the Group",
        vec![
            Attribute::string("value", "The id of the Group").exact().read_only(),
            Attribute::new("$ref", Type::Reference, "The URL of the Group").refers_to(&["Group"]).read_only(),
            Attribute::string("display", "The Group's displayName").read_only(),
            Attribute::string("type", "How the user belongs to it")
                .canonical(&["direct", "indirect"])
                .read_only(),
        ],
    );
    // A page of users would cost a call for each of them.
    Attribute { returned: Returned::Request, ..groups.many().read_only() }
}

fn enterprise() -> Schema {
    let manager = Attribute::complex(
        "manager",
        "The user's manager",
        vec![
            Attribute::string("value", "The id of the manager's User").exact(),
            Attribute::new("$ref", Type::Reference, "The URL of the manager's User").refers_to(&["User"]),
            Attribute::string("displayName", "The manager's displayName, as the client sent it"),
        ],
    );
    Schema::new(
        ENTERPRISE_URN,
        "EnterpriseUser",
        "Enterprise User",
        vec![
            Attribute::string("employeeNumber", "The number that the organization gave the user"),
            Attribute::string("costCenter", "The cost center"),
            Attribute::string("organization", "The organization"),
            Attribute::string("division", "The division"),
            Attribute::string("department", "The department"),
            manager,
        ],
    )
}
