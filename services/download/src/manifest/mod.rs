//! A manifest is the list of files that a download contains, fixed when it is created: their paths in archives, and the
//! identity of each.
//!
//! All bytes of all archives of a selection follow from its manifest. Checksums that were unknown are recorded once and
//! never change; whether they stand before the data or behind it is decided when the manifest is created.

mod cache;
mod manifests;
mod member_checksums;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use service_kit::Micros;
use sha2::{Digest as _, Sha256};

pub use self::manifests::{Manifests, SelectedFiles, build_single_file_manifest, store_manifest};
use self::member_checksums::MemberChecksums;
pub use self::member_checksums::RecordedChecksums;
use crate::domain::archive::{FORMAT_VERSION, Layout, LayoutFormat, Member};
use crate::domain::file_identity::FileIdentity;
use crate::domain::file_names;
use crate::domain::manifest_entry::ManifestEntry;

/// Where the bytes of a member come from.
#[derive(Debug)]
pub struct MemberSource {
    pub datafile: i64,
    pub location: String,
    pub identity: FileIdentity,
}

#[derive(Debug)]
pub struct Manifest {
    /// Its id in the database; `None` for a single file that is sent as it is.
    pub id: Option<i64>,
    hash: String,
    zip_format: LayoutFormat,
    members: Arc<[Member]>,
    pub sources: Vec<MemberSource>,
    pub checksums: MemberChecksums,
    layouts: [OnceLock<Arc<Layout>>; 3],
    /// When all its datafiles were last found in the catalogue, as [`Micros`].
    catalogued_at: AtomicI64,
}

/// The values of the validator headers of one archive or file.
#[derive(Debug, Clone)]
pub struct Validators {
    pub tag: String,
    /// False while a file may still be written within the same tick of its clock.
    pub is_strong: bool,
    /// Time of the newest file, in seconds since 1970 UTC.
    pub modified_seconds: u64,
    pub size: u64,
}

/// How old a file must be for a strong validator.
const SETTLED_NS: i128 = 2_000_000_000;
/// How much of the hash is in the name of an archive.
const HASH_IN_NAME: usize = 12;

impl Manifest {
    pub fn new(id: Option<i64>, hash: String, zip_format: LayoutFormat, entries: Vec<ManifestEntry>) -> Self {
        let checksums = MemberChecksums::new(entries.iter().map(|entry| (entry.identity.size, entry.crc)));
        let (members, sources): (Vec<Member>, Vec<MemberSource>) = entries
            .into_iter()
            .map(|entry| {
                let ManifestEntry { datafile, name, location, identity, crc: _ } = entry;
                let member = Member { name, size: identity.size, modified: identity.modified_seconds() };
                (member, MemberSource { datafile, location, identity })
            })
            .unzip();
        Self {
            id,
            hash,
            zip_format,
            members: members.into(),
            sources,
            checksums,
            layouts: Default::default(),
            catalogued_at: AtomicI64::new(Micros::MIN.as_i64()),
        }
    }

    pub fn members(&self) -> &Arc<[Member]> {
        &self.members
    }

    /// Whether all datafiles were found in the catalogue at `moment` or later.
    pub fn was_catalogued_since(&self, moment: Micros) -> bool {
        self.catalogued_at.load(Ordering::Relaxed) >= moment.as_i64()
    }

    pub fn set_catalogued_at(&self, moment: Micros) {
        self.catalogued_at.store(moment.as_i64(), Ordering::Relaxed);
    }

    /// The layout of its ZIP, which never changes.
    pub fn zip_format(&self) -> LayoutFormat {
        self.zip_format
    }

    /// Bytes of all files together.
    pub fn total_size(&self) -> u64 {
        self.members.iter().map(|member| member.size).fold(0, u64::saturating_add)
    }

    /// The layout of an archive; computed once.
    pub fn get_layout(&self, format: LayoutFormat) -> Arc<Layout> {
        let index = match format {
            LayoutFormat::Raw => 0,
            LayoutFormat::ZipStored | LayoutFormat::ZipBlocks => 1,
            LayoutFormat::Tar => 2,
        };
        Arc::clone(self.layouts[index].get_or_init(|| Arc::new(Layout::new(format, Arc::clone(&self.members)))))
    }

    /// What conditional requests are compared with.
    pub fn validators(&self, format: LayoutFormat, now_ns: i128) -> Validators {
        let mut digest = Sha256::new();
        digest.update(format!("{} {FORMAT_VERSION} {format:?}", self.hash));
        if format == LayoutFormat::ZipStored {
            for member in 0..self.members.len() {
                digest.update(self.checksums.get(member).unwrap_or_default().to_le_bytes());
            }
        }
        let times = || self.sources.iter().map(|source| source.identity.modified_ns);
        let newest = times().max().unwrap_or_default().div_euclid(1_000_000_000);
        Validators {
            tag: URL_SAFE_NO_PAD.encode(digest.finalize()),
            is_strong: times().all(|time| (now_ns - i128::from(time)).abs() >= SETTLED_NS),
            modified_seconds: u64::try_from(newest).unwrap_or_default(),
            size: self.get_layout(format).total_length(),
        }
    }

    /// The name of an archive without extension: the folders that all files have in common and a part of the hash, so that
    /// equal names mean equal archives.
    pub fn archive_name(&self) -> String {
        let folders = file_names::common_folders(self.members.iter().map(|member| member.name.as_str()));
        let short = self.hash.get(..HASH_IN_NAME).unwrap_or(&self.hash);
        if folders.is_empty() { format!("data_{short}") } else { format!("{}_{short}", folders.join("_")) }
    }

    /// Roughly the bytes that it needs in memory.
    pub fn memory_size(&self) -> usize {
        const PER_MEMBER: usize = 256;
        let texts: usize = self.members.iter().map(|member| member.name.len()).sum::<usize>()
            + self.sources.iter().map(|source| source.location.len()).sum::<usize>();
        texts + self.members.len() * PER_MEMBER
    }
}
