//! Archives of other notebooks, made here.

use std::io::{Seek as _, Write as _};
use std::mem::take;

use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::import::archive;
use crate::import::archive::CHUNK_SIZE;
use crate::import::foreign::*;

/// An entry and the contents of its files.
#[derive(Debug)]
struct Found {
    line: EntryLine,
    files: Vec<Vec<u8>>,
}

const LIMITS: Limits = Limits { attachment: 1 << 20, all: 1 << 22 };

fn write_zip(files: &[(&str, &[u8])]) -> DiskFile {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn read_graph(graph: &Value, files: &[(&str, &[u8])]) -> Result<Vec<Found>, String> {
    let metadata = json!({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}).to_string();
    let mut all = vec![("crate/ro-crate-metadata.json", metadata.as_bytes())];
    all.extend(files);
    read_all(&write_zip(&all))
}

fn read_all(file: &DiskFile) -> Result<Vec<Found>, String> {
    read_all_at(file, Micros::from_i64(7_000_000))
}

fn read_all_at(file: &DiskFile, now: Micros) -> Result<Vec<Found>, String> {
    let (mut found, mut files, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let mut archive = Archive::open(file)?.ok_or("no metadata")?;
    archive.read_entries(LIMITS, &TimeZone::UTC, now, |item| {
        match item {
            Item::Chunk(piece) => {
                assert!(piece.len() <= CHUNK_SIZE, "{} bytes at once", piece.len());
                bytes.extend(piece);
            }
            Item::FileEnd => files.push(take(&mut bytes)),
            Item::Entry(line) => found.push(Found { line: *line, files: take(&mut files) }),
        }
        Ok(())
    })?;
    Ok(found)
}

fn first_html(found: &Found) -> &str {
    found.line.content.parts.first().and_then(|part| part.text.as_deref()).unwrap_or_default()
}

#[test]
fn children_nested_texts_and_comments_become_entries() {
    let graph = json!([
        {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
        {"@id": "./", "@type": ["Dataset"], "hasPart": [{"@id": "./book/"}, {"@id": "./loose.txt"}]},
        {"@id": "./book/", "@type": ["Book", "Dataset"], "name": "the book", "hasPart": [{"@id": "./message/"}, {"@id": "./data"}]},
        {"@id": "./message/", "@type": ["Message", "Dataset"], "text": "<p>see <img src=\"./message/a%20b.png\"></p>",
            "dateCreated": "2026-01-19T14:28:27.166Z", "keywords": "one,two", "author": {"@id": "p"},
            "comment": [{"@id": "c"}], "hasPart": [{"@id": "./message/a b.png"}]},
        {"@id": "c", "@type": "Comment", "text": "indeed"},
        {"@id": "./message/a b.png", "@type": "File", "name": "a b.png"},
        {"@id": "./data", "@type": "Dataset", "name": "raw", "hasPart": {"@id": "./data/x.bin"}},
        {"@id": "./data/x.bin", "@type": "File", "name": "x.bin"},
        {"@id": "./loose.txt", "@type": "File", "name": "loose.txt"},
        {"@id": "p", "@type": "Person", "givenName": "Ada", "familyName": "L"},
    ]);
    let files: [(&str, &[u8]); 4] = [
        ("crate/message/a b.png", b"png"),
        ("crate/data/x.bin", b"x"),
        ("crate/loose.txt", b"loose"),
        ("crate/book/undescribed.txt", b"u"),
    ];
    let found = read_graph(&graph, &files).unwrap();
    let titles: Vec<_> = found.iter().map(|found| found.line.content.title.as_deref()).collect();
    assert_eq!(titles, [Some("the book"), Some("message"), None, Some("loose.txt")]);
    let names = |found: &Found| found.line.files.iter().map(|file| file.filename.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found[0]), ["x.bin", "undescribed.txt"]);
    assert_eq!((names(&found[1]), names(&found[3])), (vec!["a b.png".to_owned()], vec!["loose.txt".to_owned()]));
    let message = &found[1].line;
    assert_eq!(
        (message.content.full_name.as_deref(), message.content.tags.as_slice()),
        (Some("Ada L"), &["one".to_owned(), "two".to_owned()][..])
    );
    assert_eq!(message.content.at.as_i64(), 1_768_832_907_166_000);
    assert_eq!(first_html(&found[1]), format!("<p>see <img src=\"/resource/file/{}\"></p>", message.files[0].id));
    assert_eq!(first_html(&found[2]).trim(), "<p>indeed</p>");
    let again = read_graph(&graph, &files).unwrap();
    assert!(found.iter().zip(&again).all(|(one, other)| one.line.id == other.line.id), "ids are the same again");
}

#[test]
fn nothing_outside_the_crate_is_read_and_checksums_count() {
    let graph = |path: &str, sha256: &str| {
        json!([
            {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
            {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "e"}]},
            {"@id": "e", "@type": "Dataset", "text": "<p>t</p>", "hasPart": [{"@id": path}]},
            {"@id": path, "@type": "File", "name": "f", "sha256": sha256},
        ])
    };
    let files: [(&str, &[u8]); 3] = [("outside.txt", b"o"), ("crate/../up.txt", b"u"), ("crate/e/in.txt", b"i")];
    for path in ["../outside.txt", "/etc/passwd", "../up.txt", "file:///etc/passwd", "https://example.org/f"] {
        let found = read_graph(&graph(path, ""), &files).unwrap();
        let names: Vec<&str> = found[0].line.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(names, ["e/in.txt"], "{path}");
        assert!(first_html(&found[0]).contains("not in the archive: f"), "{path}: {}", first_html(&found[0]));
    }
    let right = encode_hex(digest(&SHA256, b"i").as_ref());
    assert_eq!(read_graph(&graph("e/in.txt", &right.to_uppercase()), &files).unwrap().len(), 1);
    let wrong = read_graph(&graph("e/in.txt", &right.replace('a', "b")), &files).unwrap_err();
    assert!(wrong.contains("a wrong SHA-256"), "{wrong}");
    let large = vec![0; 2 << 20];
    assert!(read_graph(&graph("e/in.txt", ""), &[("crate/e/in.txt", &large)]).unwrap_err().contains("larger than"));
}

#[test]
fn what_is_no_crate_is_said() {
    assert!(Archive::open(&write_zip(&[("a/b.txt", b"b")])).unwrap().is_none());
    let broken = write_zip(&[("a/ro-crate-metadata.json", b"{")]);
    assert!(Archive::open(&broken).is_err_and(|e| e.starts_with("ro-crate-metadata.json: ")));
    let deep = json!([
        {"@id": "ro-crate-metadata.json"},
        {"@id": "./", "hasPart": [{"@id": "a"}]},
        {"@id": "a", "@type": "Dataset", "encodingFormat": "text/markdown", "text": "1. ".repeat(50_000)},
    ]);
    assert!(read_graph(&deep, &[]).unwrap_err().contains("nested too deeply"));
    let circle = json!([
        {"@id": "ro-crate-metadata.json"},
        {"@id": "./", "hasPart": [{"@id": "a"}]},
        {"@id": "a", "@type": "Dataset", "text": "a", "hasPart": [{"@id": "b"}, {"@id": "./"}]},
        {"@id": "b", "@type": "Dataset", "text": "b", "hasPart": [{"@id": "a"}]},
    ]);
    assert_eq!(read_graph(&circle, &[]).unwrap().len(), 2);
}

#[test]
fn files_come_in_pieces_with_their_entry() {
    let parts = |names: &[&str]| names.iter().map(|name| json!({"@id": name})).collect::<Vec<_>>();
    let graph = json!([
        {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
        {"@id": "./", "@type": "Dataset", "hasPart": parts(&["a", "b"])},
        {"@id": "a", "@type": "Dataset", "text": "a", "hasPart": parts(&["a/large", "a/empty"])},
        {"@id": "b", "@type": "Dataset", "text": "b", "hasPart": parts(&["b/small"])},
        {"@id": "a/large", "@type": "File"}, {"@id": "a/empty", "@type": "File"}, {"@id": "b/small", "@type": "File"},
    ]);
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(3 * CHUNK_SIZE + 5).collect();
    let found =
        read_graph(&graph, &[("crate/a/large", &large), ("crate/a/empty", b""), ("crate/b/small", b"small")]).unwrap();
    assert_eq!(found[0].files, [large.clone(), Vec::new()]);
    assert_eq!(found[1].files, [b"small".to_vec()]);
    for (entry, bytes) in found.iter().flat_map(|found| found.line.files.iter().zip(&found.files)) {
        assert_eq!(entry.bytes, i64::try_from(bytes.len()).unwrap(), "{}", entry.path);
        assert_eq!(entry.sha256, encode_hex(digest(&SHA256, bytes).as_ref()), "{}", entry.path);
    }
}

/// With each file compared to each entry this takes minutes.
#[test]
fn many_entries_with_many_files_are_planned_soon() {
    const MANY: usize = 30_000;
    let mut graph = vec![json!({"@id": "ro-crate-metadata.json", "about": {"@id": "./"}})];
    let named = |n: usize| json!({"@id": format!("entry-{n}/")});
    graph.push(json!({"@id": "./", "@type": "Dataset", "hasPart": (0..MANY).map(named).collect::<Vec<_>>()}));
    graph.extend((0..MANY).map(|n| json!({"@id": format!("entry-{n}/"), "@type": "Dataset"})));
    let metadata = json!({"@graph": graph}).to_string();
    let mut archive = Archive::open(&write_zip(&[("ro-crate-metadata.json", metadata.as_bytes())])).unwrap().unwrap();
    archive.places = (0..MANY).map(|n| (format!("entry-{n}/deep/er/{n}.txt"), n)).collect();
    let planned = archive.plan_entries();
    assert_eq!(planned.len(), MANY);
    assert!(planned.iter().enumerate().all(|(n, part)| part.files == [format!("entry-{n}/deep/er/{n}.txt")]));
}

#[test]
fn the_innermost_directory_has_a_file_and_one_listed_beside_it_too() {
    let graph = json!([
        {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
        {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "a/"}, {"@id": "a/b/"}, {"@id": "a/b/x"}, {"@id": "ab"}]},
        {"@id": "a/", "@type": "Dataset", "text": "a"}, {"@id": "a/b/", "@type": "Dataset", "text": "b"},
        {"@id": "a/b/x", "@type": "File"}, {"@id": "ab", "@type": "File"},
    ]);
    let found = read_graph(&graph, &[("crate/a/b/x", b"x"), ("crate/a/y", b"y"), ("crate/ab", b"z")]).unwrap();
    let paths = |found: &Found| found.line.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>();
    assert_eq!(found.iter().map(paths).collect::<Vec<_>>(), [["a/y"], ["a/b/x"], ["ab"]]);
}

#[test]
fn entries_without_a_date_have_the_same_ids_at_each_import() {
    let metadata = json!({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": [
        {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
        {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "./a/"}]},
        {"@id": "./a/", "@type": "Dataset", "text": "undated", "hasPart": [{"@id": "./a/x"}]},
        {"@id": "./a/x", "@type": "File"},
    ]});
    let file = write_zip(&[("c/ro-crate-metadata.json", metadata.to_string().as_bytes()), ("c/a/x", b"x")]);
    let ids = |now| {
        read_all_at(&file, Micros::from_i64(now)).unwrap().into_iter().map(|found| found.line.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(7_000_000), ids(9_000_000));
    assert_eq!(ids(7_000_000).len(), 1);
}

#[test]
fn a_long_name_is_found_within_an_address() {
    let name = "ab/abcdef0123456789abcdef.png";
    let graph = json!([
        {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}},
        {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "e"}]},
        {"@id": "e", "@type": "Dataset", "hasPart": [{"@id": "e/one.png"}],
            "text": format!("<p><img src=\"app/download.php?f={name}&amp;s=1\"><a href=\"one.png\">o</a></p>")},
        {"@id": "e/one.png", "@type": "File", "alternateName": name},
    ]);
    let found = read_graph(&graph, &[("crate/e/one.png", b"png")]).unwrap();
    assert!(
        first_html(&found[0]).contains(&format!("/resource/file/{}", found[0].line.files[0].id)),
        "{}",
        first_html(&found[0])
    );
    assert!(first_html(&found[0]).contains("href=\"one.png\""), "a short name is no file of that name");
}

#[test]
fn a_file_called_entries_does_not_make_an_archive_one_of_ours() {
    let metadata: (&str, &[u8]) = ("c/ro-crate-metadata.json", b"{}");
    let own = "{\"id\":\"665f1c2ab7d0e84c1a2bf001\",\"event\":{}}\n".as_bytes();
    for (files, is_own) in [
        (vec![metadata, ("c/entries.jsonl", own)], true),
        (vec![metadata, ("c/entries.jsonl", b"")], true),
        (vec![metadata, ("c/entries.jsonl", b"{\"id\":\"66")], true),
        (vec![metadata, ("c/entries.jsonl", b"{\"step\":1}\n")], false),
        (vec![metadata, ("x/entries.jsonl", own)], false),
        (vec![metadata, ("c/x/entries.jsonl", own)], false),
        (
            vec![
                ("x/ro-crate-metadata.json", b"{}".as_slice()),
                ("x/entries.jsonl", own),
                ("ro-crate-metadata.json", b"{}"),
            ],
            false,
        ),
        (vec![("entries.jsonl", own), ("ro-crate-metadata.json", b"{}")], false),
        (vec![("c/entries.jsonl", own)], false),
    ] {
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(archive::is_logbook_archive(&write_zip(&files)), Ok(is_own), "{names:?}");
    }
}
