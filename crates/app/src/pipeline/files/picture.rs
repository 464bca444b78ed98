//! Uploaded pictures: how large they are, and two small ones of each for chat windows.
//!
//! Decoding is work for a processor and needs the picture's memory, so few are decoded at once, apart from what answers
//! requests. A picture that claims to be larger than [`PIXELS_MAX`] is never unpacked: a bomb of some kilobytes is only a
//! file without thumbnails.

use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use serde::{Deserialize, Serialize};

use crate::App;

/// How many pictures are decoded at once: each may take [`DECODED_BYTES_MAX`] of memory.
pub(crate) const PICTURES_AT_ONCE_MAX: usize = 2;

/// The most pixels of a picture that is decoded: cameras of telephones take 50 million.
const PIXELS_MAX: u64 = 64_000_000;

/// The most memory for decoding one: four bytes for each pixel, and a little.
const DECODED_BYTES_MAX: u64 = 272 * 1024 * 1024;

/// The thumbnails: each fits into a square of so many pixels; the second one is for finer screens.
const THUMBNAILS: [(u8, u32); 2] = [(1, 300), (2, 600)];

/// What is known of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// In pixels, as it is shown.
    pub width: u32,
    /// In pixels, as it is shown.
    pub height: u32,
    /// The small ones; a picture that is small itself has none.
    #[serde(default)]
    pub thumbnails: Vec<Thumbnail>,
    /// Whether it could be decoded, so that where a small one is missing the picture itself is small.
    #[serde(default)]
    pub decoded: bool,
}

/// A small picture of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// 1, or 2 for finer screens.
    pub scale: u8,
    /// Its type.
    pub content_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Where a thumbnail waits until it is kept.
pub(super) fn beside(picture: &Path, scale: u8) -> PathBuf {
    picture.with_extension(format!("{scale}x"))
}

/// Where all thumbnails of a picture would wait.
pub(super) fn all_beside(picture: &Path) -> impl Iterator<Item = PathBuf> {
    THUMBNAILS.iter().map(|(scale, _)| beside(picture, *scale))
}

/// The scales of thumbnails.
pub(super) fn scales() -> impl Iterator<Item = u8> {
    THUMBNAILS.iter().map(|(scale, _)| *scale)
}

/// Looks at a picture and writes its thumbnails beside it. `None` when it is no picture that we can read.
pub(super) async fn look(app: &App, path: &Path, content_type: &str) -> Option<Picture> {
    let format = match content_type {
        "image/jpeg" => ImageFormat::Jpeg,
        "image/png" => ImageFormat::Png,
        "image/gif" => ImageFormat::Gif,
        "image/webp" => ImageFormat::WebP,
        _ => return None,
    };
    let place = Arc::clone(&app.pictures).acquire_owned().await.ok()?;
    let path = path.to_path_buf();
    let looked = tokio::task::spawn_blocking(move || {
        let _place = place;
        decode(&path, format)
    });
    match looked.await {
        Ok(Ok(picture)) => Some(picture),
        Ok(Err(error)) => {
            tracing::debug!("an uploaded picture cannot be read: {error}");
            None
        }
        Err(error) => {
            tracing::warn!("a picture could not be looked at: {error}");
            None
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum PictureError {
    #[error(transparent)]
    Disk(#[from] std::io::Error),
    #[error(transparent)]
    Image(#[from] image::ImageError),
}

fn decode(path: &Path, format: ImageFormat) -> Result<Picture, PictureError> {
    let file = BufReader::new(std::fs::File::open(path)?);
    let mut reader = ImageReader::with_format(file, format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder()?;
    let (mut width, mut height) = decoder.dimensions();
    let orientation = decoder.orientation()?;
    let lies_on_its_side = matches!(
        orientation,
        image::metadata::Orientation::Rotate90
            | image::metadata::Orientation::Rotate270
            | image::metadata::Orientation::Rotate90FlipH
            | image::metadata::Orientation::Rotate270FlipH
    );
    if lies_on_its_side {
        std::mem::swap(&mut width, &mut height);
    }
    let mut picture = Picture { width, height, thumbnails: Vec::new(), decoded: false };
    let too_large = u64::from(width) * u64::from(height) > PIXELS_MAX
        || decoder.total_bytes() > DECODED_BYTES_MAX;
    if too_large {
        return Ok(picture);
    }
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let mut decoded = match DynamicImage::from_decoder(decoder) {
        Ok(decoded) => decoded,
        Err(error) => {
            tracing::debug!("an uploaded picture has a good head only: {error}");
            return Ok(picture);
        }
    };
    decoded.apply_orientation(orientation);
    for (scale, side) in THUMBNAILS {
        if width > side || height > side {
            let small = decoded.thumbnail(side, side);
            picture.thumbnails.push(write(&small, scale, &beside(path, scale))?);
        }
    }
    picture.decoded = true;
    Ok(picture)
}

/// What can be seen through stays so; all others are smaller as JPEG.
fn write(small: &DynamicImage, scale: u8, to: &Path) -> Result<Thumbnail, PictureError> {
    let mut bytes = Cursor::new(Vec::new());
    let content_type = if small.color().has_alpha() {
        small.to_rgba8().write_to(&mut bytes, ImageFormat::Png)?;
        "image/png"
    } else {
        small.to_rgb8().write_to(&mut bytes, ImageFormat::Jpeg)?;
        "image/jpeg"
    };
    let bytes = bytes.into_inner();
    std::fs::write(to, &bytes)?;
    Ok(Thumbnail { scale, content_type: content_type.into(), size: bytes.len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: ImageFormat, width: u32, height: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("picture");
        let picture = DynamicImage::new_rgb8(width, height);
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).expect("it can be written");
        std::fs::write(&path, bytes.into_inner()).expect("it can be written");
        (folder, path)
    }

    #[test]
    fn thumbnails_keep_the_shape_and_are_never_larger() {
        let formats = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP];
        for format in formats {
            let (_folder, path) = written(format, 1_200, 300);
            let picture = decode(&path, format).expect("a picture");
            assert_eq!((picture.width, picture.height), (1_200, 300), "{format:?}");
            assert_eq!(picture.thumbnails.len(), 2);
            let sizes = [(1, (300, 75)), (2, (600, 150))];
            for (scale, expected) in sizes {
                let small = ImageReader::open(beside(&path, scale)).expect("it is there");
                let small = small.with_guessed_format().expect("it can be read");
                assert_eq!(small.into_dimensions().expect("a picture"), expected, "{format:?}");
            }
        }
        let (_folder, path) = written(ImageFormat::Png, 400, 10);
        let picture = decode(&path, ImageFormat::Png).expect("a picture");
        let scales: Vec<u8> = picture.thumbnails.iter().map(|each| each.scale).collect();
        assert_eq!(scales, [1], "it fits into the larger square as it is");
        let (_folder, path) = written(ImageFormat::Png, 20, 10);
        let picture = decode(&path, ImageFormat::Png).expect("a picture");
        assert!(picture.thumbnails.is_empty() && picture.decoded);
    }
}
