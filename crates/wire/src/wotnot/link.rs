//! Addresses that a receiver of WotNot's events can open: whole ones, of the web.

use url::{Position, Url};

/// A file's address as an absolute URI (RFC 3986); `None` where it is none of the web. Ours may begin with `/`.
pub(super) fn absolute(address: &str, public_url: &str) -> Option<String> {
    let url = match Url::parse(address) {
        Ok(url) => url,
        Err(_) => Url::parse(public_url).ok()?.join(address).ok()?,
    };
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // Browsers take more characters than the RFC, in two ways: what may be escaped is, a strange host is refused.
    let place = &url[..Position::BeforePath];
    if !place.bytes().all(|byte| byte == b'%' || is_allowed(byte) || matches!(byte, b'[' | b']')) {
        return None;
    }
    let path_and_query = escaped(&url[Position::BeforePath..Position::AfterQuery]);
    let fragment = url.fragment().map(|fragment| format!("#{}", escaped(fragment)));
    Some(format!("{place}{path_and_query}{}", fragment.unwrap_or_default()))
}

/// The last part of an address's path: a file's name, where nothing else tells it.
pub(super) fn last_part(address: &str) -> Option<&str> {
    let path = address.split(['?', '#']).next()?;
    path.rsplit('/').next().filter(|part| !part.is_empty())
}

/// A path and a query, with what the RFC does not allow there as escapes; escapes that are there stay.
fn escaped(rest: &str) -> String {
    let mut text = String::with_capacity(rest.len());
    for (place, byte) in rest.bytes().enumerate() {
        let digits = rest.as_bytes().get(place + 1..place + 3);
        let is_escape =
            byte == b'%' && digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        if is_escape || is_allowed(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// What may stand before a fragment: RFC 3986, section 2, without brackets.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_completed_and_what_is_strange_is_escaped() {
        let link = |address| absolute(address, "https://chat.example.com:8443/base");
        assert_eq!(
            link("/files/1/ab?x=1#2").as_deref(),
            Some("https://chat.example.com:8443/files/1/ab?x=1#2")
        );
        assert_eq!(
            link("https://example.org/ä b|[1].png?q=%zz%20#a#b").as_deref(),
            Some("https://example.org/%C3%A4%20b%7C%5B1%5D.png?q=%25zz%20#a%23b")
        );
        assert_eq!(link("http://[::1]:8080/a").as_deref(), Some("http://[::1]:8080/a"));
        assert_eq!(
            link("http://münchen.example/").as_deref(),
            Some("http://xn--mnchen-3ya.example/")
        );
        for wrong in ["data:text/plain,hello", "http://", "javascript:alert(1)", "http://a\"b/"] {
            assert_eq!(link(wrong), None, "{wrong}");
        }
        assert_eq!(absolute("/files/1", ""), None);
    }

    #[test]
    fn a_file_is_named_by_its_address() {
        assert_eq!(last_part("https://example.org/a/b.png?x=/c"), Some("b.png"));
        assert_eq!(last_part("https://example.org/a/"), None);
    }
}
