//! Files that come with a request and become attachments.

use actix_multipart::{Multipart, MultipartError};
use actix_web::{HttpRequest, web};
use futures_util::StreamExt as _;
use service_kit::Problem;

use crate::attachments::Stored;
use crate::attachments::inline_images::{decode, filename};
use crate::domain::entry_content::Event;
use crate::domain::ids;
use crate::entries::NewFile;
use crate::error::Error;
use crate::http::in_time;
use crate::state::State;

/// Bytes; more than file systems have. The name stands in a header when the file is sent, three times as long there.
const LONGEST_NAME: usize = 1000;

/// The file of a body's `base64`.
pub async fn from_base64(state: &State, base64: Option<&str>, event: &mut Event) -> Result<NewFile, Problem> {
    let address = base64.ok_or_else(|| Error::bad("base64 is missing"))?;
    let bytes = decode(state, address)?;
    store(state, bytes, None, event).await
}

async fn store(state: &State, bytes: Vec<u8>, name: Option<String>, event: &mut Event) -> Result<NewFile, Problem> {
    let stored = state.attachments.put(state, bytes).await?;
    Ok(told(state, stored, name, event))
}

/// Lets the entry tell of a file. What it is was found out from its bytes.
pub fn told(state: &State, stored: Stored, name: Option<String>, event: &mut Event) -> NewFile {
    let name = name.map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned());
    let filename = name.filter(|name| !name.is_empty()).unwrap_or_else(|| filename(stored.media_type));
    event.filename = Some(filename.clone());
    event.file_size = Some(stored.bytes);
    event.content_type = Some(stored.media_type.to_owned());
    NewFile { id: ids::new(&*state.ids, state.clock.now()), filename, stored }
}

/// A file of a form: the first part that is one, whatever its name; other parts are passed over.
pub async fn receive(
    state: &State,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(Option<String>, Stored), Problem> {
    let most = state.config.largest_attachment.as_u64();
    let broken = |e: MultipartError| Error::bad(format!("the upload is broken: {e}"));
    let mut parts = Multipart::new(request.headers(), payload);
    while let Some(part) = in_time(state, parts.next()).await? {
        let mut part = part.map_err(broken)?;
        let filename = part.content_disposition().and_then(|d| d.get_filename()).map(str::to_owned);
        let Some(filename) = filename else { continue };
        if filename.len() > LONGEST_NAME {
            return Err(Error::bad(format!("the name of a file may have {LONGEST_NAME} bytes")).into());
        }
        let mut upload = state.attachments.begin(&*state.ids).await?;
        while let Some(piece) = in_time(state, part.next()).await? {
            upload.write(piece.map_err(broken)?.to_vec()).await?;
            if upload.bytes() > most {
                return Err(Error::TooLarge(most).into());
            }
        }
        return Ok((Some(filename), state.attachments.finish(state, upload).await?));
    }
    Err(Error::bad("the upload has no file").into())
}
