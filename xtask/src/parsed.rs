//! The Rust files of one crate, parsed, each with its place in the tree of modules. Code that is compiled for tests alone
//! is left out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use syn::{Attribute, Item};

/// A path of modules below the root of a crate; empty for the root itself.
pub type ModulePath = Vec<String>;

/// The files of `src`.
pub struct ParsedCrate {
    pub files: Vec<ParsedFile>,
    by_module: BTreeMap<ModulePath, usize>,
}

pub struct ParsedFile {
    /// Below `src`, such as `store/rows.rs`.
    pub path: PathBuf,
    pub module: ModulePath,
    /// Without items that only tests compile.
    pub items: Vec<Item>,
}

impl ParsedCrate {
    /// Parses all files below `src`, except those of test modules and `main.rs`.
    pub fn read(src: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for path in list_rust_files(src)? {
            let path = path.strip_prefix(src).map_err(io::Error::other)?.to_owned();
            let items = parse_file(&src.join(&path))?;
            if !path.starts_with("bin") && path != Path::new("main.rs") {
                files.push(ParsedFile { module: module_path(&path), path, items });
            }
        }
        let test_modules: Vec<ModulePath> = files.iter().flat_map(test_modules_of).collect();
        files.retain(|file| !test_modules.iter().any(|module| file.module.starts_with(module)));
        for file in &mut files {
            file.items.retain(|item| !is_test_only(attributes(item)));
        }
        Ok(Self::new(files))
    }

    pub fn new(files: Vec<ParsedFile>) -> Self {
        let by_module = files.iter().enumerate().map(|(number, file)| (file.module.clone(), number)).collect();
        Self { files, by_module }
    }

    /// The number of the file whose module is the longest beginning of `path`, and how many segments that takes.
    pub fn find_file(&self, path: &[String]) -> Option<usize> {
        (0..=path.len()).rev().find_map(|length| self.by_module.get(&path[..length]).copied())
    }

    pub fn is_module(&self, path: &[String]) -> bool {
        self.by_module.contains_key(path)
    }
}

/// All files below a directory that end in `.rs`, in order.
pub fn list_rust_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    Ok(list_files(directory)?.into_iter().filter(is_rust).collect())
}

/// All files below a directory, in order.
pub fn list_files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(list_files(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// The items of a file.
pub fn parse_file(path: &Path) -> io::Result<Vec<Item>> {
    let parsed = syn::parse_file(&fs::read_to_string(path)?);
    Ok(parsed.map_err(|e| io::Error::other(format!("{}: {e}", path.display())))?.items)
}

/// `store/rows.rs` is `store::rows`, `store/mod.rs` is `store`, `lib.rs` the root.
pub fn module_path(path: &Path) -> ModulePath {
    let mut module: ModulePath =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    module
}

/// Modules that a file declares for tests alone.
fn test_modules_of(file: &ParsedFile) -> Vec<ModulePath> {
    let declared = file.items.iter().filter_map(|item| match item {
        Item::Mod(module) if is_test_only(&module.attrs) => Some(module.ident.to_string()),
        _ => None,
    });
    declared.map(|name| file.module.iter().cloned().chain([name]).collect()).collect()
}

/// Whether `#[cfg(test)]` or `#[test]` stands at an item.
pub fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.require_list().ok().filter(|list| list.path.is_ident("cfg"));
        attribute.path().is_ident("test") || condition.is_some_and(|list| list.tokens.to_string() == "test")
    })
}

/// The attributes of an item; none of kinds that tests are not made of.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
