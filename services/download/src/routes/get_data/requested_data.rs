//! What is asked for: by ids with a session, by a prepared id, or by a signed address.

use std::sync::Arc;

use service_kit::{Code, Problem};

use crate::domain::format::Format;
use crate::error::not_found;
use crate::manifest::{self, Frozen, Manifest, Missing};
use crate::routes::parameters::Parameters;
use crate::selection::resolve;
use crate::routes::caller::{Who, who};
use crate::state::State;
use crate::{catalogue_check, prepared_selections, signed_url, store};

/// What is sent.
pub struct Choice {
    pub manifest: Arc<Manifest>,
    /// Of a file that is sent as it is.
    pub name: Option<String>,
    /// Whether a ZIP is to be compressed.
    pub compress: bool,
    /// ICAT user name; empty if nobody's.
    pub subject: String,
    /// Whether its files were looked at for this request.
    pub is_fresh: bool,
    /// Files that it was prepared without; only for lists.
    pub missing: Vec<Missing>,
}

/// How long the note that a manifest is in use may be behind.
const USED_MICROS: i64 = 24 * 3600 * 1_000_000;

pub async fn choose(
    state: &State,
    parameters: &Parameters,
    format: Option<Format>,
    is_head: bool,
) -> Result<Choice, Problem> {
    if let Some(token) = parameters.get("token") {
        return by_token(state, token).await;
    }
    match parameters.prepared_id()? {
        Some(id) => by_prepared_id(state, id, format, is_head).await,
        None => by_ids(state, parameters, format).await,
    }
}

async fn by_token(state: &State, token: &str) -> Result<Choice, Problem> {
    let ticket = signed_url::open(state, token).await?;
    let manifest = manifest::load(state, ticket.manifest).await?;
    let manifest = manifest.ok_or_else(|| not_found("This file has changed since its address was given out"))?;
    let one = one_of(&manifest, ticket.place).ok_or_else(|| not_found("There is no such file"))?;
    Ok(Choice { subject: String::new(), compress: false, ..one })
}

async fn by_prepared_id(state: &State, id: &str, format: Option<Format>, is_head: bool) -> Result<Choice, Problem> {
    let (prepared, manifest) = prepared_selections::load(state, id).await?;
    match catalogue_check::check(state, &manifest).await {
        // What HEAD tells is known here, whether ICAT answers or not.
        Err(e) if is_head && e.code == Code::Unavailable => {}
        checked => checked?,
    }
    let (compress, subject) = (prepared.compress, prepared.owner);
    match one_of(&manifest, 0) {
        Some(one) if format.is_none() && !prepared.zip => Ok(Choice { compress, subject, ..one }),
        _ => {
            let missing = match format {
                Some(Format::Json) => store::missing_files::list(&mut state.db.read().await?, id).await?,
                _ => Vec::new(),
            };
            Ok(Choice { manifest, name: None, compress, subject, is_fresh: false, missing })
        }
    }
}

/// A file of a manifest as it is, under the last part of its name.
fn one_of(manifest: &Manifest, place: usize) -> Option<Choice> {
    let (member, source) = (manifest.members().get(place)?, manifest.sources.get(place)?);
    let name = member.name.rsplit('/').next().unwrap_or_default().to_owned();
    let file = Frozen {
        datafile: source.datafile,
        name: name.clone(),
        location: source.location.clone(),
        identity: source.identity,
        crc: manifest.crcs.get(place),
    };
    let manifest = manifest::single(manifest.id, file);
    let name = Some(name);
    Some(Choice { manifest, name, compress: false, subject: String::new(), is_fresh: false, missing: Vec::new() })
}

async fn by_ids(state: &State, parameters: &Parameters, format: Option<Format>) -> Result<Choice, Problem> {
    parameters.check_session()?;
    let wanted = parameters.wanted()?;
    let compress = parameters.is_true("compress");
    let (files, subject) = if wanted.is_empty() {
        (Vec::new(), String::new())
    } else {
        let Who { session, user } = who(state, parameters).await?;
        (resolve(state.identity.icat(), session.expose(), &wanted).await?, user)
    };
    let mut frozen = manifest::freeze(state, state.storage()?, &files).await?.require_all()?;
    let fresh = |manifest, name, compress| Choice {
        manifest,
        name,
        compress,
        subject: subject.clone(),
        is_fresh: true,
        missing: Vec::new(),
    };
    if format.is_none() && !parameters.is_true("zip") && wanted.single().is_some() && frozen.len() == 1 {
        let (Some(file), Some(datafile)) = (frozen.pop(), files.first()) else {
            return Err(Problem::internal("one file is none"));
        };
        let manifest = manifest::single(None, file);
        return Ok(fresh(manifest, Some(datafile.name.clone()), false));
    }
    let manifest = stored(state, &frozen).await?;
    Ok(fresh(manifest, None, compress))
}

/// The manifest of these files as it was made at the first request for them.
async fn stored(state: &State, files: &[Frozen]) -> Result<Arc<Manifest>, Problem> {
    let now = state.clock.now_micros();
    let known = {
        let mut tx = state.db.read().await?;
        store::manifests::find(&mut tx, &manifest::hash(files)).await?
    };
    let id = match known {
        Some(head) => {
            if state.manifests.get(head.id).is_none() {
                state.db.write(async |tx| store::manifests::touch(tx, head.id, now, now - USED_MICROS).await).await?;
            }
            head.id
        }
        None => state.db.write(async |tx| manifest::store(tx, files, now).await).await?.id,
    };
    let loaded = manifest::load(state, id).await?;
    loaded.ok_or_else(|| not_found("A file has changed while it was looked at; try again"))
}
