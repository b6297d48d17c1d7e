//! `undulator icat instrument add NAME`

use service_kit::Config;
use service_kit::Val;
use service_kit::cli::{Failure, print_result};

use super::accounts::note_missing_accounts;
use super::grants::require_mechanisms;
use super::{Catalogue, OnConflict, OtherValues};
use crate::cli::AddInstrument;

pub async fn add_instrument(settings: &Config, options: AddInstrument, json: bool) -> Result<(), Failure> {
    require_mechanisms(&options.scientist)?;
    let catalogue = Catalogue::open(settings, options.user.clone()).await?;
    let mut report = catalogue
        .change_rows(OnConflict::Refuse, false, async |rows| {
            let facility = rows.find_facility(options.facility.as_deref()).await?;
            let instrument = rows
                .ensure_filled_row(
                    "Instrument",
                    &[
                        ("facility", facility.into()),
                        ("name", Val::from(&options.name)),
                        ("fullName", options.full_name.clone().into()),
                        ("description", options.description.clone().into()),
                    ],
                    OtherValues::from_option(options.change),
                )
                .await?;
            for name in &options.scientist {
                rows.ensure_scientist(instrument, name).await?;
            }
            Ok(())
        })
        .await?;
    catalogue.close().await;
    note_missing_accounts(settings, &options.scientist, &mut report).await;
    print_result(json, &report, &report.render_text())
}
