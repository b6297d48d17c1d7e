//! What a request asks for: by ids with a session, by a prepared id, or by the token of a signed URL.

use std::sync::Arc;

use actix_web::HttpRequest;
use service_kit::{Code, Problem};

use crate::domain::archive_format::ArchiveFormat;
use crate::domain::manifest_entry::{ManifestEntry, MissingFile};
use crate::error::not_found;
use crate::manifest::{Manifest, build_single_file_manifest};
use crate::routes::caller::{ResolvedSelection, SelectionCall};
use crate::routes::parameters::SelectionParameters;
use crate::state::State;

/// What is sent.
pub struct RequestedData {
    pub manifest: Arc<Manifest>,
    /// The name of a single file that is sent as it is.
    pub name: Option<String>,
    /// Whether a ZIP is to be compressed.
    pub compress: bool,
    /// ICAT user name; empty without one.
    pub subject: String,
    /// Whether its files were looked at for this request.
    pub is_fresh: bool,
    /// Files that the prepared selection lacks; only for lists.
    pub missing: Vec<MissingFile>,
}

/// How a selection is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct DataOptions {
    pub format: Option<ArchiveFormat>,
    /// Whether a single file is to be archived too.
    pub zip: bool,
    /// Whether a ZIP is to be compressed.
    pub compress: bool,
    pub is_head: bool,
}

pub async fn find_requested_data(
    state: &State,
    request: &HttpRequest,
    parameters: &SelectionParameters,
    options: DataOptions,
) -> Result<RequestedData, Problem> {
    match parameters.parse_prepared_id()? {
        Some(id) => find_by_prepared_id(state, id, options).await,
        None => find_by_ids(state, request, parameters, options).await,
    }
}

pub async fn find_by_token(state: &State, token: &str) -> Result<RequestedData, Problem> {
    let token = state.signed_urls.verify_token(token).await?;
    let manifest = state.manifests.load_manifest(token.manifest).await?;
    let manifest = manifest.ok_or_else(|| not_found("This file has changed since the link was created"))?;
    let data = select_member(&manifest, token.member).ok_or_else(|| not_found("There is no such file"))?;
    Ok(RequestedData { subject: String::new(), compress: false, ..data })
}

async fn find_by_prepared_id(state: &State, id: &str, options: DataOptions) -> Result<RequestedData, Problem> {
    let DataOptions { format, is_head, .. } = options;
    let (prepared, manifest) = state.prepared_selections.load_with_manifest(id).await?;
    match state.deleted_datafiles.require_datafiles(&manifest).await {
        // HEAD is answered from the manifest, also while ICAT is unreachable.
        Err(e) if is_head && e.code == Code::Unavailable => {}
        checked => checked?,
    }
    let (compress, subject) = (prepared.compress, prepared.owner);
    match select_member(&manifest, 0) {
        Some(data) if format.is_none() && !prepared.zip => Ok(RequestedData { compress, subject, ..data }),
        _ => {
            let missing = match format {
                Some(ArchiveFormat::Json) => state.prepared_selections.list_missing_files(id).await?,
                _ => Vec::new(),
            };
            Ok(RequestedData { manifest, name: None, compress, subject, is_fresh: false, missing })
        }
    }
}

/// One file of a manifest as it is, under the last segment of its path.
fn select_member(manifest: &Manifest, index: usize) -> Option<RequestedData> {
    let (member, source) = (manifest.members().get(index)?, manifest.sources.get(index)?);
    let name = member.name.rsplit('/').next().unwrap_or_default().to_owned();
    let entry = ManifestEntry {
        datafile: source.datafile,
        name: name.clone(),
        location: source.location.clone(),
        identity: source.identity,
        crc: manifest.checksums.get(index),
    };
    let manifest = build_single_file_manifest(manifest.id, entry);
    let name = Some(name);
    Some(RequestedData {
        manifest,
        name,
        compress: false,
        subject: String::new(),
        is_fresh: false,
        missing: Vec::new(),
    })
}

async fn find_by_ids(
    state: &State,
    request: &HttpRequest,
    parameters: &SelectionParameters,
    options: DataOptions,
) -> Result<RequestedData, Problem> {
    let call = SelectionCall::from_request(request, parameters)?;
    let ResolvedSelection { datafiles, user: subject } = call.resolve_selection(state).await?;
    let mut entries = state.manifests.select_files(state.storage()?, &datafiles).await?.require_all()?;
    let fresh = |manifest, name, compress| RequestedData {
        manifest,
        name,
        compress,
        subject: subject.clone(),
        is_fresh: true,
        missing: Vec::new(),
    };
    let is_single = call.selection.single_datafile().is_some() && entries.len() == 1;
    if options.format.is_none() && !options.zip && is_single {
        let (Some(entry), Some(datafile)) = (entries.pop(), datafiles.first()) else {
            return Err(Problem::internal("the single file of a selection is missing"));
        };
        let manifest = build_single_file_manifest(None, entry);
        return Ok(fresh(manifest, Some(datafile.name.clone()), false));
    }
    let manifest = state.manifests.load_or_create_manifest(&entries).await?;
    Ok(fresh(manifest, None, options.compress))
}
