//! Tests with published archives: an independent program wrote the same members, and Python, Info-ZIP, GNU tar and Java have
//! read the result.

use std::io::Read as _;
use std::sync::Arc;

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;

const MODIFIED: i64 = 1_700_000_000;

/// Byte `y` of member `i`; of the large vector, zeros in the first one.
type Content = fn(usize, u64) -> u8;

fn pattern_byte(i: usize, y: u64) -> u8 {
    u8::try_from((7 * y + 3 * (y / 256) + 31 * i as u64) % 256).unwrap()
}

fn large_pattern_byte(i: usize, y: u64) -> u8 {
    if i == 0 { 0 } else { pattern_byte(i, y) }
}

fn build_member(name: impl Into<String>, size: u64, modified: i64) -> Member {
    Member { name: name.into(), size, modified }
}

fn crc_of(content: Content, i: usize, size: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut done = 0;
    while done < size {
        let end = size.min(done + (1 << 20));
        hasher.update(&(done..end).map(|y| content(i, y)).collect::<Vec<u8>>());
        done = end;
    }
    hasher.finalize()
}

/// Calls `take` with the bytes of a range, at most 1 MiB at once.
fn read_range(layout: &Layout, content: Content, crcs: &[u32], from: u64, to: u64, mut take: impl FnMut(&[u8])) {
    let mut at = from;
    while at < to {
        let position = layout.locate(at);
        let length = position.left.min(to - at).min(1 << 20);
        if let Zone::Data(i) = position.zone {
            let data: Vec<u8> = layout.data_range(i, position.offset, length).map(|y| content(i, y)).collect();
            let mut out = Vec::new();
            layout.append_framed_data(i, position.offset, length, &data, &mut out);
            assert_eq!(out.len() as u64, length);
            take(&out);
        } else {
            let crc = layout.member_with_crc(position.zone).map_or(0, |i| crcs[i]);
            let bytes = layout.render_zone(position.zone, crc);
            assert_eq!(bytes.len() as u64, position.offset + position.left, "{position:?}");
            take(&bytes[usize::try_from(position.offset).unwrap()..][..usize::try_from(length).unwrap()]);
        }
        at += length;
    }
}

fn build_archive(form: LayoutFormat, members: &[Member]) -> Vec<u8> {
    let crcs: Vec<u32> = members.iter().enumerate().map(|(i, m)| crc_of(pattern_byte, i, m.size)).collect();
    let layout = Layout::new(form, members.into());
    let mut out = Vec::new();
    read_range(&layout, pattern_byte, &crcs, 0, layout.total_length(), |bytes| out.extend(bytes));
    assert_eq!(out.len() as u64, layout.total_length());
    out
}

fn hash_archive(form: LayoutFormat, members: &[Member], content: Content) -> (u64, String) {
    let crcs: Vec<u32> = members.iter().enumerate().map(|(i, m)| crc_of(content, i, m.size)).collect();
    let layout = Layout::new(form, members.into());
    let mut digest = Sha256::new();
    read_range(&layout, content, &crcs, 0, layout.total_length(), |bytes| digest.update(bytes));
    (layout.total_length(), digest.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

const FORMATS: [LayoutFormat; 3] = [LayoutFormat::ZipStored, LayoutFormat::ZipBlocks, LayoutFormat::Tar];

fn require_published_hashes(what: &str, members: &[Member], expected: [(u64, &str); 3]) {
    for (form, (total, digest)) in FORMATS.into_iter().zip(expected) {
        assert_eq!(hash_archive(form, members, pattern_byte), (total, digest.to_owned()), "{what} {form:?}");
    }
}

fn small_archives() -> Vec<(&'static str, Vec<Member>)> {
    let four = vec![
        build_member("ids/F/Größe/Ångström 数据.h5", 10, MODIFIED),
        build_member("n".repeat(100), 0, MODIFIED),
        build_member("n".repeat(101), 513, MODIFIED),
        build_member(format!("x/{}z", "é".repeat(126)), 3, MODIFIED),
    ];
    let five = [("b0", 0), ("b1", 1), ("b65534", 65_534), ("b65535", 65_535), ("b65536", 65_536)];
    let five = five.into_iter().chain([("b131070", 131_070), ("b131071", 131_071)]);
    let six = [-1, 315_532_799, 315_532_801, 2_147_483_648, 4_354_819_199, 8_589_934_592];
    vec![
        ("nothing", vec![]),
        ("an empty file", vec![build_member("empty", 0, 0)]),
        (
            "odd seconds",
            vec![
                build_member("ids/F/I-1/1/ds/a.txt", 1, MODIFIED),
                build_member("ids/F/I-1/1/ds/b.dat", 1000, MODIFIED + 1),
                build_member("ids/F/I-1/1/ds/c.dat", 512, 1_709_210_096),
            ],
        ),
        ("names", four),
        ("block edges", five.map(|(name, size)| build_member(name, size, MODIFIED)).collect()),
        ("times", six.iter().enumerate().map(|(n, t)| build_member(format!("t{}", n + 1), 1, *t)).collect()),
    ]
}

#[test]
fn small_archives_are_the_published_bytes() {
    let expected = [
        [
            (22, "8739c76e681f900923b900c9df0ef75cf421d39cabb54650c4b9ad19b6a76d85"),
            (22, "8739c76e681f900923b900c9df0ef75cf421d39cabb54650c4b9ad19b6a76d85"),
            (1024, "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
        ],
        [
            (126, "2428f196fab6790e0e5c1e2890141afc6c106889e6ff79f6dca2529be41ea174"),
            (147, "5df0b6667e209b3823ea042fc7ff92cfc46d897509dd066533309f77ada85d6a"),
            (1536, "3e7d1af49cd2fe5f347520cd7dfc9df1b666c4a42e328306ba3d273f695d543b"),
        ],
        [
            (1937, "ba433b6b079a3440fbc5ce3366bcfe04552b135216b699f8a7d23c162bad50b6"),
            (2000, "e04c9ddf5c944f15936ac687f90ef00ea5b5e86ae121a9ffb2c056bdae20d9d8"),
            (4608, "760b56991504f5b9480b67d35dbe0a0da32341dad03cbe0da9269eee91bfb77f"),
        ],
        [
            (1904, "53cd76b4c6426167c281545fabeac57a5cef3df8dd412cd4125cf65c8053920f"),
            (1988, "e458fe12299d4739427b87b5bdf653985b905c7e8cd5f3fe10998de6176330e5"),
            (8192, "3bc046c31a10119febf072b99d5f82cecd904b999b6d6c8667cdf086076f4440"),
        ],
        [
            (459_499, "8c23220d45d7739becb7a6fab9fa9579de329569e8982f4e67c7f0ff9fbc3b6d"),
            (459_666, "7a7507d73fea891e6d93b02b651c07e2f8b61901e00b4302b97feb16a27b10a0"),
            (463_872, "22cfe495c3a6f8dac86d6fdd8b0e3cce8cdd561e245ae2993ee24545d84055a1"),
        ],
        [
            (616, "d8c1269c304788602b7f0ecb07b7ad729749affb2f2499df21d25e207898112a"),
            (742, "83c53e64dbf54aaf7651d5862f5869d4a52578fba9c627eb26edc664ac4d7635"),
            (9216, "677f0b590c6c829e559ecf5cde5f80f74879d2800144c3ad236e633bb9033233"),
        ],
    ];
    for ((what, members), expected) in small_archives().iter().zip(expected) {
        require_published_hashes(what, members, expected);
    }
}

#[test]
fn an_empty_member_is_the_published_text() {
    let hex = |bytes: Vec<u8>| bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let empty = [build_member("empty", 0, 0)];
    assert_eq!(
        hex(build_archive(LayoutFormat::ZipStored, &empty)),
        "504b03041400000800000000210000000000000000000000000005000900656d707479555405000100000000504b01022d031400000800\
         0000002100000000000000000000000000050009000000000000000000a48100000000656d707479555405000100000000504b05060000\
         0000010001003c0000002c0000000000"
    );
    assert_eq!(
        hex(build_archive(LayoutFormat::ZipBlocks, &empty)),
        "504b03041400080808000000210000000000000000000000000005000900656d707479555405000100000000010000ffff504b07080000\
         00000500000000000000504b01022d0314000808080000002100000000000500000000000000050009000000000000000000a481000000\
         00656d707479555405000100000000504b050600000000010001003c000000410000000000"
    );
}

#[test]
fn many_members_are_the_published_bytes() {
    let members: Vec<Member> = (0..65_535).map(|n| build_member(format!("m{n:05}"), 0, MODIFIED)).collect();
    let expected = [
        (6_946_808, "72ddc9e58c540d9cda3cd75f6098fd539ecf9a406f9592123f650233c841fa0f"),
        (8_323_043, "ce7e7ee6a8c35fab705035a7a1f7e088ab13388f47fad05a44dbe5830953a6ad"),
        (33_554_944, "4eaa7a3df7d2ec8a40f051233589012304a3c6b6ae214961ddb87939f26bb9f1"),
    ];
    require_published_hashes("65,535 members", &members, expected);
    let last = |form| Layout::new(form, members.as_slice().into());
    for (form, offset, directory) in
        [(LayoutFormat::ZipStored, 2_949_030, 2_949_075), (LayoutFormat::ZipBlocks, 4_325_244, 4_325_310)]
    {
        let layout = last(form);
        assert_eq!((layout.data_offset(65_534) - 45, layout.directory_offset()), (offset, directory));
    }
}

#[test]
fn a_member_of_four_gigabytes_is_the_published_bytes() {
    let members = [build_member("big", 1 << 32, MODIFIED), build_member("tail", 3, MODIFIED)];
    // The checksum of 2^32 zeros is published with the vectors; the rest goes through the same places as always.
    let crcs = [0xd202_ef8d, crc_of(large_pattern_byte, 1, 3)];
    assert_eq!(crcs[1], 0x6e3a_e20e);
    let expected = [
        (4_294_967_651, "194d941673935364649240210c673e8764b8d8529e9ef156fd0c107996a0963b", 4_294_967_404),
        (4_295_295_386, "289bc7bd6ffb9dd228c8d93232a95d7895bbe9e2807d2dad8a338e67c2836bff", 4_295_295_139),
        (4_294_969_856, "b23f1b9b8c8e4ef215f85a5a83f4e72278b109301eefba6f8e86fc42ac719109", 4_294_968_832),
    ];
    let zeros = vec![0; 1 << 20];
    for (form, (total, published, directory)) in FORMATS.into_iter().zip(expected) {
        let layout = Layout::new(form, members.as_slice().into());
        assert_eq!((layout.total_length(), layout.directory_offset()), (total, directory));
        let mut digest = Digest::default();
        let mut at = 0;
        while at < total {
            let position = layout.locate(at);
            let length = position.left.min(1 << 20);
            match position.zone {
                Zone::Data(0) => {
                    let data = layout.data_range(0, position.offset, length);
                    let mut out = Vec::new();
                    layout.append_framed_data(
                        0,
                        position.offset,
                        length,
                        &zeros[..usize::try_from(data.end - data.start).unwrap()],
                        &mut out,
                    );
                    digest.0.update(&out);
                }
                _ => read_range(&layout, large_pattern_byte, &crcs, at, at + length, |bytes| digest.0.update(bytes)),
            }
            at += length;
        }
        assert_eq!(digest.into_hex(), published, "{form:?}");
    }
}

/// With the processor's own instructions; a portable one would take minutes over 12 GiB.
struct Digest(aws_lc_rs::digest::Context);

impl Default for Digest {
    fn default() -> Self {
        Self(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }
}

impl Digest {
    fn into_hex(self) -> String {
        self.0.finish().as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

#[test]
fn places_and_lengths_hold_around_the_limits_of_the_formats() {
    let two = |form, size| {
        Layout::new(form, [build_member("big", size, MODIFIED), build_member("tail", 3, MODIFIED)].as_slice().into())
    };
    let zip = two(LayoutFormat::ZipStored, (1 << 32) - 2);
    assert_eq!((zip.data_offset(1) - 43, zip.total_length()), (4_294_967_336, 4_294_967_609));
    let below = two(LayoutFormat::ZipBlocks, 4_294_639_629);
    assert_eq!((below.locate(42).left, below.total_length()), ((1 << 32) - 2, 4_294_967_646));
    let above = two(LayoutFormat::ZipBlocks, 4_294_639_631);
    assert_eq!((above.locate(62).left, above.total_length()), (1 << 32, 4_294_967_696));
    let tar = two(LayoutFormat::Tar, (1 << 33) - 1);
    assert_eq!((tar.data_offset(0), tar.data_offset(1) - 512, tar.total_length()), (512, 8_589_935_104, 8_589_937_152));
    let tar = two(LayoutFormat::Tar, 1 << 33);
    assert_eq!(
        (tar.data_offset(0), tar.data_offset(1) - 512, tar.total_length()),
        (1536, 8_589_936_128, 8_589_938_176)
    );
    assert_eq!(&tar.render_zone(Zone::Header(0), 0)[512..531], b"19 size=8589934592\n");
}

/// Info-ZIP would read the offset of the second member from where a true 2^32-1 stands.
#[test]
fn a_true_mark_makes_every_zip64_entry_carry_all_values() {
    for form in [LayoutFormat::ZipStored, LayoutFormat::ZipBlocks] {
        let layout = Layout::new(
            form,
            [build_member("big", (1 << 32) - 1, MODIFIED), build_member("tail", 3, MODIFIED)].as_slice().into(),
        );
        for (i, name) in [(0, 3), (1, 4)] {
            assert_eq!(layout.render_zone(Zone::Entry(i), 0).len(), 46 + name + 9 + 28, "{form:?} {i}");
        }
        let end = layout.render_zone(Zone::End, 0).len() as u64;
        assert_eq!(layout.total_length(), layout.directory_offset() + 2 * (46 + 9 + 28) + 7 + end);
    }
}

#[test]
fn compressed_archives_hold_what_was_put_in() {
    for (what, members) in small_archives() {
        for kind in [Compression::ZipDeflate, Compression::TarGz] {
            let mut archive = CompressedArchive::new(kind, members.as_slice().into());
            let mut out = Vec::new();
            for (i, member) in members.iter().enumerate() {
                archive.begin_member(i).unwrap();
                let data: Vec<u8> = (0..member.size).map(|y| pattern_byte(i, y)).collect();
                for piece in data.chunks(10_000) {
                    archive.write_data(piece).unwrap();
                    out.extend(archive.take_output());
                }
                archive.end_member(i, crc32fast::hash(&data)).unwrap();
            }
            archive.finish().unwrap();
            out.extend(archive.take_output());
            if kind == Compression::TarGz {
                let mut tar = Vec::new();
                flate2::read::GzDecoder::new(out.as_slice()).read_to_end(&mut tar).unwrap();
                assert_eq!(tar, build_archive(LayoutFormat::Tar, &members), "{what}");
            } else {
                // The directory names each local header, and the data behind it inflate to the member.
                let end = out.len() - 22;
                let directory = u32::from_le_bytes(out[end + 16..end + 20].try_into().unwrap()) as usize;
                let mut at = directory;
                for (i, member) in members.iter().enumerate() {
                    assert_eq!(out[at..at + 4], 0x0201_4b50_u32.to_le_bytes(), "{what}");
                    let offset = u32::from_le_bytes(out[at + 42..at + 46].try_into().unwrap()) as usize;
                    assert_eq!(out[offset..offset + 4], 0x0403_4b50_u32.to_le_bytes(), "{what}");
                    let start = offset + 30 + member.name.len() + 9;
                    let mut data = Vec::new();
                    flate2::read::DeflateDecoder::new(&out[start..]).read_to_end(&mut data).unwrap();
                    assert!(data.iter().copied().eq((0..member.size).map(|y| pattern_byte(i, y))), "{what}");
                    at += 46 + member.name.len() + 9;
                }
                assert_eq!(at, end, "{what}");
            }
        }
    }
}

fn member_lists() -> impl Strategy<Value = Vec<Member>> {
    let size = prop_oneof![Just(0), Just(1), Just(65_535), Just(65_536), Just(131_071), 0_u64..3000];
    let modified = prop_oneof![Just(-1), Just(MODIFIED), Just(8_589_934_592), 0_i64..5_000_000_000];
    prop::collection::vec(("[a-zé/]{1,120}", size, modified), 0..8)
        .prop_map(|all| all.into_iter().map(|(name, size, modified)| build_member(name, size, modified)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_range_is_the_slice_of_the_whole(members in member_lists(), cuts in prop::collection::vec((0.0..1.0, 0.0..1.0), 50)) {
        for form in FORMATS {
            let whole = build_archive(form, &members);
            let crcs: Vec<u32> = members.iter().enumerate().map(|(i, m)| crc_of(pattern_byte, i, m.size)).collect();
            let layout = Layout::new(form, Arc::from(members.as_slice()));
            for (a, b) in &cuts {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a small archive")]
                let at = |part: &f64| (part * whole.len() as f64) as usize;
                let (from, to) = (at(a).min(at(b)), at(a).max(at(b)));
                let mut slice: Vec<u8> = Vec::new();
                read_range(&layout, pattern_byte, &crcs, from as u64, to as u64, |bytes| slice.extend(bytes));
                prop_assert!(slice == whole[from..to], "{form:?} {from}..{to}");
            }
        }
    }
}
