//! Which investigation an entry for a proposal and a beamline belongs to, by its time: the rule by which pyicat-plus 3.1
//! chooses the investigation of a dataset, so that entries and data end up together.

/// A session at the beamline; microseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub id: i64,
    pub start: i64,
    /// `None`: open-ended.
    pub end: Option<i64>,
    pub released: Option<i64>,
}

/// A single candidate is taken whatever its dates. Else the last closed one that holds the time, else the last open one that
/// does (it lasts until the following begins), else the one whose start or end is nearest: among equal starts, or equal
/// ends, the lowest id, between a start and an end equally near the higher id.
pub fn choose(slots: &[Slot], at: i64) -> Option<Slot> {
    if let [only] = slots {
        return Some(*only);
    }
    let mut slots = slots.to_vec();
    slots.sort_unstable_by_key(|slot| slot.id);
    let following = |slot: &Slot| slots.iter().map(|other| other.start).filter(|start| *start > slot.start).min();
    let holds = |slot: &Slot, end: Option<i64>| slot.start <= at && end.is_none_or(|end| at < end);
    let closed = slots.iter().rev().find(|slot| slot.end.is_some() && holds(slot, slot.end));
    let open = || slots.iter().rev().find(|slot| slot.end.is_none() && holds(slot, following(slot)));
    closed.or_else(open).or_else(|| nearest(&slots, at)).copied()
}

fn nearest(slots: &[Slot], at: i64) -> Option<&Slot> {
    let by_start = slots.iter().min_by_key(|slot| (slot.start.abs_diff(at), slot.id))?;
    let ended = slots.iter().filter_map(|slot| Some((slot, slot.end?.abs_diff(at))));
    let by_end = ended.min_by_key(|(slot, distance)| (*distance, slot.id));
    let Some((by_end, to_end)) = by_end else { return Some(by_start) };
    let to_start = by_start.start.abs_diff(at);
    Some(match to_start.cmp(&to_end) {
        std::cmp::Ordering::Less => by_start,
        std::cmp::Ordering::Equal if by_start.id > by_end.id => by_start,
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => by_end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(id: i64, start: i64, end: Option<i64>) -> Slot {
        Slot { id, start, end, released: None }
    }

    #[test]
    fn the_session_that_holds_the_time_is_chosen_else_the_nearest() {
        let chosen = |slots: &[Slot], at| choose(slots, at).map(|slot| slot.id);
        assert_eq!(chosen(&[], 5), None);
        assert_eq!(chosen(&[slot(1, 100, Some(110))], 5), Some(1), "a single one, whatever its dates");
        let two = [slot(1, 0, Some(10)), slot(2, 20, Some(30))];
        assert_eq!(chosen(&two, 0), Some(1));
        assert_eq!(chosen(&two, 10), Some(1), "nearest, the end does not belong to it");
        assert_eq!(chosen(&two, 16), Some(2));
        assert_eq!(chosen(&two, 15), Some(2), "between a start and an end equally near the higher id");
        assert_eq!(chosen(&two, 29), Some(2));
        let open = [slot(1, 0, None), slot(2, 20, Some(30)), slot(3, 40, None)];
        assert_eq!(chosen(&open, 10), Some(1));
        assert_eq!(chosen(&open, 25), Some(2));
        assert_eq!(chosen(&open, 99), Some(3));
        let overlapping = [slot(1, 0, Some(50)), slot(2, 10, Some(20)), slot(3, 5, None)];
        assert_eq!(chosen(&overlapping, 15), Some(2), "the last closed one before open ones");
        let twins = [slot(4, 10, Some(20)), slot(3, 10, Some(20))];
        assert_eq!(chosen(&twins, 0), Some(3));
    }
}
