//! Files that are already catalogued under another investigation.

use std::collections::{BTreeMap, HashMap, HashSet};

use service_kit::Db;

use super::scan::{Dataset, File, LeftOut, Tree};
use super::{IngestError, Report};

/// Datafiles of all investigations whose location begins with $1, which has $2 characters.
pub const LIST_LOCATIONS: &str = "SELECT LTRIM(f.location, '/') AS location, i.id, i.name, i.visit_id FROM datafile f \
     JOIN dataset d ON d.id = f.dataset_id JOIN investigation i ON i.id = d.investigation_id \
     WHERE SUBSTR(LTRIM(f.location, '/'), 1, CAST($2 AS INTEGER)) = $1 ORDER BY f.id";

/// Locations below a directory that other investigations have and this one does not, with the name of the other.
pub struct OtherInvestigationFiles(HashMap<String, String>);

impl OtherInvestigationFiles {
    /// `investigation` is `None` if it does not exist yet.
    pub async fn list_below(db: &Db, base: &str, investigation: Option<i64>) -> Result<Self, IngestError> {
        let length = i64::try_from(base.chars().count()).unwrap_or(i64::MAX);
        let rows = db.read().await?.fetch_all(LIST_LOCATIONS, &[base.into(), length.into()]).await?;
        let (mut own, mut elsewhere) = (HashSet::new(), HashMap::new());
        for row in rows {
            let (location, id): (String, i64) = (row.get("location")?, row.get("id")?);
            if Some(id) == investigation {
                own.insert(location);
            } else {
                let (name, visit): (String, String) = (row.get("name")?, row.get("visit_id")?);
                elsewhere.entry(location).or_insert_with(|| format!("{name} (visit {visit})"));
            }
        }
        elsewhere.retain(|location, _| !own.contains(location));
        Ok(Self(elsewhere))
    }

    /// Removes these files from the tree and reports them, one item per dataset.
    pub fn leave_out(&self, tree: &mut Tree, report: &mut Report) {
        for dataset in &mut tree.datasets {
            let mut by_investigation: BTreeMap<&String, Vec<File>> = BTreeMap::new();
            let all = dataset.files.len();
            dataset.files.retain(|file| match self.0.get(&file.location) {
                Some(other) => {
                    by_investigation.entry(other).or_default().push(file.clone());
                    false
                }
                None => true,
            });
            for (other, files) in by_investigation {
                report.leave_out(files.len(), refuse_files(dataset, other, &files, all));
            }
        }
        tree.datasets.retain(|dataset| !dataset.files.is_empty());
    }
}

fn refuse_files(dataset: &Dataset, other: &str, files: &[File], all: usize) -> LeftOut {
    let first = files.first().map(|file| file.location.as_str()).unwrap_or_default();
    let reason = format!(
        "{} of the {all} files of the dataset {} are catalogued under the investigation {other} already, such as {first}; \
         whoever may see one of the two would see these files. --also-elsewhere catalogues them here too",
        files.len(),
        dataset.name
    );
    LeftOut { path: dataset.path.display().to_string(), reason }
}
