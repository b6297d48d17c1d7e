//! Ranges of parameters whose types have other units than the query.

use serde_json::{Value, json};

use super::lucene::IcatServer;

const TYPES: [(&str, &str); 14] = [
    ("temperature", "K"),
    ("sample temperature", "°C"),
    ("energy", "keV"),
    ("bandwidth", "meV"),
    ("position", "mm"),
    ("exposure", "s"),
    ("momentum transfer", "Å-1"),
    ("resolution", "1/nm"),
    ("speed", "mm/min"),
    ("dose", "arb. units"),
    ("number", "N/A"),
    ("step", "grid"),
    ("label", ""),
    ("old temperature", "K"),
];

/// A parameter of the datafile with the same id; its type is the one with this name.
fn parameter(id: i64, name: &str, value: &Value) -> Value {
    let position = TYPES.iter().position(|(of_type, _)| *of_type == name).unwrap();
    let mut document = json!({
        "id": id, "datafile.id": id, "type.id": position, "type.name": name, "type.units": TYPES[position].1,
    });
    match value {
        Value::Array(values) => {
            document["numericValue"] = values[0].clone();
            document["rangeBottom"] = values[1].clone();
            document["rangeTop"] = values[2].clone();
        }
        value => document["numericValue"] = value.clone(),
    }
    document
}

async fn start_with_parameters(settings: &str, parameters: &[(&str, Value)]) -> IcatServer {
    let server = IcatServer::start_with(settings).await;
    let ids = 1..=i64::try_from(parameters.len()).unwrap();
    let files: Vec<Value> = ids.clone().map(|id| json!({"id": id, "name": format!("f{id}.h5")})).collect();
    let rows: Vec<Value> = ids.zip(parameters).map(|(id, (name, value))| parameter(id, name, value)).collect();
    server.add_documents("Datafile", &json!(files)).await;
    server.add_documents("DatafileParameter", &json!(rows)).await;
    server.commit().await;
    server
}

/// Datafiles with a parameter for which one condition holds.
async fn find_by_condition(server: &IcatServer, condition: Value) -> Vec<i64> {
    server.find_datafiles(json!({"filter": {"datafileParameter": [{"filter": [condition]}]}})).await
}

fn range(from: f64, to: f64, units: &str) -> Value {
    json!({"field": "numericValue", "from": from, "to": to, "units": units})
}

#[tokio::test]
async fn ranges_are_converted_into_the_units_of_each_parameter_type() {
    let parameters = [
        ("temperature", json!(293.15)),         // 1
        ("sample temperature", json!(20)),      // 2
        ("sample temperature", json!(293)),     // 3
        ("energy", json!(12.4)),                // 4
        ("bandwidth", json!(12.4)),             // 5
        ("position", json!(2)),                 // 6
        ("exposure", json!(0.002)),             // 7
        ("momentum transfer", json!(0.1)),      // 8
        ("resolution", json!(1)),               // 9
        ("speed", json!(60)),                   // 10
        ("dose", json!(5)),                     // 11
        ("number", json!(5)),                   // 12
        ("sample temperature", json!(-269.15)), // 13
    ];
    let server = start_with_parameters("", &parameters).await;
    for (condition, expected) in [
        (range(293.0, 294.0, "K"), vec![1, 2]),
        (range(20.0, 20.0, "degC"), vec![1, 2]),
        (range(68.0, 68.0, "°F"), vec![1, 2]),
        (range(3.9, 4.1, "kelvin"), vec![13]),
        (range(12_400.0, 12_400.0, "eV"), vec![4]),
        (range(0.0, 1.0, "eV"), vec![5]),
        (range(0.012, 0.013, "MeV"), vec![4]),
        // Two millimetres are no time.
        (range(0.001, 0.003, "s"), vec![7]),
        (range(1.0, 3.0, "ms"), vec![7]),
        (range(0.001, 0.003, "m"), vec![6]),
        (range(2_000.0, 2_000.0, "\u{b5}m"), vec![6]),
        (range(2_000.0, 2_000.0, "\u{3bc}m"), vec![6]),
        (range(1.0, 1.0, "1/nm"), vec![8, 9]),
        (range(0.1, 0.1, "Å^-1"), vec![8, 9]),
        (range(0.9, 1.1, "mm/s"), vec![10]),
        // Units that are not known are compared as texts.
        (range(5.0, 5.0, "arb. units"), vec![11]),
        (range(5.0, 5.0, "N/A"), vec![12]),
        (range(5.0, 5.0, "furlong"), vec![]),
        (range(5.0, 5.0, "V"), vec![]),
        // Without units, numbers are compared.
        (json!({"field": "numericValue", "from": 2, "to": 20}), vec![2, 4, 5, 6, 11, 12]),
        (json!({"field": "numericValue", "exact": 20, "units": "°C"}), vec![1, 2]),
    ] {
        assert_eq!(find_by_condition(&server, condition.clone()).await, expected, "{condition}");
    }
    // The units of a parameter in the older form are a pattern.
    for (units, expected) in [("m*", vec![5, 6, 10]), ("°C", vec![2, 3, 13]), ("degC", vec![])] {
        let parameter = json!({"name": "*", "units": units, "lowerNumericValue": -1e9, "upperNumericValue": 1e9});
        assert_eq!(server.find_datafiles(json!({"parameters": [parameter]})).await, expected, "{units}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_exact_value_lies_within_the_range_of_a_parameter_with_other_units() {
    let parameters = [
        ("sample temperature", json!([50, 20, 100])),
        ("temperature", json!([300, 290, 310])),
        ("position", json!([300, 290, 310])),
    ];
    let server = start_with_parameters("", &parameters).await;
    let exact = |value: f64, units: &str| json!({"field": "numericValue", "exact": value, "units": units});
    for (condition, expected) in [
        (exact(303.15, "K"), vec![1, 2]),
        (exact(310.0, "K"), vec![1, 2]),
        (exact(293.15, "K"), vec![1, 2]),
        (exact(290.0, "K"), vec![2]),
        (exact(311.0, "K"), vec![1]),
        (exact(37.0, "celsius"), vec![1]),
        (exact(0.3, "m"), vec![3]),
        (exact(300.0, "s"), vec![]),
        (json!({"field": "rangeTop", "from": 373.0, "to": 374.0, "units": "K"}), vec![1]),
        (json!({"field": "rangeBottom", "from": 16.0, "to": 17.0, "units": "°C"}), vec![2]),
    ] {
        assert_eq!(find_by_condition(&server, condition.clone()).await, expected, "{condition}");
    }
    server.stop().await;
}

#[tokio::test]
async fn new_units_of_a_parameter_type_hold_at_once_and_aliases_come_from_the_settings() {
    let parameters = [("step", json!(4)), ("label", json!(4)), ("old temperature", json!(4)), ("position", json!(2))];
    let server = start_with_parameters("search.units = \"mm: grid 0.5\"", &parameters).await;
    assert_eq!(find_by_condition(&server, range(0.2, 0.2, "cm")).await, [1, 4]);
    assert_eq!(find_by_condition(&server, range(4.0, 4.0, "grid")).await, [1, 4]);
    assert_eq!(find_by_condition(&server, range(4.0, 4.0, "K")).await, [3]);

    let changed = json!({"type.id": 13, "type.name": "old temperature", "type.units": "m"});
    server.modify(&json!([{"update": {"_index": "ParameterType", "_id": 13, "doc": changed}}])).await;
    assert_eq!(find_by_condition(&server, range(4.0, 4.0, "K")).await, [] as [i64; 0]);
    assert_eq!(find_by_condition(&server, range(400.0, 400.0, "cm")).await, [3]);
    assert_eq!(find_by_condition(&server, range(-1e300, 1e300, "km")).await, [1, 3, 4]);
    server.stop().await;
}

#[tokio::test]
async fn texts_search_for_parameters_with_units() {
    let parameters = [
        ("temperature", json!(4)),              // 1
        ("temperature", json!(20)),             // 2
        ("sample temperature", json!(-268)),    // 3
        ("momentum transfer", json!(0.1)),      // 4
        ("exposure", json!(0.002)),             // 5
        ("dose", json!(5)),                     // 6
        ("label", json!(5)),                    // 7
        ("temperature", json!([100, 90, 110])), // 8
    ];
    let server = start_with_parameters("", &parameters).await;
    server
        .modify(&json!([
            {"create": {"_index": "DatafileParameter", "_id": 101, "doc": {"id": 101, "datafile.id": 1, "type.id": 90,
                "type.name": "mode", "type.units": "", "stringValue": "a/fast"}}},
            {"create": {"_index": "DatafileParameter", "_id": 102, "doc": {"id": 102, "datafile.id": 2, "type.id": 91,
                "type.name": "start", "type.units": "", "dateTimeValue": 1_710_460_800_000_i64}}},
        ]))
        .await;
    for (text, expected) in [
        ("parameter.temperature:[3K TO 5K]", vec![1]),
        ("parameter.temperature:[3 TO 5K]", vec![1]),
        ("parameter.temperature:[3000mK TO 5K]", vec![1]),
        ("parameter.temperature:[3 TO 5]", vec![1]),
        ("parameter.temperature:>=4K", vec![1, 2, 8]),
        ("parameter.temperature:>4", vec![2, 8]),
        ("parameter.temperature:{4 TO *]", vec![2, 8]),
        ("parameter.temperature:<\"-250 °C\"", vec![1, 2]),
        ("parameter.temperature:4000mK", vec![1]),
        ("parameter.temperature:95K", vec![8]),
        ("Parameter.temperature:20", vec![2]),
        ("parameter.temperature:*", vec![1, 2, 8]),
        ("parameter.temperature:[4K TO 10K] OR parameter.exposure:<1s", vec![1, 5]),
        ("parameter.temperature:>=4K AND NOT name:f2.h5", vec![1, 8]),
        ("parameter.sample\\ temperature:[5K TO 6K]", vec![3]),
        ("parameter.sample\\ temperature:-268", vec![3]),
        ("parameter.momentum\\ transfer:\"1 1/nm\"", vec![4]),
        ("parameter.momentum\\ transfer:0.1/Å", vec![4]),
        // Units that are not known are compared as texts.
        ("parameter.dose:\"5 arb. units\"", vec![6]),
        ("parameter.label:5", vec![7]),
        ("parameter.mode:a/fast", vec![1]),
        ("parameter.mode:\"a/fast\"", vec![1]),
        ("parameter.mode:*fast", vec![1]),
        ("parameter.mode:fast", vec![]),
        ("parameter.mode:a*", vec![1]),
        ("parameter.start:2024", vec![2]),
        ("parameter.start:2024-03-15", vec![2]),
        ("parameter.start:[2024-01 TO 2024-02]", vec![]),
        ("parameter.start:>=2024-03", vec![2]),
        ("parameter.nothing:5K", vec![]),
        // An icat.server shows texts of errors to everybody, so that none says which units a parameter has.
        ("parameter.temperature:5s", vec![]),
        ("parameter.temperature:[1s TO *]", vec![]),
        ("parameter.temperature:5furlong", vec![]),
        ("parameter.label:5K", vec![]),
        ("parameter.nothing:*", vec![]),
    ] {
        assert_eq!(server.find_datafiles(json!({"text": text})).await, expected, "{text}");
    }
    for (text, expected) in [
        (
            "parameter.temperature:[1K TO 5s]",
            "the bounds `K` and `s` cannot be compared: they are no known units of one dimension",
        ),
        (
            "parameter.temperature:[cold TO hot]",
            "the bounds of the parameter temperature are neither numbers nor dates; write parameter.temperature:[4 TO 10], \
             parameter.temperature:[4K TO 10K] or parameter.temperature:[2024-03-01 TO 2024-03-15]",
        ),
    ] {
        let request = server.post("datafile?maxResults=1").json(&json!({"query": {"text": text}}));
        let (status, answer) = server.send(request).await;
        assert_eq!((status, answer["message"].as_str()), (400, Some(expected)), "{text}");
    }
    server.stop().await;
}
