//! A row of files, one after the other, each written by one process.
//!
//! Whoever begins a file makes it, under a number that no file of the row has: who finds that somebody else was faster
//! takes the next. A file that exists is never opened to be written, so two processes never write one, and a line that a
//! crash left without its end is the last of its file. As long as a file is written it is locked, and nobody removes it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use crate::connection::Rotation;
use crate::failed::Failed;

/// How many digits a number has: as many files are not filled within a lifetime.
const DIGITS: usize = 12;

/// How often a next number is looked for: as many processes may begin a file at once.
const TRIES: usize = 100;

/// A row of files.
#[derive(Debug)]
pub(super) struct Row {
    folder: PathBuf,
    name: String,
    rotation: Rotation,
    current: Option<Current>,
}

/// The file that is written.
#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    /// How many bytes of it are good.
    bytes: u64,
    began: Instant,
}

impl Row {
    pub(super) const fn new(folder: PathBuf, name: String, rotation: Rotation) -> Self {
        Self { folder, name, rotation, current: None }
    }

    /// Writes whole lines to the disk, and says into which file.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<String, Failed> {
        let rotation = self.rotation;
        let mut current = match self.current.take() {
            Some(current)
                if current.bytes < rotation.bytes && current.began.elapsed() < rotation.age =>
            {
                current
            }
            Some(_) | None => self.begin().map_err(|error| {
                let folder = self.folder.display();
                Failed::unreachable(format!("no file can be begun in {folder}: {error}"))
            })?,
        };
        match append(&mut current, lines) {
            Ok(()) => {
                let place =
                    current.path.file_name().map(|name| name.to_string_lossy().into_owned());
                self.current = Some(current);
                Ok(place.unwrap_or_default())
            }
            // After a sync that failed nobody knows what of the file is on disk: the next lines go into a new one.
            Err(error) => {
                let path = current.path.display();
                Err(Failed::not_acknowledged(format!("{path} cannot be written: {error}")))
            }
        }
    }

    fn begin(&mut self) -> std::io::Result<Current> {
        let numbers = self.numbers()?;
        let mut number = numbers.last().map_or(1, |last| last + 1);
        for _ in 0..TRIES {
            let path = self.path(number);
            match File::options().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    file.try_lock()?;
                    // The file's name is on disk as well, before anything in it counts.
                    File::open(&self.folder)?.sync_all()?;
                    self.remove_oldest(&numbers);
                    return Ok(Current { file, path, bytes: 0, began: Instant::now() });
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
        Err(std::io::Error::other("others begin files all the time"))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}-{number:0DIGITS$}.ndjson", self.name))
    }

    /// The numbers of the row's files, sorted.
    fn numbers(&self) -> std::io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            numbers.extend(number(&self.name, Path::new(&entry?.file_name())));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes what is too old, beside the file that was just begun. What cannot be removed is tried with the next file.
    fn remove_oldest(&self, numbers: &[u64]) {
        let too_many = (numbers.len() + 1).saturating_sub(self.rotation.files_max);
        for number in numbers.iter().take(too_many) {
            let path = self.path(*number);
            // Another process may write it still.
            let is_free = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
            if is_free && let Err(error) = fs::remove_file(&path) {
                tracing::warn!("{} is too old, and cannot be removed: {error}", path.display());
            }
        }
    }
}

fn append(current: &mut Current, lines: &[u8]) -> std::io::Result<()> {
    let written = current.file.write_all(lines).and_then(|()| current.file.sync_data());
    if written.is_err() {
        // A part of a line must not stand before others; where even that fails, it is the file's last.
        drop(current.file.set_len(current.bytes).and_then(|()| current.file.sync_data()));
    }
    current.bytes += lines.len() as u64;
    written
}

/// The number of a file, if it is of a row.
fn number(name: &str, file: &Path) -> Option<u64> {
    let rest = file.to_str()?.strip_prefix(name)?.strip_prefix('-')?;
    let digits = rest.strip_suffix(".ndjson")?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[tokio::test(start_paused = true)]
    async fn files_end_by_size_and_age_and_the_oldest_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let rotation = Rotation { bytes: 10, age: Duration::from_secs(60), files_max: 3 };
        let mut row = Row::new(folder.path().into(), "a".into(), rotation);
        let write = |row: &mut Row, line: &str| row.write(line.as_bytes()).expect("written");
        assert_eq!(write(&mut row, "12345\n"), "a-000000000001.ndjson");
        assert_eq!(write(&mut row, "12345\n"), "a-000000000001.ndjson", "it was not full");
        assert_eq!(write(&mut row, "1\n"), "a-000000000002.ndjson");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(write(&mut row, "2\n"), "a-000000000003.ndjson");
        fs::write(folder.path().join("a-b-000000000009.ndjson"), "of another row").expect("a file");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(write(&mut row, "3\n"), "a-000000000004.ndjson");
        assert_eq!(
            files(folder.path()),
            [
                "a-000000000002.ndjson",
                "a-000000000003.ndjson",
                "a-000000000004.ndjson",
                "a-b-000000000009.ndjson",
            ]
        );
    }

    #[test]
    fn two_who_write_a_row_have_files_of_their_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let rotation = Rotation { bytes: 1, files_max: 2, ..Rotation::default() };
        let mut one = Row::new(folder.path().into(), "a".into(), Rotation::default());
        let mut other = Row::new(folder.path().into(), "a".into(), rotation);
        one.write(b"one\n").expect("written");
        for number in 2..=4 {
            let place = other.write(b"other\n").expect("written");
            assert_eq!(place, format!("a-{number:012}.ndjson"));
        }
        // The first is the oldest, and is written still.
        assert_eq!(one.write(b"more\n").expect("written"), "a-000000000001.ndjson");
        let first = fs::read_to_string(folder.path().join("a-000000000001.ndjson"));
        assert_eq!(first.expect("it is there"), "one\nmore\n");
        drop(one);
        other.write(b"other\n").expect("written");
        assert_eq!(files(folder.path()), ["a-000000000004.ndjson", "a-000000000005.ndjson"]);
    }
}
