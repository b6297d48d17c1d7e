//! What the read rules give each user, kept ready as sets of granted rows.
//!
//! A set belongs to a condition that rules have in common, such as membership of an investigation. `sets` knows which sets there
//! are and finds the one of a rule; `synchronizer` adds the sets of new rules and removes others in the background; until then such
//! rules are evaluated row by row. `store::grant_maintenance`
//! changes the rows of sets in the transaction that changes what they follow from.

mod sets;
mod synchronizer;
mod verification;

use service_kit::{Isolation, WriteOptions};

pub use self::sets::GrantSets;
pub use self::synchronizer::{GrantSynchronizer, synchronize_grants};
pub use self::verification::{find_deviations, rebuild_derived_rows};

/// For transactions that fill sets, which may take seconds.
const LONG_WORK: WriteOptions =
    WriteOptions { isolation: Isolation::ReadCommitted, is_alone: true, respected_locks: &[] };
