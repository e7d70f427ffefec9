//! Names of groups: who has one already, whatever its letter case, and how groups are looked for by theirs.

use crate::directory::Result;
use crate::keycloak::{GroupId, GroupQuery, GroupRepresentation};
use crate::scim::{Code, Error};

use super::super::tenant::Tenant;
use super::super::{OrScim, Session};
use super::standing::{Judge, Standing};
use super::stored;

/// What stands in a name's way.
pub(super) enum Taken {
    /// It stays there.
    Refused(Error),
    /// A create of this name that was cut off.
    Unfinished(GroupRepresentation),
    /// Somebody else's group, which the configuration lets clients take over.
    Adoptable(GroupRepresentation),
}

impl Session {
    /// Who of the namesakes has the name already, so that no other group can; `own` is the group that is to get it.
    pub(super) async fn taken(
        &self,
        judge: &Judge<'_>,
        namesakes: &[GroupRepresentation],
        name: &str,
        own: Option<&GroupId>,
    ) -> Result<Option<Taken>> {
        let mut siblings = Vec::new();
        let mut powerful = false;
        for group in namesakes.iter().filter(|group| group.id.as_ref() != own) {
            // Where SCIM's groups live, and so where Keycloak itself takes a name once only.
            let is_sibling = group.parent_id == self.facts.group_parent;
            match judge.standing(group).await? {
                Standing::Managed if stored::is_unfinished(group) && is_sibling => {
                    return Ok(Some(Taken::Unfinished(group.clone())));
                }
                Standing::Managed => return Ok(Some(Taken::Refused(exists(group.id.as_ref())))),
                Standing::Powerful if is_sibling => powerful = true,
                Standing::Shown | Standing::Foreign if is_sibling => siblings.push(group),
                Standing::Shown => return Ok(Some(Taken::Refused(exists(group.id.as_ref())))),
                Standing::Powerful | Standing::Foreign => {}
            }
        }
        if powerful || self.is_powerful_sibling(judge, &siblings).await? {
            return Ok(Some(Taken::Refused(Error::conflict(
                Code::ProtectedGroup,
                "A group of this name exists in Keycloak and carries administrative power, so it is kept from SCIM; only \
                 groups.privileged can name it",
            ))));
        }
        let exact = siblings.iter().find(|group| group.name == name);
        Ok(match (exact.or(siblings.first()), siblings.len()) {
            (None, _) => None,
            (Some(group), 1) if self.settings().groups.adopt => Some(Taken::Adoptable((*group).clone())),
            (Some(group), _) => Some(Taken::Refused(refused_name(group, &self.storage.tenant))),
        })
    }

    /// Has one of these, which nobody manages, administrative power that the configuration does not grant?
    async fn is_powerful_sibling(
        &self,
        judge: &Judge<'_>,
        siblings: &[&GroupRepresentation],
    ) -> Result<bool> {
        for group in siblings {
            let privileged = self.settings().groups.privileged.contains(&group.name.to_lowercase());
            if !privileged && judge.power(group).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All groups of the realm with this name, in any letter case.
    pub(super) async fn groups_named(&self, name: &str) -> Result<Vec<GroupRepresentation>> {
        let lower = name.to_lowercase();
        let mut groups = self.groups_holding(name).await?;
        groups.retain(|group| group.name.to_lowercase() == lower);
        Ok(groups)
    }

    /// All groups of the realm whose names may hold the text.
    pub(super) async fn groups_holding(&self, text: &str) -> Result<Vec<GroupRepresentation>> {
        let search = search_term(text).map(str::to_owned);
        let query = GroupQuery { search, attributes: Vec::new() };
        self.client.every_group(&query).await.or_scim(self)
    }
}

/// What to search for where a name may hold the text: its longest part of plain characters, since databases differ in
/// what they take for the same letters beyond ASCII, and Keycloak knows wildcards; none where there is no such part.
fn search_term(text: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    let parts = text.split(|c: char| !plain(c));
    parts.map(str::trim).filter(|part| !part.is_empty()).max_by_key(|part| part.len())
}

/// The key of the lock on a group's name.
pub(super) fn group_name(name: &str) -> String {
    format!("group name {}", name.to_lowercase())
}

pub(super) fn exists(id: Option<&GroupId>) -> Error {
    let which = id.map(|id| format!("; its id is {id}")).unwrap_or_default();
    Error::conflict(Code::GroupExists, format!("A group with this displayName exists already{which}"))
}

pub(super) fn refused_name(group: &GroupRepresentation, tenant: &Tenant) -> Error {
    if stored::is_tagged(group, tenant) {
        return exists(group.id.as_ref());
    }
    Error::conflict(
        Code::UnmanagedGroupExists,
        format!(
            "A group with this displayName exists in Keycloak and is not managed over SCIM (groups.on_existing): rename or \
             delete it there, or give it the attribute scim.managed with the value {}",
            tenant.index()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_searched_for_by_what_every_database_folds_alike() {
        assert_eq!(search_term("Tour Guides"), Some("Tour Guides"));
        assert_eq!(search_term("Büro Überlingen"), Some("berlingen"));
        assert_eq!(search_term("Ärzte "), Some("rzte"));
        assert_eq!(search_term("Team *all*"), Some("Team"));
        assert_eq!((search_term("営業"), search_term(" é ")), (None, None));
    }
}
