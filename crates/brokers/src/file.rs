//! Parcels as lines of JSON in files of a folder: `{name}-{number}.ndjson`, with numbers of twelve digits, so that names sort.
//!
//! A line is on disk before its parcel is taken; lines that wait together share a sync. [`rows`] writes, and says what
//! keeps two processes apart. A parcel that is sent twice has two lines with one id.

mod rows;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::address::Address;
use crate::broker::Broker;
use crate::connection::{Rotation, Target};
use crate::failed::{Failed, Taken};
use crate::parcel::Parcel;
use rows::Row;

/// The largest body in a line, in bytes: readers of lines keep one in memory.
const BODY_BYTES_MAX: usize = 16 << 20;

/// How many rows of files a process writes in one folder: each has an open file.
const ROWS_MAX: usize = 256;

/// The rows of files in a folder.
pub(crate) struct File {
    folder: PathBuf,
    rotation: Rotation,
    rows: Mutex<HashMap<String, Arc<Waiting>>>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// What waits to be written into a row.
#[derive(Debug)]
struct Waiting {
    lines: Mutex<Lines>,
    row: Mutex<Row>,
}

/// Where the answer for a line goes.
type Told = oneshot::Sender<Result<Taken, Failed>>;

#[derive(Debug, Default)]
struct Lines {
    waiting: Vec<(Vec<u8>, Told)>,
    /// Somebody writes what waits, also what comes meanwhile.
    is_written: bool,
}

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    key: &'a str,
    headers: &'a [(String, String)],
    /// As a text, since signatures are of its very bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    /// Where the body is no text: its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl File {
    pub(crate) fn new(target: &Target) -> Self {
        let rows = Mutex::new(HashMap::new());
        Self { folder: PathBuf::from(&target.path), rotation: target.options.rotation, rows }
    }

    fn row(&self, name: &str) -> Result<Arc<Waiting>, Failed> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(row) = rows.get(name) {
            return Ok(Arc::clone(row));
        }
        if rows.len() == ROWS_MAX {
            return Err(Failed::refused(format!(
                "name: a folder may have {ROWS_MAX} rows of files, and this is one more"
            )));
        }
        let row = Row::new(self.folder.clone(), name.to_owned(), self.rotation);
        let row = Arc::new(Waiting { lines: Mutex::default(), row: Mutex::new(row) });
        rows.insert(name.to_owned(), Arc::clone(&row));
        Ok(row)
    }
}

#[async_trait]
impl Broker for File {
    fn body_bytes_max(&self) -> usize {
        BODY_BYTES_MAX
    }

    async fn reach(&self) -> Result<(), Failed> {
        let made = tokio::fs::create_dir_all(&self.folder).await;
        made.map_err(|error| {
            Failed::unreachable(format!("the folder {}: {error}", self.folder.display()))
        })
    }

    async fn send(&self, to: &Address, parcel: &Parcel) -> Result<Taken, Failed> {
        let Address::File { name } = to else {
            return Err(Failed::refused("the address is of no file"));
        };
        let tells = enqueue(&self.row(name)?, line(parcel)?);
        tells.await.unwrap_or_else(|_| Err(Failed::not_acknowledged("nobody wrote it")))
    }
}

/// Lets a line wait to be written, and begins to write unless somebody does. The answer comes when it is on disk.
fn enqueue(row: &Arc<Waiting>, line: Vec<u8>) -> oneshot::Receiver<Result<Taken, Failed>> {
    let (told, tells) = oneshot::channel();
    let mut lines = row.lines.lock().unwrap_or_else(PoisonError::into_inner);
    lines.waiting.push((line, told));
    if !lines.is_written {
        lines.is_written = true;
        let row = Arc::clone(row);
        tokio::task::spawn_blocking(move || write(&row));
    }
    tells
}

fn line(parcel: &Parcel) -> Result<Vec<u8>, Failed> {
    let body = std::str::from_utf8(&parcel.body).ok();
    let line = Line {
        id: &parcel.id,
        key: &parcel.key,
        headers: &parcel.headers,
        body,
        body_base64: body.is_none().then(|| STANDARD.encode(&parcel.body)),
    };
    let mut line = serde_json::to_vec(&line).map_err(Failed::refused)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes what waits until nothing does.
fn write(waiting: &Waiting) {
    let mut row = waiting.row.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let mut lines = waiting.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut lines.waiting);
        if taken.is_empty() {
            lines.is_written = false;
            return;
        }
        drop(lines);
        let (lines, tell): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        let written = row.write(&lines.concat());
        for tell in tell {
            let answer = match &written {
                Ok(place) => Ok(Taken::at(place.clone())),
                Err(failed) => Err(failed.clone()),
            };
            // Who asked may have gone: the line is there twice when they ask again.
            drop(tell.send(answer));
        }
    }
}
