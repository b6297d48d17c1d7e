//! An upload on its way: written beside its place, flushed, named, and then told to ICAT with the caller's session. At
//! every moment it stands noted what to look at if nobody comes back to it.

use std::fmt::Display;

use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};
use icat_client::IcatError;
use service_kit::{Code, Problem, problem};
use tokio::time::Instant;

use super::request::NewDatafile;
use crate::claims;
use crate::config::micros;
use crate::error::{bad_request, may_be_done, not_found, of_icat, of_icat_about_row, outcome_unknown};
use crate::selection::Wanted;
use crate::selection::check;
use crate::session::Who;
use crate::state::State;
use crate::storage::{self, Storage, Writing, Written};
use crate::store::{self, unclaimed::Unclaimed};

pub struct Upload<'s> {
    state: &'s State,
    storage: Storage,
    who: Who,
    datafile: NewDatafile,
    location: String,
    temporary: String,
    writing: Option<Writing>,
    noted: Instant,
}

impl<'s> Upload<'s> {
    /// Looks up the place and makes the file.
    pub async fn begin(state: &'s State, who: Who, datafile: NewDatafile) -> Result<Self, Problem> {
        let storage = state.storage()?.clone();
        let investigation = investigation(state, &who, datafile.dataset).await?;
        let location = format!("{investigation}/{}/{}", datafile.dataset, state.ids.random_uuid());
        let temporary = storage::temporary(&location);
        let upload = Self { state, storage, who, datafile, location, temporary, writing: None, noted: Instant::now() };
        upload.note().await?;
        let path = upload.temporary.clone();
        let writing =
            upload.storage.run(move |root| Writing::begin(root, &path)).await?.map_err(Problem::from_write_error)?;
        Ok(Self { writing: Some(writing), ..upload })
    }

    /// Somebody looks at both names unless this is noted again in time.
    async fn note(&self) -> Result<(), Problem> {
        let due_at = self.state.clock.now_micros().saturating_add(micros(self.state.config.unclaimed_after));
        let files = [(&self.temporary, true), (&self.location, false)];
        let files = files.map(|(location, temporary)| Unclaimed { location: location.clone(), temporary });
        let noted = self.state.db.write(async |tx| -> Result<(), Problem> {
            for file in &files {
                store::unclaimed::note(tx, file, due_at).await?;
            }
            Ok(())
        });
        noted.await
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), Problem> {
        let Some(mut writing) = self.writing.take() else { return Ok(()) };
        let written = self.storage.run_queued(move |_| writing.write(&bytes).map(|()| writing)).await?;
        self.writing = Some(written.map_err(Problem::from_write_error)?);
        if self.noted.elapsed() >= self.state.config.unclaimed_after / 3 {
            self.note().await?;
            self.noted = Instant::now();
        }
        Ok(())
    }

    /// Gives the file its name and the catalogue its datafile; the answer's JSON.
    async fn finish(mut self) -> Result<String, Problem> {
        let Some(writing) = self.writing.take() else { return Err(Problem::internal("an upload without a file")) };
        self.note().await?;
        let (temporary, location) = (self.temporary.clone(), self.location.clone());
        let written = self.storage.run_queued(move |root| writing.finish(root, &temporary, &location)).await?;
        let Written { crc, identity } = written.map_err(Problem::from_write_error)?;
        let entity = self.datafile.entity(&self.location, identity.size, crc);
        let created = self.state.identity.icat().create_entities(self.who.session.expose(), &[entity]).await;
        let id = match created.map(|ids| ids.first().copied()) {
            Ok(Some(id)) => id,
            Ok(None) => return Err(of_icat(IcatError::Nonsense("no id".to_owned()))),
            Err(e) => {
                if may_be_done(&e.error) {
                    let error = problem::format_error_chain(&e);
                    tracing::warn!(
                        file.location = self.location,
                        error,
                        "the catalogue may have a datafile for an upload or not: the file stays until the note of it is due"
                    );
                    return Err(outcome_unknown(e.error));
                }
                claims::remove(self.state, &self.location).await?;
                claims::keep(self.state, &self.temporary).await?;
                return Err(of_icat_about_row(e.error));
            }
        };
        let storage = &self.state.config.storage;
        let settled = self.state.db.write(async |tx| -> Result<(), Problem> {
            store::unclaimed::done(tx, &self.temporary).await?;
            store::unclaimed::done(tx, &self.location).await?;
            store::checksums::learn(tx, storage, &self.location, &identity, crc).await?;
            Ok(())
        });
        if let Err(e) = settled.await {
            // The datafile is there; whoever looks at the note later will see it.
            tracing::warn!(error = %e, datafile.id = id, "an upload is done but still noted as open");
        }
        let (location, size) = (&self.location, identity.size);
        // Numbers, and a location of digits, dashes and slashes: there is nothing to escape.
        Ok(format!(r#"{{"id":{id},"checksum":{crc},"location":"{location}","size":{size}}}"#))
    }

    /// Takes the whole body, and gives up if it breaks off or is silent for too long; the answer's JSON.
    pub async fn receive<E: Display>(
        mut self,
        mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<String, Problem> {
        loop {
            let written = match tokio::time::timeout(self.state.idle_timeout, body.next()).await {
                Ok(None) => return self.finish().await,
                Ok(Some(Ok(bytes))) => self.write(bytes).await,
                Ok(Some(Err(e))) => Err(bad_request(format!("The body was cut off: {e}"))),
                Err(_) => Err(Problem::new(Code::Timeout, "download/silent", "The body did not go on")),
            };
            if let Err(e) = written {
                self.give_up().await;
                return Err(e);
            }
        }
    }

    /// Throws away what there is of it.
    async fn give_up(mut self) {
        self.writing = None;
        for location in [&self.temporary, &self.location] {
            if let Err(e) = claims::remove(self.state, location).await {
                tracing::warn!(error = %e, "a broken upload is removed later");
            }
        }
    }
}

async fn investigation(state: &State, who: &Who, dataset: i64) -> Result<i64, Problem> {
    let icat = state.identity.icat();
    let wanted = Wanted { datasets: vec![dataset], ..Wanted::default() };
    check(icat, who.session.expose(), &wanted).await.map_err(of_icat)?;
    let query = "Dataset ds INCLUDE ds.investigation";
    let found = icat.get_entity(who.session.expose(), query, dataset).await.map_err(of_icat)?;
    let id = found["Dataset"]["investigation"]["id"].as_i64();
    id.ok_or_else(|| not_found(format!("The investigation of Dataset[id:{dataset}] is not readable")))
}
