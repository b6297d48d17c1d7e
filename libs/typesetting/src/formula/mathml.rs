//! `MathML` Core as a formula.

use super::{Formula, Node};

/// Marks above or below a base that the template sets as accents.
const ACCENTS: &str = "^ˆ~˜¯‾→˙¨ˇ˘´`_⏞⏟";

/// Reads the elements of one `math` as they come from a reader of HTML or XML.
#[derive(Debug)]
pub struct MathmlReader {
    /// From the outermost; the first one takes what stands in `math`.
    open: Vec<Element>,
    too_deep: usize,
    is_display: bool,
    text: String,
}

#[derive(Debug, Default)]
struct Element {
    name: String,
    children: Vec<Node>,
    text: String,
    /// Rows of an `mtable`, cells of an `mtr`.
    rows: Vec<Vec<Node>>,
    is_upright: bool,
    is_left_aligned: bool,
    has_line: bool,
    width: f32,
}

impl MathmlReader {
    /// `is_display`: whether it stands alone, as `display="block"` says.
    pub fn new(is_display: bool) -> Self {
        Self { open: vec![Element::default()], too_deep: 0, is_display, text: String::new() }
    }

    /// An element within `math` begins; `attribute` gives what it has.
    pub fn start_element(&mut self, name: &str, attribute: impl Fn(&str) -> Option<String>) {
        /// More than the template takes.
        const MAX_OPEN: usize = 3 * super::MAX_DEPTH;
        if self.open.len() > MAX_OPEN {
            self.too_deep += 1;
            return;
        }
        let is = |name: &str, value: &str| attribute(name).is_some_and(|found| found.contains(value));
        self.open.push(Element {
            name: name.to_owned(),
            is_upright: is("mathvariant", "normal"),
            is_left_aligned: is("class", "menv-cases") || is("columnalign", "left"),
            has_line: !attribute("linethickness").is_some_and(|width| width.trim_start().starts_with('0')),
            width: attribute("width").map_or(0.0, |width| parse_ems(&width)),
            ..Element::default()
        });
    }

    pub fn push_text(&mut self, text: &str) {
        if self.open.iter().any(|open| open.name.starts_with("annotation")) {
            return;
        }
        self.text.push_str(text);
        if let Some(open) = self.open.last_mut() {
            open.text.push_str(text);
        }
    }

    /// The innermost element ends.
    pub fn end_element(&mut self) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if self.open.len() > 1
            && let Some(element) = self.open.pop()
            && let Some(parent) = self.open.last_mut()
        {
            parent.push_child(element);
        }
    }

    /// The formula, or its text if it cannot be set.
    pub fn finish(mut self) -> Result<Formula, String> {
        while self.open.len() > 1 {
            self.end_element();
        }
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let nodes = self.open.pop().map(|element| element.children).unwrap_or_default();
        Formula::new(group_nodes(nodes), self.is_display, &text).ok_or(text)
    }
}

impl Element {
    /// A child has ended.
    fn push_child(&mut self, child: Self) {
        match child.name.as_str() {
            "mtd" => self.rows.push(vec![group_nodes(child.children)]),
            "mtr" | "mlabeledtr" => self.rows.push(child.rows.into_iter().flatten().collect()),
            _ => self.children.extend(child.into_node()),
        }
    }

    fn into_node(mut self) -> Option<Node> {
        let name = std::mem::take(&mut self.name);
        match name.as_str() {
            "mi" | "mn" | "mo" | "mtext" | "ms" => self.token_node(&name),
            "mspace" => Some(Node::Space(self.width)),
            "mfrac" => {
                let [above, below] = self.take_children()?;
                Some(if self.has_line {
                    Node::Fraction(Box::new(above), Box::new(below))
                } else {
                    Node::Matrix { rows: vec![vec![above], vec![below]], is_left_aligned: false }
                })
            }
            "msqrt" => Some(Node::Root(Box::new(group_nodes(self.children)), None)),
            "mroot" => {
                let [radicand, index] = self.take_children()?;
                Some(Node::Root(Box::new(radicand), Some(Box::new(index))))
            }
            "msub" | "msup" => {
                let [base, script] = self.take_children()?.map(Box::new);
                let (sub, sup) = if name == "msub" { (Some(script), None) } else { (None, Some(script)) };
                Some(Node::Scripts { base, sub, sup })
            }
            "msubsup" => {
                let [base, sub, sup] = self.take_children()?.map(Box::new);
                Some(Node::Scripts { base, sub: Some(sub), sup: Some(sup) })
            }
            "munder" | "mover" => {
                let [base, mark] = self.take_children()?;
                Some(match mark {
                    Node::Symbol(c) if ACCENTS.contains(c) => Node::Accent(Box::new(base), c),
                    mark if name == "munder" => {
                        Node::Limits { base: Box::new(base), below: Some(Box::new(mark)), above: None }
                    }
                    mark => Node::Limits { base: Box::new(base), below: None, above: Some(Box::new(mark)) },
                })
            }
            "munderover" => {
                let [base, below, above] = self.take_children()?.map(Box::new);
                Some(Node::Limits { base, below: Some(below), above: Some(above) })
            }
            "mtable" => {
                self.rows.retain(|row| !row.is_empty());
                let rows = self.rows;
                (!rows.is_empty()).then_some(Node::Matrix { rows, is_left_aligned: self.is_left_aligned })
            }
            "semantics" => self.children.into_iter().next(),
            "annotation" | "annotation-xml" | "mphantom" => None,
            _ => Some(fence_nodes(self.children)),
        }
    }

    /// As many children as an element of this name has.
    fn take_children<const N: usize>(&mut self) -> Option<[Node; N]> {
        let children = std::mem::take(&mut self.children);
        if children.len() < N {
            return None;
        }
        let mut children = children.into_iter();
        let parts = std::array::from_fn(|_| children.next().unwrap_or(Node::Space(0.0)));
        Some(parts)
    }

    fn token_node(&self, name: &str) -> Option<Node> {
        let is_seen = |c: &char| !c.is_control() && !matches!(c, '\u{2061}'..='\u{2064}');
        let text: String = self.text.chars().filter(is_seen).collect();
        if matches!(name, "mtext" | "ms") {
            return (!text.is_empty()).then_some(Node::Text(text));
        }
        let text = text.trim();
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (None, _) => None,
            (Some(c), None) if name != "mn" && !self.is_upright => Some(Node::Symbol(c)),
            (Some(_), Some(_)) if name == "mi" => Some(Node::Name(text.to_owned())),
            _ => Some(Node::Text(text.to_owned())),
        }
    }
}

fn group_nodes(mut nodes: Vec<Node>) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => Node::Group(nodes),
    }
}

/// A row whose ends are brackets makes them as high as it is.
fn fence_nodes(nodes: Vec<Node>) -> Node {
    let is_of = |node: Option<&Node>, all: &str| matches!(node, Some(Node::Symbol(c)) if all.contains(*c));
    let is_fenced = is_of(nodes.first(), "([{⟨|‖⌊⌈∣∥") || is_of(nodes.last(), ")]}⟩|‖⌋⌉∣∥");
    if is_fenced && nodes.len() > 1 { Node::Fenced(nodes) } else { group_nodes(nodes) }
}

/// A width in ems; other units than `em` are rare.
fn parse_ems(width: &str) -> f32 {
    let number = width.trim().strip_suffix("em").unwrap_or("0");
    number.parse().ok().filter(|width: &f32| width.is_finite()).map_or(0.0, |width| width.clamp(-2.0, 4.0))
}
