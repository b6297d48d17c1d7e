//! Settings of the search.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use service_kit::config::{IcatConfig, deserialize_duration};
use service_kit::{Config as Settings, ConfigError, Ctx, Listener, Secret};

use crate::domain::analysis::synonyms::Synonyms;
use crate::domain::analysis::technique_ontology::{OntologyFormat, TechniqueOntology};
use crate::domain::units::Units;
use crate::index::OpenSearchConfig;

/// The value of settings that follow from which services run in this process.
const AUTO: &str = "auto";
/// `PaNET` 1.2 has 350 kB.
const MAX_ONTOLOGY_BYTES: u64 = 16 * 1024 * 1024;
const DEFAULT_SYNONYMS: &str = include_str!("../synonyms.txt");

/// Where the documents of the index come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The catalogue of this process if there is one and a reader account, else an icat.server.
    Auto,
    /// The service reads the catalogue `icat.url` with the reader account.
    Catalogue,
    /// An icat.server sends them.
    IcatServer,
}

/// What finds the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// An index in `search.index_dir`, for one process.
    Embedded,
    /// A cluster, for any number of processes.
    OpenSearch,
}

/// `[search]`; `config.default.toml` explains each setting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub engine: Engine,
    pub opensearch_url: String,
    pub opensearch_user: String,
    pub opensearch_password: Secret,
    pub opensearch_index_prefix: String,
    pub opensearch_datafile_shards: u32,
    pub opensearch_replicas: u32,
    pub source: Source,
    pub icat_server_addresses: Vec<IpNet>,
    pub icat_server_secret: Secret,
    pub logbook_page: String,
    pub download_url: String,
    pub path_separators: Vec<char>,
    pub synonyms_file: PathBuf,
    pub technique_ontology_file: PathBuf,
    pub facet_fields: Vec<String>,
    pub units: Units,
    #[serde(deserialize_with = "deserialize_duration")]
    pub max_search_time: Duration,
    #[serde(deserialize_with = "deserialize_duration")]
    pub commit_interval: Duration,
    pub index_dir: PathBuf,
}

impl Config {
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let config: Self = settings.section("search")?;
        if config.max_search_time < Duration::from_millis(1) {
            return Err(ConfigError("search.max_search_time must be at least 1ms".to_owned()));
        }
        if config.engine == Engine::OpenSearch {
            config.opensearch().check()?;
        }
        Ok(config)
    }

    /// The cluster, which is only used by [`Engine::OpenSearch`].
    pub fn opensearch(&self) -> OpenSearchConfig {
        OpenSearchConfig {
            url: self.opensearch_url.clone(),
            user: self.opensearch_user.clone(),
            password: self.opensearch_password.clone(),
            index_prefix: self.opensearch_index_prefix.clone(),
            datafile_shards: self.opensearch_datafile_shards,
            replicas: self.opensearch_replicas,
        }
    }

    /// Whether the service reads the catalogue itself.
    pub fn reads_catalogue(&self, icat: &IcatConfig) -> Result<bool, ConfigError> {
        match self.source {
            Source::Auto => Ok(icat.is_embedded() && !icat.reader.is_empty()),
            Source::IcatServer => Ok(false),
            Source::Catalogue if icat.reader.is_empty() => Err(ConfigError(
                "search.source is \"catalogue\", but there is no account to read it with: set icat.reader".to_owned(),
            )),
            Source::Catalogue => Ok(true),
        }
    }

    /// The address of the logbook's page, if there is one.
    pub fn find_logbook_page(&self, ctx: &Ctx) -> Option<String> {
        match self.logbook_page.as_str() {
            AUTO => ctx.services.contains(&"logbook").then(|| "/logbook/app".to_owned()),
            page => Some(page.trim_end_matches('/').to_owned()).filter(|page| !page.is_empty()),
        }
    }

    /// The root URL of the download service, if there is one.
    pub fn find_download_url(&self, ctx: &Ctx) -> Option<String> {
        match self.download_url.as_str() {
            AUTO => ctx.services.contains(&"download").then(|| ctx.endpoints.resolve_url("self", Listener::Public)),
            "" => None,
            url => Some(ctx.endpoints.resolve_url(url, Listener::Public)),
        }
    }

    /// The directory of the index; a relative one lies below `data_dir`.
    pub fn index_directory(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(&self.index_dir)
    }

    /// The synonyms of the file in the settings, or our own, with the names in the ontology, if there is one.
    pub fn read_synonyms(&self) -> Result<Synonyms, ConfigError> {
        let mut synonyms = self.read_synonyms_file()?;
        if let Some(ontology) = self.read_technique_ontology()? {
            synonyms.add_ontology(&ontology);
        }
        Ok(synonyms)
    }

    fn read_synonyms_file(&self) -> Result<Synonyms, ConfigError> {
        let file = &self.synonyms_file;
        if file.as_os_str().is_empty() {
            return Synonyms::parse(DEFAULT_SYNONYMS).map_err(|e| ConfigError(format!("the default synonyms: {e}")));
        }
        let refused = |e: &dyn std::fmt::Display| ConfigError(format!("search.synonyms_file {}: {e}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|e| refused(&e))?;
        Synonyms::parse(&text).map_err(|e| refused(&e))
    }

    fn read_technique_ontology(&self) -> Result<Option<TechniqueOntology>, ConfigError> {
        let file = &self.technique_ontology_file;
        if file.as_os_str().is_empty() {
            return Ok(None);
        }
        let refused =
            |e: &dyn std::fmt::Display| ConfigError(format!("search.technique_ontology_file {}: {e}", file.display()));
        let mut text = String::new();
        let opened = File::open(file).map_err(|e| refused(&e))?;
        opened.take(MAX_ONTOLOGY_BYTES + 1).read_to_string(&mut text).map_err(|e| refused(&e))?;
        if text.len() as u64 > MAX_ONTOLOGY_BYTES {
            return Err(refused(&format!("it has more than {MAX_ONTOLOGY_BYTES} bytes")));
        }
        let extension = file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        let format = match extension.as_deref() {
            Some("ttl" | "nt") => OntologyFormat::Turtle,
            _ => OntologyFormat::RdfXml,
        };
        TechniqueOntology::parse(&text, format).map(Some).map_err(|e| refused(&e))
    }
}
