//! Searches by paths: the files and answers of icat.lucene 4.0, and where ours are better.

use serde_json::json;

use crate::lucene::IcatServer;

/// Number and location, as they were used with icat.lucene 4.0.
const FILES: [(i64, &str); 10] = [
    (1, "/dls/i22/data/2024/cm1-1/Scan.01.nxs"),
    (2, "/dls/i22/data/2024/cm1-1/scan_0002.h5"),
    (3, "/dls/i22/data/2023/nt20-8/jpegs/pg1/x.jpeg"),
    (4, "/DLS/I22/data/UP.NXS"),
    (5, r"\\isis\inst$\ndx\run.nxs"),
    (6, "/a/b/"),
    (7, "/dls/other/y.dat"),
    (8, "/pg1/jpegs/z.jpeg"),
    (9, "dls/i22/rel.nxs"),
    (10, "/dls/i22/my file.txt"),
];

async fn start_with_files(settings: &str, replace: impl Fn(&str) -> String) -> IcatServer {
    let server = IcatServer::start_with(settings).await;
    let files: Vec<_> = FILES
        .iter()
        .map(|(id, location)| json!({"id": id, "name": format!("file {id}"), "location": replace(location), "fileSize": 1, "date": 1}))
        .collect();
    server.add_documents("Datafile", &json!(files)).await;
    server.commit().await;
    server
}

#[tokio::test]
async fn paths_are_found_as_in_icat_lucene_unless_noted() {
    let server = start_with_files("search.path_separators = ['\\']", str::to_owned).await;
    for (query, expected) in [
        // Not an OR of its parts.
        ("location:/dls/i22/data", vec![1, 2, 3, 4]),
        ("/dls/i22/data", vec![1, 2, 3, 4]),
        (r#"location:"/dls/i22/data""#, vec![1, 2, 3, 4]),
        (r#"location:"I22/DATA""#, vec![1, 2, 3, 4]),
        (r#"location.exact:"/dls/i22/data""#, vec![1, 2, 3]),
        // A separator at the end does not matter.
        (r#"location.exact:"/dls/i22/data/""#, vec![1, 2, 3]),
        ("location.exact:/DLS/I22*", vec![4]),
        ("location.exact:/DLS/*/data", vec![4]),
        ("location:scan*", vec![1, 2]),
        ("location:Scan*", vec![1, 2]),
        ("location:*.jpeg", vec![3, 8]),
        ("location.fileName:nxs", vec![1, 4, 5, 9]),
        // Not every file of this extension.
        ("scan.01.nxs", vec![1]),
        (r#"location:"jpegs/pg1/""#, vec![3]),
        (r#"location:" jpegs/pg1/""#, vec![3]),
        ("location:/dls/**/*.nxs", vec![1, 4]),
        ("location:/dls/i22/data/2024/**", vec![1, 2]),
        ("location:/dls/i22/*", vec![10]),
        ("location:*can_00*", vec![2]),
        (r"location:\\isis\inst$\ndx\run.nxs", vec![5]),
        (r"\\isis\inst$", vec![5]),
        ("location:isis", vec![5]),
        (r#"location:"my file.txt""#, vec![10]),
        (r"location:my\ file.txt", vec![10]),
    ] {
        assert_eq!(server.find_datafiles(json!({"text": query})).await, expected, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_facility_with_backslashes_finds_its_files_with_either_separator() {
    let backslashes = |location: &str| location.replace('/', "\\");
    let server = start_with_files("search.path_separators = ['\\']", backslashes).await;
    for (query, expected) in [
        (r"location:\dls\i22\data", vec![1, 2, 3, 4]),
        ("location:/dls/i22/data", vec![1, 2, 3, 4]),
        (r#"location:"\\dls\\i22\\data""#, vec![1, 2, 3, 4]),
        (r"location:\dls\**\*.nxs", vec![1, 4]),
        ("location:/dls/**/*.nxs", vec![1, 4]),
        (r"location:jpegs\pg1", vec![3]),
        (r"location:\dls\*\data", vec![1, 2, 3, 4]),
        (r"location:\\isis\**", vec![5]),
        (r"\\isis\*\ndx\*.nxs", vec![5]),
        (r"cm1-1\*.h5", vec![2]),
        (r"*\*.h5", vec![2]),
    ] {
        assert_eq!(server.find_datafiles(json!({"text": query})).await, expected, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_path_that_all_files_would_be_compared_with_is_refused() {
    let server = start_with_files("", str::to_owned).await;
    let search = server.post("datafile?maxResults=1").json(&json!({"query": {"text": "location:*a*"}}));
    let (status, answer) = server.send(search).await;
    let expected = "location: this path would be compared with every file; add a directory (/data/2024/**), an extension (*.nxs) \
                    or at least 3 consecutive characters of the file name (*scan*)";
    assert_eq!((status, &answer["message"]), (400, &json!(expected)));
    server.stop().await;
}
