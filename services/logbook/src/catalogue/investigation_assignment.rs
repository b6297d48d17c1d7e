//! Which investigation the entry of a beamline program belongs to.
//!
//! A program waits for `logbook.assignment_timeout`. When ICAT is slow or down, the entry is stored in the instrument's
//! logbook, and a worker assigns it later.

use std::sync::Arc;

use service_kit::{Clock, Micros};

use crate::catalogue::icat_lookup::IcatLookup;
use crate::catalogue::visits::Visits;
use crate::domain::visit::{Visit, choose_visit};

/// Where the entry of a program belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// The investigation's id.
    Assigned(i64),
    /// The investigation is released: its logbook is closed, also to programs.
    Released,
    /// The catalogue has no such investigation.
    NotFound,
    /// ICAT does not answer in time, or there is no reader account.
    NoAnswer,
}

/// Finds the investigation of an entry, by its id or by proposal, instrument and time.
pub struct InvestigationAssignment {
    lookup: IcatLookup,
    visits: Arc<Visits>,
    clock: Arc<dyn Clock>,
}

impl InvestigationAssignment {
    pub fn new(lookup: IcatLookup, visits: Arc<Visits>, clock: Arc<dyn Clock>) -> Self {
        Self { lookup, visits, clock }
    }

    /// By proposal, instrument if one is named, and time.
    pub async fn assign_by_proposal(&self, proposal: &str, instrument: Option<&str>, at: Micros) -> Assignment {
        match self.visits.find_by_proposal_in_time(proposal, instrument).await {
            Some(visits) => self.assign_to_visit(&visits, at),
            None => Assignment::NoAnswer,
        }
    }

    /// By the id of the investigation.
    pub async fn assign_by_id(&self, investigation: i64) -> Assignment {
        if !self.lookup.has_reader() {
            return Assignment::NoAnswer;
        }
        match self.visits.find_by_investigation_in_time(investigation).await {
            Some(visits) => self.to_assignment(visits.first().copied()),
            // A program that names an investigation knows it; it is trusted while ICAT does not answer.
            None => Assignment::Assigned(investigation),
        }
    }

    /// To the one of these visits that the moment belongs to.
    pub fn assign_to_visit(&self, visits: &[Visit], at: Micros) -> Assignment {
        self.to_assignment(choose_visit(visits, at))
    }

    fn to_assignment(&self, visit: Option<Visit>) -> Assignment {
        match visit {
            None => Assignment::NotFound,
            Some(visit) if visit.is_released(self.clock.now_micros()) => Assignment::Released,
            Some(visit) => Assignment::Assigned(visit.id),
        }
    }
}
