//! The order of the rows of a result.

use std::cmp::Ordering;

use crate::domain::plan::Order;

/// Compares the values of two rows.
pub fn compare_values<T: PartialOrd>(order: &[Order], a: &[T], b: &[T]) -> Ordering {
    order
        .iter()
        .zip(a.iter().zip(b))
        .map(|(order, (a, b))| compare_one(*order, a, b))
        .fold(Ordering::Equal, Ordering::then)
}

pub(super) fn compare_one<T: PartialOrd>(order: Order, a: &T, b: &T) -> Ordering {
    let ordering = a.partial_cmp(b).unwrap_or(Ordering::Equal);
    if order.descending { ordering.reverse() } else { ordering }
}
