//! What `setup` adds to config.toml, and where it refuses to: everything that stands there already
//! stays byte for byte.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value, value};
use url::Url;

use super::args::{
    CallerAuth, DEFAULT_LISTEN, DEFAULT_PRIVATE_LISTEN, SetupArgs, caller_file, gateway_secret_file,
};

/// The file's name.
pub(super) const NAME: &str = "config.toml";

const HEAD: &str = "\
# Configuration of scimgate, begun by `scimgate setup`; run that again to add a realm or a caller.
version = 1
";

const SERVER: &str = "
# `listen` is for identity providers, `private_listen` for health and readiness.
# `public_url` is how identity providers reach `listen`; base URLs are made from it.
";

const REALM: &str = "
# `issuer` is what the tokens of the realm carry, as in its discovery document.
";

const TOKEN_CALLER: &str = "
# The caller sends a bearer token of which only the SHA-256 stands here.
";

const IDENTITY_PROVIDER: &str = "
# Users are linked to this identity provider in Keycloak, so that single sign-on finds who was provisioned; `user_id`
# tells which value is their id there.
";

const KEYCLOAK_CALLER: &str = "
# The caller gets its tokens from the realm, by client credentials of one of these clients.
";

/// Why config.toml can't be extended.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// It is not TOML.
    #[error("{} is not valid TOML: {source}", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: toml_edit::TomlError,
    },
    /// It says otherwise about the same thing.
    #[error(
        "{} says {key} = {found}, but this run would need {wanted}. Nothing was changed. Change the file if it is wrong, or run setup with what it says (or with another --out)",
        .path.display()
    )]
    Disagrees {
        /// The file.
        path: PathBuf,
        /// The key, dotted.
        key: String,
        /// What it says.
        found: String,
        /// What this run would write.
        wanted: String,
    },
    /// A key has another form than setup can extend.
    #[error("{}: {key} must be a table. Nothing was changed", .path.display())]
    NoTable {
        /// The file.
        path: PathBuf,
        /// The key, dotted.
        key: String,
    },
    /// The caller has a token that is kept nowhere any more.
    #[error(
        "{} knows a token of {key}, but {} that held it is gone, and only its hash is left. Put the file back; or remove the table [{key}] and run setup again for a new token, which then has to be typed into the identity provider",
        .path.display(), .file.display()
    )]
    TokenLost {
        /// The configuration file.
        path: PathBuf,
        /// The caller's table.
        key: String,
        /// The token's file.
        file: PathBuf,
    },
    /// Two callers would share a file.
    #[error(
        "the secret of {ours} would be kept in the same file, {file}, as that of {theirs}. Choose another --caller"
    )]
    SharedFile {
        /// This run's realm or caller.
        ours: String,
        /// The other one.
        theirs: String,
        /// The file's name.
        file: String,
    },
}

type Result<T> = std::result::Result<T, ConfigFileError>;

/// What must stand in the file.
pub(super) struct Wanted<'a> {
    pub(super) args: &'a SetupArgs,
    /// The realm's issuer; unknown (`None`) before Keycloak was asked.
    pub(super) issuer: Option<&'a str>,
    /// The SHA-256 of the caller's token, in hex; `None` with `--auth keycloak`.
    pub(super) token_hash: Option<&'a str>,
}

/// config.toml with everything that is wanted in it.
#[derive(Debug)]
pub(super) struct Extended {
    /// The whole text.
    pub(super) text: String,
    /// What was added, such as `realm acme`.
    pub(super) added: Vec<String>,
    /// What an administrator should look at.
    pub(super) warnings: Vec<String>,
    /// How identity providers reach the gateway, without a slash at the end.
    pub(super) public_url: String,
    /// Whether the gateway finds its own secret in the file that setup writes; otherwise it takes
    /// it from the environment.
    pub(super) reads_secret_file: bool,
}

/// An existing or new config.toml.
pub(super) struct ConfigFile {
    path: PathBuf,
    text: Option<String>,
}

impl ConfigFile {
    /// The file at `path` with its present text; `None` where there is none yet.
    pub(super) fn new(path: &Path, text: Option<String>) -> Self {
        Self { path: path.to_owned(), text }
    }

    /// Whether the caller has a token in it, and that caller's key.
    pub(super) fn has_token(&self, args: &SetupArgs) -> Result<bool> {
        let document = self.document()?;
        let mut item = Some(document.as_item());
        for key in args.caller_keys().into_iter().chain(["sha256"]) {
            item = item.and_then(|item| item.as_table_like()?.get(key));
        }
        Ok(item.is_some())
    }

    /// The error that a token's file is gone.
    pub(super) fn token_lost(&self, args: &SetupArgs, file: PathBuf) -> ConfigFileError {
        ConfigFileError::TokenLost { path: self.path.clone(), key: dotted(&args.caller_keys()), file }
    }

    /// The text with everything wanted in it. Changes nothing on disk.
    pub(super) fn extended(&self, wanted: &Wanted<'_>) -> Result<Extended> {
        let args = wanted.args;
        let mut document = self.document()?;
        self.refuse_shared_files(&document, args)?;
        let mut edit = Edit { path: &self.path, added: Vec::new(), warnings: Vec::new() };
        edit.version(document.as_table_mut())?;
        let public_url = edit.server(document.as_table_mut(), args)?;
        let reads_secret_file = edit.realm(document.as_table_mut(), wanted)?;
        Ok(Extended {
            text: document.to_string(),
            added: edit.added,
            warnings: edit.warnings,
            public_url,
            reads_secret_file,
        })
    }

    fn document(&self) -> Result<DocumentMut> {
        let text = self.text.as_deref().unwrap_or(HEAD);
        text.parse().map_err(|source| ConfigFileError::Syntax { path: self.path.clone(), source })
    }

    /// The names of secrets' files are made from those of realm and caller; no two may meet, or
    /// one realm's secret would open another.
    fn refuse_shared_files(&self, document: &DocumentMut, args: &SetupArgs) -> Result<()> {
        let ours = [
            (args.gateway_secret_file(), dotted(&["realms", &args.realm])),
            (args.caller_file(), dotted(&args.caller_keys())),
        ];
        let mut theirs = Vec::new();
        for (realm, settings) in tables(document.as_item().get("realms")) {
            theirs.push((gateway_secret_file(realm), dotted(&["realms", realm])));
            theirs.extend(callers_files(realm, None, settings));
            for (organization, settings) in tables(within(settings, "organizations")) {
                theirs.extend(callers_files(realm, Some(organization), settings));
            }
        }
        for (file, owner) in ours {
            let other =
                theirs.iter().find(|(their_file, their_owner)| *their_file == file && *their_owner != owner);
            if let Some((_, other)) = other {
                return Err(ConfigFileError::SharedFile { ours: owner, theirs: other.clone(), file });
            }
        }
        Ok(())
    }
}

/// One run over a document.
struct Edit<'a> {
    path: &'a Path,
    added: Vec<String>,
    warnings: Vec<String>,
}

impl Edit<'_> {
    fn version(&self, root: &mut Table) -> Result<()> {
        let found = root.entry("version").or_insert_with(|| value(1));
        if found.as_integer() == Some(1) { Ok(()) } else { Err(self.disagrees("version", found, "1")) }
    }

    /// What is told explicitly must agree with the file; the rest the file decides.
    fn server(&self, root: &mut Table, args: &SetupArgs) -> Result<String> {
        let is_new = !root.contains_key("server");
        let server = self.table(root, "server", "server", || headed(SERVER))?;
        let address = |given: Option<SocketAddr>, default| {
            let text = given.unwrap_or(default).to_string();
            (text, given.is_some())
        };
        let (listen, told) = address(args.listen, DEFAULT_LISTEN);
        let listen = self.setting(server, "server", "listen", &listen, told, is_new)?;
        let (private, told) = address(args.private_listen, DEFAULT_PRIVATE_LISTEN);
        self.setting(server, "server", "private_listen", &private, told, is_new)?;
        let (public, told) = match &args.public_url {
            Some(url) => (bare(url), true),
            None => (format!("http://{listen}"), false),
        };
        let public = self.setting(server, "server", "public_url", &public, told, is_new)?;
        Ok(public.trim_end_matches('/').to_owned())
    }

    /// A setting's value: the file's if it has one, which must agree with one that was `told`;
    /// else `wanted`, which is written where it was told or the table is new.
    fn setting(
        &self,
        table: &mut dyn TableLike,
        parent: &str,
        key: &str,
        wanted: &str,
        told: bool,
        is_new: bool,
    ) -> Result<String> {
        match table.get(key) {
            Some(item) => {
                let found = item.as_str().map(str::to_owned);
                match found {
                    Some(found) if !told || same(&found, wanted) => Ok(found),
                    _ => Err(self.disagrees(&format!("{parent}.{key}"), item, wanted)),
                }
            }
            None => {
                if told || is_new {
                    table.insert(key, value(wanted));
                }
                Ok(wanted.to_owned())
            }
        }
    }

    /// Adds the realm, its way to Keycloak and the caller, where they are missing.
    fn realm(&mut self, root: &mut Table, wanted: &Wanted<'_>) -> Result<bool> {
        let args = wanted.args;
        let realm_key = dotted(&["realms", &args.realm]);
        let realms = self.table(root, "realms", "realms", implicit)?;
        let is_new = !realms.contains_key(&args.realm);
        let realm = self.table(realms, &args.realm, &realm_key, || headed(REALM))?;
        if is_new {
            self.added.push(format!("realm {}", args.realm));
        }
        if let Some(issuer) = wanted.issuer {
            self.issuer(realm, &realm_key, issuer);
        }
        let reads_secret_file = self.keycloak(realm, &realm_key, args)?;
        let tenant = match &args.organization {
            None => realm,
            Some(organization) => {
                let key = format!("{realm_key}.organizations");
                let organizations = self.table(realm, "organizations", &key, implicit)?;
                self.table(organizations, organization, &dotted(&args.tenant_keys()), implicit)?
            }
        };
        self.identity_provider(tenant, args)?;
        self.caller(tenant, wanted)?;
        Ok(reads_secret_file)
    }

    /// Adds the identity provider that users are to be linked to, where it is missing.
    fn identity_provider(&mut self, tenant: &mut dyn TableLike, args: &SetupArgs) -> Result<()> {
        let Some(alias) = &args.idp else { return Ok(()) };
        let key = dotted(&[args.tenant_keys(), vec!["identity_provider"]].concat());
        let is_new = !tenant.contains_key("identity_provider");
        let table = self.table(tenant, "identity_provider", &key, || headed(IDENTITY_PROVIDER))?;
        self.setting(table, &key, "alias", alias, true, true)?;
        self.setting(table, &key, "user_id", args.idp_user_id(), args.idp_user_id.is_some(), is_new)?;
        if is_new {
            self.added.push(format!("identity provider {alias} of {}", args.tenant()));
        }
        Ok(())
    }

    /// An issuer that differs is the administrator's: Keycloak's host name may follow the request,
    /// and then it is not the one that setup sees.
    fn issuer(&mut self, realm: &mut dyn TableLike, realm_key: &str, issuer: &str) {
        match realm.get("issuer").map(|item| item.as_str()) {
            None => {
                realm.insert("issuer", value(issuer));
            }
            Some(Some(found)) if found == issuer => {}
            Some(_) => self.warnings.push(format!(
                "{realm_key}.issuer in {} is not {issuer}, as the realm's discovery document says; tokens must carry the one that stands there",
                self.path.display()
            )),
        }
    }

    fn keycloak(&self, realm: &mut dyn TableLike, realm_key: &str, args: &SetupArgs) -> Result<bool> {
        let key = format!("{realm_key}.keycloak");
        let keycloak = self.table(realm, "keycloak", &key, || headed("\n"))?;
        self.setting(keycloak, &key, "url", &bare(&args.keycloak), true, true)?;
        self.setting(keycloak, &key, "client_id", &args.gateway_client, true, true)?;
        if keycloak.contains_key("client_secret_env") {
            return Ok(false);
        }
        let file = args.gateway_secret_file();
        self.setting(keycloak, &key, "client_secret_file", &file, true, true)?;
        Ok(true)
    }

    fn caller(&mut self, tenant: &mut dyn TableLike, wanted: &Wanted<'_>) -> Result<()> {
        let args = wanted.args;
        let callers_key = dotted(&[args.tenant_keys(), vec!["callers"]].concat());
        let key = dotted(&args.caller_keys());
        let callers = self.table(tenant, "callers", &callers_key, implicit)?;
        let is_new = !callers.contains_key(&args.caller);
        let comment = match args.auth {
            CallerAuth::Token => TOKEN_CALLER,
            CallerAuth::Keycloak => KEYCLOAK_CALLER,
        };
        let caller = self.table(callers, &args.caller, &key, || headed(comment))?;
        let auth = args.auth.to_string();
        self.setting(caller, &key, "auth", &auth, true, true)?;
        let client = args.caller_client();
        let (list, wanted) = match wanted.token_hash {
            Some(hash) => ("sha256", hash),
            None => ("clients", client.as_str()),
        };
        self.element(caller, &key, list, wanted)?;
        if is_new {
            self.added.push(format!("caller {} of {}", args.caller, args.tenant()));
        }
        Ok(())
    }

    /// A list that must hold the element.
    fn element(&self, table: &mut dyn TableLike, parent: &str, key: &str, wanted: &str) -> Result<()> {
        let list = || value(Value::Array(Array::from_iter([wanted])));
        let item = table.entry(key).or_insert_with(list);
        let holds =
            item.as_array().is_some_and(|list| list.iter().any(|element| element.as_str() == Some(wanted)));
        if holds {
            Ok(())
        } else {
            Err(self.disagrees(&format!("{parent}.{key}"), item, &format!("\"{wanted}\" in it")))
        }
    }

    /// The table below a key, made where there is none; in the parent's own style.
    fn table<'t>(
        &self,
        parent: &'t mut dyn TableLike,
        key: &str,
        full_key: &str,
        make: impl FnOnce() -> Table,
    ) -> Result<&'t mut dyn TableLike> {
        if !parent.contains_key(key) {
            parent.insert(key, Item::Table(make()));
        }
        parent
            .get_mut(key)
            .and_then(Item::as_table_like_mut)
            .ok_or_else(|| ConfigFileError::NoTable { path: self.path.to_owned(), key: full_key.to_owned() })
    }

    fn disagrees(&self, key: &str, found: &Item, wanted: &str) -> ConfigFileError {
        ConfigFileError::Disagrees {
            path: self.path.to_owned(),
            key: key.to_owned(),
            found: found.to_string().trim().to_owned(),
            wanted: wanted.to_owned(),
        }
    }
}

/// The files of the secrets of all callers in a tenant's table, each with the caller's key.
fn callers_files(realm: &str, organization: Option<&str>, tenant: &Item) -> Vec<(String, String)> {
    let of = organization.into_iter().flat_map(|name| ["organizations", name]);
    let keys: Vec<&str> = ["realms", realm].into_iter().chain(of).chain(["callers"]).collect();
    let callers = tables(within(tenant, "callers")).map(|(caller, settings)| {
        let auth = match within(settings, "auth").and_then(Item::as_str) {
            Some("keycloak") => CallerAuth::Keycloak,
            _ => CallerAuth::Token,
        };
        (caller_file(realm, organization, caller, auth), dotted(&[keys.as_slice(), &[caller]].concat()))
    });
    callers.collect()
}

fn within<'i>(item: &'i Item, key: &str) -> Option<&'i Item> {
    item.as_table_like()?.get(key)
}

fn tables(item: Option<&Item>) -> impl Iterator<Item = (&str, &Item)> {
    item.and_then(Item::as_table_like).into_iter().flat_map(|table| table.iter())
}

/// A table with what stands before its header: an empty line, comments.
fn headed(before: &str) -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix(before);
    table
}

/// A table whose header is not written, since it only holds other tables.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// A URL without a slash at its end.
fn bare(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Whether two settings mean the same; addresses may end in a slash.
fn same(found: &str, wanted: &str) -> bool {
    found.trim_end_matches('/') == wanted.trim_end_matches('/')
}

/// A dotted key as TOML writes it.
fn dotted(keys: &[&str]) -> String {
    let quoted: Vec<String> =
        keys.iter().map(|&key| toml_edit::Key::new(key).display_repr().into_owned()).collect();
    quoted.join(".")
}

#[cfg(test)]
mod tests;
