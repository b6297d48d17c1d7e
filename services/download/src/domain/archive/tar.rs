//! The headers of a POSIX pax archive: the bytes that Python's `tarfile` writes in its `PAX_FORMAT`, without the
//! padding to whole records at the end.

use super::Member;

pub const BLOCK: u64 = 512;
/// Two blocks of zeros.
pub const END_LENGTH: u64 = 2 * BLOCK;
/// The limit of eleven octal digits.
const OCTAL_LIMIT: u64 = 1 << 33;
const NAME: usize = 100;
const EXTENDED_NAME: &[u8] = b"././@PaxHeader";

/// Rounds up to whole blocks.
pub fn pad_to_block(size: u64) -> u64 {
    size.next_multiple_of(BLOCK)
}

/// The length of a member's headers; a multiple of [`BLOCK`].
pub fn header_length(member: &Member) -> u64 {
    let extended = extended_length(member);
    if extended == 0 { BLOCK } else { 2 * BLOCK + pad_to_block(extended) }
}

/// The headers of a member: one block, or at least three if the name, size or time does not fit into it.
pub fn render_header(member: &Member) -> Vec<u8> {
    let extended = render_records(member).concat();
    let mut out = Vec::new();
    if !extended.is_empty() {
        out.extend(render_block(EXTENDED_NAME, b"0000000", extended.len() as u64, 0, b'x'));
        out.extend(extended.as_bytes());
        out.resize(out.len().next_multiple_of(512), 0);
    }
    let ascii: Vec<u8> =
        member.name.chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?')).take(NAME).collect();
    let size = if member.size < OCTAL_LIMIT { member.size } else { 0 };
    out.extend(render_block(&ascii, b"0000644", size, octal_time(member).unwrap_or(0), b'0'));
    out
}

/// The modification time, if it fits into the octal field.
fn octal_time(member: &Member) -> Option<u64> {
    u64::try_from(member.modified).ok().filter(|time| *time < OCTAL_LIMIT)
}

fn needs_path(member: &Member) -> bool {
    member.name.len() > NAME || !member.name.is_ascii()
}

fn render_records(member: &Member) -> Vec<String> {
    let mut all = Vec::new();
    if needs_path(member) {
        all.push(render_record("path", &member.name));
    }
    if member.size >= OCTAL_LIMIT {
        all.push(render_record("size", &member.size.to_string()));
    }
    if octal_time(member).is_none() {
        all.push(render_record("mtime", &member.modified.to_string()));
    }
    all
}

fn extended_length(member: &Member) -> u64 {
    let mut length = 0;
    if needs_path(member) {
        length += record_length("path".len() + member.name.len());
    }
    if member.size >= OCTAL_LIMIT {
        length += record_length("size".len() + member.size.to_string().len());
    }
    if octal_time(member).is_none() {
        length += record_length("mtime".len() + member.modified.to_string().len());
    }
    length as u64
}

fn render_record(key: &str, value: &str) -> String {
    format!("{} {key}={value}\n", record_length(key.len() + value.len()))
}

/// The length of a record, which includes its own digits, the blank, the equals sign and the line end.
fn record_length(key_and_value: usize) -> usize {
    let mut length = key_and_value + 3;
    loop {
        let counted = key_and_value + 3 + length.to_string().len();
        if counted == length {
            return length;
        }
        length = counted;
    }
}

fn render_block(name: &[u8], mode: &[u8], size: u64, modified: u64, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name);
    put(100, mode);
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{modified:011o}").as_bytes());
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
