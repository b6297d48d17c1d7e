//! Patterns of paths as regular expressions of Lucene.

use crate::domain::paths::{CanonicalPath, CaseMatching, PathPattern, PathSelection, RegexSyntax};

/// The pattern for whole canonical paths, in lower case if case does not matter.
pub fn render_path_regexp(pattern: &PathPattern) -> String {
    let escape = |text: &str| RegexSyntax::Lucene.escape_text(text);
    let path = |path: &CanonicalPath| match pattern.case {
        CaseMatching::Sensitive => escape(path.text()),
        CaseMatching::Insensitive => escape(path.text_lower()),
    };
    match &pattern.selection {
        PathSelection::PathOrDirectory(wanted) => format!("{}(/.*)?", path(wanted)),
        PathSelection::Components(wanted) => format!("(.*/)?{}(/.*)?", path(wanted)),
        PathSelection::Directory { directory, only_direct: true } => format!("{}/+[^/]+", path(directory)),
        PathSelection::Directory { directory, only_direct: false } => format!("{}/.+", path(directory)),
        PathSelection::PathPrefix(prefix) => format!("{}.*", path(prefix)),
        PathSelection::Extension(extension) => format!(r".*\.{}", escape(extension)),
        PathSelection::NamePrefix(prefix) => format!("(.*/)?{}[^/]*", escape(prefix)),
        PathSelection::Glob(glob) => glob.to_regex(RegexSyntax::Lucene),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::paths::PathRules;

    #[test]
    fn patterns_have_no_syntax_that_lucene_lacks() {
        for (pattern, expected) in [
            ("/data/2024/**/scan_0*.nxs", r"\/data\/2024\/([^/]+/+)*scan\_0[^/]*\.nxs"),
            ("raw/*.h5", r"(.*/)?raw/[^/]*\.h5"),
            ("/data/*", r"\/data/+[^/]+"),
        ] {
            let pattern = PathPattern::parse(pattern, &PathRules::default()).unwrap();
            let rendered = render_path_regexp(&pattern);
            assert_eq!(rendered.replace(r"\/", "/"), expected.replace(r"\/", "/"));
            assert!(!rendered.contains("(?") && !rendered.contains('^') | rendered.contains("[^"), "{rendered}");
        }
    }
}
