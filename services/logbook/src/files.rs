//! Files that come with a request and become attachments.

use service_kit::Problem;

use crate::attachments::Stored;
use crate::domain::event::Event;
use crate::domain::ids;
use crate::embedded::{decode, filename};
use crate::entries::NewFile;
use crate::error::Error;
use crate::state::State;

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
