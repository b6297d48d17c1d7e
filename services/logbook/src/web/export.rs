//! `GET /logbook/app/{level}/{id}/export?format=…`: what the page shows, as a file.

use actix_web::{HttpRequest, HttpResponse, web};
use service_kit::Problem;

use crate::domain::list_parameters::ListParameters;
use crate::error::Error;
use crate::export::Exporter;
use crate::export::format::Format;
use crate::web::pages::Pages;

pub async fn export_logbook(
    pages: web::Data<Pages>,
    exporter: web::Data<Exporter>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    query: web::Query<ListParameters>,
) -> Result<HttpResponse, Problem> {
    let caller = match pages.find_visitor(&request).await? {
        Ok(caller) => caller,
        Err(form) => return Ok(form),
    };
    let (_, logbook) = pages.require_read(&caller, &path.0, &path.1).await?;
    let format = Format::parse(query.format.as_deref())?.ok_or_else(|| Error::invalid("format is missing"))?;
    exporter.into_inner().export_entries(&caller, &logbook, &query, format).await
}
