//! Whether what was answered and what is stored agree: acknowledged ⊆ effects ⊆ attempted, each effect once, and for
//! clients that repeat, all three are the same.

use std::collections::{BTreeMap, BTreeSet};

use super::clients::{Mode, Told};
use super::rows::Rows;

pub fn agree(told: &Told, rows: &Rows) -> Result<(), String> {
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
    if let Some(name) = told.acknowledged.iter().find(|name| !effects.contains(name)) {
        return Err(format!("{name} was acknowledged and had no effect"));
    }
    if let Some(name) = effects.iter().find(|name| !told.attempted.contains_key(**name)) {
        return Err(format!("{name} had an effect and nobody asked for it"));
    }
    let mut repeated = told.attempted.iter().filter(|(_, mode)| **mode == Mode::Repeats).map(|(name, _)| name);
    match repeated.find(|name| !told.acknowledged.contains(*name) || !effects.contains(name)) {
        Some(name) => Err(format!("{name} was repeated until acknowledged, and still is not everywhere")),
        None => Ok(()),
    }
}

/// The control: the same comparison over data with one mistake in it finds the mistake.
pub fn assert_that_mistakes_are_found(told: &Told, rows: &Rows) {
    let broken = |breaks: fn(&mut Told, &mut Rows)| {
        let (mut told, mut rows) = (told.clone(), rows.clone());
        breaks(&mut told, &mut rows);
        agree(&told, &rows).expect_err("a mistake that is not found")
    };
    let found = [
        broken(|_, rows| rows.effects.truncate(rows.effects.len() - 1)),
        broken(|_, rows| rows.effects.push(rows.effects[0])),
        broken(|_, rows| rows.effects.push(-1)),
        broken(|told, _| told.acknowledged.extend(["never stored".to_owned()])),
        broken(|_, rows| {
            rows.catalogue.insert("from nowhere".to_owned(), -2);
            rows.effects.push(-2);
        }),
        broken(|told, _| told.attempted.extend([("repeated".to_owned(), Mode::Repeats)])),
    ];
    println!("control: {} mistakes, all found, such as \"{}\"", found.len(), found[0]);
}
