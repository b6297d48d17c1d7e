//! A selection as it was at one moment: which files, under which names, and what makes each of them the file it is.
//!
//! All bytes of all archives of a selection follow from its manifest. Checksums that were not known are learned once
//! and never change; whether they stand in front of the data or behind was settled when the manifest was made.

mod cache;
mod member_checksums;
mod manifests;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{EntityTag, HttpDate};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::domain::archive::{FORMAT_VERSION, Form, Layout, Member};
use crate::routes::get_data::conditional_request::Representation;
use crate::domain::file_names;
use crate::domain::file_identity::Identity;

pub use self::cache::Manifests;
use self::member_checksums::Crcs;
pub use self::manifests::{Selected, freeze, load, require_files, single, store};

/// A file as it is frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    pub datafile: i64,
    /// In archives.
    pub name: String,
    pub location: String,
    pub identity: Identity,
    pub crc: Option<u32>,
}

/// A file that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub datafile: i64,
    /// In the archive that it is not in.
    pub name: String,
    /// As the catalogue has it.
    pub size: Option<i64>,
    /// For people.
    pub reason: String,
}

/// Where the bytes of a member come from.
#[derive(Debug)]
pub struct Source {
    pub datafile: i64,
    pub location: String,
    pub identity: Identity,
}

#[derive(Debug)]
pub struct Manifest {
    /// Its row; `None` for a file that is downloaded as it is.
    pub id: Option<i64>,
    hash: String,
    zip_form: Form,
    members: Arc<[Member]>,
    pub sources: Vec<Source>,
    pub crcs: Crcs,
    layouts: [OnceLock<Arc<Layout>>; 3],
    /// When all its datafiles were last seen in the catalogue, in microseconds UTC.
    present_at: AtomicI64,
}

/// A validator must not be strong while the file may still be written within the same tick of its clock.
const SETTLED_NS: i128 = 2_000_000_000;

impl Manifest {
    pub fn new(id: Option<i64>, hash: String, zip_form: Form, files: Vec<Frozen>) -> Self {
        let crcs = Crcs::new(files.iter().map(|file| (file.identity.size, file.crc)));
        let (members, sources): (Vec<Member>, Vec<Source>) = files
            .into_iter()
            .map(|file| {
                let Frozen { datafile, name, location, identity, crc: _ } = file;
                let member = Member { name, size: identity.size, modified: identity.modified() };
                (member, Source { datafile, location, identity })
            })
            .unzip();
        Self {
            id,
            hash,
            zip_form,
            members: members.into(),
            sources,
            crcs,
            layouts: Default::default(),
            present_at: AtomicI64::default(),
        }
    }

    pub fn members(&self) -> &Arc<[Member]> {
        &self.members
    }

    pub fn was_present_since(&self, moment: i64) -> bool {
        self.present_at.load(Ordering::Relaxed) >= moment
    }

    pub fn is_present_at(&self, moment: i64) {
        self.present_at.store(moment, Ordering::Relaxed);
    }

    /// How its ZIP is laid out, for ever.
    pub fn zip_form(&self) -> Form {
        self.zip_form
    }

    /// Of all files together.
    pub fn bytes(&self) -> u64 {
        self.members.iter().map(|member| member.size).fold(0, u64::saturating_add)
    }

    /// The arrangement in one form; made once.
    pub fn layout(&self, form: Form) -> Arc<Layout> {
        let place = match form {
            Form::Raw => 0,
            Form::ZipStored | Form::ZipBlocks => 1,
            Form::Tar => 2,
        };
        Arc::clone(self.layouts[place].get_or_init(|| Arc::new(Layout::new(form, Arc::clone(&self.members)))))
    }

    /// What a request with conditions is compared with.
    pub fn representation(&self, form: Form, now_ns: i128) -> Representation {
        let mut digest = Sha256::new();
        digest.update(format!("{} {FORMAT_VERSION} {form:?}", self.hash));
        if form == Form::ZipStored {
            for member in 0..self.members.len() {
                digest.update(self.crcs.get(member).unwrap_or_default().to_le_bytes());
            }
        }
        let tag = URL_SAFE_NO_PAD.encode(digest.finalize());
        let times = || self.sources.iter().map(|source| source.identity.modified_ns);
        let settled = times().all(|time| (now_ns - i128::from(time)).abs() >= SETTLED_NS);
        let newest = times().max().unwrap_or_default().div_euclid(1_000_000_000);
        let modified = std::time::Duration::from_secs(u64::try_from(newest).unwrap_or_default());
        Representation {
            etag: if settled { EntityTag::new_strong(tag) } else { EntityTag::new_weak(tag) },
            modified: HttpDate::from(std::time::SystemTime::UNIX_EPOCH + modified),
            size: self.layout(form).total(),
        }
    }

    /// What an archive of it is called, without ending: the folders that all its files are in, and a part of its hash, so
    /// that the name is another one exactly when the archive is.
    pub fn archive_name(&self) -> String {
        const OF_HASH: usize = 12;
        let folders = file_names::common_folders(self.members.iter().map(|member| member.name.as_str()));
        let short = self.hash.get(..OF_HASH).unwrap_or(&self.hash);
        if folders.is_empty() { format!("data_{short}") } else { format!("{}_{short}", folders.join("_")) }
    }

    /// Roughly what it holds in memory.
    pub fn weight(&self) -> usize {
        const PER_MEMBER: usize = 256;
        let texts: usize = self.members.iter().map(|member| member.name.len()).sum::<usize>()
            + self.sources.iter().map(|source| source.location.len()).sum::<usize>();
        texts + self.members.len() * PER_MEMBER
    }
}

/// SHA-256 of everything about the files but their checksums, in hexadecimal.
pub fn hash(files: &[Frozen]) -> String {
    let mut digest = Sha256::new();
    for Frozen { datafile, name, location, identity, crc: _ } in files {
        // Lengths, so that no two lists read the same.
        digest.update(format!("{datafile} {} {name} {} {location} {identity:?}\n", name.len(), location.len()));
    }
    digest.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
