//! Lists: the directory gives all users that may match a filter, the filter is judged here.

use serde_json::Value;

use crate::directory::{Context, Result, Row};
use crate::scim::filter::Filter;
use crate::scim::list::{ListQuery, list_response};

use crate::scim::resource::text_weight;
use crate::scim::{Code, Error, Projection, ScimType};

use super::{Engine, Outcome};

/// How many comparisons with short texts a filter may make on the average for each user that it may look at.
const MAX_WORK: usize = 1000;

impl Engine {
    /// GET of a collection (RFC 7644 section 3.4.2).
    ///
    /// # Errors
    /// 400 `tooMany` where more users may match, as far as the directory can tell, than the realm allows to look at.
    pub async fn list(&self, context: &Context, query: &ListQuery) -> Result<Outcome> {
        let first = query.start_index - 1;
        let (rows, total) = match &query.filter {
            None => {
                let page = self.directory.page(context, first, query.count).await?;
                (page.rows.iter().map(|row| self.render(row)).collect(), page.total)
            }
            Some(filter) => {
                let mut matching = self.matching(context, filter).await?;
                let total = matching.len();
                matching = matching.into_iter().skip(first).take(query.count).collect();
                (matching, total)
            }
        };
        let shown = rows.into_iter().map(|row| query.projection.apply(self.user(), row)).collect();
        let shown = self.with_groups(context, shown, &query.projection).await?;
        Ok(Outcome::Listed(list_response(shown, total, query.start_index)))
    }

    /// The rendered users that match, by userName.
    async fn matching(&self, context: &Context, filter: &Filter) -> Result<Vec<Value>> {
        // Only those that match are kept, so memory is bounded by them.
        let mut matching = Vec::new();
        let mut work = Work::new(filter, self.settings().scan_limit);
        let mut judge = |row: Row| {
            let rendered = self.render(&row);
            // Only to be judged: who wants to see them says so.
            let with_groups = row
                .groups
                .as_ref()
                .map(|groups| self.with_memberships(rendered.clone(), groups.clone(), &Projection::All));
            let judged = with_groups.as_ref().unwrap_or(&rendered);
            if work.allows(text_weight(judged)) && filter.matches(judged) {
                let name = row.resource.text(self.user(), "userName").unwrap_or_default().to_lowercase();
                matching.push(((name, row.meta.id), rendered));
            }
        };
        self.directory.candidates(context, filter, self.settings().scan_limit, &mut judge).await?;
        work.finish()?;
        matching.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(matching.into_iter().map(|(_, rendered)| rendered).collect())
    }
}

/// What judging a filter costs, against a budget.
pub(super) struct Work {
    size: usize,
    done: usize,
    most: usize,
}

impl Work {
    /// For a filter that may be judged on so many resources.
    pub(super) fn new(filter: &Filter, scan_limit: usize) -> Self {
        Self { size: filter.size(), done: 0, most: scan_limit.saturating_mul(MAX_WORK) }
    }

    /// May the filter be judged on one more resource, whose texts weigh so much?
    pub(super) fn allows(&mut self, weight: usize) -> bool {
        self.done = self.done.saturating_add(self.size.saturating_mul(1 + 10 * weight));
        self.done <= self.most
    }

    /// Was the budget enough?
    ///
    /// # Errors
    /// 400 `tooMany`.
    pub(super) fn finish(self) -> Result<()> {
        if self.done <= self.most {
            return Ok(());
        }
        Err(Error::bad(
            ScimType::TooMany,
            Code::TooMuchWork,
            "The filter would make too many comparisons with long texts; ask for less at once",
        ))
    }
}
