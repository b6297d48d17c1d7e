//! `GET /icat/schema` and `GET /icat/schema/{entity}`: the entity types and their fields. icat.server has these calls in SOAP
//! only (`getEntityNames`, `getEntityInfo`). They need no session, because they reveal nothing about a facility.

use actix_web::{HttpResponse, web};
use icat_client::schema::{self, BASE_FIELDS, Entity, Field, FieldKind, Member};
use serde_json::{Value, json};
use service_kit::Problem;

use crate::error::Error;
use crate::routes::schemas::{CommonResponses, EntityInfo, Failure};

#[utoipa::path(
    get, path = "/icat/schema", operation_id = "list_entity_types", tag = "schema", summary = "List the types of entities",
    security(),
    responses((status = 200, description = "The names of the types; parents come before their children", body = Vec<String>), CommonResponses),
)]
pub async fn list_entity_types() -> HttpResponse {
    let names: Vec<&str> = schema::all_entities().iter().map(|entity| entity.name).collect();
    super::http::json_response(json!(names).to_string())
}

#[utoipa::path(
    get, path = "/icat/schema/{entity}", operation_id = "get_entity_type", tag = "schema",
    summary = "Get the fields and the unique key of a type of entities",
    params(("entity" = String, Path, description = "Such as `Dataset`")),
    security(),
    responses(
        (status = 200, description = "Its fields and unique key", body = EntityInfo),
        (status = 400, description = "`BAD_PARAMETER`: there is no such type", body = Failure),
        CommonResponses,
    ),
)]
pub async fn get_entity_type(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let entity =
        schema::find_entity(&name).ok_or_else(|| Error::BadParameter(format!("{name} is not an ICAT entity")))?;
    Ok(super::http::json_response(render_entity_info(entity).to_string()))
}

fn render_entity_info(entity: &'static Entity) -> Value {
    let base = BASE_FIELDS.iter().map(render_field_info);
    let own = entity.members().iter().copied().map(|member| match member {
        Member::Field(field) => render_field_info(field),
        Member::One(one) => {
            json!({"name": one.name, "type": one.target, "relType": "ONE", "notNullable": !one.nullable})
        }
        Member::Many(many) => json!({"name": many.name, "type": many.target, "relType": "MANY", "notNullable": false}),
    });
    json!({
        "name": entity.name,
        "constraintFieldNames": entity.unique,
        "fields": base.chain(own).collect::<Vec<_>>(),
    })
}

fn render_field_info(field: &Field) -> Value {
    let (kind, values) = match field.kind {
        FieldKind::String => ("String", None),
        FieldKind::Long => ("Long", None),
        FieldKind::Integer => ("Integer", None),
        FieldKind::Double => ("Double", None),
        FieldKind::Boolean => ("boolean", None),
        FieldKind::Date => ("Date", None),
        FieldKind::Enum(def) => (def.name, Some(def.values)),
    };
    // A boolean that is not set is false, even if its column is nullable.
    let not_nullable = !field.nullable && field.kind != FieldKind::Boolean;
    let mut attribute = json!({"name": field.name, "type": kind, "relType": "ATTRIBUTE", "notNullable": not_nullable});
    if field.kind == FieldKind::String && field.length > 0 {
        attribute["stringLength"] = json!(field.length);
    }
    if let Some(values) = values {
        attribute["values"] = json!(values);
    }
    attribute
}
