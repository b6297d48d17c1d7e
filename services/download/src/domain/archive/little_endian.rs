//! A buffer for little-endian fields.

/// Bytes that are appended field by field.
#[derive(Default)]
pub struct LittleEndianBuffer(pub Vec<u8>);

impl LittleEndianBuffer {
    pub fn push_u16(mut self, v: u16) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    pub fn push_u32(mut self, v: u32) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    pub fn push_u64(mut self, v: u64) -> Self {
        self.0.extend(v.to_le_bytes());
        self
    }

    /// A value capped at the greatest 16-bit number, which refers to the zip64 field.
    pub fn push_capped_u16(self, v: u64) -> Self {
        self.push_u16(u16::try_from(v).unwrap_or(u16::MAX))
    }

    /// The same with 32 bits.
    pub fn push_capped_u32(self, v: u64) -> Self {
        self.push_u32(u32::try_from(v).unwrap_or(u32::MAX))
    }

    pub fn push_bytes(mut self, v: &[u8]) -> Self {
        self.0.extend(v);
        self
    }
}
