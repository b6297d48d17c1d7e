//! Little-endian fields one after the other.

/// Bytes under construction.
#[derive(Default)]
pub struct Fields(pub Vec<u8>);

impl Fields {
    pub fn u16(mut self, v: u16) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    pub fn u32(mut self, v: u32) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    pub fn u64(mut self, v: u64) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    /// A value cut to what 16 bits can say, whose greatest means "look elsewhere".
    pub fn short(self, v: u64) -> Self {
        self.u16(u16::try_from(v).unwrap_or(u16::MAX))
    }

    /// The same for 32 bits.
    pub fn marked(self, v: u64) -> Self {
        self.u32(u32::try_from(v).unwrap_or(u32::MAX))
    }

    pub fn bytes(mut self, v: &[u8]) -> Self {
        self.0.extend(v);
        self
    }
}
