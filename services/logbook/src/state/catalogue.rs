//! What the logbook knows from the catalogue.

use std::sync::Arc;

use identity::Identity;

use super::tools::Tools;
use crate::catalogue::icat_lookup::IcatLookup;
use crate::catalogue::instruments::Instruments;
use crate::catalogue::investigation_assignment::InvestigationAssignment;
use crate::catalogue::permissions::Permissions;
use crate::catalogue::users::Users;
use crate::catalogue::visits::Visits;
use crate::config::Config;

pub struct CatalogueComponents {
    pub lookup: IcatLookup,
    pub visits: Arc<Visits>,
    pub instruments: Arc<Instruments>,
    pub assignment: Arc<InvestigationAssignment>,
    pub permissions: Arc<Permissions>,
    pub users: Arc<Users>,
}

impl CatalogueComponents {
    pub fn new(tools: &Tools, config: &Config, identity: &Identity) -> Self {
        let Tools { clock, tasks, .. } = tools;
        let lookup = IcatLookup::new(identity.clone());
        let timeout = config.assignment_timeout;
        let visits = Arc::new(Visits::new(lookup.clone(), Arc::clone(clock), tasks.clone(), timeout));
        let instruments = Arc::new(Instruments::new(lookup.clone(), tasks.clone(), timeout));
        let assignment = InvestigationAssignment::new(lookup.clone(), Arc::clone(&visits), Arc::clone(clock));
        let permissions = Permissions::new(identity.clone(), Arc::clone(&visits), Arc::clone(&instruments));
        let users = Arc::new(Users::new(lookup.clone()));
        Self {
            lookup,
            visits,
            instruments,
            assignment: Arc::new(assignment),
            permissions: Arc::new(permissions),
            users,
        }
    }
}
