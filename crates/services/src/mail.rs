//! A mail server that keeps what it takes: aiosmtpd, in a small program of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::names::free_address;
use crate::process::{Process, Signal};

const PACKAGE: &str = "apt-get install python3-aiosmtpd";

/// Debian's own Python has Debian's packages; the first in the path may be another.
const PYTHON: &str = "/usr/bin/python3";

/// Takes mail from whoever knows the password, and writes each into a file before it says so.
const PROGRAM: &str = r#"
import asyncio, os, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

host, port, folder, user, password, speaks, *pair = sys.argv[1:]

class Keep:
    async def handle_DATA(self, server, session, envelope):
        number = len(os.listdir(folder))
        coming = os.path.join(folder, "..", "coming")
        with open(coming, "wb") as file:
            for to in envelope.rcpt_tos:
                file.write(b"X-Taken-For: " + to.encode() + b"\r\n")
            file.write(envelope.content)
        os.rename(coming, os.path.join(folder, f"{number:06}.eml"))
        return "250 OK"

def knows(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
    return AuthResult(success=right)

context = None
if speaks != "clear":
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pair)
later = context if speaks == "starttls" else None

def server():
    return SMTP(Keep(), authenticator=knows, auth_required=True, decode_data=False,
                tls_context=later, require_starttls=later is not None, auth_require_tls=later is not None)

async def main():
    loop = asyncio.get_running_loop()
    first = context if speaks == "tls" else None
    listening = await loop.create_server(server, host, int(port), ssl=first)
    await listening.serve_forever()

asyncio.run(main())
"#;

/// The user whom it lets in.
const USER: &str = "tidings";

/// What proves it.
const PASSWORD: &str = "let-me-in";

/// What a mail server speaks; the certificate and its key are files in PEM.
#[derive(Clone, Debug)]
pub enum MailSpeaks {
    /// Without TLS.
    Clear,
    /// TLS from the beginning.
    Tls {
        /// Its certificate.
        certificate: PathBuf,
        /// The certificate's key.
        key: PathBuf,
    },
    /// TLS before anything else is said (RFC 3207).
    Starttls {
        /// Its certificate.
        certificate: PathBuf,
        /// The certificate's key.
        key: PathBuf,
    },
}

/// A mail server of one's own. It keeps its address and its mail when it is stopped and started.
#[derive(Debug)]
pub struct MailServer {
    process: Option<Process>,
    address: SocketAddr,
    folder: TempDir,
    speaks: MailSpeaks,
}

impl MailServer {
    /// Starts one without TLS.
    ///
    /// # Errors
    /// When aiosmtpd is not installed or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_speaking(MailSpeaks::Clear).await
    }

    /// Starts one.
    ///
    /// # Errors
    /// When aiosmtpd is not installed or does not start.
    pub async fn start_speaking(speaks: MailSpeaks) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for mail")?;
        fs::create_dir(folder.path().join("mail")).context("no folder for mail")?;
        let mut server = Self { process: None, address: free_address()?, folder, speaks };
        server.start_again().await?;
        Ok(server)
    }

    /// Where it listens, as clients are told, with user and password.
    #[must_use]
    pub fn url(&self) -> String {
        let (scheme, more) = match self.speaks {
            MailSpeaks::Clear => ("smtp", ""),
            MailSpeaks::Tls { .. } => ("smtps", ""),
            MailSpeaks::Starttls { .. } => ("smtp", "?tls=required"),
        };
        format!("{scheme}://{USER}:{PASSWORD}@{}{more}", self.address)
    }

    /// What it took so far, each with a line `X-Taken-For` for each recipient.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn mails(&self) -> anyhow::Result<Vec<String>> {
        let mut mails = Vec::new();
        for file in fs::read_dir(self.folder.path().join("mail"))? {
            let path = file?.path();
            mails.push((path.clone(), fs::read_to_string(path)?));
        }
        mails.sort();
        Ok(mails.into_iter().map(|(_, mail)| mail).collect())
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.end(Signal::Kill).await,
            None => Ok(()),
        }
    }

    /// Starts it again after [`stop`](Self::stop), at the same address.
    ///
    /// # Errors
    /// When it runs, or does not start.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "the mail server runs");
        let mut command = Command::new(PYTHON);
        command.args(["-c", PROGRAM, &self.address.ip().to_string()]);
        command.arg(self.address.port().to_string()).arg(self.folder.path().join("mail"));
        command.args([USER, PASSWORD]);
        match &self.speaks {
            MailSpeaks::Clear => command.arg("clear"),
            MailSpeaks::Tls { certificate, key } => command.arg("tls").args([certificate, key]),
            MailSpeaks::Starttls { certificate, key } => {
                command.arg("starttls").args([certificate, key])
            }
        };
        let mut process = Process::start(command, PACKAGE, self.folder.path(), Signal::Kill)?;
        let address = self.address;
        process.ready(async || TcpStream::connect(address).await.is_ok()).await?;
        self.process = Some(process);
        Ok(())
    }
}
