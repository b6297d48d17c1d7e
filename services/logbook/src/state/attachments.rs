//! Files of entries, and the links to them.

use std::sync::Arc;

use service_kit::{BuildError, Ctx};

use super::tools::Tools;
use crate::attachments::download::Downloads;
use crate::attachments::signed_url::SignedUrls;
use crate::attachments::storage::Storage;
use crate::attachments::thumbnail::Thumbnails;
use crate::attachments::{Attachments, InlineImages};
use crate::catalogue::permissions::Permissions;
use crate::config::Config;
use crate::store::keys::{Purpose, load_or_create_key};

pub struct AttachmentComponents {
    pub storage: Storage,
    pub attachments: Arc<Attachments>,
    pub downloads: Arc<Downloads>,
    pub signed_urls: Arc<SignedUrls>,
    pub inline_images: Arc<InlineImages>,
}

impl AttachmentComponents {
    pub async fn new(
        ctx: &Ctx,
        tools: &Tools,
        config: &Config,
        permissions: &Arc<Permissions>,
    ) -> Result<Self, BuildError> {
        let Tools { db, clock, ids, .. } = tools;
        let link_key = load_or_create_key(db, &**ids, Purpose::SignedUrls).await?;
        let signed_urls = SignedUrls::new(&link_key, Arc::clone(clock));
        let signed_urls = Arc::new(signed_urls.map_err(|e| BuildError::Other(e.to_string()))?);
        let storage = Storage::open(
            &config.attachments_path(&ctx.config.core.data_dir),
            config.s3_settings().as_ref(),
            &ctx.pools,
        )?;
        let attachments = Arc::new(Attachments {
            storage: storage.clone(),
            db: db.clone(),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            max_bytes: config.largest_attachment.as_u64(),
            idle_timeout: ctx.config.core.http.idle_timeout,
        });
        let downloads = Arc::new(Downloads {
            db: db.clone(),
            attachments: Arc::clone(&attachments),
            thumbnails: Arc::new(Thumbnails::new(Arc::clone(&attachments), tools.documents.clone())),
            permissions: Arc::clone(permissions),
        });
        let inline_images = Arc::new(InlineImages {
            attachments: Arc::clone(&attachments),
            text_pool: tools.text_pool.clone(),
            documents: tools.documents.clone(),
        });
        Ok(Self { storage, attachments, downloads, signed_urls, inline_images })
    }
}
