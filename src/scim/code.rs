//! What is known of a stable error code: the statuses it comes with, what happened, and where it is mended.

/// The `scimType` keywords of RFC 7644 table 9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// The filter is malformed or compares what can't be compared.
    InvalidFilter,
    /// The query would have to look at more resources than the server is willing to.
    TooMany,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The attribute can't be changed in the way that was asked.
    Mutability,
    /// The message's structure is wrong.
    InvalidSyntax,
    /// A PATCH path is malformed or names no known attribute.
    InvalidPath,
    /// A PATCH path selects nothing to operate on.
    NoTarget,
    /// A value is missing, of the wrong type, or not acceptable.
    InvalidValue,
}

impl ScimType {
    /// The keyword as it stands in the error message.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }
}

/// A status, and the RFC's keyword where it comes with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The HTTP status.
    pub status: u16,
    /// The RFC's keyword.
    pub scim_type: Option<ScimType>,
}

/// Where something is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The SCIM client: its attribute mappings, its credentials, its people's data.
    IdentityProvider,
    /// Keycloak's administration.
    Keycloak,
    /// The gateway's configuration file.
    Configuration,
    /// The gateway's process, its version and its log.
    Gateway,
    /// What lies between identity provider, gateway and Keycloak.
    Network,
}

/// One thing to do against an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mending {
    /// Where.
    pub place: Place,
    /// What: whole sentences, in Markdown.
    pub what: &'static str,
}

/// Makes the enum and what is known of each code. The doc comment is the code's meaning in one sentence, which people
/// read too.
macro_rules! codes {
    ($(
        #[doc = $meaning:literal]
        $name:ident = $text:literal {
            forms: [$($status:literal $($scim_type:ident)?),+],
            cause: $cause:literal,
            mending: [$($place:ident: $what:literal),+ $(,)?],
        }
    )+) => {
        /// Stable codes: every `detail` ends in one, in brackets. A code, once published, keeps its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $name,)+ }

        impl Code {
            /// All codes, in the order of their definition.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as it stands at the end of a `detail`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it says, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning.trim_ascii(),)+ }
            }

            /// The statuses that it comes with, and no others.
            pub fn forms(self) -> &'static [Form] {
                match self {
                    $(Self::$name => &[$(Form { status: $status, scim_type: codes!(@ $($scim_type)?) },)+],)+
                }
            }

            /// What happened, for the administrator who finds the error in the identity provider's log; Markdown.
            pub fn cause(self) -> &'static str {
                match self { $(Self::$name => $cause,)+ }
            }

            /// What can be done, the most likely first.
            pub fn mending(self) -> &'static [Mending] {
                match self {
                    $(Self::$name => &[$(Mending { place: Place::$place, what: $what },)+],)+
                }
            }
        }
    };
    (@) => { None };
    (@ $scim_type:ident) => { Some(ScimType::$scim_type) };
}

// After the macro, which is visible below it only.
mod table;

pub use table::Code;
