//! What the handlers share; built once per process.

use crate::config::Config;

pub struct State {
    pub config: Config,
}
