//! HTML of entries: what may stay of it, what of it is text, and where it names attachments.

use std::collections::{HashMap, HashSet};

use ammonia::{Builder, UrlRelative};

/// What a content names an attachment by; not bound to anybody's session.
const OWN: &str = "/resource/file/";

/// Keeps what is harmless: text, tables, lists, links, images of our own and formulas; nothing that runs, loads from
/// elsewhere, or covers the page.
pub fn sanitised(html: &str) -> String {
    static MATHML: [&str; 24] = [
        "math",
        "mi",
        "mn",
        "mo",
        "ms",
        "mtext",
        "mspace",
        "mrow",
        "mfrac",
        "msqrt",
        "mroot",
        "mstyle",
        "merror",
        "mpadded",
        "mphantom",
        "msub",
        "msup",
        "msubsup",
        "munder",
        "mover",
        "munderover",
        "mtable",
        "mtr",
        "mtd",
    ];
    let mut builder = Builder::default();
    builder
        .add_tags(MATHML)
        .add_tags(["u", "figure", "figcaption"])
        .add_tag_attributes("math", ["display"])
        .add_tag_attributes("mo", ["stretchy"])
        .add_tag_attributes("td", ["colspan", "rowspan"])
        .add_tag_attributes("th", ["colspan", "rowspan"])
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("noopener noreferrer"))
        .attribute_filter(|element, attribute, value| {
            let foreign_image = element == "img" && attribute == "src" && !is_own(value);
            if foreign_image { None } else { Some(value.into()) }
        });
    builder.clean(html).to_string()
}

/// An image of ours: by its own name, or as an old portal names it with somebody's session.
fn is_own(address: &str) -> bool {
    address.starts_with(OWN) || resource_of(address).is_some()
}

/// The text of an HTML without its marks.
pub fn plain(html: &str) -> String {
    let mut builder = Builder::empty();
    builder.clean_content_tags(HashSet::from(["script", "style"]));
    let text = builder.clean(html).to_string();
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&")
}

/// The id in `…/resource/<session>/file/download?resourceId=<id>`, which portals bake into what they send.
fn resource_of(address: &str) -> Option<&str> {
    let (before, after) = address.split_once("/file/download?")?;
    before.contains("/resource/").then_some(())?;
    let id = after.split(['&', '#']).find_map(|pair| pair.trim_start_matches("amp;").strip_prefix("resourceId="))?;
    super::ids::is_id(id).then_some(id)
}

/// Addresses of attachments without the session of whoever wrote them; ids are kept.
pub fn without_sessions(html: &str) -> String {
    rewritten(html, |address| resource_of(address).map(|id| format!("{OWN}{id}")))
}

/// The same with what a portal can open: `address_of` gives the address of an attachment.
pub fn with_addresses(html: &str, address_of: &HashMap<String, String>) -> String {
    rewritten(html, |address| address_of.get(address.strip_prefix(OWN)?).cloned())
}

/// Ids of the attachments that a content names.
pub fn attachments(html: &str) -> Vec<String> {
    let mut ids = Vec::new();
    rewritten(html, |address| {
        ids.extend(address.strip_prefix(OWN).or_else(|| resource_of(address)).map(str::to_owned));
        None
    });
    ids
}

/// Replaces values of `src` and `href`; the HTML is sanitised, so that these are written in one way.
fn rewritten(html: &str, mut new: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = ["src=\"", "href=\""].iter().filter_map(|name| Some(rest.find(name)? + name.len())).min() {
        let (before, after) = rest.split_at(at);
        let end = after.find('"').unwrap_or(after.len());
        out.push_str(before);
        out.push_str(&new(&after[..end]).unwrap_or_else(|| after[..end].to_owned()));
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            let clean = sanitised(bad);
            let gone = ["script", "onerror", "javascript", "svg", "iframe", "style", "elsewhere"];
            assert!(!gone.iter().any(|word| clean.contains(word)), "{clean}");
        }
        assert_eq!(plain("<p>a &amp; <b>b</b></p><script>x</script>"), "a & b");
    }

    #[test]
    fn sessions_do_not_stay_in_contents() {
        let sent = "<img src=\"/resource/5b0c1c8e/file/download?resourceId=665f1c2ab7d0e84c1a2bf001&amp;x=1\">";
        let stored = without_sessions(&sanitised(sent));
        assert_eq!(stored, "<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf001\">");
        assert_eq!(attachments(&stored), ["665f1c2ab7d0e84c1a2bf001"]);
        let address = HashMap::from([("665f1c2ab7d0e84c1a2bf001".to_owned(), "/x".to_owned())]);
        assert_eq!(with_addresses(&stored, &address), "<img src=\"/x\">");
    }
}
