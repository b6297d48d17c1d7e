//! `undulator find`: searches datafiles, datasets and investigations.

mod output;
mod search_client;
mod search_request;

use std::io::{self, IsTerminal as _};

use service_kit::cli::{Failure, format_count, print_result};

use self::output::{Output, ResultPrinter};
use self::search_client::{SearchClient, SearchPage};
use self::search_request::SearchRequest;
use super::session::{Session, missing_session_error};
use crate::cli::{Find, Target};
use crate::progress::Progress;

/// Results of one request.
const PAGE_SIZE: u64 = 1_000;

/// Exit code 0, whether or not anything is found; 1 if the index does not contain the whole catalogue.
pub async fn run_find(options: &Find, json: bool) -> Result<(), Failure> {
    if options.pattern.is_some() && options.target != Target::Datafiles {
        return Err(Failure::Usage("only datafiles have paths; leave out PATTERN, or use --text".to_owned()));
    }
    if json && options.print0 {
        return Err(Failure::Usage("--json and --print0 cannot be used together".to_owned()));
    }
    let request = SearchRequest::from_options(options)?;
    let client = SearchClient::new(options)?;
    let session = Session::open(client.http(), client.catalogue(), client.facility(), &options.session).await?;
    let session = session.ok_or_else(missing_session_error)?;
    let outcome = if options.count {
        print_count(&client, &session, request, json).await
    } else {
        print_results(&client, &session, request, options, json).await
    };
    session.log_out().await;
    outcome
}

async fn print_count(
    client: &SearchClient,
    session: &Session,
    mut request: SearchRequest,
    json: bool,
) -> Result<(), Failure> {
    request.limit = 1;
    let page = client.fetch_page(&request, session).await?;
    let value = serde_json::json!({"total": page.total, "isTotalLowerBound": page.is_total_lower_bound});
    print_result(json, &value, &page.total.to_string())?;
    if page.is_total_lower_bound {
        eprintln!("there may be more: the catalogue checks the rights of single results, and not of all of them");
    }
    require_complete_index(&page)
}

async fn print_results(
    client: &SearchClient,
    session: &Session,
    mut request: SearchRequest,
    options: &Find,
    json: bool,
) -> Result<(), Failure> {
    let wanted = if options.all { u64::MAX } else { options.limit };
    let printer = ResultPrinter::new(options.target, json, options.print0);
    // On a terminal, the results themselves show the progress.
    let shows_progress = options.all && !io::stdout().is_terminal();
    let mut progress = None;
    let mut shown = 0;
    let mut total = None;
    loop {
        request.limit = PAGE_SIZE.min(wanted.saturating_sub(shown));
        let page = client.fetch_page(&request, session).await?;
        shown += page.hits.len() as u64;
        let (known, is_lower_bound) = *total.get_or_insert((page.total, page.is_total_lower_bound));
        if printer.print_page(&page.hits)? == Output::Closed {
            return Ok(());
        }
        if page.is_newer_than_cursor {
            eprintln!("the catalogue may have changed since the first results; the next ones show its present state");
        }
        let is_last = page.cursor.is_none();
        if shows_progress && (!is_last || progress.is_some()) {
            let progress = progress.get_or_insert_with(|| Progress::new("finding"));
            progress.show_progress(to_size(shown), to_size(known.max(shown)));
        }
        if is_last || shown >= wanted {
            drop(progress);
            if shown == 0
                && let Some(pattern) = &options.pattern
            {
                print_hint(client, session, pattern).await?;
            }
            eprintln!("{}", render_summary(options.target, shown, (!is_last).then_some((known, is_lower_bound))));
            return require_complete_index(&page);
        }
        request.cursor = page.cursor;
    }
}

/// Where an absolute path finds nothing because the catalogue has only relative ones, says so.
async fn print_hint(client: &SearchClient, session: &Session, pattern: &str) -> Result<(), Failure> {
    let relative = pattern.trim_start_matches('/');
    if relative == pattern || relative.is_empty() {
        return Ok(());
    }
    let page = client.fetch_page(&SearchRequest::for_directory("/"), session).await?;
    if page.total == 0 {
        eprintln!("no path that you may read begins with /; search for '{relative}'");
    }
    Ok(())
}

fn to_size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// `total` is given if there are more results than those that were shown, with whether it is a lower bound.
fn render_summary(target: Target, shown: u64, total: Option<(u64, bool)>) -> String {
    let thing = target.name();
    match total.filter(|(total, is_lower_bound)| *is_lower_bound || *total > shown) {
        None => format!("{} found", format_count(shown, thing)),
        Some((total, false)) => format!("{shown} of {} shown; --all shows all", format_count(total, thing)),
        // The total counts what was looked at.
        Some((total, true)) => {
            format!("{shown} of at least {} shown; --all shows all", format_count(total.max(shown), thing))
        }
    }
}

fn require_complete_index(page: &SearchPage) -> Result<(), Failure> {
    if page.is_index_complete {
        return Ok(());
    }
    let text = "the index does not contain the whole catalogue yet, so results may be missing; the administrators see its \
                progress with `undulator search status`";
    Err(Failure::Failed(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_how_many_there_are() {
        for (shown, total, expected) in [
            (0, None, "0 datasets found"),
            (1, None, "1 dataset found"),
            (100, Some((1234, false)), "100 of 1234 datasets shown; --all shows all"),
            // There is a cursor, but nothing after it.
            (100, Some((100, false)), "100 datasets found"),
            (100, Some((150, true)), "100 of at least 150 datasets shown; --all shows all"),
        ] {
            assert_eq!(render_summary(Target::Datasets, shown, total), expected);
        }
    }
}
