//! Which investigation an entry for a proposal and a beamline belongs to, by its time: the rule by which pyicat-plus 3.1
//! chooses the investigation of a dataset, so that entries and data end up together.

use service_kit::Micros;

/// A stay at an instrument for an investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The investigation's id.
    pub id: i64,
    pub start: Micros,
    /// `None`: open-ended.
    pub end: Option<Micros>,
    pub released: Option<Micros>,
}

impl Visit {
    pub fn is_released(&self, now: Micros) -> bool {
        self.released.is_some_and(|released| released <= now)
    }
}

/// A single candidate is taken whatever its dates. Else the last closed one that holds the time, else the last open one that
/// does (it lasts until the following begins), else the one whose start or end is nearest: among equal starts, or equal
/// ends, the lowest id, between a start and an end equally near the higher id.
pub fn choose_visit(visits: &[Visit], at: Micros) -> Option<Visit> {
    if let [only] = visits {
        return Some(*only);
    }
    let mut visits = visits.to_vec();
    visits.sort_unstable_by_key(|visit| visit.id);
    let following = |visit: &Visit| visits.iter().map(|other| other.start).filter(|start| *start > visit.start).min();
    let holds = |visit: &Visit, end: Option<Micros>| visit.start <= at && end.is_none_or(|end| at < end);
    let closed = visits.iter().rev().find(|visit| visit.end.is_some() && holds(visit, visit.end));
    let open = || visits.iter().rev().find(|visit| visit.end.is_none() && holds(visit, following(visit)));
    closed.or_else(open).or_else(|| find_nearest_visit(&visits, at)).copied()
}

fn time_between(a: Micros, b: Micros) -> u64 {
    a.as_i64().abs_diff(b.as_i64())
}

fn find_nearest_visit(visits: &[Visit], at: Micros) -> Option<&Visit> {
    let by_start = visits.iter().min_by_key(|visit| (time_between(visit.start, at), visit.id))?;
    let ended = visits.iter().filter_map(|visit| Some((visit, time_between(visit.end?, at))));
    let by_end = ended.min_by_key(|(visit, distance)| (*distance, visit.id));
    let Some((by_end, to_end)) = by_end else { return Some(by_start) };
    let to_start = time_between(by_start.start, at);
    Some(match to_start.cmp(&to_end) {
        std::cmp::Ordering::Less => by_start,
        std::cmp::Ordering::Equal if by_start.id > by_end.id => by_start,
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => by_end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_visit(id: i64, start: i64, end: Option<i64>) -> Visit {
        Visit { id, start: Micros::from_i64(start), end: end.map(Micros::from_i64), released: None }
    }

    #[test]
    fn the_session_that_holds_the_time_is_chosen_else_the_nearest() {
        let chosen = |visits: &[Visit], at| choose_visit(visits, Micros::from_i64(at)).map(|visit| visit.id);
        assert_eq!(chosen(&[], 5), None);
        assert_eq!(chosen(&[new_visit(1, 100, Some(110))], 5), Some(1), "a single one, whatever its dates");
        let two = [new_visit(1, 0, Some(10)), new_visit(2, 20, Some(30))];
        assert_eq!(chosen(&two, 0), Some(1));
        assert_eq!(chosen(&two, 10), Some(1), "nearest, the end does not belong to it");
        assert_eq!(chosen(&two, 16), Some(2));
        assert_eq!(chosen(&two, 15), Some(2), "between a start and an end equally near the higher id");
        assert_eq!(chosen(&two, 29), Some(2));
        let open = [new_visit(1, 0, None), new_visit(2, 20, Some(30)), new_visit(3, 40, None)];
        assert_eq!(chosen(&open, 10), Some(1));
        assert_eq!(chosen(&open, 25), Some(2));
        assert_eq!(chosen(&open, 99), Some(3));
        let overlapping = [new_visit(1, 0, Some(50)), new_visit(2, 10, Some(20)), new_visit(3, 5, None)];
        assert_eq!(chosen(&overlapping, 15), Some(2), "the last closed one before open ones");
        let twins = [new_visit(4, 10, Some(20)), new_visit(3, 10, Some(20))];
        assert_eq!(chosen(&twins, 0), Some(3));
    }
}
