//! Which file of a crate uses which other, read from `use` and from paths in the code; and the cycles among them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Item, ItemMod, UseTree};

use crate::parsed::{ModulePath, ParsedCrate, ParsedFile, is_test_only};

/// For each file, by its number in [`ParsedCrate::files`], the files that it uses.
pub struct ImportGraph {
    pub edges: Vec<BTreeSet<usize>>,
}

impl ImportGraph {
    pub fn of(parsed: &ParsedCrate) -> Self {
        let edges = parsed.files.iter().enumerate().map(|(number, file)| {
            let mut used = used_files(parsed, file);
            used.remove(&number);
            used
        });
        Self { edges: edges.collect() }
    }

    /// The file itself and all that it uses, directly or through others.
    pub fn reachable_from(&self, file: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(&self.edges[file]);
            }
        }
        reached
    }

    /// Groups of at least two files of which each reaches every other.
    pub fn cycles(&self) -> Vec<BTreeSet<usize>> {
        let reached: Vec<BTreeSet<usize>> = (0..self.edges.len()).map(|file| self.reachable_from(file)).collect();
        let mut cycles = BTreeSet::new();
        for (file, reaches) in reached.iter().enumerate() {
            let cycle: BTreeSet<usize> =
                reaches.iter().copied().filter(|other| reached[*other].contains(&file)).collect();
            if cycle.len() > 1 {
                cycles.insert(cycle);
            }
        }
        cycles.into_iter().collect()
    }
}

/// Whether the files are those of one folder: its `mod.rs`, the files beside it, and the `mod.rs` of its subfolders. The
/// root of a crate is no folder in this sense.
pub fn is_one_folder(modules: &[&ModulePath]) -> bool {
    let Some(shortest) = modules.iter().min_by_key(|module| module.len()) else { return true };
    let all_within =
        |folder: &[String]| modules.iter().all(|module| module.starts_with(folder) && module.len() <= folder.len() + 1);
    let parent = &shortest[..shortest.len().saturating_sub(1)];
    (!shortest.is_empty() && all_within(shortest)) || (!parent.is_empty() && all_within(parent))
}

/// The numbers of the files that one file names.
fn used_files(parsed: &ParsedCrate, file: &ParsedFile) -> BTreeSet<usize> {
    let mut collector =
        PathCollector { parsed, module: file.module.clone(), names: BTreeMap::new(), paths: Vec::new() };
    for item in &file.items {
        collector.visit_item(item);
    }
    let resolved = collector.paths.iter().filter_map(|path| parsed.find_file(path));
    resolved.collect()
}

/// Paths from the root of the crate to whatever a file names in it.
struct PathCollector<'p> {
    parsed: &'p ParsedCrate,
    /// Where the code stands.
    module: ModulePath,
    /// What `use` brought into the file, and its path from the root.
    names: BTreeMap<String, ModulePath>,
    paths: Vec<ModulePath>,
}

impl PathCollector<'_> {
    /// The path from the root; `None` where it leads to another crate.
    fn resolve(&self, segments: &[String]) -> Option<ModulePath> {
        let (first, rest) = segments.split_first()?;
        let mut path = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            name => match self.names.get(name) {
                Some(path) => path.clone(),
                None => {
                    let child: ModulePath = self.module.iter().cloned().chain([name.to_owned()]).collect();
                    self.parsed.is_module(&child).then_some(child)?
                }
            },
        };
        for segment in rest {
            match segment.as_str() {
                "super" => drop(path.pop()),
                "self" => {}
                name => path.push(name.to_owned()),
            }
        }
        Some(path)
    }

    fn add_use(&mut self, tree: &UseTree, before: &[String]) {
        let with = |name: String| before.iter().cloned().chain([name]).collect::<Vec<_>>();
        match tree {
            UseTree::Path(path) => self.add_use(&path.tree, &with(path.ident.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_use(tree, before)),
            UseTree::Name(name) => self.add_name(&name.ident.to_string(), &with(name.ident.to_string())),
            UseTree::Rename(rename) => self.add_name(&rename.rename.to_string(), &with(rename.ident.to_string())),
            UseTree::Glob(_) => self.paths.extend(self.resolve(before)),
        }
    }

    fn add_name(&mut self, name: &str, segments: &[String]) {
        let Some(path) = self.resolve(segments) else { return };
        let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name.to_owned() };
        self.paths.push(path.clone());
        self.names.insert(name, path);
    }
}

impl<'ast> Visit<'ast> for PathCollector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(crate::parsed::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.module.push(module.ident.to_string());
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.paths.extend(self.resolve(&segments));
        }
        visit::visit_path(self, path);
    }
}

/// Breaches of the rule that a cycle stays within one folder.
pub fn find_wide_cycles(parsed: &ParsedCrate, graph: &ImportGraph) -> Vec<String> {
    let mut breaches = Vec::new();
    for cycle in graph.cycles() {
        let modules: Vec<&ModulePath> = cycle.iter().map(|file| &parsed.files[*file].module).collect();
        if !is_one_folder(&modules) {
            let files: Vec<String> = cycle.iter().map(|file| parsed.files[*file].path.display().to_string()).collect();
            breaches.push(format!("{} files import each other: {}", files.len(), files.join(", ")));
        }
    }
    breaches
}

/// The files that `path`, below `src`, reaches.
pub fn list_reachable(parsed: &ParsedCrate, path: &Path) -> Option<Vec<String>> {
    let start = parsed.files.iter().position(|file| file.path == path)?;
    let reached = ImportGraph::of(parsed).reachable_from(start);
    Some(reached.into_iter().map(|file| parsed.files[file].path.display().to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parsed::module_path;

    fn parse_crate(files: &[(&str, &str)]) -> ParsedCrate {
        let parse = |(path, text): &(&str, &str)| ParsedFile {
            path: (*path).into(),
            module: module_path(Path::new(path)),
            items: syn::parse_file(text).unwrap().items,
        };
        ParsedCrate::new(files.iter().map(parse).collect())
    }

    fn list_edges(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let parsed = parse_crate(files);
        let path = |number: usize| parsed.files[number].path.display().to_string();
        let graph = ImportGraph::of(&parsed);
        graph
            .edges
            .iter()
            .enumerate()
            .flat_map(|(from, to)| to.iter().map(move |to| (from, *to)))
            .map(|(from, to)| (path(from), path(to)))
            .collect()
    }

    #[test]
    fn imports_are_found_in_every_form() {
        for text in [
            "use crate::store::rows::Row;",
            "use crate::store::{self, rows};",
            "use crate::store; fn f() { store::rows::get(); }",
            "use crate::store::rows as table; fn f() -> table::Row {}",
            "fn f() { crate::store::rows::get() }",
            "use super::store::rows::*;",
            "use self::inner::Thing; mod inner { use crate::store::rows::Row; }",
        ] {
            let files = [("lib.rs", ""), ("store/mod.rs", ""), ("store/rows.rs", ""), ("api.rs", text)];
            let edges = list_edges(&files);
            assert!(edges.contains(&("api.rs".to_owned(), "store/rows.rs".to_owned())), "{text}: {edges:?}");
        }
    }

    #[test]
    fn other_crates_and_tests_are_no_imports() {
        for text in [
            "use store::rows::Row;",
            "use std::fmt; fn f(x: fmt::Result) {}",
            "#[cfg(test)] mod tests { use crate::store::rows::Row; }",
            "#[cfg(test)] use crate::store::rows::Row;",
        ] {
            let files = [("lib.rs", ""), ("store/mod.rs", ""), ("store/rows.rs", ""), ("api.rs", text)];
            assert_eq!(list_edges(&files), [], "{text}");
        }
    }

    fn find_cycles_in(files: &[(&str, &str)]) -> Vec<String> {
        let parsed = parse_crate(files);
        find_wide_cycles(&parsed, &ImportGraph::of(&parsed))
    }

    #[test]
    fn a_cycle_may_not_leave_its_folder() {
        let within = [
            ("a/mod.rs", "use self::b::B; pub struct A;"),
            ("a/b.rs", "use super::A; use super::c::C; pub struct B;"),
            ("a/c.rs", "use super::b::B; pub struct C;"),
        ];
        assert_eq!(find_cycles_in(&within), Vec::<String>::new());
        let wide = [("a/mod.rs", "use crate::b::B; pub struct A;"), ("b.rs", "use crate::a::A; pub struct B;")];
        assert_eq!(find_cycles_in(&wide), ["2 files import each other: a/mod.rs, b.rs"]);
    }

    #[test]
    fn what_a_file_reaches_is_counted_through_others() {
        let files = [
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::c::C; pub struct B;"),
            ("c.rs", "pub struct C;"),
            ("d.rs", "use crate::a::A;"),
        ];
        let reached = list_reachable(&parse_crate(&files), Path::new("a.rs")).unwrap();
        assert_eq!(reached, ["a.rs", "b.rs", "c.rs"]);
    }
}
