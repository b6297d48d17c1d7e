//! `undulator demo`: a facility with users, rules and real files, and a beamline that writes its logbook.

mod beamline;
mod facility;
mod introduction;

use std::convert::Infallible;
use std::fs;

use service_kit::cli::Failure;
use service_kit::{Config, Endpoints, Listener};
use tokio::sync::oneshot;

use self::beamline::{Beamline, Key};
use self::introduction::Introduction;
use crate::cli::Demo;
use crate::commands::secret_files;
use crate::services::SERVICES;

/// Without a line for each request, because the beamline sends one every few seconds.
const LOG_LEVEL: &str = "info,service_kit::http=warn";

pub async fn run_demo(settings: &Config, options: &Demo) -> Result<(), Failure> {
    let dir = &options.dir;
    let settings = settings
        .with_setting("data_dir", dir.join("databases"))?
        .with_setting("storage.main.url", dir.join("files"))?
        .with_setting("identity.administrators", ["simple/root"])?;
    let path = dir.join(facility::PASSWORDS);
    if !path.is_file() {
        facility::generate_facility(&settings, dir).await?;
    }
    if options.generate_only {
        return Ok(());
    }
    let passwords = fs::read_to_string(&path).map_err(|e| secret_files::file_error(&path, &e))?;
    let introduction = Introduction::new(dir, &passwords);
    let key = Key::load_or_create(dir)?;
    let mut settings = settings
        .with_setting("icat.reader", format!("simple:root:{}", introduction.get_password("simple/root")))?
        .with_setting("identity.api_keys", [key.to_setting()])?;
    if settings.core.log.level == "info" {
        settings = settings.with_setting("log.level", LOG_LEVEL)?;
    }
    if settings.core.site == "undulator" {
        settings = settings.with_setting("site", introduction::SITE)?;
    }
    let telemetry = service_kit::telemetry::start_telemetry(&settings.core.log, "undulator", &settings.core.site)?;
    let (open, opened) = oneshot::channel();
    let serving = service_kit::serve_until_signal(SERVICES, &settings, |endpoints| {
        // Fails only when the receiver was dropped with this future.
        let _heard = open.send(endpoints);
    });
    let outcome = tokio::select! {
        outcome = serving => outcome,
        never = run_beamline(opened, &introduction, &key, options.quiet_beamline) => match never? {},
    };
    telemetry.shutdown();
    Ok(outcome?)
}

/// Runs beside the services: writes the history of a new logbook, prints the introduction, and writes new entries until
/// it is dropped.
async fn run_beamline(
    opened: oneshot::Receiver<Endpoints>,
    introduction: &Introduction<'_>,
    key: &Key,
    is_quiet: bool,
) -> Result<Infallible, Failure> {
    let Ok(endpoints) = opened.await else { return std::future::pending().await };
    let url = endpoints.resolve_url("self", Listener::Public);
    let beamline = Beamline::new(&url, key)?;
    if key.is_new {
        beamline.write_history().await;
    }
    introduction.print_introduction(&url);
    if !is_quiet {
        beamline.play_story().await;
    }
    std::future::pending().await
}
