//! How a browser calls itself (RFC 9110, section 10.1.5), in WotNot's words: `Chrome 116 (116.0.0.0)`, `Mac OS X 10_15_7`.
//!
//! Every browser also names those that it is like, so the more particular names are looked for first.

/// Products and the names of their browsers, the particular before the general.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    // Safari's own number is that of its engine.
    ("Version/", "Safari"),
    ("curl/", "curl"),
];

/// The browser with its version; a text that names none is told as it is.
pub(super) fn browser(user_agent: &str) -> String {
    let found = BROWSERS.iter().find_map(|(product, name)| {
        let version = user_agent.split_once(product)?.1.split([' ', ';', ')']).next()?;
        let major = version.split('.').next().filter(|major| !major.is_empty())?;
        Some(format!("{name} {major} ({version})"))
    });
    found.unwrap_or_else(|| user_agent.to_owned())
}

/// The operating system; empty where the text tells none.
pub(super) fn os(user_agent: &str) -> String {
    let inner = user_agent.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let parts = inner.map(|(inner, _)| inner).unwrap_or_default().split(';').map(str::trim);
    let name = |part: &str| {
        if let Some(version) = part.strip_prefix("Intel Mac OS X ") {
            return Some(format!("Mac OS X {version}"));
        }
        let of_phone = part.strip_prefix("CPU iPhone OS ").or_else(|| part.strip_prefix("CPU OS "));
        if let Some(version) = of_phone.and_then(|rest| rest.split(' ').next()) {
            return Some(format!("iOS {version}"));
        }
        let known = ["Windows", "Android", "CrOS"].iter().any(|name| part.starts_with(name));
        known.then(|| part.to_owned())
    };
    let mut is_linux = false;
    for part in parts {
        // Android says that it is Linux too, in a part before.
        is_linux |= part.starts_with("Linux") || part.starts_with("X11");
        if let Some(name) = name(part) {
            return name;
        }
    }
    if is_linux { "Linux".to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_from_those_that_they_are_like() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (text, browser_told, os_told) in [
            (
                format!(
                    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit} Chrome/116.0.0.0 Safari/537.36"
                ),
                "Chrome 116 (116.0.0.0)",
                "Mac OS X 10_15_7",
            ),
            (
                format!(
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.1.2"
                ),
                "Edge 140 (140.0.1.2)",
                "Windows NT 10.0",
            ),
            (
                format!(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {webkit} Version/18.1 Mobile/15E148 Safari/604.1"
                ),
                "Safari 18 (18.1)",
                "iOS 18_1",
            ),
            (
                format!(
                    "Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/140.0.0.0 Mobile Safari/537.36"
                ),
                "Chrome 140 (140.0.0.0)",
                "Android 10",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0".to_owned(),
                "Firefox 150 (150.0)",
                "Linux",
            ),
            ("something".to_owned(), "something", ""),
            (String::new(), "", ""),
            ("Chrome/ (".to_owned(), "Chrome/ (", ""),
        ] {
            assert_eq!(
                (browser(&text).as_str(), os(&text).as_str()),
                (browser_told, os_told),
                "{text}"
            );
        }
    }
}
