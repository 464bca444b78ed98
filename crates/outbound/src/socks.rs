//! What is said to a proxy of SOCKS 5 (RFC 1928) before it leads a connection on.
//!
//! The HTTP library has this too, but not the reason why it failed: and whether the proxy or the receiver is to blame is
//! what whoever reads the log of deliveries wants to know.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::dial::Stream;
use crate::error::{FailKind, Fault};
use crate::target::Host;

const VERSION: u8 = 5;
/// The version of the exchange of user and password (RFC 1929).
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
/// "Network unreachable" to "TTL expired": what went wrong between the proxy and the receiver (RFC 1928, 6).
const NOT_REACHED: std::ops::RangeInclusive<u8> = 3..=6;

/// Has the proxy lead the stream on to a host and port.
pub(crate) async fn lead(
    stream: &mut Stream,
    login: Option<(&str, &str)>,
    told: Host<'_>,
    port: u16,
) -> Result<(), Fault> {
    let broke = |source: io::Error| Fault::new(FailKind::Proxy, source);
    introduce(stream, login).await?;
    let mut request = vec![VERSION, CONNECT, 0];
    match told {
        Host::Address(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Host::Address(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Host::Name(name) => {
            request.push(NAME);
            push_short(&mut request, name)?;
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).await.map_err(broke)?;

    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await.map_err(broke)?;
    let [version, status, _, kind] = reply;
    if version != VERSION {
        return Err(refused("the proxy does not speak SOCKS 5"));
    }
    if status != 0 {
        let why = format!("the proxy answered with code {status} of SOCKS 5");
        let by_receiver = NOT_REACHED.contains(&status);
        return Err(Fault::new(if by_receiver { FailKind::Connect } else { FailKind::Proxy }, why));
    }
    // Where the proxy speaks from is of no use to us, but it stands before the receiver's bytes.
    let length = match kind {
        IPV4 => size_of::<Ipv4Addr>(),
        IPV6 => size_of::<std::net::Ipv6Addr>(),
        NAME => stream.read_u8().await.map_err(broke)?.into(),
        _ => return Err(refused("the proxy does not speak SOCKS 5")),
    };
    let mut from = vec![0; length + size_of::<u16>()];
    stream.read_exact(&mut from).await.map(drop).map_err(broke)
}

/// Agrees on how we prove who we are, and does it.
async fn introduce(stream: &mut Stream, login: Option<(&str, &str)>) -> Result<(), Fault> {
    let broke = |source: io::Error| Fault::new(FailKind::Proxy, source);
    let method = if login.is_some() { LOGIN } else { NO_LOGIN };
    stream.write_all(&[VERSION, 1, method]).await.map_err(broke)?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await.map_err(broke)?;
    if chosen != [VERSION, method] {
        return Err(refused("the proxy wants another way to log in"));
    }
    let Some((user, password)) = login else { return Ok(()) };
    let mut said = vec![LOGIN_VERSION];
    push_short(&mut said, user)?;
    push_short(&mut said, password)?;
    stream.write_all(&said).await.map_err(broke)?;
    let mut verdict = [0; 2];
    stream.read_exact(&mut verdict).await.map_err(broke)?;
    let [_, status] = verdict;
    if status == 0 {
        Ok(())
    } else {
        Err(refused("the proxy does not know this user and password"))
    }
}

/// A text after its length, which has one byte.
fn push_short(to: &mut Vec<u8>, text: &str) -> Result<(), Fault> {
    let length = u8::try_from(text.len()).map_err(|source| Fault::new(FailKind::Proxy, source))?;
    to.push(length);
    to.extend(text.bytes());
    Ok(())
}

fn refused(why: &'static str) -> Fault {
    Fault::new(FailKind::Proxy, why)
}
