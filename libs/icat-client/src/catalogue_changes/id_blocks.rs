//! The ids of an entity in blocks of 65,536, each stored as a text of ranges. So a comparison holds one block and one page
//! of ids in memory, however many rows the catalogue has, and a block without gaps takes a few bytes.

const IDS_PER_BLOCK: i64 = 65_536;

/// The number of the block of an id.
pub fn block_of(id: i64) -> i64 {
    id.div_euclid(IDS_PER_BLOCK)
}

/// Ids of one block in rising order as ranges of offsets, such as `0-17,20`.
pub fn render_ids(block: i64, ids: &[i64]) -> String {
    let start = block * IDS_PER_BLOCK;
    let range = |range: &[i64]| match (range.first(), range.last()) {
        (Some(first), Some(last)) if first < last => format!("{}-{}", first - start, last - start),
        (Some(only), _) => (only - start).to_string(),
        (None, _) => String::new(),
    };
    let ranges: Vec<String> = ids.chunk_by(|a, b| b - a == 1).map(range).collect();
    ranges.join(",")
}

/// The ids again; `None` if the text is not one of a block.
pub fn parse_ids(block: i64, text: &str) -> Option<Vec<i64>> {
    let start = block.checked_mul(IDS_PER_BLOCK)?;
    let mut ids = Vec::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
        ids.extend((first..=last).map(|offset| start + i64::from(offset)));
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_block_are_stored_as_ranges() {
        for (block, ids, text) in [
            (0, vec![7], "7"),
            (0, vec![0, 1, 2, 5, 7, 8], "0-2,5,7-8"),
            (2, vec![131_072, 131_073, 196_607], "0-1,65535"),
        ] {
            assert!(ids.iter().all(|id| block_of(*id) == block));
            assert_eq!(render_ids(block, &ids), text);
            assert_eq!(parse_ids(block, text).unwrap(), ids);
        }
        let whole: Vec<i64> = (65_536..131_072).collect();
        assert_eq!(render_ids(1, &whole), "0-65535");
        assert_eq!(parse_ids(1, "0-65535").unwrap(), whole);
        for wrong in ["", "x", "1-", "70000", "1,,2"] {
            assert_eq!(parse_ids(0, wrong), None, "{wrong}");
        }
    }
}
