//! Hashes, and codes made of them with a key.

use base64::Engine;
use md5::Md5;
use minijinja::{Error, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{failed, text_of};

/// A hash function.
#[derive(Clone, Copy, Debug)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().replace('-', "").as_str() {
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(bytes).to_vec(),
            Self::Sha1 => <Sha1 as sha1::Digest>::digest(bytes).to_vec(),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// How many bytes it takes at once.
    fn block_bytes(self) -> usize {
        match self {
            Self::Md5 | Self::Sha1 | Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    /// HMAC of RFC 2104, for all of them alike: the crates of these hashes go by two versions of `digest`, so that no one
    /// crate of HMAC takes them all.
    fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut block = if key.len() > self.block_bytes() { self.of(key) } else { key.to_vec() };
        block.resize(self.block_bytes(), 0);
        let padded = |pad: u8| block.iter().map(move |byte| byte ^ pad);
        let inner: Vec<u8> = padded(0x36).chain(message.iter().copied()).collect();
        let outer: Vec<u8> = padded(0x5c).chain(self.of(&inner)).collect();
        self.of(&outer)
    }
}

pub(super) fn md5(value: &Value, output: Option<&str>) -> Result<String, Error> {
    hashed(Hash::Md5, value, output)
}

pub(super) fn sha1(value: &Value, output: Option<&str>) -> Result<String, Error> {
    hashed(Hash::Sha1, value, output)
}

pub(super) fn sha256(value: &Value, output: Option<&str>) -> Result<String, Error> {
    hashed(Hash::Sha256, value, output)
}

pub(super) fn sha512(value: &Value, output: Option<&str>) -> Result<String, Error> {
    hashed(Hash::Sha512, value, output)
}

fn hashed(hash: Hash, value: &Value, output: Option<&str>) -> Result<String, Error> {
    written(&hash.of(text_of(value)?.as_bytes()), output)
}

pub(super) fn hmac(
    value: &Value,
    key: &Value,
    algorithm: Option<&str>,
    output: Option<&str>,
) -> Result<String, Error> {
    let hash = Hash::named(algorithm.unwrap_or("sha256"))
        .ok_or_else(|| failed("`hmac` knows md5, sha1, sha256, sha384 and sha512"))?;
    written(&hash.hmac(text_of(key)?.as_bytes(), text_of(value)?.as_bytes()), output)
}

fn written(bytes: &[u8], output: Option<&str>) -> Result<String, Error> {
    Ok(match output.unwrap_or("hex") {
        "hex" => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        "base64" => base64::prelude::BASE64_STANDARD.encode(bytes),
        "base64url" => base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes),
        _ => return Err(failed("a hash is written in hex, base64 or base64url")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of RFC 2202 and RFC 4231, with short keys and with those longer than a block.
    #[test]
    fn codes_are_those_of_the_standards() {
        let hex = |hash: Hash, key: &[u8], message: &[u8]| {
            written(&hash.hmac(key, message), None).expect("hex")
        };
        let (jefe, what) = (b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(Hash::Md5, jefe, what), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(hex(Hash::Sha1, jefe, what), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            hex(Hash::Sha256, jefe, what),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex(Hash::Sha384, jefe, what),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
        );
        assert_eq!(
            hex(Hash::Sha512, jefe, what),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
        );
        let long = [0xaa; 131];
        let message = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(Hash::Sha256, &long, message),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
        assert_eq!(
            hex(Hash::Sha1, &long[..80], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "aa4ae5e15272d00e95705637ce8a3b55ed402112"
        );
    }
}
