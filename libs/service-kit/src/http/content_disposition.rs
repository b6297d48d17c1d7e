//! Names of what is sent: one header, whatever the name has in it.

use actix_web::http::header::{Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue};

/// `Content-Disposition: attachment` with the last part of a path as its name.
pub fn attachment_disposition(name: &str) -> ContentDisposition {
    named_disposition(DispositionType::Attachment, name)
}

/// `Content-Disposition: inline`, named in the same way.
pub fn inline_disposition(name: &str) -> ContentDisposition {
    named_disposition(DispositionType::Inline, name)
}

/// An ASCII name for old clients and, where it differs, the real one (RFC 6266, RFC 8187).
fn named_disposition(disposition: DispositionType, name: &str) -> ContentDisposition {
    let name = name.rsplit('/').next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let name = match name.trim() {
        "" | "." | ".." => "download".to_owned(),
        name => name.to_owned(),
    };
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ';
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut parameters = vec![DispositionParam::Filename(ascii.clone())];
    if ascii != name {
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.into_bytes(),
        }));
    }
    ContentDisposition { disposition, parameters }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_hold_a_plain_and_a_true_name() {
        assert_eq!(attachment_disposition("scan/a.h5").to_string(), "attachment; filename=\"a.h5\"");
        for nothing in ["..", "", " ", "a/"] {
            assert_eq!(attachment_disposition(nothing).to_string(), "attachment; filename=\"download\"");
        }
        assert_eq!(attachment_disposition(" a b.h5 ").to_string(), "attachment; filename=\"a b.h5\"");
        assert_eq!(
            attachment_disposition("mé\"t\r\n.h5").to_string(),
            "attachment; filename=\"m__t.h5\"; filename*=UTF-8''m%C3%A9%22t.h5"
        );
        assert_eq!(
            inline_disposition("größe.png").to_string(),
            "inline; filename=\"gr__e.png\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.png"
        );
    }
}
