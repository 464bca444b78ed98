//! What stands in the address: ids in the path, and parameters after the question mark.
//!
//! Parameters are taken one by one; [`Params::finish`] refuses what is left, so that a misspelt filter does not give
//! everything.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use tidings_model::Seq;

use crate::problem::{Code, Problem};
use crate::state::Api;

/// How many things a list gives, unless the caller says.
pub(crate) const LIMIT_DEFAULT: usize = 50;

/// The most that a list gives; more is refused, not cut. The store's own ceiling.
pub(crate) const LIMIT_MAX: usize = tidings_store::read::EVENTS_READ_MAX;

/// How many parameters an address may have.
const PARAMS_MAX: usize = 100;

/// The one id in the path.
pub(crate) struct Id<T>(pub(crate) T);

impl<T> FromRequestParts<Api> for Id<T>
where
    T: FromStr<Err: Display> + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let invalid = |reason: &dyn Display| Problem::new(Code::InvalidId, reason.to_string());
        let Path(text) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|error| invalid(&error))?;
        text.parse().map(Self).map_err(|error: T::Err| invalid(&error))
    }
}

/// The parameters of an address, to be taken.
pub(crate) struct Params(Vec<(String, String)>);

impl FromRequestParts<Api> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Params {
    fn parse(query: &str) -> Result<Self, Problem> {
        let params: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
            .take(PARAMS_MAX + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if params.len() > PARAMS_MAX {
            return Err(Problem::new(
                Code::InvalidParameter,
                format!("there are more than {PARAMS_MAX} parameters"),
            ));
        }
        Ok(Self(params))
    }

    /// All values of a parameter that may be given more than once.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.0.extract_if(.., |(given, _)| given == name).map(|(_, value)| value).collect()
    }

    /// The value of a parameter, if it is given.
    pub(crate) fn one<T: FromStr<Err: Display>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let values = self.all(name);
        match values.as_slice() {
            [] => Ok(None),
            [value] => {
                value.parse().map(Some).map_err(|error: T::Err| wrong(name, error.to_string()))
            }
            _ => Err(wrong(name, "is given more than once")),
        }
    }

    /// The number after which to begin.
    pub(crate) fn seq(&mut self, name: &str) -> Result<Option<Seq>, Problem> {
        Ok(self.one::<u64>(name)?.map(Seq))
    }

    /// How many things to give.
    pub(crate) fn limit(&mut self) -> Result<usize, Problem> {
        match self.one::<usize>("limit")? {
            None => Ok(LIMIT_DEFAULT),
            Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(wrong("limit", format!("must be from 1 to {LIMIT_MAX}"))),
        }
    }

    /// Refuses what was not taken.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.0.first() else { return Ok(()) };
        let name: String = name.chars().take(50).collect();
        Err(Problem::new(Code::UnknownParameter, format!("the parameter {name:?} is unknown here"))
            .at(format!("?{name}"), "is unknown here"))
    }
}

/// A parameter that is wrong.
pub(crate) fn wrong(name: &str, message: impl Into<String>) -> Problem {
    let message = message.into();
    Problem::new(Code::InvalidParameter, format!("{name}: {message}"))
        .at(format!("?{name}"), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_taken_and_the_rest_is_refused() {
        let mut params = Params::parse("type=a.b&limit=7&type=c.d&after=3").expect("good");
        assert_eq!(params.all("type"), ["a.b", "c.d"]);
        assert_eq!(params.limit(), Ok(7));
        assert_eq!(params.one::<String>("after").map(|value| value.is_some()), Ok(true));
        assert_eq!(params.finish(), Ok(()));
        let refused = |query: &str| {
            let mut params = Params::parse(query).expect("good");
            params.limit().and_then(|_| params.finish()).expect_err("it must be refused").code
        };
        assert_eq!(refused("limit=0"), Code::InvalidParameter);
        assert_eq!(refused("limit=1001"), Code::InvalidParameter);
        assert_eq!(refused("limit=5&limit=6"), Code::InvalidParameter);
        assert_eq!(refused("limti=5"), Code::UnknownParameter);
    }
}
