//! Names of techniques, and which techniques are narrower than others, from an ontology such as `PaNET`.

use std::collections::{BTreeMap, HashSet, VecDeque};

use oxrdf::vocab::{rdf, rdfs};
use oxrdf::{NamedNodeRef, NamedOrBlankNode, Term, Triple};
use oxrdfxml::{RdfXmlParser, RdfXmlSyntaxError};
use oxttl::{TurtleParser, TurtleSyntaxError};

const fn node(iri: &'static str) -> NamedNodeRef<'static> {
    NamedNodeRef::new_unchecked(iri)
}

/// What may have names.
const CLASSES: [NamedNodeRef<'static>; 3] =
    [node("http://www.w3.org/2002/07/owl#Class"), rdfs::CLASS, node("http://www.w3.org/2004/02/skos/core#Concept")];
/// Properties of a class whose values are its names.
const NAMES: [NamedNodeRef<'static>; 4] = [
    rdfs::LABEL,
    node("http://www.w3.org/2004/02/skos/core#prefLabel"),
    node("http://www.w3.org/2004/02/skos/core#altLabel"),
    node("http://www.geneontology.org/formats/oboInOwl#hasExactSynonym"),
];
/// Properties whose value is a wider class.
const WIDER: [NamedNodeRef<'static>; 2] = [rdfs::SUB_CLASS_OF, node("http://www.w3.org/2004/02/skos/core#broader")];
const DEPRECATED: NamedNodeRef<'static> = node("http://www.w3.org/2002/07/owl#deprecated");

/// Narrower names of a technique that are looked at; the nearest ones are enough.
const MAX_NARROWER_NAMES: usize = 1_000;

/// The formats of ontologies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OntologyFormat {
    /// The usual one of OWL files.
    RdfXml,
    /// Also for N-Triples, which are Turtle.
    Turtle,
}

/// Why an ontology was refused.
#[derive(Debug, thiserror::Error)]
pub enum OntologyError {
    #[error("an entity in its document type contains another one; write it out")]
    NestedEntity,
    #[error("it is not valid RDF/XML: {0}")]
    RdfXml(#[from] RdfXmlSyntaxError),
    #[error("it is not valid Turtle: {0}")]
    Turtle(#[from] TurtleSyntaxError),
    #[error(
        "it has no class with a name: an owl:Class or skos:Concept with rdfs:label, skos:prefLabel, skos:altLabel or \
         oboInOwl:hasExactSynonym"
    )]
    NoNames,
}

/// Techniques by their IRIs.
#[derive(Clone, Debug, Default)]
pub struct TechniqueOntology {
    techniques: BTreeMap<String, Technique>,
}

#[derive(Clone, Debug, Default)]
struct Technique {
    is_class: bool,
    is_deprecated: bool,
    names: Vec<String>,
    narrower: Vec<String>,
}

impl Technique {
    /// Names of properties and of classes that are no longer used do not count.
    fn list_names(&self) -> &[String] {
        if self.is_class && !self.is_deprecated { &self.names } else { &[] }
    }
}

impl TechniqueOntology {
    pub fn parse(text: &str, format: OntologyFormat) -> Result<Self, OntologyError> {
        let mut ontology = Self::default();
        match format {
            OntologyFormat::RdfXml => {
                refuse_nested_entities(text)?;
                for triple in RdfXmlParser::new().for_slice(text.as_bytes()) {
                    ontology.add_triple(triple?);
                }
            }
            OntologyFormat::Turtle => {
                for triple in TurtleParser::new().for_slice(text.as_bytes()) {
                    ontology.add_triple(triple?);
                }
            }
        }
        if ontology.techniques.values().all(|technique| technique.list_names().is_empty()) {
            return Err(OntologyError::NoNames);
        }
        Ok(ontology)
    }

    fn add_triple(&mut self, triple: Triple) {
        // Restrictions and other anonymous classes have no names.
        let NamedOrBlankNode::NamedNode(subject) = triple.subject else { return };
        let predicate = triple.predicate.as_ref();
        match triple.object {
            Term::NamedNode(class) if predicate == rdf::TYPE => {
                self.find_or_add(subject.into_string()).is_class |= CLASSES.contains(&class.as_ref());
            }
            Term::NamedNode(wider) if WIDER.contains(&predicate) => {
                self.find_or_add(wider.into_string()).narrower.push(subject.into_string());
            }
            Term::Literal(name) if NAMES.contains(&predicate) => {
                self.find_or_add(subject.into_string()).names.push(name.value().to_owned());
            }
            Term::Literal(value) if predicate == DEPRECATED => {
                self.find_or_add(subject.into_string()).is_deprecated |= matches!(value.value(), "true" | "1");
            }
            _ => {}
        }
    }

    fn find_or_add(&mut self, iri: String) -> &mut Technique {
        self.techniques.entry(iri).or_default()
    }

    /// The names of each technique, with those of all narrower ones: the nearest first.
    pub fn list_names(&self) -> impl Iterator<Item = (&[String], Vec<&str>)> {
        let named = self.techniques.iter().filter(|(_, technique)| !technique.list_names().is_empty());
        named.map(|(iri, technique)| (technique.list_names(), self.list_narrower_names(iri)))
    }

    /// A technique may be reached in several ways, and a mistake in the file may make it narrower than itself.
    fn list_narrower_names(&self, iri: &str) -> Vec<&str> {
        let mut names = Vec::new();
        let mut seen = HashSet::from([iri]);
        let mut waiting = VecDeque::from([iri]);
        while names.len() < MAX_NARROWER_NAMES
            && let Some(technique) = waiting.pop_front().and_then(|iri| self.techniques.get(iri))
        {
            for narrower in &technique.narrower {
                if !seen.insert(narrower) {
                    continue;
                }
                waiting.push_back(narrower);
                let found = self.techniques.get(narrower).map_or(&[][..], Technique::list_names);
                names.extend(found.iter().map(String::as_str));
            }
        }
        names
    }
}

/// OWL files abbreviate IRIs by entities. One that contains others could stand for gigabytes.
fn refuse_nested_entities(text: &str) -> Result<(), OntologyError> {
    let declarations = text.split("<!ENTITY").skip(1);
    let is_nested = |declaration: &str| declaration.split('>').next().is_some_and(|value| value.contains('&'));
    if declarations.into_iter().any(is_nested) { Err(OntologyError::NestedEntity) } else { Ok(()) }
}
