//! Formulas, as trees that the template sets. They are read from `MathML`.

#[cfg(test)]
#[path = "../../tests/latex/mod.rs"]
mod latex;
mod mathml;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

pub use mathml::MathmlReader;

/// Deeper formulas stay text: Typst gives up where calls are too deep.
const MAX_DEPTH: usize = 12;

/// A formula in a line, or one that stands alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    tree: Node,
    is_display: bool,
    /// What is read out instead of it.
    description: String,
}

impl Formula {
    fn new(tree: Node, is_display: bool, description: &str) -> Option<Self> {
        (tree.depth() <= MAX_DEPTH && tree.length() > 0).then(|| Self {
            tree,
            is_display,
            description: description.to_owned(),
        })
    }

    /// About how many characters wide it is.
    pub(crate) fn length(&self) -> usize {
        self.tree.length()
    }

    pub(crate) fn to_value(&self) -> Value {
        json!({"tree": self.tree.to_value(), "block": self.is_display, "source": crate::data::strip_control_characters(&self.description)})
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// A variable, an operator, a bracket: Typst knows from the character how it is set.
    Symbol(char),
    /// Upright text, such as a number.
    Text(String),
    /// A name such as `sin`, with the space around it.
    Name(String),
    Group(Vec<Node>),
    /// Its first and last parts are brackets as high as it.
    Fenced(Vec<Node>),
    Fraction(Box<Node>, Box<Node>),
    /// The radicand and the index.
    Root(Box<Node>, Option<Box<Node>>),
    Scripts {
        base: Box<Node>,
        sub: Option<Box<Node>>,
        sup: Option<Box<Node>>,
    },
    /// What stands straight below and above.
    Limits {
        base: Box<Node>,
        below: Option<Box<Node>>,
        above: Option<Box<Node>>,
    },
    Accent(Box<Node>, char),
    Matrix {
        rows: Vec<Vec<Node>>,
        is_left_aligned: bool,
    },
    /// In ems.
    Space(f32),
}

impl Node {
    fn children(&self) -> Vec<&Self> {
        match self {
            Self::Symbol(_) | Self::Text(_) | Self::Name(_) | Self::Space(_) => Vec::new(),
            Self::Group(all) | Self::Fenced(all) => all.iter().collect(),
            Self::Fraction(above, below) => vec![above, below],
            Self::Root(radicand, index) => {
                [Some(radicand), index.as_ref()].into_iter().flatten().map(|n| &**n).collect()
            }
            Self::Scripts { base, sub: one, sup: other } | Self::Limits { base, below: one, above: other } => {
                [Some(base), one.as_ref(), other.as_ref()].into_iter().flatten().map(|n| &**n).collect()
            }
            Self::Accent(base, _) => vec![base],
            Self::Matrix { rows, .. } => rows.iter().flatten().collect(),
        }
    }

    fn depth(&self) -> usize {
        1 + self.children().into_iter().map(Self::depth).max().unwrap_or(0)
    }

    fn length(&self) -> usize {
        match self {
            Self::Symbol(_) => 1,
            Self::Text(text) | Self::Name(text) => text.chars().count(),
            Self::Matrix { rows, .. } => rows.iter().map(|row| row.iter().map(Self::length).sum()).max().unwrap_or(0),
            other => other.children().into_iter().map(Self::length).sum(),
        }
    }

    fn to_value(&self) -> Value {
        let all = |nodes: &[Self]| nodes.iter().map(Self::to_value).collect::<Vec<_>>();
        let maybe = |node: &Option<Box<Self>>| node.as_ref().map(|node| node.to_value());
        match self {
            Self::Symbol(c) => json!(["symbol", c]),
            Self::Text(text) => json!(["text", text]),
            Self::Name(text) => json!(["operator", text]),
            Self::Group(nodes) => json!(["group", all(nodes)]),
            Self::Fenced(nodes) => json!(["fenced", all(nodes)]),
            Self::Fraction(above, below) => json!(["fraction", above.to_value(), below.to_value()]),
            Self::Root(radicand, index) => json!(["root", radicand.to_value(), maybe(index)]),
            Self::Scripts { base, sub, sup } => json!(["scripts", base.to_value(), maybe(sub), maybe(sup)]),
            Self::Limits { base, below, above } => json!(["limits", base.to_value(), maybe(below), maybe(above)]),
            Self::Accent(base, accent) => json!(["accent", base.to_value(), accent]),
            Self::Matrix { rows, is_left_aligned } => {
                let rows: Vec<_> = rows.iter().map(|row| all(row)).collect();
                json!(["matrix", rows, is_left_aligned])
            }
            Self::Space(width) => json!(["space", width]),
        }
    }
}
