//! The servers run, end, and come back; and nothing of them is left when the process that started them dies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tidings_services::{Nats, PgBouncer, Postgres, Proxy, Rabbit, Redis, S3, Shutdown, Signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long something may take that must happen.
const SOON: Duration = Duration::from_secs(20);

/// How long it is watched that something does not happen.
const A_WHILE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn each_test_has_a_database_of_its_own_on_one_server() {
    let one = tidings_services::database().await.expect("a database");
    let other = tidings_services::database().await.expect("another");
    assert_eq!(one.address(), other.address());
    one.query("CREATE TABLE a (b int)").await.expect("a table");
    other.query("CREATE TABLE a (b int)").await.expect("the same in the other");
    let (address, name) = (one.address(), one.name().to_owned());
    drop(one);
    let left = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(other.query(&left).await.expect("a count"), "0", "at {address}");
}

#[tokio::test]
async fn postgres_keeps_what_it_has_when_it_comes_back() {
    let mut postgres = tidings_services::postgres().await.expect("a server");
    let url = postgres.url();
    postgres.query("postgres", "CREATE TABLE a AS SELECT 7 AS b").await.expect("a table");
    for how in [Shutdown::Fast, Shutdown::Immediate] {
        postgres.stop(how).await.expect("it ends");
        postgres.query("postgres", "SELECT 1").await.expect_err("nobody is there");
        postgres.start_again().await.expect("it comes back");
        assert_eq!(postgres.query("postgres", "SELECT b FROM a").await.expect("a row"), "7");
    }
    assert_eq!(postgres.url(), url);
    let fresh = postgres.fresh_database().await.expect("a database");
    assert_ne!(fresh, url);
}

#[tokio::test]
async fn pgbouncer_passes_on() {
    let postgres = tidings_services::postgres().await.expect("a server");
    let pooler = PgBouncer::start(postgres.address()).await.expect("a pooler");
    let url = Postgres::url_by(pooler.address(), "postgres");
    let asked = Command::new(postgres.program("psql"))
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", "SELECT 6 * 7", &url])
        .output()
        .expect("psql runs");
    let errors = String::from_utf8_lossy(&asked.stderr);
    assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "42", "{errors}");
}

#[tokio::test]
async fn nats_comes_back_at_its_address() {
    let mut nats = tidings_services::nats().await.expect("a server");
    let address = nats.address();
    assert_eq!(hello(address).await, "INFO ");
    nats.stop().await.expect("it ends");
    TcpStream::connect(address).await.expect_err("nobody is there");
    nats.start_again().await.expect("it comes back");
    assert_eq!(hello(address).await, "INFO ");
}

#[tokio::test]
async fn nats_says_what_is_wrong_with_its_configuration() {
    let error = Nats::start("no_such_thing: 1").await.expect_err("a wrong configuration");
    assert!(error.to_string().contains("no_such_thing"), "{error:#}");
}

#[tokio::test]
async fn an_s3_server_listens() {
    let s3 = S3::start().await.expect("a server");
    assert!(s3.buckets().join(S3::BUCKET).is_dir());
}

#[tokio::test]
async fn redis_and_rabbitmq_come_back_at_their_addresses() {
    let mut redis = Redis::start(&[]).await.expect("a server");
    let mut rabbit = Rabbit::start("").await.expect("a server");
    let addresses = [redis.address(), rabbit.address()];
    for _ in 0..2 {
        for address in addresses {
            TcpStream::connect(address).await.expect("it listens");
        }
        redis.stop().await.expect("it ends");
        rabbit.stop().await.expect("it ends");
        for address in addresses {
            TcpStream::connect(address).await.expect_err("nobody is there");
        }
        redis.start_again().await.expect("it comes back");
        rabbit.start_again().await.expect("it comes back");
    }
}

async fn hello(address: std::net::SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let mut first = [0; 5];
    stream.read_exact(&mut first).await.expect("it speaks first");
    String::from_utf8_lossy(&first).into_owned()
}

/// A server that sends back what it gets.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

async fn echoed(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await?;
    assert_eq!(back, text.as_bytes());
    Ok(())
}

#[tokio::test]
async fn a_proxy_disturbs_as_it_is_told() {
    let proxy = Proxy::start(echo().await).await.expect("a proxy");
    let open = async || TcpStream::connect(proxy.address()).await.expect("it listens");
    let mut stream = open().await;
    echoed(&mut stream, "hello").await.expect("passed on");

    proxy.pause();
    let held = timeout(A_WHILE, echoed(&mut stream, "held")).await;
    assert!(held.is_err(), "held back");
    proxy.heal();
    let mut back = [0; 4];
    timeout(SOON, stream.read_exact(&mut back)).await.expect("soon").expect("passed on");
    assert_eq!(&back, b"held");

    proxy.cut();
    assert!(echoed(&mut stream, "cut").await.is_err(), "the connection is gone");
    let mut stream = open().await;
    echoed(&mut stream, "again").await.expect("a new one is let through");

    proxy.refuse();
    assert!(echoed(&mut stream, "gone").await.is_err(), "the connection is gone");
    assert!(echoed(&mut open().await, "no").await.is_err(), "a new one is broken off");
    proxy.heal();
    let mut stream = open().await;
    proxy.slow(A_WHILE);
    let began = Instant::now();
    echoed(&mut stream, "slow").await.expect("passed on");
    assert!(began.elapsed() >= 2 * A_WHILE, "each way waits");
}

/// Not a test of its own: the process that the next test kills. It starts a server, tells where, and waits.
#[tokio::test]
#[ignore = "started by `a_process_that_is_killed_leaves_nothing_behind`"]
async fn starts_and_waits() {
    let temporary = tempfile::tempdir().expect("a folder");
    let _postgres = tidings_services::postgres().await.expect("a server");
    let _nats = tidings_services::nats().await.expect("a server");
    let told = std::env::current_dir().expect("a folder").join("started");
    fs::write(told, "").expect("told");
    tokio::time::sleep(SOON).await;
    drop(temporary);
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    // The other user must be able to go through it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), open).expect("opened");
    let mut victim = Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "starts_and_waits"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    until("both run", || folder.path().join("started").exists()).await;
    assert!(!processes_of(folder.path()).is_empty(), "the servers run in the folder");
    Signal::Kill.send(victim.id()).expect("killed");
    victim.wait().expect("it ended");
    until("the servers are gone", || processes_of(folder.path()).is_empty()).await;
    until("their folders are gone", || !has_servers(folder.path())).await;
}

fn has_servers(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.flatten().any(|entry| entry.path().join("server.log").exists())
}

/// The processes that name a folder in their arguments.
fn processes_of(folder: &Path) -> Vec<PathBuf> {
    let folder = folder.to_string_lossy();
    let processes = fs::read_dir("/proc").expect("a kernel that tells of processes");
    processes
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| {
            let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
            let arguments = String::from_utf8_lossy(&arguments).into_owned();
            arguments.contains(&*folder) && !arguments.starts_with("sh\0")
        })
        .collect()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_proxy_of_nats_loses_every_second_message() {
    let nats = tidings_services::nats().await.expect("a server");
    let proxy = Proxy::start_for_nats(nats.address()).await.expect("a proxy");
    proxy.lose_half();
    let mut hearer = TcpStream::connect(nats.address()).await.expect("it listens");
    hearer.write_all(b"CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n").await.expect("said");
    read_until(&mut hearer, b"PONG\r\n").await;
    let mut teller = TcpStream::connect(proxy.address()).await.expect("it listens");
    let said = b"CONNECT {\"verbose\":false}\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\n";
    teller.write_all(said).await.expect("said");
    let heard = read_until(&mut hearer, b"\r\n3\r\n").await;
    assert!(heard.contains("\r\n1\r\n") && !heard.contains("\r\n2\r\n"), "{heard}");
}

async fn read_until(stream: &mut TcpStream, end: &[u8]) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end) {
        let read = timeout(SOON, stream.read_buf(&mut heard)).await;
        assert!(read.expect("soon").expect("it reads") > 0, "{}", String::from_utf8_lossy(&heard));
    }
    String::from_utf8_lossy(&heard).into_owned()
}
