//! The groups that new users join by configuration.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::directory::Result;
use crate::keycloak::GroupRepresentation;
use crate::scim::{Code, Error};

use super::super::on_create::path;
use super::super::storage::Storage;
use super::super::tenant::Tenant;
use super::super::{OrScim, Session};
use super::standing::Judge;

impl Session {
    /// These groups, as they are in this moment.
    ///
    /// # Errors
    /// 503 where one is missing or carries administrative power, also where clients may see it all the same.
    pub(in super::super) async fn groups_to_start_in(
        &self,
        paths: &BTreeSet<Vec<String>>,
    ) -> Result<Vec<GroupRepresentation>> {
        let realm = self.of_realm();
        let judge = Judge::new(&realm);
        let mut groups = Vec::new();
        for names in paths {
            let found = realm.client.group_by_path(names).await.or_scim(self)?;
            let reason = match &found {
                None => "is missing",
                Some(group) if judge.power(group).await?.is_some() => "carries administrative power",
                Some(_) => {
                    groups.extend(found);
                    continue;
                }
            };
            let path = path(names);
            tracing::error!(group = path, "the group that new users join (on_create.groups) {reason}");
            return Err(Error::unavailable(
                Code::RealmNotReady,
                format!("The group {path} in Keycloak, which new users join (on_create.groups), {reason}"),
                60,
            ));
        }
        Ok(groups)
    }

    /// Moves on the versions of the groups that a new user is in from the beginning.
    pub(in super::super) async fn note_arrival(&self, groups: &[GroupRepresentation]) {
        self.of_realm().note_departure(groups).await;
    }

    /// The same work on the realm's own groups, also for a tenant that has others.
    fn of_realm(&self) -> Self {
        Self {
            directory: self.directory.clone(),
            client: self.client.clone().of_realm(),
            facts: Arc::clone(&self.facts),
            storage: Storage { tenant: Tenant::realm(), ..self.storage.clone() },
            caller: Arc::clone(&self.caller),
        }
    }
}
