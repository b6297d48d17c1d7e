//! A digest of rows that does not depend on their order, on the engine, or on how it writes numbers.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::Val;

/// The sum of the SHA-256 of each row: equal for the same rows in any order, each as often as it is there.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest([u64; 4]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, "{part:016x}"))
    }
}

impl Digest {
    /// The values stand in the order of their columns' names.
    pub(super) fn add_row(&mut self, row: &[Val]) {
        let mut hash = Sha256::new();
        for val in row {
            let mut add = |kind: &[u8], bytes: Option<&[u8]>| {
                hash.update(kind);
                hash.update(bytes.map_or(u64::MAX, |bytes| bytes.len() as u64).to_le_bytes());
                hash.update(bytes.unwrap_or_default());
            };
            match val {
                Val::I64(v) => add(b"i", v.map(i64::to_le_bytes).as_ref().map(<[u8; 8]>::as_slice)),
                // SQLite has one zero.
                Val::F64(v) => add(b"f", v.map(|v| (v + 0.0).to_le_bytes()).as_ref().map(<[u8; 8]>::as_slice)),
                Val::Text(v) => add(b"t", v.as_deref().map(str::as_bytes)),
                Val::Blob(v) => add(b"b", v.as_deref()),
            }
        }
        let hash: [u8; 32] = hash.finalize().into();
        let mut carry = false;
        for (sum, part) in self.0.iter_mut().zip(hash.as_chunks::<8>().0) {
            (*sum, carry) = sum.carrying_add(u64::from_le_bytes(*part), carry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest_rows(rows: &[[Val; 2]]) -> Digest {
        let mut digest = Digest::default();
        for row in rows {
            digest.add_row(row);
        }
        digest
    }

    #[test]
    fn the_order_of_rows_does_not_count_and_everything_else_does() {
        let (a, b): ([Val; 2], [Val; 2]) = (["a".into(), 1.into()], ["b".into(), Val::I64(None)]);
        let both = digest_rows(&[a.clone(), b.clone()]);
        assert_eq!(both, digest_rows(&[b.clone(), a.clone()]));
        let others: [&[[Val; 2]]; 6] = [
            &[],
            std::slice::from_ref(&a),
            &[a.clone(), b.clone(), b.clone()],
            &[a.clone(), ["b".into(), 0.into()]],
            &[a.clone(), ["".into(), Val::I64(None)]],
            &[["b".into(), 1.into()], ["a".into(), Val::I64(None)]],
        ];
        for other in others {
            assert_ne!(both, digest_rows(other), "{other:?}");
        }
        assert_eq!(digest_rows(&[[0.0.into(), a[0].clone()]]), digest_rows(&[[(-0.0).into(), a[0].clone()]]));
        // Where one value ends and the next begins.
        assert_ne!(digest_rows(&[["ab".into(), "c".into()]]), digest_rows(&[["a".into(), "bc".into()]]));
    }
}
