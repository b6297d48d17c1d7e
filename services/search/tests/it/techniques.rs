//! Names of techniques from an ontology.

use serde_json::{Value, json};

use super::lucene::IcatServer;

const ONTOLOGY: &str = include_str!("data/techniques.owl");
const TURTLE: &str = r#"
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix : <http://example.org/techniques/> .
:scattering a skos:Concept ; skos:prefLabel "scattering"@en .
:npd a skos:Concept ; skos:prefLabel "neutron powder diffraction"@en ; skos:altLabel "NPD" ; skos:broader :powder .
:powder a skos:Concept ; skos:prefLabel "powder diffraction" ; skos:broader :scattering .
"#;

const DATASETS: [(i64, &str); 7] = [
    (1, "NPD of iron"),
    (2, "Pulverdiffraktometrie"),
    (3, "neutron powder profile"),
    (4, "powder diffraction"),
    (5, "SAXS"),
    (6, "guesswork"),
    (7, "scattering"),
];

/// Datasets with these names, each with the technique of the same name.
async fn start_with_datasets(settings: &str) -> IcatServer {
    let server = IcatServer::start_with(settings).await;
    let datasets: Vec<Value> = DATASETS.iter().map(|(id, name)| json!({"id": id, "name": name})).collect();
    let techniques: Vec<Value> = DATASETS
        .iter()
        .map(|(id, name)| json!({"id": id, "dataset.id": id, "technique.id": id, "technique.name": name}))
        .collect();
    server.add_documents("Dataset", &json!(datasets)).await;
    server.add_documents("DatasetTechnique", &json!(techniques)).await;
    server.commit().await;
    server
}

async fn find_datasets(server: &IcatServer, text: &str) -> Vec<i64> {
    let body = json!({"query": {"text": text}, "fields": ["id"]});
    let answer = server.search_documents("dataset", "maxResults=100", &body).await;
    let mut ids: Vec<i64> =
        answer["results"].as_array().unwrap().iter().map(|hit| hit["_source"]["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_name_of_a_technique_finds_its_other_names_and_narrower_techniques() {
    let dir = tempfile::tempdir().unwrap();
    let (owl, turtle) = (dir.path().join("techniques.owl"), dir.path().join("techniques.TTL"));
    std::fs::write(&owl, ONTOLOGY).unwrap();
    std::fs::write(&turtle, TURTLE).unwrap();
    let setting = |file: &std::path::Path| format!("search.technique_ontology_file = \"{}\"", file.display());

    let server = start_with_datasets(&setting(&owl)).await;
    for (text, expected) in [
        ("NPD", vec![1, 3]),
        ("\"neutron powder diffraction\"", vec![1, 3]),
        ("pulverdiffraktometrie", vec![1, 2, 3, 4]),
        ("\"powder diffraction\"", vec![1, 2, 3, 4]),
        ("scattering", vec![1, 2, 3, 4, 5, 7]),
        ("name:scattering", vec![1, 2, 3, 4, 5, 7]),
        ("technique.name:scattering", vec![1, 2, 3, 4, 5, 7]),
        ("technique.name:NPD AND iron", vec![1]),
        ("Technique.name:guess*", vec![6]),
        ("technique.name:nothing", vec![]),
        // Neither narrower nor another name.
        ("SAXS", vec![5]),
        ("guesswork", vec![6]),
        // Every word of its own is looked for.
        ("small angle", vec![]),
        // A pattern has no synonyms.
        ("scatter*", vec![7]),
        // The default synonyms remain.
        ("fe", vec![1]),
    ] {
        assert_eq!(find_datasets(&server, text).await, expected, "{text}");
    }
    let exact = json!({"query": {"filter": {"datasetTechnique.technique.name": "scattering"}}, "fields": ["id"]});
    assert_eq!(server.search_documents("dataset", "maxResults=9", &exact).await["total"], 1, "filters are exact");
    server.stop().await;

    let server = start_with_datasets(&setting(&turtle)).await;
    assert_eq!(find_datasets(&server, "scattering").await, [1, 4, 7]);
    server.stop().await;

    let server = start_with_datasets("").await;
    assert_eq!(find_datasets(&server, "scattering").await, [7]);
    assert_eq!(find_datasets(&server, "technique.name:scattering").await, [7]);
    server.stop().await;
}

#[test]
fn mistakes_in_an_ontology_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, content).unwrap();
        let toml = format!("search.technique_ontology_file = \"{}\"", file.display());
        let settings = service_kit::Config::from_toml(&[search::SERVICE.settings], &toml).unwrap();
        (search::SERVICE.check)(&settings).map_err(|e| e.to_string())
    };
    check("techniques.owl", ONTOLOGY).unwrap();
    check("techniques.ttl", TURTLE).unwrap();
    for (name, content, reason) in [
        ("broken.owl", &ONTOLOGY[..ONTOLOGY.len() - 20], "it is not valid RDF/XML: "),
        ("turtle.owl", TURTLE, "it is not valid RDF/XML: "),
        ("broken.ttl", "@prefix : <http://example.org/> .\n:a :b", "it is not valid Turtle: "),
        (
            "none.ttl",
            "<http://example.org/a> <http://www.w3.org/2000/01/rdf-schema#label> \"a\" .",
            "it has no class with a name",
        ),
        ("empty.owl", "", "it "),
        ("large.ttl", &" ".repeat(16 * 1024 * 1024 + 1), "it has more than 16777216 bytes"),
    ] {
        let refused = check(name, content).unwrap_err();
        let file = dir.path().join(name);
        let expected = format!("search.technique_ontology_file {}: {reason}", file.display());
        assert!(refused.starts_with(&expected), "{refused}");
    }
    let toml = "search.technique_ontology_file = '/nowhere.owl'";
    let settings = service_kit::Config::from_toml(&[search::SERVICE.settings], toml).unwrap();
    let refused = (search::SERVICE.check)(&settings).unwrap_err().to_string();
    assert!(refused.starts_with("search.technique_ontology_file /nowhere.owl: No such file"), "{refused}");
}
