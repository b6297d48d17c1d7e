//! HTML of entries: sanitizing it, and rewriting addresses of attachments.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::mem::take;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ammonia::{Builder, UrlRelative};

use crate::domain::html_depth::is_nested_deeper;
use crate::domain::ids::is_id;
use crate::domain::invalid::Invalid;

/// The prefix of attachments in stored HTML; without a session.
const OWN: &str = "/resource/file/";
/// The prefix in the logbook's own page, whose editor sends it back.
const OF_PAGE: &str = "/logbook/app/file/";
/// The prefix of an embedded image until it is stored; its number follows.
const EMBEDDED: &str = "/resource/embedded/";
/// Depth of nested elements; deeper HTML is refused, because parsing takes time by the square of the depth.
const MAX_DEPTH: usize = 200;

const ELEMENTS: [&str; 37] = [
    "annotation",
    "data",
    "figcaption",
    "figure",
    "math",
    "merror",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
    "section",
    "semantics",
    "tfoot",
    "thead",
    "time",
    "u",
];

const ATTRIBUTES: [(&str, &[&str]); 21] = [
    ("annotation", &["encoding"]),
    ("data", &["value"]),
    ("li", &["value"]),
    ("math", &["display", "displaystyle"]),
    ("mfrac", &["linethickness"]),
    ("mi", &["mathvariant"]),
    ("mn", &["mathvariant"]),
    ("mo", &["accent", "fence", "form", "lspace", "mathvariant", "rspace", "separator", "stretchy"]),
    ("mover", &["accent"]),
    ("ms", &["mathvariant"]),
    ("mspace", &["depth", "height", "width"]),
    ("mstyle", &["displaystyle", "mathvariant", "scriptlevel"]),
    ("mtable", &["columnalign", "rowspacing"]),
    ("mtd", &["columnalign", "columnspan", "rowspan"]),
    ("mtext", &["mathvariant"]),
    ("munder", &["accentunder"]),
    ("ol", &["reversed", "type"]),
    ("p", &["dir"]),
    ("table", &["border"]),
    ("td", &["colspan", "rowspan", "width"]),
    ("th", &["colspan", "rowspan", "scope", "width"]),
];

/// The elements and attributes that an entry may have.
fn build_cleaner() -> Builder<'static> {
    let mut builder = Builder::default();
    builder.add_tags(ELEMENTS);
    for (element, attributes) in ATTRIBUTES {
        builder.add_tag_attributes(element, attributes);
    }
    builder.add_tag_attributes("time", ["datetime"]);
    builder
}

/// Elements and their attributes that stay.
struct Allowed {
    elements: HashSet<&'static str>,
    attributes: HashMap<&'static str, HashSet<&'static str>>,
    everywhere: HashSet<&'static str>,
}

static ALLOWED: LazyLock<Allowed> = LazyLock::new(|| {
    let builder = build_cleaner();
    Allowed {
        elements: builder.clone_tags(),
        attributes: builder.clone_tag_attributes(),
        everywhere: builder.clone_generic_attributes(),
    }
});

/// Whether an element with these attributes is kept as it is.
pub fn is_allowed<'a>(element: &str, mut attributes: impl Iterator<Item = &'a str>) -> bool {
    let Allowed { elements, attributes: by_element, everywhere } = &*ALLOWED;
    let of_element = |name: &str| by_element.get(element).is_some_and(|known| known.contains(name));
    elements.contains(element) && attributes.all(|name| everywhere.contains(name) || of_element(name))
}

/// Sanitizes HTML and rewrites addresses: `image` those of images, `link` those of
/// links; an address that becomes `None` is removed.
fn rewrite_addresses(
    html: &str,
    image: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    link: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> String {
    let mut builder = build_cleaner();
    builder
        // `data:` is for images alone, see below.
        .url_schemes(HashSet::from(["http", "https", "mailto", "data"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer"))
        .attribute_filter(move |element, attribute, value| match (element, attribute) {
            ("img", "src") => image(value).map(Cow::Owned),
            (_, "href") if value.trim_start().to_ascii_lowercase().starts_with("data:") => None,
            (_, "href") => link(value).map(Cow::Owned),
            // Nobody sees it, and it may name anything.
            (_, "cite") => None,
            _ => Some(value.into()),
        });
    builder.clean(html).to_string()
}

/// Keeps text, tables, lists, links, attachments and formulas; removes everything that runs, loads from
/// elsewhere, or covers the page, and sessions in addresses of attachments.
pub fn sanitize_html(html: &str) -> String {
    rewrite_addresses(html, to_stored_address, |address| {
        Some(to_stored_address(address).unwrap_or_else(|| address.to_owned()))
    })
}

/// Refuses HTML that is nested too deeply: parsing it would take time by the square of its depth.
pub fn check_depth(html: &str) -> Result<(), Invalid> {
    if is_nested_deeper(html, MAX_DEPTH) {
        return Err(Invalid::new(format!(
            "the HTML is nested too deeply: more than {MAX_DEPTH} elements within one another"
        )));
    }
    Ok(())
}

/// The same of what somebody sends: embedded images (`data:` addresses) come out of it, in their order, and [`insert_images`] puts
/// their attachments in.
pub fn extract_images(html: &str) -> Result<(String, Vec<String>), Invalid> {
    check_depth(html)?;
    let images = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&images);
    let image = move |address: &str| {
        if !address.trim_start().to_ascii_lowercase().starts_with("data:image/") {
            return to_stored_address(address);
        }
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.push(address.trim().to_owned());
        Some(format!("{EMBEDDED}{}", found.len() - 1))
    };
    let html = rewrite_addresses(html, image, |address| {
        Some(to_stored_address(address).unwrap_or_else(|| address.to_owned()))
    });
    let images = take(&mut *images.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((html, images))
}

/// Puts attachments in the places of embedded images; an image without an attachment is removed.
pub fn insert_images(html: &str, ids: Vec<Option<String>>) -> String {
    let image = move |address: &str| match address.strip_prefix(EMBEDDED) {
        Some(number) => number.parse().ok().and_then(|n: usize| ids.get(n)?.as_ref()).map(|id| format!("{OWN}{id}")),
        None => to_stored_address(address),
    };
    rewrite_addresses(html, image, |address| Some(address.to_owned()))
}

/// The stored form of an attachment's address, which old portals write with a session.
fn to_stored_address(address: &str) -> Option<String> {
    let named = address.strip_prefix(OWN).or_else(|| address.strip_prefix(OF_PAGE));
    let id = named.filter(|id| is_id(id)).or_else(|| find_resource_id(address))?;
    Some(format!("{OWN}{id}"))
}

/// The id of the attachment that an address names.
pub fn parse_attachment_id(address: &str) -> Option<String> {
    to_stored_address(address)?.strip_prefix(OWN).map(str::to_owned)
}

/// The id in `…/resource/<session>/file/download?resourceId=<id>`, which portals bake into what they send.
fn find_resource_id(address: &str) -> Option<&str> {
    let (before, after) = address.split_once("/file/download?")?;
    before.contains("/resource/").then_some(())?;
    let id = after.split(['&', '#']).find_map(|pair| pair.strip_prefix("resourceId="))?;
    is_id(id).then_some(id)
}

/// Sanitized HTML with addresses of attachments that can be opened, by their ids.
pub fn replace_attachment_addresses(html: &str, address_of: HashMap<String, String>) -> String {
    let address_of = Arc::new(address_of);
    let of_links = Arc::clone(&address_of);
    let opened = |addresses: &HashMap<String, String>, own: &str| {
        own.strip_prefix(OWN).and_then(|id| addresses.get(id)).cloned()
    };
    let image = move |address: &str| {
        to_stored_address(address)
            .map(|to_stored_address| opened(&address_of, &to_stored_address).unwrap_or(to_stored_address))
    };
    let link = move |address: &str| match to_stored_address(address) {
        Some(to_stored_address) => Some(opened(&of_links, &to_stored_address).unwrap_or(to_stored_address)),
        None => Some(address.to_owned()),
    };
    rewrite_addresses(html, image, link)
}

/// HTML of another notebook with our addresses of attachments: `id_of` finds an attachment by the notebook's address.
pub fn adopt_attachment_addresses(
    html: &str,
    id_of: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> String {
    let id_of = Arc::new(id_of);
    let of_links = Arc::clone(&id_of);
    let image = move |address: &str| match id_of(address) {
        Some(id) => Some(format!("{OWN}{id}")),
        // What is embedded is taken out when the entry is written.
        None if address.trim_start().to_ascii_lowercase().starts_with("data:image/") => Some(address.to_owned()),
        None => None,
    };
    let link = move |address: &str| match of_links(address) {
        Some(id) => Some(format!("{OWN}{id}")),
        None => Some(address.to_owned()),
    };
    rewrite_addresses(html, image, link)
}

/// Ids of the attachments that an HTML names.
pub fn list_attachment_ids(html: &str) -> Vec<String> {
    if !html.contains("/resource/") {
        return Vec::new();
    }
    let ids = Arc::new(Mutex::new(Vec::new()));
    let (of_images, of_links) = (Arc::clone(&ids), Arc::clone(&ids));
    let note = |ids: &Mutex<Vec<String>>, address: &str| {
        if let Some(own) = to_stored_address(address) {
            ids.lock().unwrap_or_else(PoisonError::into_inner).push(own[OWN.len()..].to_owned());
        }
        None
    };
    rewrite_addresses(html, move |address| note(&of_images, address), move |address| note(&of_links, address));
    take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "665f1c2ab7d0e84c1a2bf001";

    #[test]
    fn what_is_harmless_stays_and_what_runs_goes() {
        let kept = "<table><tbody><tr><td colspan=\"2\"><b>a</b></td></tr></tbody></table><math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>";
        assert_eq!(sanitize_html(kept), kept);
        for bad in [
            "<script>x</script>",
            "<img src=x onerror=x>",
            "<a href=\"javascript:x\">a</a>",
            "<svg onload=x></svg>",
            "<iframe src=\"x\"></iframe>",
            "<p style=\"background:url(x)\">a</p>",
            "<img src=\"https://elsewhere/x.png\">",
            "<a href=\"data:text/html,elsewhere\">a</a>",
            "<q cite=\"javascript:x\">a</q>",
            "<img src=\"data:image/svg+xml,elsewhere\">",
            "<img src=\"/resource/file/../elsewhere\">",
        ] {
            let clean = sanitize_html(bad);
            let gone = ["script", "onerror", "javascript", "svg", "iframe", "style", "elsewhere"];
            assert!(!gone.iter().any(|word| clean.contains(word)), "{clean}");
        }
    }

    #[test]
    fn sessions_do_not_stay_in_contents() {
        let sent = format!("<img src=\"/resource/5b0c1c8e/file/download?resourceId={ID}&amp;x=1\">");
        let stored = sanitize_html(&sent);
        assert_eq!(stored, format!("<img src=\"/resource/file/{ID}\">"));
        assert_eq!(list_attachment_ids(&stored), [ID]);
        let address = HashMap::from([(ID.to_owned(), "/x".to_owned())]);
        assert_eq!(replace_attachment_addresses(&stored, address), "<img src=\"/x\">");
        let text = format!("<p>src=\"<a href=\"/resource/SECRET/file/download?resourceId={ID}\">x</a></p>");
        assert!(!sanitize_html(&text).contains("SECRET"));
    }

    #[test]
    fn embedded_images_are_taken_out_and_their_attachments_put_in() {
        let sent = "<p>data:image/png is text</p><img src=\"data:image/png;base64,AAAA\"><img src=' data:image/gif,x'>";
        let (html, images) = extract_images(sent).unwrap();
        assert_eq!(images, ["data:image/png;base64,AAAA", "data:image/gif,x"]);
        let stored = insert_images(&html, vec![Some(ID.to_owned()), None]);
        assert_eq!(stored, format!("<p>data:image/png is text</p><img src=\"/resource/file/{ID}\"><img>"));
        let forged = format!("<img src=\"{EMBEDDED}0\">");
        assert_eq!(extract_images(&forged).unwrap().0, "<img>");
    }
}
