//! Who may open a file, and which.

use tidings_store::Store;
use tidings_store::conformance::HandClock;
use tidings_store_sqlite::{OpenError, Options, SqliteStore};

use crate::place::Folder;

fn open(folder: &Folder) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(&folder.file(), Options::default(), HandClock::new())
}

fn refused(folder: &Folder) -> OpenError {
    open(folder).err().expect("it does not open")
}

#[tokio::test]
async fn two_servers_never_share_a_file() {
    let folder = Folder::new();
    let store = open(&folder).expect("the first opens");
    assert!(matches!(refused(&folder), OpenError::Locked { .. }));
    // By another name, too.
    let link = folder.file().with_file_name("link.db");
    std::os::unix::fs::symlink(folder.file(), &link).expect("linked");
    let by_link = SqliteStore::open(&link, Options::default(), HandClock::new());
    assert!(matches!(by_link.err(), Some(OpenError::Locked { .. })));
    store.close().await;
    open(&folder).expect("it is free after closing").close().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = Folder::new();
    open(&folder).expect("opens").close().await;
    let connection = rusqlite::Connection::open(folder.file()).expect("opened beside");
    let sql = "INSERT INTO schema_versions (number, name, applied_at) VALUES (99, 'from later', 0)";
    connection.execute(sql, []).expect("written");
    connection.close().expect("closed");
    let error = refused(&folder);
    assert_eq!(
        error.to_string(),
        "the file's schema is number 99, this binary knows numbers up to 2: use a newer one"
    );
}

#[tokio::test]
async fn another_programs_database_is_left_alone() {
    let folder = Folder::new();
    let connection = rusqlite::Connection::open(folder.file()).expect("opened beside");
    connection
        .execute_batch("CREATE TABLE photos (name TEXT); INSERT INTO photos VALUES ('Alice')")
        .expect("written");
    connection.close().expect("closed");
    assert!(matches!(refused(&folder), OpenError::Foreign));
    let connection = rusqlite::Connection::open(folder.file()).expect("opened beside");
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .expect("counted");
    assert_eq!(tables, 1, "nothing was added");
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = Folder::new();
    let file = folder.file().join("nowhere").join("tidings.db");
    let error = SqliteStore::open(&file, Options::default(), HandClock::new())
        .err()
        .expect("it does not open");
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
}

/// What is dropped without being closed is let go soon, and has kept everything.
#[tokio::test]
async fn a_dropped_store_lets_go_of_its_file() {
    let folder = Folder::new();
    drop(open(&folder).expect("opens"));
    let mut again = open(&folder).ok();
    // Seconds on a busy machine, though mostly the first look finds it free.
    for _ in 0..1_000 {
        if again.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        again = open(&folder).ok();
    }
    again.expect("the file is free again").close().await;
}
