//! A power cut, played with a disk in a file: what was not synced to the disk is gone.
//!
//! The data folder lies on a file system in an image file, behind a loop device that does not cache (`--direct-io`).
//! The cut: the server is frozen, the image is copied, and the copy takes the place of the disk. What the server or the
//! kernel still held in memory is not in the copy. A copy must show one moment: when the kernel wrote to the disk in
//! between, it is made again. Needs root, `losetup`, `mount` and `mkfs.ext4`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};

/// The size of the disk: room for the log of a test, and soon copied.
const DISK_BYTES: u64 = 512 << 20;

/// How often a copy is made again because the kernel wrote meanwhile. It writes back every few seconds.
const COPIES_MAX: usize = 20;

/// A mounted disk in a file. When it is dropped, it is unmounted; its file stays.
#[derive(Debug)]
pub(super) struct Disk {
    image: PathBuf,
    device: String,
    mounted_at: PathBuf,
}

impl Disk {
    /// Makes an empty disk and mounts it.
    pub(super) fn make(folder: &Path) -> anyhow::Result<Self> {
        let image = folder.join("disk-0.img");
        let file = File::create(&image).context("cannot make a disk image")?;
        file.set_len(DISK_BYTES).context("cannot make a disk image")?;
        command("mkfs.ext4", &[OsStr::new("-q"), OsStr::new("-F"), image.as_os_str()])?;
        Self::mount(image, folder.join("disk"))
    }

    /// Where the disk is mounted.
    pub(super) fn folder(&self) -> &Path {
        &self.mounted_at
    }

    fn mount(image: PathBuf, at: PathBuf) -> anyhow::Result<Self> {
        fs::create_dir_all(&at).context("cannot make a folder to mount at")?;
        let attach = ["--find", "--show", "--direct-io=on"].map(OsStr::new);
        let device = command("losetup", &[attach.as_slice(), &[image.as_os_str()]].concat())
            .context("this machine lets nobody attach a loop device, so a power cut cannot be played on it")?;
        if let Err(error) = command(
            "mount",
            &[OsStr::new("-t"), OsStr::new("ext4"), OsStr::new(&device), at.as_os_str()],
        ) {
            drop(command("losetup", &[OsStr::new("-d"), OsStr::new(&device)]));
            return Err(error
                .context("this machine lets nobody mount, so a power cut cannot be played on it"));
        }
        Ok(Self { image, device, mounted_at: at })
    }

    /// Copies the disk as it is now, without what the kernel still holds. Who writes to it must be frozen.
    pub(super) fn copy(&self, to: &Path) -> anyhow::Result<()> {
        for _ in 0..COPIES_MAX {
            let before = self.activity()?;
            command(
                "cp",
                &[OsStr::new("--sparse=always"), self.image.as_os_str(), to.as_os_str()],
            )?;
            let after = self.activity()?;
            if before.in_flight == 0 && before == after {
                return Ok(());
            }
        }
        bail!("the disk did not keep still for {COPIES_MAX} copies");
    }

    /// Takes the disk away and puts its copy in its place. Nobody may use it any more.
    pub(super) fn replace_by(self, copy: PathBuf) -> anyhow::Result<Self> {
        let (at, old) = (self.mounted_at.clone(), self.image.clone());
        drop(self);
        fs::remove_file(&old).context("cannot remove the old disk image")?;
        Self::mount(copy, at)
    }

    /// What the kernel did to the device so far: `/sys/block/*/stat`.
    fn activity(&self) -> anyhow::Result<Activity> {
        let name = self.device.strip_prefix("/dev/").context("a loop device lies in /dev")?;
        let path = format!("/sys/block/{name}/stat");
        let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        activity_in(&stat)
            .with_context(|| format!("{path} is not as the kernel's documentation says"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Failing here leaves a mount behind; the next use of the folder tells of it.
        drop(command("umount", &[self.mounted_at.as_os_str()]));
        drop(command("losetup", &[OsStr::new("-d"), OsStr::new(&self.device)]));
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Activity {
    /// Requests to write, to discard and to flush that were finished.
    finished: [u64; 3],
    /// Requests that are not finished.
    in_flight: u64,
}

/// Fields 5 (writes), 9 (in flight), 12 (discards) and 16 (flushes) of the kernel's `Documentation/block/stat.rst`.
fn activity_in(stat: &str) -> Option<Activity> {
    let fields: Vec<u64> =
        stat.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    let optional = |index: usize| fields.get(index).copied().unwrap_or_default();
    Some(Activity {
        finished: [*fields.get(4)?, optional(11), optional(15)],
        in_flight: *fields.get(8)?,
    })
}

/// Runs a command to its end and returns what it printed.
fn command(program: &str, arguments: &[&OsStr]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed: {}", errors.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_is_read_from_its_fields() {
        let stat = "  10 0 80 1   22 3 176 9   1 12 10   4 0 0 0   7 2\n";
        assert_eq!(activity_in(stat), Some(Activity { finished: [22, 4, 7], in_flight: 1 }));
        assert_eq!(activity_in("1 2 3"), None);
    }
}
