//! What HTTP does not allow, or no library would write: done on the connection itself, after the request was read.
//!
//! Memory stays flat whatever the size: big things are small blocks, again and again.

use std::io;
use std::time::Duration;

use flate2::{Compress, Compression, Crc, FlushCompress};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::behavior::{Answer, Behavior};

/// How long one connection may be misbehaved on. Every sender has given up by then.
const MISBEHAVES_MAX: Duration = Duration::from_secs(15 * 60);

/// How much is written at once, in bytes.
const BLOCK_BYTES: usize = 64 << 10;

/// How much becomes one block of a bomb, in bytes.
const BOMB_BLOCK_BYTES: usize = 1 << 20;

/// The length of one line of big headers, in bytes.
const HEADER_LINE_BYTES: u64 = 1024;

/// Begins like no version of HTTP, and holds bytes that are no text.
const GARBAGE: &[u8] = b"\x00\x16\x03\xff\xfeSSH-2.0-not-http\r\n\r\n\xc3\x28\x00";

/// Does it, until it is done, the sender goes away, or [`MISBEHAVES_MAX`] is over.
pub(super) async fn misbehave(stream: TcpStream, behavior: &Behavior) {
    // A sender that goes away is what it is for.
    drop(timeout(MISBEHAVES_MAX, act(stream, behavior)).await);
}

async fn act(mut stream: TcpStream, behavior: &Behavior) -> io::Result<()> {
    let bytes = behavior.bytes.unwrap_or(behavior.answer.usual_bytes());
    let drip = Duration::from_millis(behavior.drip_ms);
    match behavior.answer {
        // These are answers of HTTP; they don't come here.
        Answer::Status | Answer::Redirect | Answer::Close => {}
        Answer::Hang => return until_it_goes(&mut stream).await,
        Answer::Reset => return stream.set_zero_linger(),
        Answer::DripHead => {
            let head =
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
            drip_all(&mut stream, head, drip).await?;
        }
        Answer::DripBody => {
            stream.write_all(head(&format!("Content-Length: {bytes}")).as_bytes()).await?;
            for _ in 0..bytes {
                drip_all(&mut stream, b".", drip).await?;
            }
        }
        Answer::Huge => {
            stream.write_all(head(&format!("Content-Length: {bytes}")).as_bytes()).await?;
            fill(&mut stream, bytes).await?;
        }
        Answer::Endless => {
            stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).await?;
            let chunk = [format!("{BLOCK_BYTES:x}\r\n").as_bytes(), &filler(), b"\r\n"].concat();
            repeat_for_ever(&mut stream, &chunk).await?;
        }
        Answer::GzipBomb => bomb(&mut stream, bytes).await?,
        Answer::LongLength => {
            stream.write_all(head("Content-Length: 100").as_bytes()).await?;
            stream.write_all(b"too short").await?;
        }
        Answer::ShortLength => {
            stream.write_all(head("Content-Length: 3").as_bytes()).await?;
            stream.write_all(b"longer than it says").await?;
        }
        Answer::BadChunk => {
            stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).await?;
            stream.write_all(b"not-a-size\r\nbody\r\n0\r\n\r\n").await?;
        }
        Answer::BigHeaders => big_headers(&mut stream, bytes).await?,
        Answer::EarlyHints => {
            let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n";
            repeat_for_ever(&mut stream, hints).await?;
        }
        Answer::Garbage => stream.write_all(GARBAGE).await?,
    }
    stream.shutdown().await
}

fn head(header: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n{header}\r\n\r\n")
}

fn filler() -> Vec<u8> {
    vec![b'x'; BLOCK_BYTES]
}

async fn until_it_goes(stream: &mut TcpStream) -> io::Result<()> {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

async fn drip_all(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for byte in bytes {
        stream.write_all(&[*byte]).await?;
        sleep(pause).await;
    }
    Ok(())
}

async fn fill(stream: &mut TcpStream, mut bytes: u64) -> io::Result<()> {
    let block = filler();
    while bytes > 0 {
        let part = usize::try_from(bytes).unwrap_or(usize::MAX).min(block.len());
        stream.write_all(block.get(..part).unwrap_or_default()).await?;
        bytes -= part as u64;
    }
    Ok(())
}

async fn repeat_for_ever(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes).await?;
    }
}

async fn big_headers(stream: &mut TcpStream, bytes: u64) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n").await?;
    let lines = bytes.div_ceil(HEADER_LINE_BYTES);
    let width = usize::try_from(HEADER_LINE_BYTES).unwrap_or_default();
    for number in 0..lines {
        let name = format!("X-Filler-{number}: ");
        stream.write_all(format!("{name}{:x<1$}\r\n", "", width - name.len()).as_bytes()).await?;
    }
    stream.write_all(b"\r\n").await
}

/// One gzip stream of zeros (RFC 1952). A block that ends with a full flush needs nothing before it, so the same block
/// may come again and again.
async fn bomb(stream: &mut TcpStream, bytes: u64) -> io::Result<()> {
    // Its length is not said, as it is not known before: the end of the connection ends it.
    stream.write_all(head("Content-Encoding: gzip\r\nConnection: close").as_bytes()).await?;
    stream.write_all(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff").await?;
    let (block, crc) = zeros(BOMB_BLOCK_BYTES)?;
    let mut whole = Crc::new();
    let block_bytes = BOMB_BLOCK_BYTES as u64;
    for _ in 0..bytes / block_bytes {
        stream.write_all(&block).await?;
        whole.combine(&crc);
    }
    let rest = usize::try_from(bytes % block_bytes).unwrap_or_default();
    let (last, crc) = zeros(rest)?;
    whole.combine(&crc);
    stream.write_all(&last).await?;
    // The last block of deflate, which is empty; the checksum; the length modulo 2^32.
    stream.write_all(b"\x03\x00").await?;
    stream.write_all(&whole.sum().to_le_bytes()).await?;
    stream.write_all(&whole.amount().to_le_bytes()).await
}

/// So many zeros as blocks of deflate, and their checksum.
fn zeros(bytes: usize) -> io::Result<(Vec<u8>, Crc)> {
    let zeros = vec![0; bytes];
    let mut crc = Crc::new();
    crc.update(&zeros);
    // Zeros shrink a thousandfold; what remains is the room that a flush needs.
    let mut blocks = Vec::with_capacity(bytes / 100 + 1024);
    Compress::new(Compression::best(), false).compress_vec(
        &zeros,
        &mut blocks,
        FlushCompress::Full,
    )?;
    Ok((blocks, crc))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use tokio::net::TcpListener;

    use super::*;

    async fn answer(behavior: Behavior) -> Vec<u8> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let acting = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a connection");
            misbehave(stream, &behavior).await;
        });
        let mut stream = TcpStream::connect(address).await.expect("connected");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("read");
        acting.await.expect("it ends");
        bytes
    }

    #[tokio::test]
    async fn a_bomb_is_one_whole_gzip_stream() {
        let bytes = 5 * BOMB_BLOCK_BYTES as u64 + 17;
        let bomb = Behavior { answer: Answer::GzipBomb, bytes: Some(bytes), ..Behavior::default() };
        let answer = answer(bomb).await;
        let body = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        assert!(answer.len() < 20_000, "{} bytes were sent", answer.len());
        let mut unpacked = Vec::new();
        GzDecoder::new(&answer[body..]).read_to_end(&mut unpacked).expect("the checksum fits");
        assert_eq!(unpacked.len() as u64, bytes);
    }

    #[tokio::test]
    async fn big_things_have_the_size_that_was_asked_for() {
        for (named, sent) in [(Answer::Huge, 100_000), (Answer::BigHeaders, 102_400)] {
            let behavior = Behavior { answer: named, bytes: Some(sent), ..Behavior::default() };
            let length = answer(behavior).await.len() as u64;
            assert!((sent..sent + 300).contains(&length), "{named:?}: {length} bytes");
        }
    }
}
