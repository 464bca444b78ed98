//! What an uploaded file is, and whether it may stay: by its first bytes before its name, and by its name before what its
//! sender says. Programs are refused, since who opens one has lost.

/// How many bytes tell what a file is: `infer` looks no further, but for the heads of office documents.
pub(super) const SNIFFED_BYTES: usize = 8_192;

/// What a file is of which nobody says what it is.
pub(super) const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The longest name, in bytes: what file systems take.
const NAME_BYTES_MAX: usize = 255;

/// The name of a file that has none.
const NO_NAME: &str = "file";

/// The longest type that a sender may claim, in bytes; registered ones are much shorter.
const CLAIMED_BYTES_MAX: usize = 127;

/// What the first bytes of programs say.
const PROGRAM_TYPES: [&str; 12] = [
    "application/java",
    "application/vnd.android.dex",
    "application/vnd.android.dey",
    "application/vnd.debian.binary-package",
    "application/vnd.microsoft.portable-executable",
    "application/wasm",
    "application/x-executable",
    "application/x-google-chrome-extension",
    "application/x-llvm",
    "application/x-mach-binary",
    "application/x-rpm",
    "text/x-shellscript",
];

/// Endings that a desktop or a phone runs when the file is opened.
const PROGRAM_ENDINGS: [&str; 60] = [
    "ade",
    "adp",
    "apk",
    "app",
    "appimage",
    "appx",
    "appxbundle",
    "bat",
    "cab",
    "chm",
    "cmd",
    "com",
    "command",
    "cpl",
    "csh",
    "deb",
    "diagcab",
    "dll",
    "dmg",
    "ex",
    "exe",
    "gadget",
    "hta",
    "inf",
    "ins",
    "ipa",
    "isp",
    "jar",
    "jnlp",
    "js",
    "jse",
    "ksh",
    "lib",
    "lnk",
    "mde",
    "msc",
    "msi",
    "msix",
    "msp",
    "mst",
    "nsh",
    "out",
    "pif",
    "pkg",
    "ps1",
    "psm1",
    "reg",
    "rpm",
    "run",
    "scr",
    "sct",
    "sh",
    "shb",
    "sys",
    "url",
    "vb",
    "vbe",
    "vbs",
    "ws",
    "wsf",
];

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) content_type: String,
}

/// What a file is that begins with these bytes; `None` when it is a program.
pub(super) fn judge(head: &[u8], name: Option<&str>, claimed: Option<&str>) -> Option<Judged> {
    let name = clean_name(name.unwrap_or_default());
    let sniffed = infer::get(head).map(|kind| kind.mime_type());
    let is_program = sniffed.is_some_and(|sniffed| PROGRAM_TYPES.contains(&sniffed))
        || ending(&name).is_some_and(|ending| PROGRAM_ENDINGS.contains(&ending.as_str()));
    if is_program {
        return None;
    }
    let claimed = claimed.map(bare_type).filter(|claimed| is_type(claimed));
    let content_type = match (sniffed, claimed) {
        // Office documents and books are archives by their bytes.
        (Some("application/zip"), Some(claimed)) if is_packed(&claimed) => claimed,
        (Some(sniffed), _) => sniffed.to_owned(),
        (None, Some(claimed)) if needs_no_proof(&claimed) => claimed,
        (None, _) => UNKNOWN_TYPE.to_owned(),
    };
    Some(Judged { name, content_type })
}

/// Without parameters, which the first bytes do not prove.
fn bare_type(claimed: &str) -> String {
    claimed.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_type(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    text.len() <= CLAIMED_BYTES_MAX
        && text.split_once('/').is_some_and(|(kind, sub)| {
            !kind.is_empty() && !sub.is_empty() && kind.bytes().chain(sub.bytes()).all(good)
        })
}

fn is_packed(claimed: &str) -> bool {
    claimed.starts_with("application/vnd.oasis.opendocument.")
        || claimed.starts_with("application/vnd.openxmlformats-officedocument.")
        || claimed == "application/epub+zip"
}

/// Texts have no first bytes that tell; pictures, sounds, films and the like have, and these had none.
fn needs_no_proof(claimed: &str) -> bool {
    claimed.starts_with("text/") || claimed == "application/json" || claimed == "application/xml"
}

/// The last part of a path, without what hides an ending: control characters, marks that turn the direction of writing,
/// dots and spaces at the end.
fn clean_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible = last.chars().filter(|&each| !each.is_control() && !turns_direction(each));
    let mut clean = String::new();
    for each in visible {
        clean.push(each);
    }
    let clean = clean.trim().trim_end_matches(['.', ' ']);
    if clean.is_empty() {
        return NO_NAME.to_owned();
    }
    shortened(clean)
}

fn turns_direction(each: char) -> bool {
    matches!(each, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cut in its middle: the ending stays.
fn shortened(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let tail = match name.rsplit_once('.') {
        Some((_, ending)) if ending.len() < NAME_BYTES_MAX / 2 => format!(".{ending}"),
        Some(_) | None => String::new(),
    };
    let mut short = String::new();
    for each in name.chars() {
        if short.len() + each.len_utf8() + tail.len() > NAME_BYTES_MAX {
            break;
        }
        short.push(each);
    }
    short + &tail
}

fn ending(name: &str) -> Option<String> {
    name.rsplit_once('.').map(|(_, ending)| ending.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

    fn type_of(head: &[u8], name: &str, claimed: &str) -> Option<String> {
        judge(head, Some(name), Some(claimed)).map(|judged| judged.content_type)
    }

    #[test]
    fn bytes_count_before_names_and_claims() {
        let cases: [(&[u8], &str, &str, &str); 8] = [
            (PNG, "a.png", "image/png", "image/png"),
            (PNG, "a.txt", "text/plain", "image/png"),
            (b"hello", "a.txt", "text/plain; charset=utf-8", "text/plain"),
            (b"hello", "a.png", "image/png", UNKNOWN_TYPE),
            (b"hello", "a.pdf", "application/pdf", UNKNOWN_TYPE),
            (b"%PDF-1.7", "a.bin", "", "application/pdf"),
            (b"<!DOCTYPE html><html>", "a.png", "image/png", "text/html"),
            (
                b"PK\x03\x04 something",
                "a.odt",
                "application/vnd.oasis.opendocument.text",
                "application/vnd.oasis.opendocument.text",
            ),
        ];
        for (head, name, claimed, expected) in cases {
            assert_eq!(type_of(head, name, claimed).as_deref(), Some(expected), "{name} {claimed}");
        }
    }

    #[test]
    fn programs_are_refused_whatever_they_are_called() {
        let mut windows = b"MZ".to_vec();
        windows.resize(256, 0);
        let mut unix = b"\x7fELF\x02\x01\x01".to_vec();
        unix.resize(64, 0);
        for head in [windows.as_slice(), &unix, b"#!/bin/sh\necho", b"\0asm\x01\0\0\0"] {
            assert_eq!(type_of(head, "holiday.png", "image/png"), None, "{head:?}");
        }
        let names =
            ["a.exe", "a.EXE", "a.png.exe", "a.exe.", "a.exe ", "C:\\a\\b.scr", "a.e\u{202e}xe"];
        for name in names {
            assert_eq!(type_of(b"hello", name, "text/plain"), None, "{name}");
        }
    }

    #[test]
    fn a_name_is_a_name_and_no_path() {
        let cases = [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\Alice\\cat.png", "cat.png"),
            ("", "file"),
            ("..", "file"),
            ("a\r\nb\".png", "ab\".png"),
            ("Küche.png", "Küche.png"),
        ];
        for (given, expected) in cases {
            assert_eq!(clean_name(given), expected, "{given:?}");
        }
        let long = clean_name(&format!("{}.jpeg", "ä".repeat(300)));
        assert!(long.len() <= NAME_BYTES_MAX && long.ends_with("ä.jpeg"), "{long}");
    }
}
