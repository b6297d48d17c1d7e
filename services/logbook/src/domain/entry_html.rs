//! HTML of entries: what may stay of it, what of it is text, and where it names attachments.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::mem::take;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ammonia::{Builder, UrlRelative};

use crate::domain::html_depth::is_deeper;
use crate::domain::ids::is_id;
use crate::error::Error;

/// What a content names an attachment by; not bound to anybody's session.
const OWN: &str = "/resource/file/";
/// The same in the logbook's own page, whose editor sends what it was shown.
const OF_PAGE: &str = "/logbook/app/file/";
/// What stands in the place of an embedded image until it is stored: this and its number.
const EMBEDDED: &str = "/resource/embedded/";
/// Elements within one another; what is deeper is refused, because reading it takes the square of its depth.
const DEEPEST: usize = 200;

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

/// What an entry may have.
fn allowing() -> Builder<'static> {
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
    let builder = allowing();
    Allowed {
        elements: builder.clone_tags(),
        attributes: builder.clone_tag_attributes(),
        everywhere: builder.clone_generic_attributes(),
    }
});

/// Whether an element with these attributes stays as it is.
pub fn is_allowed<'a>(element: &str, mut attributes: impl Iterator<Item = &'a str>) -> bool {
    let Allowed { elements, attributes: by_element, everywhere } = &*ALLOWED;
    let of_element = |name: &str| by_element.get(element).is_some_and(|known| known.contains(name));
    elements.contains(element) && attributes.all(|name| everywhere.contains(name) || of_element(name))
}

/// Cleans HTML and gives addresses of attachments and images another form: `image` for those of images, `link` for those of
/// links; what becomes `None` goes.
fn rewritten(
    html: &str,
    image: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    link: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> String {
    let mut builder = allowing();
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

/// Keeps what is harmless: text, tables, lists, links, images of our own and formulas; nothing that runs, loads from
/// elsewhere, or covers the page. Sessions that portals bake into addresses of attachments do not stay.
pub fn sanitised(html: &str) -> String {
    rewritten(html, own, |address| Some(own(address).unwrap_or_else(|| address.to_owned())))
}

/// Refuses HTML that is nested so deeply that nobody should read it, for that takes the square of its depth.
pub fn check_depth(html: &str) -> Result<(), Error> {
    if is_deeper(html, DEEPEST) {
        return Err(Error::bad(format!(
            "the HTML is nested too deeply: more than {DEEPEST} elements within one another"
        )));
    }
    Ok(())
}

/// The same of what somebody sends: embedded images (`data:` addresses) come out of it, in their order, and [`placed`] puts
/// their attachments in.
pub fn taken(html: &str) -> Result<(String, Vec<String>), Error> {
    check_depth(html)?;
    let images = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&images);
    let image = move |address: &str| {
        if !address.trim_start().to_ascii_lowercase().starts_with("data:image/") {
            return own(address);
        }
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.push(address.trim().to_owned());
        Some(format!("{EMBEDDED}{}", found.len() - 1))
    };
    let html = rewritten(html, image, |address| Some(own(address).unwrap_or_else(|| address.to_owned())));
    let images = take(&mut *images.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((html, images))
}

/// Attachments in the places of embedded images; an image that is none goes.
pub fn placed(html: &str, ids: Vec<Option<String>>) -> String {
    let image = move |address: &str| match address.strip_prefix(EMBEDDED) {
        Some(number) => number.parse().ok().and_then(|n: usize| ids.get(n)?.as_ref()).map(|id| format!("{OWN}{id}")),
        None => own(address),
    };
    rewritten(html, image, |address| Some(address.to_owned()))
}

/// The form in which an attachment is stored: of its own name, or of what an old portal writes with somebody's session.
fn own(address: &str) -> Option<String> {
    let named = address.strip_prefix(OWN).or_else(|| address.strip_prefix(OF_PAGE));
    let id = named.filter(|id| is_id(id)).or_else(|| resource_of(address))?;
    Some(format!("{OWN}{id}"))
}

/// The id of the attachment that an address names.
pub fn attachment_of(address: &str) -> Option<String> {
    own(address)?.strip_prefix(OWN).map(str::to_owned)
}

/// The id in `…/resource/<session>/file/download?resourceId=<id>`, which portals bake into what they send.
fn resource_of(address: &str) -> Option<&str> {
    let (before, after) = address.split_once("/file/download?")?;
    before.contains("/resource/").then_some(())?;
    let id = after.split(['&', '#']).find_map(|pair| pair.strip_prefix("resourceId="))?;
    is_id(id).then_some(id)
}

/// Harmless HTML with addresses of attachments that can be opened: `address_of` gives them by id.
pub fn with_addresses(html: &str, address_of: HashMap<String, String>) -> String {
    let address_of = Arc::new(address_of);
    let of_links = Arc::clone(&address_of);
    let opened = |addresses: &HashMap<String, String>, own: &str| {
        own.strip_prefix(OWN).and_then(|id| addresses.get(id)).cloned()
    };
    let image = move |address: &str| own(address).map(|own| opened(&address_of, &own).unwrap_or(own));
    let link = move |address: &str| match own(address) {
        Some(own) => Some(opened(&of_links, &own).unwrap_or(own)),
        None => Some(address.to_owned()),
    };
    rewritten(html, image, link)
}

/// HTML of another notebook, whose links and images name attachments in its own way: `id_of` knows by them.
pub fn with_own_attachments(html: &str, id_of: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> String {
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
    rewritten(html, image, link)
}

/// Ids of the attachments that a content names.
pub fn attachments(html: &str) -> Vec<String> {
    if !html.contains("/resource/") {
        return Vec::new();
    }
    let ids = Arc::new(Mutex::new(Vec::new()));
    let (of_images, of_links) = (Arc::clone(&ids), Arc::clone(&ids));
    let note = |ids: &Mutex<Vec<String>>, address: &str| {
        if let Some(own) = own(address) {
            ids.lock().unwrap_or_else(PoisonError::into_inner).push(own[OWN.len()..].to_owned());
        }
        None
    };
    rewritten(html, move |address| note(&of_images, address), move |address| note(&of_links, address));
    take(&mut *ids.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "665f1c2ab7d0e84c1a2bf001";

    #[test]
    fn what_is_harmless_stays_and_what_runs_goes() {
        let kept = "<table><tbody><tr><td colspan=\"2\"><b>a</b></td></tr></tbody></table><math><mfrac><mi>a</mi><mn>2</mn></mfrac></math>";
        assert_eq!(sanitised(kept), kept);
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
            let clean = sanitised(bad);
            let gone = ["script", "onerror", "javascript", "svg", "iframe", "style", "elsewhere"];
            assert!(!gone.iter().any(|word| clean.contains(word)), "{clean}");
        }
    }

    #[test]
    fn sessions_do_not_stay_in_contents() {
        let sent = format!("<img src=\"/resource/5b0c1c8e/file/download?resourceId={ID}&amp;x=1\">");
        let stored = sanitised(&sent);
        assert_eq!(stored, format!("<img src=\"/resource/file/{ID}\">"));
        assert_eq!(attachments(&stored), [ID]);
        let address = HashMap::from([(ID.to_owned(), "/x".to_owned())]);
        assert_eq!(with_addresses(&stored, address), "<img src=\"/x\">");
        let text = format!("<p>src=\"<a href=\"/resource/SECRET/file/download?resourceId={ID}\">x</a></p>");
        assert!(!sanitised(&text).contains("SECRET"));
    }

    #[test]
    fn embedded_images_are_taken_out_and_their_attachments_put_in() {
        let sent = "<p>data:image/png is text</p><img src=\"data:image/png;base64,AAAA\"><img src=' data:image/gif,x'>";
        let (html, images) = taken(sent).unwrap();
        assert_eq!(images, ["data:image/png;base64,AAAA", "data:image/gif,x"]);
        let stored = placed(&html, vec![Some(ID.to_owned()), None]);
        assert_eq!(stored, format!("<p>data:image/png is text</p><img src=\"/resource/file/{ID}\"><img>"));
        let forged = format!("<img src=\"{EMBEDDED}0\">");
        assert_eq!(taken(&forged).unwrap().0, "<img>");
    }
}
