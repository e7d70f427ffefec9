//! Groups in a dry run: created, changed and moved ones, and who would be in them. What is at the top level is kept
//! without a parent here, in an organization too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::super::endpoint::{CHILDREN, Endpoint, GROUP, GROUPS, MEMBERS};
use super::super::error::{Error, Result};
use super::super::transport::Answer;
use super::{Asked, Instead, Object, There, conflict, created, done, found, not_sent, text};

/// As many as Keycloak gives at once.
const PAGE: usize = 1000;
/// How many users are looked up by their ids at once: what a URL has room for.
const IDS_PER_CALL: usize = 100;

/// What would be otherwise than it is.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<Changes>);

#[derive(Debug, Default)]
struct Changes {
    /// The groups that were created, by their made-up ids.
    created: BTreeMap<String, Object>,
    /// What was written over groups that are there, by id.
    written: BTreeMap<String, Object>,
    /// The groups above those that were moved, by id; none for the top level.
    places: BTreeMap<String, Option<String>>,
    /// Whether users are in groups now: by the group's id, and the user's.
    members: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Changes {
    /// The group, as it would be.
    fn apply(&self, id: &str, mut group: Object) -> Object {
        if let Some(written) = self.written.get(id) {
            // A description that is left out goes, attributes that are left out stay.
            group.remove("description");
            let fields = ["name", "description", "attributes"];
            group.extend(
                fields.iter().filter_map(|name| Some(((*name).to_owned(), written.get(*name)?.clone()))),
            );
        }
        if let Some(place) = self.places.get(id) {
            set_parent(&mut group, place.as_deref());
        }
        group
    }
}

impl Groups {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a group at the top level or below another one; a body with an id moves that group there.
    pub(super) async fn create(
        &self,
        there: &There<'_>,
        below: Option<&str>,
        mut group: Object,
    ) -> Result<Answer> {
        let name = text(&group, "name").unwrap_or_default().to_owned();
        if let Some(id) = text(&group, "id").map(str::to_owned) {
            if self.is_taken(there, below, &name, &id).await? {
                return Ok(taken(below, &name));
            }
            self.changes().places.insert(id, below.map(str::to_owned));
            return Ok(done());
        }
        let id = uuid::Uuid::new_v4().to_string();
        let location = there.url(&["groups", &id]);
        group.insert("id".into(), id.clone().into());
        group.insert("subGroupCount".into(), 0.into());
        set_parent(&mut group, below);
        self.changes().created.insert(id, group);
        Ok(created(&location))
    }

    pub(super) async fn update(&self, there: &There<'_>, id: &str, group: Object) -> Result<Answer> {
        if let Some(before) = self.group(there, id).await? {
            let name = text(&group, "name").unwrap_or_default();
            let above = text(&before, "parentId");
            if text(&before, "name") != Some(name) && self.is_taken(there, above, name, id).await? {
                return Ok(taken(Some(id), name));
            }
        }
        let mut changes = self.changes();
        match changes.created.get_mut(id) {
            Some(created) => created.extend(group),
            None => drop(changes.written.insert(id.to_owned(), group)),
        }
        Ok(done())
    }

    /// Notes that a user joined a group or left it.
    pub(super) fn note_member(&self, group: &str, user: &str, is_in: bool) {
        self.changes().members.entry(group.to_owned()).or_default().insert(user.to_owned(), is_in);
    }

    /// The answer to a read of the group; none where nothing would be otherwise.
    pub(super) async fn read_back(&self, there: &There<'_>, id: &str) -> Result<Option<Instead>> {
        let is_changed = {
            let changes = self.changes();
            if let Some(group) = changes.created.get(id) {
                return Ok(Some(not_sent(found(&shown(there, group.clone())))));
            }
            changes.written.contains_key(id) || changes.places.contains_key(id)
        };
        if !is_changed {
            return Ok(None);
        }
        let group = self.group(there, id).await?;
        Ok(group.map(|group| Instead { answer: found(&shown(there, group)), was_sent: true }))
    }

    /// The answer to a read of the groups below it.
    pub(super) async fn children(
        &self,
        there: &There<'_>,
        asked: &Asked<'_>,
        id: &str,
    ) -> Result<Option<Instead>> {
        if self.changes().places.is_empty() {
            return Ok(None);
        }
        let children = self.children_of(there, id).await?;
        let (first, max) = asked.window();
        let page: Vec<Object> =
            children.into_iter().skip(first).take(max).map(|group| shown(there, group)).collect();
        Ok(Some(Instead { answer: found(&page), was_sent: !self.is_created(id) }))
    }

    /// The answer to a read of its members.
    pub(super) async fn members(
        &self,
        there: &There<'_>,
        asked: &Asked<'_>,
        id: &str,
    ) -> Result<Option<Instead>> {
        let moved = match self.changes().members.get(id) {
            Some(moved) => moved.clone(),
            None => return Ok(None),
        };
        let (first, max) = asked.window();
        let needed = first.saturating_add(max).saturating_add(moved.len());
        let mut members = self.real(there, MEMBERS, id, needed).await?;
        members.retain(|user| text(user, "id").is_none_or(|id| moved.get(id) != Some(&false)));
        let known: BTreeSet<&str> = members.iter().filter_map(|user| text(user, "id")).collect();
        let joined = moved.iter().filter(|(user, is_in)| **is_in && !known.contains(user.as_str()));
        let joined: Vec<&str> = joined.map(|(user, _)| user.as_str()).collect();
        for ids in joined.chunks(IDS_PER_CALL) {
            let search = format!("id:{}", ids.join(" "));
            let query = [("search", search.as_str()), ("briefRepresentation", "false")];
            members.extend(there.read::<Vec<Object>>("users", &["users"], &query).await?);
        }
        let name = |user: &Object| text(user, "username").unwrap_or_default().to_owned();
        members.sort_by_cached_key(name);
        let page: Vec<Object> = members.into_iter().skip(first).take(max).collect();
        Ok(Some(Instead { answer: found(&page), was_sent: !self.is_created(id) }))
    }

    /// The group as it would be; none where there is none.
    async fn group(&self, there: &There<'_>, id: &str) -> Result<Option<Object>> {
        if let Some(created) = self.changes().created.get(id) {
            return Ok(Some(created.clone()));
        }
        match there.read_groups(GROUP, id, &[]).await {
            Ok(mut group) => {
                settle(there, &mut group);
                Ok(Some(self.changes().apply(id, group)))
            }
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The groups directly below it as they would be, by name.
    async fn children_of(&self, there: &There<'_>, id: &str) -> Result<Vec<Object>> {
        let mut children = self.real(there, CHILDREN, id, usize::MAX).await?;
        children.iter_mut().for_each(|group| settle(there, group));
        let places = self.changes().places.clone();
        children.retain(|group| text(group, "id").is_none_or(|id| !places.contains_key(id)));
        for (moved, _) in places.iter().filter(|(_, place)| place.as_deref() == Some(id)) {
            children.extend(self.group(there, moved).await?);
        }
        children.sort_by_cached_key(|group| text(group, "name").unwrap_or_default().to_owned());
        Ok(children)
    }

    fn is_created(&self, id: &str) -> bool {
        self.changes().created.contains_key(id)
    }

    /// As many elements of a list that a group really has as are needed, or some more.
    async fn real(
        &self,
        there: &There<'_>,
        endpoint: Endpoint,
        id: &str,
        needed: usize,
    ) -> Result<Vec<Object>> {
        let mut all: Vec<Object> = Vec::new();
        if self.is_created(id) {
            return Ok(all);
        }
        loop {
            let (first, max) = (all.len().to_string(), PAGE.to_string());
            let query = [("first", first.as_str()), ("max", max.as_str()), ("briefRepresentation", "false")];
            let page: Vec<Object> = there.read_groups(endpoint, id, &query).await?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last || all.len() >= needed {
                return Ok(all);
            }
        }
    }

    /// Has another group in this place the name? Keycloak tells letter case apart.
    async fn is_taken(&self, there: &There<'_>, above: Option<&str>, name: &str, own: &str) -> Result<bool> {
        let groups = match above {
            Some(above) => self.children_of(there, above).await?,
            None => {
                let query = [("search", name), ("exact", "true"), ("populateHierarchy", "false")];
                let mut groups: Vec<Object> = there.read_groups(GROUPS, "", &query).await?;
                groups.iter_mut().for_each(|group| settle(there, group));
                groups.retain(|group| !group.contains_key("parentId"));
                groups
            }
        };
        Ok(groups.iter().any(|group| text(group, "name") == Some(name) && text(group, "id") != Some(own)))
    }
}

/// Takes the hidden parent from a group at the top level of an organization.
fn settle(there: &There<'_>, group: &mut Object) {
    if there.organization.is_some() {
        let path = group.remove("path");
        let path = path.as_ref().and_then(Value::as_str).and_then(|path| path.strip_prefix('/'));
        if path.is_some() && path == text(group, "name") {
            group.remove("parentId");
        }
    }
}

/// The group as Keycloak would show it: in an organization, one at the top level has a parent nevertheless.
fn shown(there: &There<'_>, mut group: Object) -> Object {
    if let Some(organization) = there.organization
        && !group.contains_key("parentId")
    {
        let path = format!("/{}", text(&group, "name").unwrap_or_default());
        group.insert("path".into(), path.into());
        group.insert("parentId".into(), organization.as_ref().into());
    }
    group
}

fn set_parent(group: &mut Object, parent: Option<&str>) {
    group.remove("parentId");
    group.extend(parent.map(|id| ("parentId".to_owned(), Value::from(id))));
}

fn taken(below: Option<&str>, name: &str) -> Answer {
    let place = if below.is_some() { "Sibling" } else { "Top level" };
    conflict(&format!("{place} group named '{name}' already exists."))
}
