//! Names of functions: a verb has its object, and most names have more than one word.

use std::io;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemFn, ItemImpl, ReturnType, Signature, TraitItemFn, Type};

use crate::parsed::{list_rust_files, parse_file};

/// At most this share of the functions outside trait implementations may have a name of one word.
pub const MAX_SINGLE_WORD_PERCENT: usize = 45;

/// Verbs and prepositions that say nothing without an object.
const BARE_WORDS: &[&str] = &[
    "about",
    "accept",
    "act",
    "add",
    "adopt",
    "after",
    "all",
    "allow",
    "alter",
    "among",
    "answer",
    "append",
    "apply",
    "ask",
    "assign",
    "at",
    "attach",
    "authenticate",
    "authorize",
    "await",
    "before",
    "begin",
    "below",
    "between",
    "bind",
    "bring",
    "build",
    "by",
    "call",
    "cancel",
    "change",
    "check",
    "choose",
    "claim",
    "clean",
    "clear",
    "close",
    "collect",
    "compare",
    "compile",
    "compose",
    "compute",
    "convert",
    "copy",
    "count",
    "create",
    "cut",
    "decide",
    "decode",
    "define",
    "delete",
    "deliver",
    "derive",
    "describe",
    "detect",
    "digest",
    "discard",
    "do",
    "draw",
    "drop",
    "emit",
    "encode",
    "end",
    "enter",
    "escape",
    "evaluate",
    "execute",
    "expect",
    "explain",
    "export",
    "extract",
    "fetch",
    "fill",
    "filter",
    "find",
    "finish",
    "fold",
    "follow",
    "for",
    "forget",
    "format",
    "found",
    "from",
    "gather",
    "generate",
    "get",
    "give",
    "go",
    "guard",
    "handle",
    "hold",
    "import",
    "in",
    "insert",
    "into",
    "join",
    "keep",
    "learn",
    "leave",
    "list",
    "load",
    "lock",
    "look",
    "make",
    "mark",
    "match",
    "measure",
    "merge",
    "move",
    "note",
    "of",
    "offer",
    "on",
    "open",
    "parse",
    "pass",
    "place",
    "prepare",
    "present",
    "publish",
    "purge",
    "put",
    "read",
    "receive",
    "record",
    "remove",
    "render",
    "replace",
    "report",
    "require",
    "resolve",
    "run",
    "save",
    "search",
    "send",
    "set",
    "show",
    "sign",
    "split",
    "start",
    "stop",
    "store",
    "take",
    "tell",
    "update",
    "upload",
    "verify",
    "visit",
    "wait",
    "walk",
    "watch",
    "write",
];

/// Methods whose object is the value that they are called on, as in the standard library.
const METHODS_ON_SELF: &[&str] = &[
    "acquire", "append", "begin", "build", "cancel", "check", "clear", "close", "commit", "count", "delete", "emit",
    "end", "execute", "explain", "fill", "filter", "find", "finish", "format", "get", "insert", "join", "load", "lock",
    "open", "parse", "publish", "put", "read", "receive", "remove", "render", "report", "run", "send", "start", "stop",
    "verify", "wait", "write",
];

/// Free functions with names that a program expects.
const FREE_FUNCTIONS: &[&str] = &["main", "build"];

/// What was counted in a set of files.
#[derive(Default)]
pub struct NameCount {
    pub functions: usize,
    pub single_words: usize,
    /// Functions whose name is a verb or preposition alone, with their files.
    pub bare: Vec<String>,
}

impl NameCount {
    /// Reads every file below a directory.
    pub fn add_directory(&mut self, root: &Path, directory: &Path) -> io::Result<()> {
        for path in list_rust_files(directory)? {
            let file = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let mut visitor = NameVisitor { file, count: self, type_name: None };
            for item in parse_file(&path)? {
                visitor.visit_item(&item);
            }
        }
        Ok(())
    }

    pub fn single_word_percent(&self) -> usize {
        self.single_words * 100 / self.functions.max(1)
    }

    /// Breaches of the rules.
    pub fn breaches(&self) -> Vec<String> {
        let mut breaches = self.bare.clone();
        if self.single_word_percent() >= MAX_SINGLE_WORD_PERCENT {
            breaches.push(format!(
                "{} % of all functions have a name of one word (must be under {MAX_SINGLE_WORD_PERCENT} %)",
                self.single_word_percent()
            ));
        }
        breaches
    }
}

struct NameVisitor<'c> {
    file: String,
    count: &'c mut NameCount,
    /// Of the implementation that is read.
    type_name: Option<String>,
}

impl NameVisitor<'_> {
    fn add(&mut self, signature: &Signature) {
        let name = signature.ident.to_string();
        let name = name.trim_start_matches("r#");
        self.count.functions += 1;
        if name.contains('_') {
            return;
        }
        self.count.single_words += 1;
        let allowed = match (&self.type_name, signature.receiver()) {
            (_, Some(_)) => METHODS_ON_SELF.contains(&name),
            (Some(type_name), None) => is_constructor(signature, type_name),
            (None, None) => FREE_FUNCTIONS.contains(&name),
        };
        if BARE_WORDS.contains(&name) && !allowed {
            self.count.bare.push(format!("{}: fn {name} does not say what it is done to", self.file));
        }
    }
}

/// Whether it makes a value of its type.
fn is_constructor(signature: &Signature, type_name: &str) -> bool {
    let ReturnType::Type(_, returned) = &signature.output else { return false };
    let mut finder = TypeFinder { type_name, found: false };
    finder.visit_type(returned);
    finder.found
}

struct TypeFinder<'n> {
    type_name: &'n str,
    found: bool,
}

impl<'ast> Visit<'ast> for TypeFinder<'_> {
    fn visit_ident(&mut self, ident: &'ast syn::Ident) {
        self.found |= ident == "Self" || ident == self.type_name;
    }
}

impl<'ast> Visit<'ast> for NameVisitor<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        let outside = self.type_name.take();
        self.add(&function.sig);
        visit::visit_item_fn(self, function);
        self.type_name = outside;
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        // The names of a trait's functions are the trait's.
        if item.trait_.is_none() {
            let outside = self.type_name.replace(last_name(&item.self_ty));
            visit::visit_item_impl(self, item);
            self.type_name = outside;
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        self.add(&function.sig);
        visit::visit_trait_item_fn(self, function);
    }
}

fn last_name(of: &Type) -> String {
    match of {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> NameCount {
        let mut count = NameCount::default();
        let mut visitor = NameVisitor { file: "f.rs".to_owned(), count: &mut count, type_name: None };
        for item in syn::parse_file(text).unwrap().items {
            visitor.visit_item(&item);
        }
        count
    }

    #[test]
    fn a_verb_needs_its_object() {
        for text in ["fn read() {}", "impl Store { fn take(&self) {} }", "impl Store { fn read() -> Row {} }"] {
            assert_eq!(count(text).bare.len(), 1, "{text}");
        }
        for text in [
            "fn read_row() {}",
            "fn title() {}",
            "impl Read for Store { fn read(&self) {} }",
            "impl Store { fn open() -> Result<Self> {} }",
            "impl Lease { fn acquire(&self) {} }",
        ] {
            assert_eq!(count(text).bare, Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn the_share_of_single_words_is_counted() {
        let counted = count("fn title() {} fn read_row() {} fn write_row() { fn inner_row() {} }");
        assert_eq!((counted.functions, counted.single_words, counted.single_word_percent()), (4, 1, 25));
        assert!(counted.breaches().is_empty());
        assert_eq!(count("fn title() {}").breaches().len(), 1);
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(BARE_WORDS.is_sorted() && METHODS_ON_SELF.is_sorted());
        assert!(
            METHODS_ON_SELF.iter().all(|word| BARE_WORDS.contains(word) || *word == "acquire" || *word == "commit")
        );
    }
}
