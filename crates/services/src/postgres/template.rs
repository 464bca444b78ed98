//! Where PostgreSQL's programs are, and an empty cluster to copy: `initdb` takes seconds, a copy does not.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::process::{self, is_root, output};

/// What to do when PostgreSQL is not installed.
pub(super) const PACKAGE: &str = "apt-get install postgresql";

/// Where Debian keeps each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The user that runs it when we are the superuser, whom PostgreSQL refuses.
const USER: &str = "postgres";

/// The programs of one version.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// Their folder; `None` when they are found by name.
    folder: Option<PathBuf>,
    user: Option<&'static str>,
}

impl Programs {
    /// The newest version of Debian's, or whatever is found by name.
    pub(super) fn find() -> Self {
        let version = |path: &PathBuf| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
        let folder = fs::read_dir(VERSIONS)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join("bin/postgres").is_file())
            .max_by_key(version)
            .map(|path| path.join("bin"));
        Self { folder, user: is_root().then_some(USER) }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.as_ref().map_or_else(|| name.into(), |folder| folder.join(name))
    }

    pub(super) fn unprivileged(&self, name: &str) -> Command {
        process::unprivileged(&self.path(name), self.user)
    }
}

/// Copies an empty cluster to a path where nothing is yet.
pub(super) async fn copy_to(programs: &Programs, path: &Path) -> anyhow::Result<()> {
    let template = template(programs).await?;
    copy(&template, path).await
}

/// Gives a folder or file of ours to the user that runs the server.
pub(super) async fn open_to(programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    let Some(user) = programs.user else { return Ok(()) };
    let mut command = Command::new("chown");
    command.arg(user).arg(folder);
    output(command, "coreutils").await.map(drop)
}

/// Where processes of a run meet: below cargo's folder, or, for a program that lies elsewhere, where temporary files are.
pub(super) fn meeting_place() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("cannot tell where this program is")?;
    // Cargo marks its folder so that backups leave it out.
    let target = this.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let folder = target.map_or_else(std::env::temp_dir, Path::to_owned).join("services");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// The cluster to copy, made once for each version.
async fn template(programs: &Programs) -> anyhow::Result<PathBuf> {
    let mut version = Command::new(programs.path("postgres"));
    version.arg("--version");
    let version = output(version, PACKAGE).await?;
    let version: String = version
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    let meeting_place = meeting_place()?;
    let template = meeting_place.join(version);
    let lock = File::create(template.with_extension("lock")).context("cannot make a lock")?;
    // Others may be making it.
    let lock = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await?;
    let _lock = lock.context("cannot lock the making of a template")?;
    if template.is_dir() {
        return Ok(template);
    }
    let folder = tempfile::tempdir().context("no folder for PostgreSQL")?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))
        .context("cannot close a folder")?;
    open_to(programs, folder.path()).await?;
    let data = folder.path().join("data");
    let mut initdb = programs.unprivileged("initdb");
    initdb.args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8"]);
    initdb.args(["--locale", "C", "--no-sync", "--pgdata"]).arg(&data);
    output(initdb, PACKAGE).await?;
    // Under its name only when it is whole.
    let half = template.with_extension("half");
    if half.exists() {
        fs::remove_dir_all(&half).context("cannot remove a half template")?;
    }
    copy(&data, &half).await?;
    fs::rename(&half, &template).context("cannot put a template in its place")?;
    Ok(template)
}

/// Copies a folder with its owner.
async fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("cp");
    command.arg("-a").arg(from).arg(to);
    output(command, "coreutils").await.map(drop)
}
