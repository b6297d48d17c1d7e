//! What portals show about maintenance (scigateway-auth 0.1.0).

/// Longer messages are refused: every page of a portal shows them.
pub const MAX_MESSAGE_CHARS: usize = 4096;
/// Longer words are refused.
pub const MAX_SEVERITY_CHARS: usize = 32;

/// Portals show two notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaintenanceKind {
    /// The facility is being maintained now.
    Current,
    /// It will be.
    Scheduled,
}

impl MaintenanceKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Scheduled => "scheduled",
        }
    }
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceState {
    pub show: bool,
    pub message: String,
    /// Of a scheduled one: a word that the portal knows, such as `warning`.
    pub severity: String,
}

impl MaintenanceState {
    /// Before anybody has set it.
    pub fn unset() -> Self {
        Self { show: false, message: String::new(), severity: "warning".to_owned() }
    }
}
