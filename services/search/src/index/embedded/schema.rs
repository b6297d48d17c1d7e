//! The fields of the indices, one schema for each partition.

use std::collections::HashMap;

use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, STORED, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

use crate::domain::entity::{Attribute, EntityKind, Partition, ValueKind};
use crate::domain::plan::TermKind;
use crate::index::fields::{has_positions, id_field, list_term_kinds, relation_field, term_field, value_field};

/// The tokenizer of fields whose values are single terms.
const WHOLE: &str = "raw";

/// The fields of one partition.
#[derive(Debug)]
pub struct PartitionFields {
    pub schema: Schema,
    /// The stored attributes and relations of a row, as JSON.
    pub source: Field,
    /// The name of the entity.
    pub entity: Field,
    /// The name of the entity, for rows that are only known from documents of others.
    pub stub: Field,
    /// The generation of the row.
    pub generation: Field,
    fields: HashMap<String, Field>,
}

impl PartitionFields {
    pub fn new(partition: Partition) -> Self {
        let mut builder = Schema::builder();
        let source = builder.add_bytes_field("source", STORED);
        let entity_name = builder.add_text_field("entity", term_options(TermKind::Directory));
        let generation = builder.add_i64_field("generation", NumericOptions::default().set_fast());
        let stub = builder.add_text_field("stub", term_options(TermKind::Directory));
        for entity in EntityKind::list_all().filter(|entity| entity.partition() == partition) {
            builder.add_i64_field(&id_field(entity), id_options());
            for relation in entity.relations() {
                builder.add_i64_field(&relation_field(entity, relation.name), id_options());
            }
            for attribute in entity.attributes() {
                add_attribute(&mut builder, entity, attribute);
            }
        }
        let schema = builder.build();
        let fields = schema.fields().map(|(field, entry)| (entry.name().to_owned(), field)).collect();
        Self { schema, source, entity: entity_name, stub, generation, fields }
    }

    /// A field by its name; `None` if no entity of this partition has it.
    pub fn find(&self, name: &str) -> Option<Field> {
        self.fields.get(name).copied()
    }
}

fn add_attribute(builder: &mut SchemaBuilder, entity: EntityKind, attribute: &Attribute) {
    match attribute.kind {
        ValueKind::Integer => {
            builder.add_i64_field(&value_field(entity, attribute.name), NumericOptions::default().set_fast());
        }
        ValueKind::Number => {
            builder.add_f64_field(&value_field(entity, attribute.name), NumericOptions::default().set_fast());
        }
        ValueKind::Text | ValueKind::Term | ValueKind::Path => {
            for kind in list_term_kinds(attribute) {
                builder.add_text_field(&term_field(entity, attribute.name, *kind), term_options(*kind));
            }
        }
    }
}

fn id_options() -> NumericOptions {
    NumericOptions::default().set_indexed().set_fast()
}

fn term_options(kind: TermKind) -> TextOptions {
    let indexing = TextFieldIndexing::default().set_tokenizer(WHOLE).set_fieldnorms(kind == TermKind::Word);
    let indexing = indexing.set_index_option(if has_positions(kind) {
        IndexRecordOption::WithFreqsAndPositions
    } else {
        IndexRecordOption::Basic
    });
    let options = TextOptions::default().set_indexing_options(indexing);
    // Sorted by and counted.
    if kind == TermKind::Whole { options.set_fast(WHOLE) } else { options }
}
