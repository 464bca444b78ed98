//! Where a call goes, read once: a delivery to the same address need not read its text again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;
use url::Url;

use crate::error::{Refused, RefusedRule};
use crate::request::URL_BYTES_MAX;

/// An `http` or `https` address in its normal form, without user, password and fragment. A clone copies no text.
///
/// It says nothing of what the operator allows: that is looked at when a connection is made, each time.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
}

impl Target {
    /// Reads the text of a URL, of at most [`URL_BYTES_MAX`] bytes, as browsers do (<https://url.spec.whatwg.org>).
    pub fn parse(url: &str) -> Result<Self, Refused> {
        let not_a_url = || Refused::new(RefusedRule::NotAUrl);
        if url.len() > URL_BYTES_MAX {
            return Err(not_a_url());
        }
        let mut url = Url::parse(url).map_err(|_| not_a_url())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::new(RefusedRule::Scheme));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::new(RefusedRule::UserInfo));
        }
        url.set_fragment(None);
        let uri = Uri::try_from(String::from(url)).map_err(|_| not_a_url())?;
        Ok(Self { uri })
    }

    /// The URL. Not for logs: its path can hold a secret.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl std::fmt::Debug for Target {
    /// Without the URL: its path can hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target")
    }
}

/// The host of a URL in its normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    Name(&'a str),
    Address(IpAddr),
}

/// What a connection leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl<'a> Place<'a> {
    /// Of a [`Target`]'s address, or what the HTTP library made of it. Every spelling of an IPv4 address (decimal, octal,
    /// hexadecimal, short, full-width digits) was made one by `url`.
    pub(crate) fn of(uri: &'a Uri) -> Result<Self, Refused> {
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| Refused::new(RefusedRule::NoHost))?;
        let tls = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok(Self { host: Host::of(host), port, tls })
    }
}

impl<'a> Host<'a> {
    fn of(host: &'a str) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if let Some(address) = bare.and_then(|bare| bare.parse::<Ipv6Addr>().ok()) {
            return Self::Address(address.into());
        }
        match host.parse::<Ipv4Addr>() {
            Ok(address) => Self::Address(address.into()),
            Err(_) => Self::Name(host),
        }
    }

    /// As it is written in a certificate.
    pub(crate) fn plain(self) -> String {
        match self {
            Self::Name(name) => name.to_owned(),
            Self::Address(address) => address.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_read_once_and_in_its_normal_form() {
        let read = |text: &str| Target::parse(text).expect("a target").uri().to_string();
        assert_eq!(read("HTTPS://Carol.Example:443/a b?c=d#e"), "https://carol.example/a%20b?c=d");
        assert_eq!(read("http://0x7f.1/"), "http://127.0.0.1/");
        assert_eq!(read("http://bücher.example"), "http://xn--bcher-kva.example/");
        assert!(!format!("{:?}", Target::parse("http://a/SECRET")).contains("SECRET"));
    }

    #[test]
    fn a_place_is_host_and_port() {
        let place = |text: &str| {
            let target = Target::parse(text).expect("a target");
            let place = Place::of(target.uri()).expect("a place");
            (place.host.plain(), matches!(place.host, Host::Address(_)), place.port)
        };
        assert_eq!(place("https://carol.example/"), ("carol.example".into(), false, 443));
        assert_eq!(place("http://carol.example:8080/"), ("carol.example".into(), false, 8080));
        assert_eq!(place("http://[::1]/"), ("::1".into(), true, 80));
        assert_eq!(place("http://2130706433/"), ("127.0.0.1".into(), true, 80));
    }
}
