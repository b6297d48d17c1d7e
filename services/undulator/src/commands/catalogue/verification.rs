//! `undulator icat verify`

use std::fmt::Write as _;

use icat::grants::{find_deviations, rebuild_derived_rows};
use serde::Serialize;
use service_kit::Config;
use service_kit::cli::{Failure, print_result};

use super::{Catalogue, CatalogueError};

/// Comparing all datafiles of a large catalogue takes longer than a request may.
const READ_TIMEOUT: &str = "3600s";

#[derive(Serialize)]
struct Verification {
    /// What differs, or differed before the repair.
    deviations: Vec<String>,
    repaired: bool,
}

/// Compares granted rows and counters with what they follow from; fails if they differ and are not repaired.
pub async fn verify_derived_rows(settings: &Config, repair: bool, json: bool) -> Result<(), Failure> {
    let settings = settings.with_setting("database.read_timeout", READ_TIMEOUT.to_owned())?;
    let catalogue = Catalogue::open_for_reading(&settings).await?;
    let deviations = find_deviations(&catalogue.db).await.map_err(CatalogueError::from)?;
    let repaired = repair && !deviations.is_empty();
    if repaired {
        rebuild_derived_rows(&catalogue.db, &catalogue.parse).await.map_err(CatalogueError::from)?;
    }
    catalogue.close().await;
    let found = Verification { deviations, repaired };
    let text = found.render_text();
    if found.deviations.is_empty() || repaired {
        return print_result(json, &found, &text);
    }
    Err(Failure::Failed(text))
}

impl Verification {
    fn render_text(&self) -> String {
        if self.deviations.is_empty() {
            return "granted rows and counters are right".to_owned();
        }
        let mut text = self.deviations.join("\n");
        let end = if self.repaired {
            "they were computed anew"
        } else {
            "another program has changed rows in the database; `undulator icat verify --repair` computes them anew"
        };
        let _ = write!(text, "\n{end}");
        text
    }
}
