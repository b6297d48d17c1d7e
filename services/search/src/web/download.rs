//! `POST /search/app/download`: the files of selected rows. A form, so that the session stands in no address; the files come from
//! the download service, with the session of the visitor in a header.

use actix_web::{HttpRequest, HttpResponse, web};
use identity::page_sessions::refuse_foreign_site;
use service_kit::Problem;

use super::page_query::Tab;
use super::pages::Pages;
use crate::downloads::{MAX_ROWS, Selection, SelectionKind};
use crate::error::Error;

/// The form: the tab, the ids that were selected, all ids of the page, and whether all are wanted.
type DownloadForm = web::Form<Vec<(String, String)>>;

pub async fn send_files(
    pages: web::Data<Pages>,
    request: HttpRequest,
    form: DownloadForm,
) -> Result<HttpResponse, Problem> {
    refuse_foreign_site(&request)?;
    let caller = match pages.find_visitor(&request).await? {
        Ok(caller) => caller,
        Err(form) => return Ok(form),
    };
    let selection = parse_selection(&form)?;
    let downloads = pages.downloads.as_ref().ok_or(Error::NoDownloads)?;
    downloads.send_files(&caller, &selection).await
}

fn parse_selection(form: &[(String, String)]) -> Result<Selection, Error> {
    let values = |name: &'static str| form.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str());
    let kind = match values("in").next() {
        Some(name) if name == Tab::Datafiles.name() => SelectionKind::Datafiles,
        Some(name) if name == Tab::Datasets.name() => SelectionKind::Datasets,
        _ => return Err(Error::Query("only datafiles and datasets can be downloaded".to_owned())),
    };
    let wants_all = values("all").next().is_some();
    let ids: Vec<&str> =
        if wants_all { values("shown").flat_map(|ids| ids.split(',')).collect() } else { values("id").collect() };
    let ids: Result<Vec<i64>, _> = ids.into_iter().filter(|id| !id.is_empty()).map(str::parse).collect();
    let ids = ids.map_err(|_| Error::Query("an id of the selection is not a number".to_owned()))?;
    match ids.len() {
        0 => Err(Error::Query("nothing is selected; go back and select what you want to download".to_owned())),
        1..=MAX_ROWS => Ok(Selection { kind, ids }),
        _ => Err(Error::Query(format!("at most {MAX_ROWS} rows can be downloaded at once"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_form_pairs(form: &[(&str, &str)]) -> Result<Vec<i64>, String> {
        let form: Vec<(String, String)> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        parse_selection(&form).map(|selection| selection.ids).map_err(|e| e.to_string())
    }

    #[test]
    fn selected_rows_or_all_of_the_page_are_downloaded() {
        assert_eq!(
            parse_form_pairs(&[("in", "datafiles"), ("shown", "1,2,3"), ("id", "1"), ("id", "3")]).unwrap(),
            [1, 3]
        );
        assert_eq!(
            parse_form_pairs(&[("in", "datasets"), ("shown", "1,2,3"), ("id", "1"), ("all", "1")]).unwrap(),
            [1, 2, 3]
        );
        assert!(
            parse_form_pairs(&[("in", "datafiles"), ("shown", "1,2")]).unwrap_err().contains("nothing is selected")
        );
        assert!(parse_form_pairs(&[("in", "investigations"), ("id", "1")]).is_err());
        assert!(parse_form_pairs(&[("in", "datafiles"), ("id", "1 OR 1")]).is_err());
    }
}
