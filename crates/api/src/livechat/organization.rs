//! The organization that a client names in the address of a call or a connection: it must be the token's.
//!
//! LiveChat asks customers for `organization_id`, and asked for `license_id` until 3.3. A token of ours knows where it
//! belongs, so that neither has to be given.

use tidings_app::desk::look;
use tidings_model::WorkspaceId;
use tidings_wire::livechat::{ErrorType, Failure};

/// What an address says of the organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Organization {
    id: Option<Box<str>>,
    license: Option<Box<str>>,
}

impl Organization {
    /// What stands in a query.
    pub(super) fn named(query: Option<&str>) -> Self {
        let mut named = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "organization_id" => named.id = Some(value.into()),
                "license_id" => named.license = Some(value.into()),
                _ => {}
            }
        }
        named
    }

    /// Refuses another organization than the token's.
    pub(super) fn check(&self, of_token: WorkspaceId) -> Result<(), Failure> {
        let other = |name: &str| {
            let why = format!("the token is of another organization than `{name}` says");
            Err(Failure::new(ErrorType::LicenseNotFound, why))
        };
        if self.id.as_ref().is_some_and(|id| id.parse() != Ok(of_token)) {
            return other("organization_id");
        }
        let license = look::license_id(of_token);
        if self.license.as_ref().is_some_and(|id| id.parse() != Ok(license)) {
            return other("license_id");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_organization_or_none_is_good() {
        let mine: WorkspaceId = "01a1fff8-03ae-77ae-a1ae-8c4a78bf730f".parse().expect("an id");
        let license = look::license_id(mine);
        let check = |query: &str| Organization::named(Some(query)).check(mine).is_ok();
        assert!(Organization::named(None).check(mine).is_ok());
        assert!(check(&format!("channel_id=x&organization_id={mine}")));
        assert!(check(&format!("license_id={license}")));
        assert!(!check("organization_id=01a1fff8-03ae-77ae-a1ae-8c4a78bf730e"));
        assert!(!check("organization_id=mine"));
        assert!(!check("organization_id="));
        assert!(!check(&format!("license_id={}", license + 1)));
        assert!(!check(&format!("organization_id={mine}&license_id=1")));
    }
}
