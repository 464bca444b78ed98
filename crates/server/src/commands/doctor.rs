//! `tidings doctor`: what is wrong with an installation, and what to do. It changes nothing, but makes the folders into
//! which brokers of files are to write.

mod brokers;
mod nodes;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tidings_app::admin::bots::CatalogueVocabulary;
use tidings_app::admin::event_types;
use tidings_behaviors::{Bot, Severity};
use tidings_catalogue::Catalogue;
use tidings_mail::Mailer;
use tidings_script::{Request, Sandbox};
use tidings_store::Store;
use tidings_store_postgres::PostgresStore;
use tidings_store_sqlite::OpenError;

use super::say;
use crate::bots_folder::{bots_in, read_bot};
use crate::cli::Doctor;
use crate::engine::Engine;
use crate::installation::Installation;
use crate::settings::Settings;
use crate::types_folder::catalogue_with;

/// How long the script of the check may run, on a slow machine too.
const SCRIPT_TIME: Duration = Duration::from_secs(1);

pub(super) async fn doctor(options: &Doctor) -> anyhow::Result<ExitCode> {
    let mut sick = 0;
    let mut check = |name: &str, result: anyhow::Result<String>| match result {
        Ok(fine) => say(format_args!("ok    {name}: {fine}")),
        Err(error) => {
            sick += 1;
            say(format_args!("WRONG {name}: {error:#}"))
        }
    };
    let catalogue = Catalogue::builtin().map_err(anyhow::Error::from);
    check(
        "catalogue",
        catalogue
            .as_ref()
            .map(|c| format!("{} types", c.types().len()))
            .map_err(|e| anyhow::anyhow!("{e:#}")),
    )?;

    let said = options.shared.said();
    let there = options.data.join("tidings.db").is_file();
    let settings = Settings::read(&options.data, options.config.as_deref(), said);
    let has_database = settings.as_ref().is_ok_and(|settings| settings.database.url.is_some());
    if !there && !has_database {
        check(
            "data folder",
            Err(anyhow::anyhow!(
                "{} holds no installation: tidings serve makes one",
                options.data.display()
            )),
        )?;
        return Ok(ExitCode::FAILURE);
    }
    let installation = Installation::at(&options.data)?;
    check(
        "settings",
        settings.as_ref().map(|_| "read".into()).map_err(|e| anyhow::anyhow!("{e:#}")),
    )?;
    let settings = settings.unwrap_or_default();

    for (name, found) in brokers::look(&settings.brokers()?).await {
        check(&name, found)?;
    }

    if installation.key_file().exists() || !installation.has_key() {
        check("key", key_is_private(&installation))?;
    }
    if let Some(sandbox) = settings.sandbox() {
        check("scripts", scripts(&sandbox).await)?;
    }
    match settings.mailer(&options.data) {
        Ok(Some(mailer)) => check("mail", mail(&mailer).await)?,
        Ok(None) => {}
        Err(error) => check("mail", Err(error))?,
    }
    if has_database {
        for (name, found) in database(&installation, &settings).await {
            check(name, found)?;
        }
        if let Ok(catalogue) = catalogue {
            check("bots", bots(&installation, &settings, (catalogue, Sees::Files)))?;
        }
        return Ok(if sick == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut own = None;
    match installation.open_store(&settings) {
        Ok(store) => {
            let store = Arc::new(store);
            own = own_types(store.as_ref()).await.ok();
            check("store", look_at(store).await)?;
        }
        Err(error) => check("store", unless_in_use(error))?,
    }
    if let Ok(catalogue) = catalogue {
        let seen = own.map_or((catalogue, Sees::Files), |own| (own, Sees::All));
        check("bots", bots(&installation, &settings, seen))?;
    }
    Ok(if sick == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a script runs here: a container may forbid what the sandbox needs.
async fn scripts(sandbox: &Sandbox) -> anyhow::Result<String> {
    let request = Request { code: "return 6 * 7".into(), input: Value::Null, now_ms: 0, seed: 0 };
    let ran = sandbox.run(request, SCRIPT_TIME).await;
    let ran = ran.map_err(|failed| anyhow::anyhow!("{}", failed.fault))?;
    anyhow::ensure!(ran.value == 42, "6 * 7 is {} there", ran.value);
    Ok("they run, walled in".into())
}

/// What is asked of a database that many nodes share. It is not brought up to date: nodes do that when they start.
async fn database(installation: &Installation, settings: &Settings) -> nodes::Found {
    let Some(options) = Engine::options(settings) else { return Vec::new() };
    let schema = match PostgresStore::schema(&options).await {
        Ok(schema) => schema,
        Err(error) => return vec![("database", Err(error.into()))],
    };
    let mut found: nodes::Found = Vec::new();
    let said = format!("schema number {}, this binary knows {}", schema.found, schema.known);
    if schema.found != schema.known {
        let wrong = if schema.found < schema.known {
            "a node of this version brings it up to date at its start; look with the binary of the nodes until then"
        } else {
            "a newer version serves: look with its binary"
        };
        return vec![("database", Err(anyhow::anyhow!("{said}: {wrong}")))];
    }
    found.push(("database", Ok(said)));
    let engine = match Engine::open(installation, settings).await {
        Ok(engine) => engine,
        Err(error) => {
            found.push(("store", Err(error)));
            return found;
        }
    };
    if let Some(shared) = &engine.shared {
        found.push(("same key", shared.has_our_key(installation).await));
        match shared.nodes().nodes().await {
            Ok(peers) => {
                found.extend(nodes::look(&peers));
                found.push(("leases", nodes::leases(&*engine.store, &peers).await));
            }
            Err(error) => found.push(("nodes", Err(error.into()))),
        }
    }
    if !settings.nats.urls.is_empty() {
        found.push(("nats", engine.reaches_nats().await));
    }
    found.push(("store", look_at(engine.store).await));
    found
}

/// Whether the mail server lets us in; nobody is written to.
async fn mail(mailer: &Mailer) -> anyhow::Result<String> {
    mailer.reaches_server().await.context("see mail.url")?;
    Ok("the mail server answers".into())
}

/// A store that a server has open is looked through by that server: its `/readyz` tells of damage.
fn unless_in_use(error: anyhow::Error) -> anyhow::Result<String> {
    match error.downcast_ref() {
        Some(OpenError::Locked { .. }) => {
            Ok(format!("{error}, whose /readyz tells of damage; stop it to look here"))
        }
        Some(_) | None => Err(error),
    }
}

async fn look_at(store: Arc<dyn Store>) -> anyhow::Result<String> {
    let damage = store.verify().await?;
    let stats = store.stats().await?;
    store.close().await;
    anyhow::ensure!(damage.is_empty(), "it is damaged, restore a backup: {}", damage.join("; "));
    Ok(format!(
        "{} events, {} documents, {} timers, {} MiB, no damage",
        stats.events,
        stats.documents,
        stats.timers,
        stats.bytes >> 20
    ))
}

/// The vocabulary with the types that the first workspace keeps.
async fn own_types(store: &dyn Store) -> anyhow::Result<Catalogue> {
    let base = Arc::new(Catalogue::builtin()?);
    let workspace = store.workspaces().await?.into_iter().min();
    let workspace = workspace.context("there is no workspace")?;
    Ok(event_types::vocabulary(&base, store, workspace).await?)
}

/// Which of a workspace's own types are seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sees {
    /// Those in files and those made over the API.
    All,
    /// Those in files: the store is a server's.
    Files,
}

/// The code of a text that names a type which is not known.
const UNKNOWN_TYPE: &str = "unknown_event";

fn bots(
    installation: &Installation,
    settings: &Settings,
    (catalogue, sees): (Catalogue, Sees),
) -> anyhow::Result<String> {
    let catalogue = catalogue_with(catalogue, &installation.types_folder(settings))?;
    let folder = installation.bots_folder(settings);
    let names = bots_in(&folder)?;
    let mut unsure = Vec::new();
    for name in &names {
        let source = read_bot(&folder.join(name.as_str()), name)?;
        if let Err(problems) = Bot::load(&source, &CatalogueVocabulary(&catalogue)) {
            let mut errors = problems.iter().filter(|found| found.severity == Severity::Error);
            if sees == Sees::Files && errors.all(|error| error.code == UNKNOWN_TYPE) {
                unsure.push(name.as_str());
                continue;
            }
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            anyhow::bail!("{} problems, first: {first}", problems.len());
        }
    }
    let told = format!("{} in {}", names.len(), folder.display());
    Ok(if unsure.is_empty() {
        told
    } else {
        let names = unsure.join(", ");
        format!("{told}; {names}: names types that are not in files, so only the server knows them")
    })
}

#[cfg(unix)]
fn key_is_private(installation: &Installation) -> anyhow::Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = installation.key_file().metadata()?.permissions().mode() & 0o777;
    anyhow::ensure!(
        mode & 0o077 == 0,
        "others can read {}: chmod 600 it",
        installation.key_file().display()
    );
    Ok("only its owner reads it".into())
}

#[cfg(not(unix))]
fn key_is_private(installation: &Installation) -> anyhow::Result<String> {
    installation.key_file().metadata()?;
    Ok("there".into())
}
