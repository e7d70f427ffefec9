//! Queries (RFC 7644 sections 3.4.2 and 3.9): their parameters, and the ListResponse.

use serde_json::{Value, json};

use super::error::{Code, Error, ScimType};
use super::filter::{self, Filter};
use super::project::Projection;
use super::resource::Object;
use super::schema::ResourceType;

/// The schema URN of a list response.
pub const LIST_URN: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// Page sizes of a realm.
#[derive(Debug, Clone, Copy)]
pub struct PageSizes {
    /// Where the client asks for none.
    pub default: usize,
    /// Whatever the client asks for.
    pub max: usize,
}

/// A checked query on one resource type.
#[derive(Debug, Clone)]
pub struct ListQuery {
    /// 1-based index of the first result.
    pub start_index: usize,
    /// How many resources at most; 0 asks for the total alone.
    pub count: usize,
    /// Which resources.
    pub filter: Option<Filter>,
    /// Which attributes of them.
    pub projection: Projection,
}

impl ListQuery {
    /// Reads the parameters; their names in any letter case, unknown ones ignored.
    ///
    /// # Errors
    /// 400 `invalidValue` for a number that is none, `invalidFilter` for a filter that can't be read.
    pub fn read(
        resource_type: &ResourceType,
        parameters: &[(String, String)],
        sizes: PageSizes,
    ) -> Result<Self, Error> {
        let start_index = number(parameters, "startIndex")?.map_or(1, |start| start.max(1));
        let count = number(parameters, "count")?
            .map_or(sizes.default, |count| count.clamp(0, sizes.max as i64) as usize);
        let filter = match parameter(parameters, "filter") {
            None => None,
            Some(text) => Some(filter::parse(resource_type, text).map_err(|error| {
                Error::bad(ScimType::InvalidFilter, Code::MalformedFilter, error.to_string())
            })?),
        };
        let projection = Projection::read(resource_type, parameters)?;
        Ok(Self {
            start_index: usize::try_from(start_index).unwrap_or(usize::MAX),
            count,
            filter,
            projection,
        })
    }
}

/// The value of the first parameter of that name, in any letter case.
pub fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn number(parameters: &[(String, String)], name: &str) -> Result<Option<i64>, Error> {
    let Some(text) = parameter(parameters, name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.parse::<i128>() {
        Ok(number) => Ok(Some(i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX }))),
        Err(_) => Err(Error::bad(
            ScimType::InvalidValue,
            Code::BadQuery,
            format!("The query parameter {name} must be an integer"),
        )),
    }
}

/// The ListResponse of RFC 7644 section 3.4.2. `start_index` is 1-based.
pub fn list_response(resources: Vec<Value>, total: usize, start_index: usize) -> Value {
    let mut list = Object::new();
    list.insert("schemas".into(), json!([LIST_URN]));
    list.insert("totalResults".into(), total.into());
    list.insert("startIndex".into(), start_index.into());
    list.insert("itemsPerPage".into(), resources.len().into());
    list.insert("Resources".into(), Value::Array(resources));
    Value::Object(list)
}

#[cfg(test)]
mod tests {
    use super::super::user::user;
    use super::*;

    fn read(parameters: &[(&str, &str)]) -> Result<ListQuery, Error> {
        let parameters: Vec<_> =
            parameters.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        ListQuery::read(user(), &parameters, PageSizes { default: 100, max: 200 })
    }

    #[test]
    fn numbers_are_brought_into_bounds() {
        let query = read(&[("STARTINDEX", "0"), ("count", "-5"), ("aadOptscim062020", "")]).unwrap();
        assert_eq!((query.start_index, query.count), (1, 0));
        let query = read(&[("startIndex", "101"), ("count", "99999999999999999999")]).unwrap();
        assert_eq!((query.start_index, query.count), (101, 200));
        let query = read(&[("startIndex", ""), ("count", "")]).unwrap();
        assert_eq!((query.start_index, query.count), (1, 100));
    }

    #[test]
    fn what_is_no_number_or_no_filter_is_refused() {
        assert_eq!(read(&[("startIndex", "one")]).unwrap_err().scim_type, Some(ScimType::InvalidValue));
        assert_eq!(read(&[("filter", "userName")]).unwrap_err().scim_type, Some(ScimType::InvalidFilter));
    }
}
