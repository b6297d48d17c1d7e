//! Whether what was answered and what is stored agree: acknowledged ⊆ effects ⊆ attempted, each effect once, and for
//! clients that repeat, all three are the same.

use std::collections::{BTreeMap, BTreeSet};

use super::clients::{ClientRecord, Mode};
use super::rows::Rows;

pub fn compare_record(record: &ClientRecord, rows: &Rows) -> Result<(), String> {
    let names: BTreeMap<i64, &String> = rows.catalogue.iter().map(|(name, id)| (*id, name)).collect();
    let mut effects: BTreeSet<&String> = BTreeSet::new();
    for id in &rows.effects {
        let name = names.get(id).ok_or_else(|| format!("an effect of {id}, which is not in the catalogue"))?;
        if !effects.insert(name) {
            return Err(format!("{name} had its effect twice"));
        }
    }
    let silent = rows.catalogue.keys().find(|name| !effects.contains(name));
    if let Some(name) = silent {
        return Err(format!("{name} is in the catalogue and had no effect"));
    }
    if let Some(name) = record.acknowledged.iter().find(|name| !effects.contains(name)) {
        return Err(format!("{name} was acknowledged and had no effect"));
    }
    if let Some(name) = effects.iter().find(|name| !record.attempted.contains_key(**name)) {
        return Err(format!("{name} had an effect and nobody asked for it"));
    }
    let mut repeated = record.attempted.iter().filter(|(_, mode)| **mode == Mode::Repeats).map(|(name, _)| name);
    match repeated.find(|name| !record.acknowledged.contains(*name) || !effects.contains(name)) {
        Some(name) => Err(format!("{name} was repeated until acknowledged, and still is not everywhere")),
        None => Ok(()),
    }
}

/// The control: the same comparison over data with one mistake in it finds the mistake.
pub fn assert_that_mistakes_are_found(record: &ClientRecord, rows: &Rows) {
    let broken = |breaks: fn(&mut ClientRecord, &mut Rows)| {
        let (mut record, mut rows) = (record.clone(), rows.clone());
        breaks(&mut record, &mut rows);
        compare_record(&record, &rows).expect_err("a mistake that is not found")
    };
    let found = [
        broken(|_, rows| rows.effects.truncate(rows.effects.len() - 1)),
        broken(|_, rows| rows.effects.push(rows.effects[0])),
        broken(|_, rows| rows.effects.push(-1)),
        broken(|record, _| record.acknowledged.extend(["never stored".to_owned()])),
        broken(|_, rows| {
            rows.catalogue.insert("from nowhere".to_owned(), -2);
            rows.effects.push(-2);
        }),
        broken(|record, _| record.attempted.extend([("repeated".to_owned(), Mode::Repeats)])),
    ];
    println!("control: {} mistakes, all found, such as \"{}\"", found.len(), found[0]);
}
