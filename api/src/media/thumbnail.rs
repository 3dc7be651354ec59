//! Sizes and thumbnails of images, with limits against images that are small as files and huge as pixels.
//! Blocking: runs on a blocking task.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

/// The longer side of a thumbnail in pixels.
pub const THUMBNAIL_SIDE: u32 = 320;

/// What was learned of an image.
#[derive(Debug)]
pub struct Pictured {
    /// Pixels, as it is to be shown.
    pub width: u32,
    /// Pixels, as it is to be shown.
    pub height: u32,
    /// JPEG, or PNG where parts are transparent; `None` for an image that is damaged.
    pub thumbnail: Option<Vec<u8>>,
}

/// Measures an image and makes its thumbnail. `None` for what is no image of a format that is read here, or one
/// of more than `max_pixels`. Nothing is decoded before its size is known.
pub fn picture(bytes: &[u8], max_pixels: u64) -> Option<Pictured> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let mut limits = Limits::default();
    // The decoded pixels, of up to eight bytes each, and what the decoder needs beside them.
    limits.max_alloc = Some(max_pixels.saturating_mul(8));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > max_pixels || width == 0 || height == 0 {
        return None;
    }
    let orientation = decoder.orientation().ok();
    let small = DynamicImage::from_decoder(decoder).ok().map(|image| {
        // Made small first: turning costs by the pixel.
        let mut image = shrink(image);
        if let Some(orientation) = orientation {
            image.apply_orientation(orientation);
        }
        image
    });
    let is_turned = orientation.is_some_and(|orientation| {
        use image::metadata::Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        matches!(
            orientation,
            Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH
        )
    });
    let (width, height) = if is_turned {
        (height, width)
    } else {
        (width, height)
    };
    Some(Pictured {
        width,
        height,
        thumbnail: small.and_then(|image| encode(&image)),
    })
}

fn shrink(image: DynamicImage) -> DynamicImage {
    if image.width() <= THUMBNAIL_SIDE && image.height() <= THUMBNAIL_SIDE {
        image
    } else {
        image.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    }
}

fn encode(image: &DynamicImage) -> Option<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    if image.color().has_alpha() {
        DynamicImage::from(image.to_rgba8())
            .write_to(&mut bytes, ImageFormat::Png)
            .ok()?;
    } else {
        DynamicImage::from(image.to_rgb8())
            .write_to(&mut bytes, ImageFormat::Jpeg)
            .ok()?;
    }
    Some(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::new_rgba8(width, height)
            .write_to(&mut bytes, ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    #[test]
    fn images_are_measured_and_made_small() {
        let pictured = picture(&png(1000, 500), 1_000_000).unwrap();
        assert_eq!((pictured.width, pictured.height), (1000, 500));
        let small = image::load_from_memory(&pictured.thumbnail.unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (320, 160));
        let pictured = picture(&png(10, 20), 1_000_000).unwrap();
        let small = image::load_from_memory(&pictured.thumbnail.unwrap()).unwrap();
        assert_eq!((small.width(), small.height()), (10, 20));
    }

    #[test]
    fn what_is_too_large_or_damaged_is_not_decoded() {
        assert!(picture(&png(1000, 1001), 1_000_000).is_none());
        assert!(picture(b"not an image", 1_000_000).is_none());
        let mut damaged = png(100, 100);
        damaged.truncate(60);
        assert!(picture(&damaged, 1_000_000).is_none_or(|image| image.thumbnail.is_none()));
    }
}
