//! Users of one tenant whom several callers provision: whose a user is, and what only its own caller may do.

use crate::directory::{Result, Row, Wanted};
use crate::keycloak::UserRepresentation;
use crate::scim::{Code, Error};

use super::Session;
use super::storage::{self, EXTERNAL_ID, values};

/// What a caller may do to a user whom another caller of the same tenant made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// Change attributes, but neither delete nor deactivate.
    Refuse,
    /// Everything: the last one wins.
    LastWins,
}

/// Whose a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The caller's who asks.
    Oneself,
    /// Another one's, who is configured.
    Another,
    /// Nobody's who is configured: an administrator's, or a caller's who is none any more.
    Nobody,
}

impl Session {
    /// Whose the user is: its maker's. Where none is remembered, an `externalId` tells who knows it.
    pub(super) fn owner(&self, stored: &UserRepresentation) -> Owner {
        let tenant = &self.storage.tenant;
        let callers = self.settings().callers.iter().map(|caller| tenant.qualified(caller));
        owner(stored, &self.caller, callers)
    }

    /// What a request may say of `active`: to deactivate or to reactivate a user whom another caller made is refused, where
    /// the configuration says so; to repeat that the user is inactive says nothing, since it would end an assertion that
    /// only the user's own caller can take back, and with it an administrator's block.
    pub(super) fn judge_activity(
        &self,
        stored: &UserRepresentation,
        before: &Row,
        wanted: Wanted,
    ) -> Result<Wanted> {
        match (before.resource.flag("active"), wanted.active) {
            (Some(true), Some(false)) => self.refuse_anothers(stored, "deactivated")?,
            // Whom the one let go, the other must not take back by an update that says what it knew before.
            (Some(false), Some(true)) => self.refuse_anothers(stored, "reactivated")?,
            (Some(false), Some(false)) if self.is_anothers_alone(stored) => {
                return Ok(Wanted { active: None, ..wanted });
            }
            _ => {}
        }
        Ok(wanted)
    }

    /// Refuses to delete a user whom another caller made, where the configuration says so.
    pub(super) fn refuse_anothers_deletion(&self, stored: &UserRepresentation) -> Result<()> {
        self.refuse_anothers(stored, "deleted")
    }

    /// Does the user belong to another caller, where callers are kept apart?
    fn is_anothers_alone(&self, stored: &UserRepresentation) -> bool {
        self.settings().shared == Shared::Refuse && self.owner(stored) == Owner::Another
    }

    fn refuse_anothers(&self, stored: &UserRepresentation, done: &str) -> Result<()> {
        if !self.is_anothers_alone(stored) {
            return Ok(());
        }
        Err(Error::new(
            403,
            Code::AnotherCallersUser,
            format!(
                "Another identity provider made this user, so it can't be {done} by this one (shared = \"refuse\"); \
                 nothing was applied"
            ),
        ))
    }
}

/// Callers go by the names by which their values are stored.
fn owner(stored: &UserRepresentation, own: &str, mut callers: impl Iterator<Item = String>) -> Owner {
    if let Some(maker) = storage::maker(stored) {
        return match maker {
            maker if maker == own => Owner::Oneself,
            maker if callers.any(|caller| maker == caller) => Owner::Another,
            _ => Owner::Nobody,
        };
    }
    let knows = |caller: &str| {
        let prefix = storage::external_id(caller, "");
        values(stored, EXTERNAL_ID).iter().any(|value| value.starts_with(&prefix))
    };
    if knows(own) {
        Owner::Oneself
    } else if callers.any(|caller| knows(&caller)) {
        Owner::Another
    } else {
        Owner::Nobody
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(attributes: &[(&str, &[&str])]) -> UserRepresentation {
        let own = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        let attributes = attributes.iter().map(|(name, values)| ((*name).to_owned(), own(values)));
        UserRepresentation { attributes: Some(attributes.collect()), ..UserRepresentation::default() }
    }

    #[test]
    fn a_user_is_its_makers_whoever_knows_it() {
        let made = user(&[
            ("scim.document", &[r#"{"v":1,"user":{},"by":"okta"}"#]),
            (EXTERNAL_ID, &["entra:1", "okta:2"]),
        ]);
        let of = |own, callers: &[&str]| owner(&made, own, callers.iter().map(ToString::to_string));
        assert_eq!(of("okta", &["okta", "entra"]), Owner::Oneself);
        assert_eq!(of("entra", &["okta", "entra"]), Owner::Another);
        // One that is configured no more owns nothing.
        assert_eq!(of("entra", &["entra"]), Owner::Nobody);
    }

    #[test]
    fn without_a_maker_an_external_id_tells() {
        let known = |ids: &[&str], own| {
            owner(&user(&[(EXTERNAL_ID, ids)]), own, ["okta", "entra"].map(str::to_owned).into_iter())
        };
        assert_eq!(known(&["okta:1"], "okta"), Owner::Oneself);
        assert_eq!(known(&["okta:1", "entra:1"], "entra"), Owner::Oneself);
        assert_eq!(known(&["okta:1"], "entra"), Owner::Another);
        assert_eq!(known(&[], "entra"), Owner::Nobody);
        assert_eq!(known(&["gone:1"], "entra"), Owner::Nobody);
        // A name that another one's begins with is another name.
        assert_eq!(known(&["okta-2:1"], "okta"), Owner::Nobody);
    }
}
