//! Lists: the most selective key of a filter goes to the directory, all of the filter is judged here.

use serde_json::Value;

use crate::directory::{Context, Key, Result};
use crate::scim::filter::Filter;
use crate::scim::list::{ListQuery, list_response};
use crate::scim::{Code, Error, ScimType};

use super::{Engine, Outcome};

/// How many users a scan asks for at once.
const SCAN_PAGE: usize = 500;

impl Engine {
    /// GET of a collection (RFC 7644 section 3.4.2).
    ///
    /// # Errors
    /// 400 `tooMany` where a filter that no lookup narrows would look at more users than the realm allows.
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
        Ok(Outcome::Listed(list_response(shown, total, query.start_index)))
    }

    async fn matching(&self, context: &Context, filter: &Filter) -> Result<Vec<Value>> {
        if let Some(key) = narrowest(filter) {
            let rows = self.directory.lookup(context, &key).await?;
            let rows = rows.iter().map(|row| self.render(row));
            return Ok(rows.filter(|row| filter.matches(row)).collect());
        }
        let mut matching = Vec::new();
        let mut first = 0;
        loop {
            let page = self.directory.page(context, first, SCAN_PAGE).await?;
            if page.total > self.settings().scan_limit {
                return Err(Error::bad(
                    ScimType::TooMany,
                    Code::ScanLimit,
                    format!(
                        "The filter would look at {} users, the realm allows {} (scan_limit); add an eq on userName, \
                         externalId, emails.value or id",
                        page.total,
                        self.settings().scan_limit
                    ),
                ));
            }
            matching.extend(page.rows.iter().map(|row| self.render(row)).filter(|row| filter.matches(row)));
            first += SCAN_PAGE;
            if first >= page.total {
                return Ok(matching);
            }
        }
    }
}

/// The key that leaves the fewest users, among those that every match must have.
fn narrowest(filter: &Filter) -> Option<Key> {
    let demanded = |path: &str| filter.demands(path).map(str::to_owned);
    demanded("id")
        .map(Key::Id)
        .or_else(|| demanded("userName").map(Key::UserName))
        .or_else(|| demanded("externalId").map(Key::ExternalId))
        .or_else(|| demanded("emails.value").map(Key::Email))
}
