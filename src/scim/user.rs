//! The User resource type: core schema (RFC 7643 section 4.1) and enterprise extension (section 4.3).

use std::sync::LazyLock;

use super::schema::{Attribute, ResourceType, Schema, Type, common_attributes};

/// The URN of the core User schema.
pub const USER_URN: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The URN of the enterprise extension.
pub const ENTERPRISE_URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

static USER: LazyLock<ResourceType> = LazyLock::new(|| ResourceType {
    name: "User",
    endpoint: "/Users",
    description: "User Account",
    core: core(),
    extensions: vec![enterprise()],
    common: common_attributes(),
});

/// The User resource type.
pub fn user() -> &'static ResourceType {
    &USER
}

/// A multi-valued attribute of value, display, type and primary (RFC 7643 section 2.4).
fn plural(
    name: &'static str,
    description: &'static str,
    value: Attribute,
    types: &'static [&'static str],
) -> Attribute {
    let kind = Attribute {
        canonical_values: types,
        ..Attribute::string("type", "A label for the value's function")
    };
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

fn uri(name: &'static str, description: &'static str) -> Attribute {
    Attribute { reference_types: &["external"], ..Attribute::new(name, Type::Reference, description) }
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
            Attribute {
                canonical_values: &["work", "home", "other"],
                ..Attribute::string("type", "A label for the address's function")
            },
            Attribute::new("primary", Type::Boolean, "Is this the preferred address? At most one is"),
        ],
    )
    .many();
    let value = |description| Attribute::string("value", description);
    Schema {
        id: USER_URN,
        name: "User",
        description: "User Account",
        attributes: vec![
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
            Attribute::new("active", Type::Boolean, "May the user sign in? false ends all sessions"),
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
            plural("entitlements", "Entitlements", value("An entitlement"), &[]),
            plural("roles", "Roles, stored as sent; they give no role in Keycloak", value("A role"), &[]),
            plural(
                "x509Certificates",
                "Certificates",
                Attribute::new("value", Type::Binary, "A DER certificate in Base64"),
                &[],
            ),
        ],
    }
}

fn enterprise() -> Schema {
    let manager = Attribute::complex(
        "manager",
        "The user's manager",
        vec![
            Attribute::string("value", "The id of the manager's User").exact(),
            Attribute {
                reference_types: &["User"],
                ..Attribute::new("$ref", Type::Reference, "The URL of the manager's User")
            },
            Attribute::string("displayName", "The manager's displayName, as the client sent it"),
        ],
    );
    Schema {
        id: ENTERPRISE_URN,
        name: "EnterpriseUser",
        description: "Enterprise User",
        attributes: vec![
            Attribute::string("employeeNumber", "The number that the organization gave the user"),
            Attribute::string("costCenter", "The cost center"),
            Attribute::string("organization", "The organization"),
            Attribute::string("division", "The division"),
            Attribute::string("department", "The department"),
            manager,
        ],
    }
}
