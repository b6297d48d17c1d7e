//! The options of `undulator search`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum SearchCommand {
    /// Read rows of the catalogue into the index again. A running server begins within five seconds; until the end, searches
    /// find the rows that are in the index.
    Reindex {
        /// Names of entities, such as Datafile; the default is all.
        #[arg(value_name = "ENTITY")]
        entities: Vec<String>,
        /// Wait until the rows are in the index.
        #[arg(long)]
        wait: bool,
    },
    /// Show how much of the catalogue is in the index, and what waits.
    Status {
        /// Also list the documents that cannot be indexed, with the reasons.
        #[arg(long)]
        rejected: bool,
    },
    /// Read the rows of rejected documents again.
    RetryRejected,
}
