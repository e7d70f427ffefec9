//! Groups: create, replace, patch, delete, list. Members are read only where an answer or a filter needs them.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::directory::groups::{GroupRow, Member, Members, Membership, WantedGroup};
use crate::directory::{Context, Result};
use crate::scim::group::group;
use crate::scim::list::{ListQuery, list_response};
use crate::scim::members::{self, GroupPatch, MemberChange};
use crate::scim::render::{names_version, render};
use crate::scim::resource::text_weight;
use crate::scim::{Error, Object, Projection, Resource, ResourceType};

use super::query::Work;
use super::{Conditions, Engine, Outcome, precondition, version};

/// How many users' groups are asked for at once.
const USERS_AT_ONCE: usize = 8;

impl Engine {
    /// The Group resource type.
    pub fn group(&self) -> &'static ResourceType {
        group()
    }

    /// POST (RFC 7644 section 3.3).
    ///
    /// # Errors
    /// 400 for a body that can't be taken and for members that can't be joined, 409 for a group that exists.
    pub async fn create_group(
        &self,
        context: &Context,
        body: &Object,
        projection: &Projection,
    ) -> Result<Outcome> {
        let mut body = body.clone();
        let members = members::take(&mut body)?.unwrap_or_default();
        let resource = Resource::read(group(), &body, &self.settings.group_policy)?;
        let members = if members.is_empty() { Vec::new() } else { vec![MemberChange::Add(members)] };
        let wanted = WantedGroup { resource, members };
        let row = self.write(context, move |engine, context| async move {
            engine.groups.create_group(&context, wanted).await
        });
        let whole = self.render_group(&row.await?);
        Ok(Outcome::Created { shown: projection.apply(group(), whole.clone()), whole })
    }

    /// GET by id (RFC 7644 section 3.4.1).
    ///
    /// # Errors
    /// 404 for a group that is not there or that clients may not see.
    pub async fn get_group(
        &self,
        context: &Context,
        id: &str,
        conditions: &Conditions,
        projection: &Projection,
    ) -> Result<Outcome> {
        let members = if shows_members(projection) { Members::All } else { Members::Unread };
        let row = self.groups.group(context, id, members).await?.ok_or_else(|| Error::not_found(id))?;
        let whole = self.render_group(&row);
        let version = version(&whole);
        if conditions.if_none_match.as_deref().is_some_and(|tags| names_version(tags, version)) {
            return Ok(Outcome::NotModified { version: version.to_owned() });
        }
        Ok(Outcome::Found { shown: projection.apply(group(), whole.clone()), whole })
    }

    /// PUT (RFC 7644 section 3.5.1). Where it says nothing of `members`, or null, they stay: nobody loses a membership
    /// that the request does not name.
    ///
    /// # Errors
    /// 400, 403, 404, 409, 412.
    pub async fn replace_group(
        &self,
        context: &Context,
        id: &str,
        body: &Object,
        conditions: &Conditions,
        projection: &Projection,
    ) -> Result<Outcome> {
        let mut body = body.clone();
        let members: Vec<MemberChange> =
            members::take(&mut body)?.map(MemberChange::Replace).into_iter().collect();
        let resource = Resource::read(group(), &body, &self.settings.group_policy)?;
        let read = if shows_members(projection) { Members::All } else { Members::Unread };
        let row = self.change_group(context, id, conditions, read, move |before| {
            let mut resource = resource;
            resource.keep_omitted(group(), before);
            Ok(WantedGroup { resource, members })
        });
        let whole = self.render_group(&row.await?);
        Ok(Outcome::Found { shown: projection.apply(group(), whole.clone()), whole })
    }

    /// PATCH (RFC 7644 section 3.5.2), all or nothing. The answer holds the group, unless it has more members than the
    /// realm lets an answer hold.
    ///
    /// # Errors
    /// 400, 403, 404, 409, 412.
    pub async fn patch_group(
        &self,
        context: &Context,
        id: &str,
        body: &Object,
        conditions: &Conditions,
        projection: &Projection,
    ) -> Result<Outcome> {
        let GroupPatch { attributes, members } = GroupPatch::read(group(), body)?;
        let policy = self.settings.group_policy.clone();
        let most = self.settings.patch_response_members;
        let shows = shows_members(projection) && most > 0;
        let read = if shows { Members::UpTo(most) } else { Members::Unread };
        let row = self.change_group(context, id, conditions, read, move |before| {
            let resource = match &attributes {
                Some(patch) => patch.apply(group(), before, &policy)?.resource,
                None => before.clone(),
            };
            Ok(WantedGroup { resource, members })
        });
        let row = row.await?;
        let whole = self.render_group(&row);
        if most == 0 || (shows && row.members.is_none()) {
            return Ok(Outcome::Done { version: version(&whole).to_owned() });
        }
        Ok(Outcome::Found { shown: projection.apply(group(), whole.clone()), whole })
    }

    async fn change_group(
        &self,
        context: &Context,
        id: &str,
        conditions: &Conditions,
        members: Members,
        edit: impl FnOnce(&Resource) -> Result<WantedGroup> + Send + 'static,
    ) -> Result<GroupRow> {
        let checked = self.group_precondition(conditions);
        let id = id.to_owned();
        self.write(context, move |engine, context| async move {
            let edit = move |before: &GroupRow| {
                checked(before)?;
                edit(&before.resource)
            };
            engine.groups.update_group(&context, &id, Box::new(edit), members).await
        })
        .await
    }

    /// DELETE (RFC 7644 section 3.6). The members stay.
    ///
    /// # Errors
    /// 403, 404, 409, 412.
    pub async fn delete_group(
        &self,
        context: &Context,
        id: &str,
        conditions: &Conditions,
    ) -> Result<Outcome> {
        let checked = self.group_precondition(conditions);
        let id = id.to_owned();
        self.write(context, move |engine, context| async move {
            engine.groups.delete_group(&context, &id, Box::new(checked)).await
        })
        .await?;
        Ok(Outcome::Deleted)
    }

    /// GET of the collection (RFC 7644 section 3.4.2).
    ///
    /// # Errors
    /// 400 `tooMany` where a filter would have to read the members of more groups than the realm allows.
    pub async fn list_groups(&self, context: &Context, query: &ListQuery) -> Result<Outcome> {
        let filter = query.filter.as_ref();
        let mut rows = self.groups.groups(context, filter, self.settings.scan_limit).await?;
        if let Some(filter) = filter {
            let mut work = Work::new(filter, self.settings.scan_limit);
            rows.retain(|row| {
                let rendered = self.render_group(row);
                work.allows(text_weight(&rendered)) && filter.matches(&rendered)
            });
            work.finish()?;
        }
        rows.sort_by_cached_key(|row| {
            (
                row.resource.text(group(), "displayName").unwrap_or_default().to_lowercase(),
                row.meta.id.clone(),
            )
        });
        let total = rows.len();
        let mut page: Vec<GroupRow> =
            rows.into_iter().skip(query.start_index - 1).take(query.count).collect();
        if shows_members(&query.projection) {
            self.groups.fill(context, &mut page).await?;
        }
        let shown = page.iter().map(|row| query.projection.apply(group(), self.render_group(row))).collect();
        Ok(Outcome::Listed(list_response(shown, total, query.start_index)))
    }

    /// The group as a client reads it, with the members that are known.
    fn render_group(&self, row: &GroupRow) -> Value {
        let mut rendered = render(group(), &row.resource, &row.meta, &self.settings.base);
        let members = row.members.iter().flatten().map(|member| self.render_member(member));
        let members: Vec<Value> = members.collect();
        if let (false, Some(rendered)) = (members.is_empty(), rendered.as_object_mut()) {
            let meta = rendered.shift_remove("meta");
            rendered.insert("members".into(), Value::Array(members));
            rendered.extend(meta.map(|meta| ("meta".to_owned(), meta)));
        }
        rendered
    }

    fn render_member(&self, member: &Member) -> Value {
        let (kind, base) = (member.kind.name(), &self.settings.base);
        json!({
            "value": member.id,
            "$ref": format!("{base}/{kind}s/{}", member.id),
            "display": member.display,
            "type": kind,
        })
    }

    fn group_precondition(
        &self,
        conditions: &Conditions,
    ) -> impl FnOnce(&GroupRow) -> Result<()> + Send + use<> {
        let engine = self.clone();
        let if_match = conditions.if_match.clone();
        move |row| precondition(if_match.as_deref(), || engine.render_group(row))
    }

    /// Puts `groups` into users as they are shown, where the client wants to see them. They are read-only, and no part of
    /// the version: they change without the user.
    pub(super) async fn with_groups(
        &self,
        context: &Context,
        shown: Vec<Value>,
        projection: &Projection,
    ) -> Result<Vec<Value>> {
        if !projection.names("groups") {
            return Ok(shown);
        }
        // Collected first: a stream that borrows in its closure makes futures that can't be sent to another task.
        let users: Vec<_> = shown
            .into_iter()
            .map(|user| async move {
                let id = user.get("id").and_then(Value::as_str).unwrap_or_default();
                let groups = self.groups.groups_of(context, id).await?;
                Ok(self.with_memberships(user, groups, projection))
            })
            .collect();
        stream::iter(users).buffered(USERS_AT_ONCE).try_collect().await
    }

    /// The user as it is shown, with its groups.
    pub(super) fn with_memberships(
        &self,
        mut user: Value,
        groups: Vec<Membership>,
        projection: &Projection,
    ) -> Value {
        let groups: Vec<Value> = groups.iter().map(|group| self.render_membership(group)).collect();
        // Each once in the order of the schema; `groups` comes after all that clients write.
        let mut alone = Object::new();
        alone.insert("groups".into(), Value::Array(groups));
        let alone = match projection {
            Projection::Only(_) => projection.apply(self.user(), Value::Object(alone)),
            _ => Value::Object(alone),
        };
        if let (Some(user), Value::Object(alone)) = (user.as_object_mut(), alone) {
            let meta = user.shift_remove("meta");
            user.extend(
                alone.into_iter().filter(|(_, groups)| groups.as_array().is_none_or(|all| !all.is_empty())),
            );
            user.extend(meta.map(|meta| ("meta".to_owned(), meta)));
        }
        user
    }

    fn render_membership(&self, group: &Membership) -> Value {
        json!({
            "value": group.id,
            "$ref": format!("{}/Groups/{}", self.settings.base, group.id),
            "display": group.display,
            "type": if group.direct { "direct" } else { "indirect" },
        })
    }
}

/// Does an answer of this projection hold members?
fn shows_members(projection: &Projection) -> bool {
    let sample = json!({ "members": [{ "value": "", "$ref": "", "display": "", "type": "" }] });
    projection.apply(group(), sample).get("members").is_some()
}
