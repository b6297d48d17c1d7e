//! How a camera was held: the orientation that it wrote into a JPEG (Exif 3.0, 4.6.5.1.6, tag 0x0112).

/// Quarter turns clockwise that make the picture stand upright; 0 for whatever cannot be read. Mirrored pictures,
/// which no camera makes, stay as they are.
pub fn quarter_turns(jpeg: &[u8]) -> u8 {
    match tiff(jpeg).and_then(orientation) {
        Some(6) => 1,
        Some(3) => 2,
        Some(8) => 3,
        _ => 0,
    }
}

/// The Exif segment among those before the picture.
fn tiff(jpeg: &[u8]) -> Option<&[u8]> {
    let mut rest = jpeg.get(2..)?;
    loop {
        let [0xff, kind, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = rest.get(4..2 + length)?;
        match kind {
            0xe1 if segment.starts_with(b"Exif\0\0") => return segment.get(6..),
            // The picture begins.
            0xda => return None,
            _ => rest = rest.get(2 + length..)?,
        }
    }
}

fn orientation(tiff: &[u8]) -> Option<u16> {
    let is_little = tiff.starts_with(b"II");
    let two = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let four = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = usize::try_from(four(4)?).ok()?;
    let fields = usize::from(two(directory)?);
    let mut field = (0..fields).filter_map(|n| directory.checked_add(2 + n * 12));
    two(field.find(|at| two(*at) == Some(0x0112))?.checked_add(8)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orientation_is_found_in_both_byte_orders() {
        let little = b"\xff\xd8\xff\xe0\0\x04ab\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0\xff\xda";
        assert_eq!(quarter_turns(little), 1);
        let big =
            b"\xff\xd8\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0\xff\xda";
        assert_eq!(quarter_turns(big), 2);
        for end in 0..big.len() - 1 {
            quarter_turns(&big[..end]);
        }
    }
}
