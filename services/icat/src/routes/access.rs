//! `POST /icat/isAccessAllowed`: whether the user may perform an operation, without performing it. icat.server has this call
//! in SOAP only.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use service_kit::Problem;
use service_kit::parameters::{FormPairs, parse_form};
use utoipa::ToSchema;

use crate::authorization::Operation;
use crate::error::Error;
use crate::mutations::{self, Permissions};
use crate::routes::http::requested_credential;
use crate::routes::schemas::{AccessAllowed, AccessType, BodyResponses, CommonResponses, Failure};
use crate::state::State;
use crate::store::Author;

#[derive(Deserialize, ToSchema)]
#[schema(as = AccessForm)]
#[serde(rename_all = "camelCase")]
pub struct Form {
    /// The session id; it can also be sent as `Authorization: Bearer`.
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// JSON text of one entity: `{"Dataset":{"id":31}}`. For `CREATE`, the entity that would be created:
    /// `{"Dataset":{"name":"scan","investigation":{"id":12},"type":{"id":3}}}`
    #[schema(value_type = String)]
    entity: Option<String>,
    #[schema(value_type = AccessType)]
    access_type: Option<String>,
}

#[utoipa::path(
    post, path = "/icat/isAccessAllowed", operation_id = "is_access_allowed", tag = "entities",
    summary = "Check whether an operation is allowed",
    description = "Nothing is changed. Only the entity itself is checked, not what depends on it.",
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    security((), ("bearer" = [])),
    responses(
        CommonResponses,
        BodyResponses,
        (status = 200, description = "Whether it is allowed", body = AccessAllowed),
        (status = 400, description = "`BAD_PARAMETER`: the entity or the access type is invalid", body = Failure),
        (status = 403, description = "`SESSION`: there is no valid session", body = Failure),
        (status = 404, description = "`NO_SUCH_OBJECT_FOUND`", body = Failure),
        (status = 412, description = "`VALIDATION`, `OBJECT_ALREADY_EXISTS`: the entity could not be created", body = Failure),
    ),
)]
pub async fn is_access_allowed(
    state: web::Data<State>,
    request: HttpRequest,
    form: FormPairs,
) -> Result<HttpResponse, Problem> {
    let Form { session_id, entity, access_type } = parse_form(form)?;
    let credential = requested_credential(&state, &request, session_id.as_deref()).await?;
    let user_name = state.sessions.require_user(&mut state.db.read().await?, &credential).await?;
    let missing = |what: &str| Error::BadParameter(format!("{what} is not set"));
    let entity = entity.ok_or_else(|| missing("entity"))?;
    let access_type = access_type.ok_or_else(|| missing("accessType"))?;
    let operation = Operation::ALL.into_iter().find(|operation| operation.as_str().eq_ignore_ascii_case(&access_type));
    let operation = operation.ok_or_else(|| {
        Error::BadParameter(format!("accessType must be CREATE, READ, UPDATE or DELETE, not {access_type}"))
    })?;
    let allowed = match operation {
        Operation::Create => is_create_allowed(&state, user_name, &entity).await?,
        operation => is_allowed(&state, user_name, operation, &entity).await?,
    };
    Ok(crate::routes::http::json_response(format!("{{\"isAccessAllowed\":{allowed}}}")))
}

async fn is_allowed(state: &State, user_name: String, operation: Operation, entity: &str) -> Result<bool, Problem> {
    let targets = mutations::parse_targets(entity)?;
    let [(entity, id)] = targets.as_slice() else {
        return Err(Error::BadParameter("entity must be one entity".to_owned()).into());
    };
    let mut tx = state.db.read().await?;
    crate::store::entities::get_by_id(&mut tx, entity, *id)
        .await?
        .ok_or_else(|| Error::entity_not_found(entity.name, *id))?;
    let rights = state.rules.load_rights(&mut tx, user_name).await?;
    let permissions = Permissions { rights: &rights, env: state.queries.new_environment(&rights, tx.engine()) };
    allowed_or_refused(permissions.require_operation(&mut tx, operation, entity, &[*id]).await)
}

/// Creates the entity and rolls back, because rules are evaluated on existing rows.
async fn is_create_allowed(state: &State, user_name: String, entity: &str) -> Result<bool, Problem> {
    enum Outcome {
        Allowed,
        Failed(Error),
    }
    impl From<service_kit::DbError> for Outcome {
        fn from(e: service_kit::DbError) -> Self {
            Self::Failed(e.into())
        }
    }
    impl From<Error> for Outcome {
        fn from(e: Error) -> Self {
            Self::Failed(e)
        }
    }
    let items = mutations::parse_items(entity)?;
    if !matches!(items.as_slice(), [item] if item.id.is_none()) {
        return Err(Error::BadParameter("entity must be one entity without id".to_owned()).into());
    }
    let author = Author::new(user_name, state.clock.now_micros());
    let rolled_back = state.db.write(async |tx| -> Result<(), Outcome> {
        let rights = state.rules.load_rights(tx, author.user_name.clone()).await?;
        author.set_known_sets(rights.maintained_sets()).await;
        let permissions = Permissions { rights: &rights, env: state.queries.new_environment(&rights, tx.engine()) };
        mutations::write_items(tx, &items, &author, &permissions, &state.queries.parse).await?;
        Err(Outcome::Allowed)
    });
    match rolled_back.await {
        Ok(()) | Err(Outcome::Allowed) => Ok(true),
        Err(Outcome::Failed(e)) => allowed_or_refused(Err(e)),
    }
}

fn allowed_or_refused(outcome: Result<(), Error>) -> Result<bool, Problem> {
    let refused = |e: &Error| match e {
        Error::Forbidden(_) => true,
        Error::AtOffset { source, .. } => matches!(**source, Error::Forbidden(_)),
        _ => false,
    };
    match outcome {
        Ok(()) => Ok(true),
        Err(e) if refused(&e) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
