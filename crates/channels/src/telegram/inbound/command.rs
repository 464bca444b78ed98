//! Commands: `/start`, `/start an argument`, `/start@pizza_bot an argument`.

use super::wire;

/// The longest name of a command that is taken for one. Telegram registers up to 32 characters and its clients mark 64.
const COMMAND_CHARS_MAX: usize = 64;

/// A command and what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    /// Lower-case, without slash and without the bot's name.
    pub name: String,
    /// The rest of the text, without space around it.
    pub arguments: &'a str,
}

/// Reads a text as a command. Telegram marks one with an entity at its beginning; a text without entities is judged by
/// its shape, since other programs that speak this API leave them out. A command for another bot is none, and neither is
/// one that its writer set as code.
pub(super) fn read<'a>(
    text: &'a str,
    entities: &[wire::Entity],
    bot_username: Option<&str>,
) -> Option<Command<'a>> {
    let set_as_code = |entity: &wire::Entity| {
        entity.offset == 0 && matches!(entity.kind.as_str(), "code" | "pre")
    };
    if entities.iter().any(set_as_code) {
        return None;
    }
    let rest = text.strip_prefix('/')?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, arguments) = rest.split_at_checked(end)?;
    let (name, addressee) = match word.split_once('@') {
        Some((name, addressee)) => (name, Some(addressee)),
        None => (word, None),
    };
    if !is_word(name) || addressee.is_some_and(|addressee| !is_word(addressee)) {
        return None;
    }
    if let (Some(addressee), Some(own)) = (addressee, bot_username)
        && !addressee.eq_ignore_ascii_case(own)
    {
        return None;
    }
    Some(Command { name: name.to_ascii_lowercase(), arguments: arguments.trim() })
}

fn is_word(word: &str) -> bool {
    (1..=COMMAND_CHARS_MAX).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_slash_and_a_word() {
        let read =
            |text| read(text, &[], Some("Pizza_bot")).map(|c| (c.name, c.arguments.to_owned()));
        let command = |name: &str, arguments: &str| Some((name.to_owned(), arguments.to_owned()));
        assert_eq!(read("/start"), command("start", ""));
        assert_eq!(read("/Start ref_42 x"), command("start", "ref_42 x"));
        assert_eq!(read("/start@pizza_bot\nnow"), command("start", "now"));
        assert_eq!(read("/start@other_bot"), None);
        assert_eq!(read("/usr/bin"), None);
        assert_eq!(read("/"), None);
        assert_eq!(read("say /start"), None);
        assert_eq!(read("/привет"), None);
    }

    #[test]
    fn code_is_not_a_command() {
        let code = wire::Entity { kind: "code".into(), offset: 0 };
        assert_eq!(read("/start", &[code], None), None);
    }
}
