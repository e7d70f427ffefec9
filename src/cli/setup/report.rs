//! What `setup` says at its end: what to type into Okta, or the same for a script.

use std::fmt::Write as _;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Everything but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the identity provider sends to prove who it is.
pub(super) enum Credential {
    /// A static bearer token.
    Token(SecretString),
    /// A client of the realm.
    Client { id: String, secret: SecretString },
}

/// The end of a setup.
pub(super) struct Report<'a> {
    pub(super) realm: &'a str,
    /// The organization that is served; none for the realm itself.
    pub(super) organization: Option<&'a str>,
    pub(super) caller: &'a str,
    pub(super) public_url: &'a str,
    pub(super) credential: Credential,
    pub(super) config: &'a Path,
    pub(super) changed: &'a [String],
}

impl Report<'_> {
    /// The SCIM base URL of the realm, or of the organization.
    pub(super) fn base_url(&self) -> String {
        let base = format!("{}/scim/v2", self.realm_url());
        match self.organization {
            Some(organization) => {
                format!("{base}/organizations/{}", utf8_percent_encode(organization, SEGMENT))
            }
            None => base,
        }
    }

    fn realm_url(&self) -> String {
        let realm = utf8_percent_encode(self.realm, SEGMENT);
        format!("{}/realms/{realm}", self.public_url)
    }

    /// The realm's token endpoint, as the gateway forwards it.
    fn token_endpoint(&self) -> String {
        format!("{}/protocol/openid-connect/token", self.realm_url())
    }

    /// One JSON object.
    pub(super) fn json(&self) -> String {
        let mut object = json!({
            "base_url": self.base_url(),
            "realm": self.realm,
            "caller": self.caller,
            "config": self.config,
            "changed": self.changed,
        });
        let fields = match &self.credential {
            Credential::Token(token) => json!({"token": token.expose_secret()}),
            Credential::Client { id, secret } => json!({
                "token_endpoint": self.token_endpoint(),
                "client_id": id,
                "client_secret": secret.expose_secret(),
            }),
        };
        if let (Some(object), serde_json::Value::Object(fields)) = (object.as_object_mut(), fields) {
            object.extend(self.organization.map(|name| ("organization".to_owned(), name.into())));
            object.extend(fields);
        }
        format!("{object:#}\n")
    }

    /// Text for a person.
    pub(super) fn text(&self) -> String {
        let base_url = self.base_url();
        let endpoint = self.token_endpoint();
        let mut lines = vec![
            ("SCIM connector base URL", base_url.as_str()),
            ("Unique identifier field for users", "userName"),
            (
                "Supported provisioning actions",
                "Import New Users and Profile Updates, Push New Users, Push Profile Updates, Push Groups, Import Groups",
            ),
        ];
        match &self.credential {
            Credential::Token(token) => lines.extend([
                ("Authentication Mode", "HTTP Header"),
                ("Authorization: Bearer", token.expose_secret()),
            ]),
            Credential::Client { id, secret } => lines.extend([
                ("Authentication Mode", "OAuth 2 (grant type Client Credentials)"),
                ("Token endpoint", endpoint.as_str()),
                ("Client ID", id.as_str()),
                ("Client Secret", secret.expose_secret()),
            ]),
        }
        let mut text = String::new();
        if self.changed.is_empty() {
            text.push_str("Everything was in place: nothing to change.\n");
        } else {
            text.push_str("Changed:\n");
            for change in self.changed {
                let _ = writeln!(text, "  {change}");
            }
        }
        text.push_str("\nType this into Okta (your app > Provisioning > Integration):\n");
        for (label, value) in lines {
            let _ = writeln!(text, "  {label:<35}{value}");
        }
        let _ =
            writeln!(text, "\nThen start the gateway:\n  scimgate serve --config {}", self.config.display());
        text
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn report(credential: Credential, changed: &[String]) -> Report<'_> {
        Report {
            realm: "acme corp",
            organization: None,
            caller: "okta",
            public_url: "https://scim.example.com",
            credential,
            config: Path::new("gate/config.toml"),
            changed,
        }
    }

    fn client() -> Credential {
        Credential::Client { id: "scim-okta".into(), secret: "s3cret".into() }
    }

    #[test]
    fn tells_what_to_type_in_with_a_token() {
        let changed = ["realm acme created".to_owned()];
        assert_snapshot!(report(Credential::Token("t0ken".into()), &changed).text(), @r#"
        Changed:
          realm acme created

        Type this into Okta (your app > Provisioning > Integration):
          SCIM connector base URL            https://scim.example.com/realms/acme%20corp/scim/v2
          Unique identifier field for users  userName
          Supported provisioning actions     Import New Users and Profile Updates, Push New Users, Push Profile Updates, Push Groups, Import Groups
          Authentication Mode                HTTP Header
          Authorization: Bearer              t0ken

        Then start the gateway:
          scimgate serve --config gate/config.toml
        "#);
    }

    #[test]
    fn tells_what_to_type_in_with_a_client() {
        assert_snapshot!(report(client(), &[]).text(), @r#"
        Everything was in place: nothing to change.

        Type this into Okta (your app > Provisioning > Integration):
          SCIM connector base URL            https://scim.example.com/realms/acme%20corp/scim/v2
          Unique identifier field for users  userName
          Supported provisioning actions     Import New Users and Profile Updates, Push New Users, Push Profile Updates, Push Groups, Import Groups
          Authentication Mode                OAuth 2 (grant type Client Credentials)
          Token endpoint                     https://scim.example.com/realms/acme%20corp/protocol/openid-connect/token
          Client ID                          scim-okta
          Client Secret                      s3cret

        Then start the gateway:
          scimgate serve --config gate/config.toml
        "#);
    }

    #[test]
    fn tells_the_base_url_of_an_organization() {
        let report = Report { organization: Some("contoso"), ..report(client(), &[]) };
        let base = "https://scim.example.com/realms/acme%20corp/scim/v2/organizations/contoso";
        assert!(report.text().contains(base), "{}", report.text());
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!((&json["base_url"], &json["organization"]), (&base.into(), &"contoso".into()));
        // Tokens are the realm's all the same.
        let endpoint = "https://scim.example.com/realms/acme%20corp/protocol/openid-connect/token";
        assert_eq!(json["token_endpoint"], endpoint);
    }

    #[test]
    fn tells_a_script_the_same() {
        assert_snapshot!(report(Credential::Token("t0ken".into()), &[]).json(), @r#"
        {
          "base_url": "https://scim.example.com/realms/acme%20corp/scim/v2",
          "realm": "acme corp",
          "caller": "okta",
          "config": "gate/config.toml",
          "changed": [],
          "token": "t0ken"
        }
        "#);
        assert_snapshot!(report(client(), &[]).json(), @r#"
        {
          "base_url": "https://scim.example.com/realms/acme%20corp/scim/v2",
          "realm": "acme corp",
          "caller": "okta",
          "config": "gate/config.toml",
          "changed": [],
          "token_endpoint": "https://scim.example.com/realms/acme%20corp/protocol/openid-connect/token",
          "client_id": "scim-okta",
          "client_secret": "s3cret"
        }
        "#);
    }
}
