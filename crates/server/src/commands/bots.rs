//! `tidings bots`: the bots of a running server, their versions, what changed between them, and the way back.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::deliveries::list::{items, number, second, text};
use super::say;
use crate::bots_folder::{read_bot, yaml_files};
use crate::cli::bots::{Bots, BotsAction};
use crate::client::ApiClient;

/// How many one call asks for.
const PAGE: usize = 200;

pub(super) async fn bots(options: Bots) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(&options.server.checked()?)?;
    match options.action {
        None => list(&client, options.json).await?,
        Some(BotsAction::Versions { bot, limit, json }) => {
            let found = paged(&client, &path(&bot, "/versions"), limit).await?;
            if json {
                found.iter().try_for_each(say)?;
            } else {
                found.iter().try_for_each(|version| say(line(version)))?;
            }
        }
        Some(BotsAction::Show { bot, version, to }) => {
            let version = client.get(&path(&bot, &format!("/versions/{version}")), &[]).await?;
            show(&version, to.as_deref())?;
        }
        Some(BotsAction::Diff { bot, from, to }) => {
            let path = path(&bot, &format!("/versions/{from}/diff/{to}"));
            let told = client.get(&path, &[]).await?;
            let files = told.get("files").and_then(Value::as_array);
            for file in files.into_iter().flatten() {
                say(text(file, "diff").trim_end_matches('\n'))?;
            }
        }
        Some(BotsAction::Publish { folder, note }) => publish(&client, &folder, note).await?,
        Some(BotsAction::Rollback { bot, version, note }) => {
            let path = path(&bot, &format!("/versions/{version}/rollback"));
            tell(&bot, &client.post(&path, &json!({ "note": note })).await?)?;
        }
        Some(BotsAction::Resume { bot, behavior }) => {
            let name: String = url::form_urlencoded::byte_serialize(behavior.as_bytes()).collect();
            // In a path a space is no plus.
            let path = path(&bot, &format!("/behaviors/{}/resume", name.replace('+', "%20")));
            let told = client.post(&path, &json!({})).await?;
            match told.get("was_paused") {
                Some(Value::Bool(true)) => say(format_args!("{behavior:?} of {bot} reacts again"))?,
                _ => say(format_args!("{behavior:?} of {bot} was not paused"))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &ApiClient, as_json: bool) -> anyhow::Result<()> {
    for bot in paged(client, "/api/v1/bots", usize::MAX).await? {
        if as_json {
            say(&bot)?;
            continue;
        }
        let (name, since) = (text(&bot, "name"), second(text(&bot, "since")));
        let mut line = format!("{since:20}  {name:24}  version {}", number(&bot, "number"));
        if bot.pointer("/folder/is_live") == Some(&Value::Bool(false)) {
            line.push_str(", its folder says something else");
        }
        let refused = bot.get("refused").and_then(Value::as_array).map_or(0, Vec::len);
        if refused > 0 {
            line.push_str(&format!(", a newer text is refused: {refused} errors"));
        }
        say(line)?;
        let failing = bot.get("failing").and_then(Value::as_array);
        for one in failing.into_iter().flatten() {
            say(mark(one))?;
        }
    }
    Ok(())
}

/// A behavior that failed, in a line.
fn mark(failing: &Value) -> String {
    let last = failing.get("last").unwrap_or(&Value::Null);
    let paused = match text(failing, "paused_at") {
        "" => String::new(),
        at => format!("paused since {}, ", second(at)),
    };
    let (failures, behavior) = (number(failing, "failures"), text(failing, "behavior"));
    let (run, message) = (text(last, "run"), text(last, "message"));
    format!("  {behavior}: {paused}{failures} runs failed, the last is {run}: {message}")
}

/// All that a list has, up to so many.
async fn paged(client: &ApiClient, path: &str, most: usize) -> anyhow::Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    while found.len() < most {
        let mut query = vec![("limit", PAGE.min(most - found.len()).to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = client.get(path, &query).await?;
        found.extend(items(&page).iter().cloned());
        cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
}

/// A version in a line.
fn line(version: &Value) -> String {
    let by = version.get("by").unwrap_or(&Value::Null);
    let by = match (text(by, "kind"), text(by, "name")) {
        (kind, "") => kind.to_owned(),
        (kind, name) => format!("{kind} {name:?}"),
    };
    let hash: String = text(version, "version").chars().take(12).collect();
    let (at, n) = (second(text(version, "at")), number(version, "number"));
    let mut line = format!("{n:>5}  {at:20}  {hash}  {by}");
    if let Some(old) = version.get("rolled_back_to").and_then(Value::as_u64) {
        line.push_str(&format!(", back to {old}"));
    }
    match text(version, "note") {
        "" => {}
        note => line.push_str(&format!("  {note}")),
    }
    line
}

fn show(version: &Value, to: Option<&Path>) -> anyhow::Result<()> {
    let files = version.get("files").and_then(Value::as_object);
    let files = files.into_iter().flatten().map(|(file, text)| (file, text.as_str()));
    let Some(folder) = to else {
        for (file, text) in files {
            say(format_args!("# {file}"))?;
            say(text.unwrap_or_default().trim_end_matches('\n'))?;
        }
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for path in yaml_files(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        anyhow::ensure!(
            version.pointer("/files").is_some_and(|files| files.get(name).is_some()),
            "{} is not of this version, and would be published with it: remove it, or name another folder; nothing was written",
            path.display()
        );
    }
    for (file, text) in files {
        // What a server says is never taken for a path.
        let name = Path::new(file).file_name().with_context(|| format!("{file:?} is no file"))?;
        let path = folder.join(name);
        std::fs::write(&path, text.unwrap_or_default())
            .with_context(|| format!("cannot write {}", path.display()))?;
        say(path.display())?;
    }
    Ok(())
}

async fn publish(client: &ApiClient, folder: &Path, note: Option<String>) -> anyhow::Result<()> {
    let folder = folder
        .canonicalize()
        .with_context(|| format!("there is no folder {}", folder.display()))?;
    let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    let name =
        name.with_context(|| format!("{} is not a name that a bot can have", folder.display()))?;
    let source = read_bot(&folder, &name)?;
    let files: Map<String, Value> =
        source.files.into_iter().map(|(file, text)| (file, text.into())).collect();
    let body = json!({ "files": files, "note": note });
    tell(name.as_str(), &client.put(&path(name.as_str(), ""), &body).await?)
}

fn tell(bot: &str, published: &Value) -> anyhow::Result<()> {
    let warnings = published.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten() {
        say(warning.as_str().unwrap_or_default())?;
    }
    let number = number(published, "number");
    match published.get("is_new") {
        Some(Value::Bool(true)) => say(format_args!("{bot} is live in version {number}")),
        _ => say(format_args!("nothing changed: version {number} of {bot} says the same")),
    }
}

/// The path of a bot; what is no name stays in its place of the path, and is told by the server.
fn path(bot: &str, what: &str) -> String {
    let bot: String = url::form_urlencoded::byte_serialize(bot.as_bytes()).collect();
    format!("/api/v1/bots/{bot}{what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_line() {
        let version = json!({
            "number": 7, "version": "9f86d081884c7d659a2feaa0c55ad015", "at": "2026-11-22T09:12:31.5Z",
            "by": { "kind": "token", "id": "x", "name": "console" }, "note": "The old menu is back.",
            "rolled_back_to": 5,
        });
        assert_eq!(
            line(&version),
            "    7  2026-11-22T09:12:31Z  9f86d081884c  token \"console\", back to 5  The old menu is back."
        );
        let first = json!({
            "number": 1, "version": "9f", "at": "2026-11-22T09:12:31Z", "by": { "kind": "files" },
        });
        assert_eq!(line(&first), "    1  2026-11-22T09:12:31Z  9f  files");
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let version = json!({ "files": { "bot.yaml": "behaviors: []\n" } });
        show(&version, Some(folder.path())).expect("it is written");
        show(&version, Some(folder.path())).expect("it is written again");
        std::fs::write(folder.path().join("extra.yaml"), "behaviors: []\n").expect("it is there");
        let refused = show(&version, Some(folder.path())).expect_err("it would be another bot");
        assert!(refused.to_string().contains("extra.yaml is not of this version"), "{refused}");
    }
}
