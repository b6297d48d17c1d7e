use proptest::prelude::*;

use super::porter_stemmer::stem_word;
use super::synonyms::{Expansion, MAX_ALTERNATIVES, Synonyms};
use super::technique_ontology::{OntologyFormat, TechniqueOntology};
use super::{Token, analyze, normalize_term};

fn join_terms(text: &str) -> String {
    analyze(text).into_iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
}

#[test]
fn texts_give_the_terms_of_icat_lucene() {
    for (text, expected) in [
        ("1234.dat", "1234 dat"),
        ("abcd.dat", "abcd.dat"),
        ("run_0001.nxs", "run_0001 nx"),
        ("scan-12_a.h5", "scan 12_a.h5"),
        ("NT20-8", "nt20 8"),
        ("a1_b2-c3.d4", "a1_b2 c3 d4"),
        ("file (1).txt", "file 1 txt"),
        ("v1.2.3", "v1.2.3"),
        ("10.5286/ISIS.E.RB1234567", "10.5286 isis.e.rb1234567"),
        (r"C:\data\x.raw", "c data x.raw"),
        ("ionised ionisation", "ionis ionis"),
        ("ionized ionization", "ioniz ioniz"),
        ("as at be in no that the their then there", "as at be in no"),
        ("a an and are but by for if into is it not on or such these they this to was will with", ""),
        ("SANS", "san"),
        ("small angle neutron scattering", "small angl neutron scatter"),
        ("x-ray", "x rai"),
        ("co2 Fe2O3 3.5keV", "co2 fe2o3 3.5kev"),
        ("naïve Größe", "naïv größe"),
        ("x,y;z", "x y z"),
        ("中性子散乱", "中 性 子 散 乱"),
        ("スピン エコー", "スピン エコー"),
        ("แสงซินโครตรอน beam ແສງ", "แสงซินโครตรอน beam ແສງ"),
        ("Bragg's O’BRIEN’S cats'", "bragg o’brien cat"),
        ("a:b foo:bar 12:30", "a:b foo:bar 12 30"),
        ("__ -- ()", ""),
        ("beam \u{a947} line", "beam line"),
    ] {
        assert_eq!(join_terms(text), expected, "{text}");
    }
}

#[test]
fn stop_words_leave_gaps() {
    let positions: Vec<u32> = analyze("the structure of a protein").iter().map(|token| token.position).collect();
    assert_eq!(positions, [1, 2, 4]);
}

#[test]
fn long_words_are_split() {
    let lengths = |text: String| analyze(&text).iter().map(|token| token.text.chars().count()).collect::<Vec<_>>();
    assert_eq!(lengths("x".repeat(255)), [255]);
    assert_eq!(lengths("x".repeat(600)), [255, 255, 90]);
    assert_eq!(lengths("ä".repeat(256)), [255, 1]);
}

#[test]
fn terms_are_only_lowered() {
    assert_eq!(normalize_term("The FILES_"), "the files_");
    assert_eq!(normalize_term("ΑΣ"), "ασ");
}

/// The examples of Porter's paper, step by step, and of his vocabulary.
#[test]
fn stems_are_those_of_the_published_algorithm() {
    for (word, expected) in [
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("ties", "ti"),
        ("caress", "caress"),
        ("cats", "cat"),
        ("feed", "feed"),
        ("agreed", "agre"),
        ("plastered", "plaster"),
        ("bled", "bled"),
        ("motoring", "motor"),
        ("sing", "sing"),
        ("conflated", "conflat"),
        ("troubled", "troubl"),
        ("sized", "size"),
        ("hopping", "hop"),
        ("tanned", "tan"),
        ("falling", "fall"),
        ("hissing", "hiss"),
        ("fizzed", "fizz"),
        ("failing", "fail"),
        ("filing", "file"),
        ("happy", "happi"),
        ("sky", "sky"),
        ("relational", "relat"),
        ("conditional", "condit"),
        ("rational", "ration"),
        ("valenci", "valenc"),
        ("hesitanci", "hesit"),
        ("digitizer", "digit"),
        ("conformabli", "conform"),
        ("radicalli", "radic"),
        ("differentli", "differ"),
        ("vileli", "vile"),
        ("analogousli", "analog"),
        ("vietnamization", "vietnam"),
        ("predication", "predic"),
        ("operator", "oper"),
        ("feudalism", "feudal"),
        ("decisiveness", "decis"),
        ("hopefulness", "hope"),
        ("callousness", "callous"),
        ("formaliti", "formal"),
        ("sensitiviti", "sensit"),
        ("sensibiliti", "sensibl"),
        ("triplicate", "triplic"),
        ("formative", "form"),
        ("formalize", "formal"),
        ("electriciti", "electr"),
        ("electrical", "electr"),
        ("hopeful", "hope"),
        ("goodness", "good"),
        ("revival", "reviv"),
        ("allowance", "allow"),
        ("inference", "infer"),
        ("airliner", "airlin"),
        ("gyroscopic", "gyroscop"),
        ("adjustable", "adjust"),
        ("defensible", "defens"),
        ("irritant", "irrit"),
        ("replacement", "replac"),
        ("adjustment", "adjust"),
        ("dependent", "depend"),
        ("adoption", "adopt"),
        ("homologou", "homolog"),
        ("communism", "commun"),
        ("activate", "activ"),
        ("angulariti", "angular"),
        ("homologous", "homolog"),
        ("effective", "effect"),
        ("bowdlerize", "bowdler"),
        ("probate", "probat"),
        ("rate", "rate"),
        ("cease", "ceas"),
        ("controll", "control"),
        ("roll", "roll"),
        ("generalizations", "gener"),
        ("oscillators", "oscil"),
        ("archaeology", "archaeolog"),
        ("possibly", "possibl"),
        ("yes", "ye"),
        ("say", "sai"),
        ("syzygy", "syzygi"),
        ("is", "is"),
        ("ys", "ys"),
        ("äs", "äs"),
        ("element", "element"),
        ("by", "by"),
        ("opinion", "opinion"),
        ("onion", "onion"),
        ("scattering", "scatter"),
        ("crystallography", "crystallographi"),
        ("nxs", "nx"),
    ] {
        let mut stem = word.to_owned();
        stem_word(&mut stem);
        assert_eq!(stem, expected, "{word}");
    }
}

proptest! {
    #[test]
    fn any_text_has_terms(text in any::<String>(), words in "([a-zäy]{1,8}(ing|ed|ational|s|ll|e)? ?){0,8}") {
        for text in [text, words] {
            let tokens = analyze(&text);
            prop_assert!(tokens.iter().all(|token| !token.text.is_empty() && !token.text.contains(' ')));
            prop_assert!(tokens.windows(2).all(|pair| pair[0].position < pair[1].position));
            prop_assert_eq!(tokens, analyze(&text));
        }
    }
}

/// The groups of a text with their alternatives: `time of flight|tof`.
fn expand(synonyms: &Synonyms, text: &str) -> Vec<String> {
    let tokens = analyze(text);
    let expansions = synonyms.expand(&tokens);
    let covered: Vec<usize> = expansions.iter().flat_map(|expansion| expansion.tokens.clone()).collect();
    assert_eq!(covered, (0..tokens.len()).collect::<Vec<_>>());
    let join = |terms: &Vec<Token>| terms.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ");
    let join_alternatives = |e: &Expansion| e.alternatives.iter().map(join).collect::<Vec<_>>().join("|");
    expansions.iter().map(join_alternatives).collect()
}

fn parse_default_synonyms() -> Synonyms {
    Synonyms::parse(include_str!("../../../synonyms.txt")).unwrap()
}

#[test]
fn words_of_queries_are_expanded() {
    let synonyms = parse_default_synonyms();
    assert_eq!(expand(&synonyms, "ionised"), ["ionis|ioniz"]);
    assert_eq!(expand(&synonyms, "ionization"), ["ioniz|ionis"]);
    assert_eq!(
        expand(&synonyms, "as at be in no that the their then there"),
        ["as|arsen", "at|astatin", "be|beryllium", "in|indium", "no|nobelium"]
    );
    assert_eq!(
        expand(&synonyms, "hydrogen Helium LITHIUM be B NE ionisation TIME of FLIGHT technique ArPeS"),
        [
            "hydrogen",
            "helium|he",
            "lithium|li",
            "be|beryllium",
            "b",
            "ne|neon",
            "ionis|ioniz",
            "time of flight|tof",
            "techniqu",
            "arp|angl resolv photoemiss spectroscopi",
        ]
    );
    assert_eq!(expand(&synonyms, "SANS"), ["san|small angl neutron scatter"]);
    assert_eq!(expand(&synonyms, "small angle neutron scattering"), ["small angl neutron scatter|san"]);
    assert_eq!(expand(&synonyms, "small angle"), ["small", "angl"]);
    assert_eq!(expand(&synonyms, "x,y;z"), ["x", "y", "z"]);
    assert_eq!(expand(&synonyms, r"C:\data\x.raw"), ["c", "data", "x.raw"]);
    assert_eq!(expand(&synonyms, ""), [""; 0]);
}

#[test]
fn positions_of_alternatives_start_at_zero() {
    let synonyms = Synonyms::parse("state of the art, best").unwrap();
    let token = |text: &str, position| Token { text: text.into(), position };
    let art = vec![token("state", 0), token("of", 1), token("art", 3)];
    let expansions = synonyms.expand(&analyze("the state of the art"));
    assert_eq!(expansions, [Expansion { tokens: 0..3, alternatives: vec![art, vec![token("best", 0)]] }]);
    assert_eq!(expand(&synonyms, "state of art"), ["state", "of", "art"]);
}

#[test]
fn rules_replace_or_add_and_the_longest_is_taken() {
    let text = "# comment\r\n\r\na1, b1\nb1, c1\nold name => new name, newer\nold => ancient\nkept => kept, more\nx\\,y, comma\n";
    let synonyms = Synonyms::parse(text).unwrap();
    assert_eq!(expand(&synonyms, "a1 b1 c1"), ["a1|b1", "b1|a1|c1", "c1|b1"]);
    assert_eq!(expand(&synonyms, "old name"), ["new name|newer"]);
    assert_eq!(expand(&synonyms, "old old name"), ["ancient", "new name|newer"]);
    assert_eq!(expand(&synonyms, "new"), ["new"]);
    assert_eq!(expand(&synonyms, "kept"), ["kept|more"]);
    assert_eq!(expand(&synonyms, "comma"), ["comma|x y"]);
}

#[test]
fn errors_in_synonyms_name_the_line() {
    for (text, expected) in [
        ("a1, b1\n\na => b => c", "line 3: `=>` may occur only once"),
        ("a1 =>", "line 1: there is nothing on one side of `=>`"),
        ("# x\nneutron, the", "line 2: `the` contains no word that is searched for"),
        ("--, a1", "line 1: `--` contains no word that is searched for"),
    ] {
        assert_eq!(Synonyms::parse(text).unwrap_err().to_string(), expected);
    }
}

/// An abbreviation whose stem is another word, such as XES and Xe, would find what nobody asked for.
#[test]
fn default_synonyms_do_not_meet_in_a_stem() {
    let mut lines_by_terms = std::collections::HashMap::new();
    let lines = include_str!("../../../synonyms.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in lines {
        let entries: std::collections::HashSet<Vec<Token>> = line.split(',').map(analyze).collect();
        for terms in entries {
            assert!(terms.len() > 1 || terms[0].text.chars().count() > 1, "{line}");
            let other = lines_by_terms.insert(terms, line);
            assert_eq!(other, None, "{line}");
        }
    }
    assert!(lines_by_terms.len() > 300);
}

#[test]
fn a_name_of_a_technique_stands_for_its_other_names_and_those_of_narrower_ones() {
    let turtle = r#"
        @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
        @prefix owl: <http://www.w3.org/2002/07/owl#> .
        @prefix : <http://example.org/> .
        :a a owl:Class ; rdfs:label "diffraction" ; rdfs:subClassOf :d .
        :b a owl:Class ; rdfs:label "powder diffraction", "PD" ; rdfs:subClassOf :a .
        :c a owl:Class ; rdfs:label "neutron PD", "NPD", "of" ; rdfs:subClassOf :b .
        # A circle.
        :d a owl:Class ; rdfs:label "bending" ; rdfs:subClassOf :c .
    "#;
    let ontology = TechniqueOntology::parse(turtle, OntologyFormat::Turtle).unwrap();
    let mut synonyms = Synonyms::parse("npd, powder neutrons").unwrap();
    synonyms.add_ontology(&ontology);
    let list = |text: &str| -> Vec<String> {
        let expansions = synonyms.expand(&analyze(text));
        let alternatives = expansions.iter().flat_map(|expansion| &expansion.alternatives);
        alternatives.map(|tokens| tokens.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ")).collect()
    };
    // `powder diffraction` and `neutron PD` have a name that is listed.
    assert_eq!(list("diffraction"), ["diffract", "pd", "npd", "of", "bend"]);
    assert_eq!(list("NPD"), ["npd", "powder neutron", "neutron pd", "of", "bend", "diffract", "pd"]);
    assert_eq!(list("glass"), ["glass"]);
    assert_eq!(synonyms.count_words(&analyze("diffraction glass")), 4);
}

#[test]
fn the_nearest_names_are_kept_if_there_are_too_many() {
    use std::fmt::Write as _;
    let mut turtle = "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix : <http://example.org/> .\n\
                      :top a rdfs:Class ; rdfs:label \"top\" .\n"
        .to_owned();
    for n in 0..500 {
        let wider = if n < 10 { "top".to_owned() } else { format!("t{}", n % 10) };
        writeln!(turtle, ":t{n} a rdfs:Class ; rdfs:label \"name{n}\" ; rdfs:subClassOf :{wider} .").unwrap();
    }
    let mut synonyms = Synonyms::default();
    synonyms.add_ontology(&TechniqueOntology::parse(&turtle, OntologyFormat::Turtle).unwrap());
    let expansions = synonyms.expand(&analyze("top"));
    let names: Vec<&str> = expansions[0].alternatives.iter().map(|tokens| tokens[0].text.as_str()).collect();
    assert_eq!(names.len(), MAX_ALTERNATIVES);
    assert_eq!(names[0], "top");
    assert!((0..10).all(|n| names.contains(&format!("name{n}").as_str())), "{names:?}");
}

#[test]
fn entities_of_an_ontology_must_not_contain_others() {
    let document = |entities: &str| {
        format!(
            "<!DOCTYPE rdf:RDF [{entities}]><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
             xmlns:rdfs=\"http://www.w3.org/2000/01/rdf-schema#\" xmlns:owl=\"http://www.w3.org/2002/07/owl#\">\
             <owl:Class rdf:about=\"&t;tomography\"><rdfs:label>tomography</rdfs:label></owl:Class></rdf:RDF>"
        )
    };
    let plain = document("<!ENTITY t \"http://example.org/t#\">");
    assert_eq!(TechniqueOntology::parse(&plain, OntologyFormat::RdfXml).unwrap().list_names().count(), 1);
    let nested = document("<!ENTITY h \"http://example.org\"><!ENTITY t \"&h;/t#\">");
    let refused = TechniqueOntology::parse(&nested, OntologyFormat::RdfXml).unwrap_err();
    assert_eq!(refused.to_string(), "an entity in its document type contains another one; write it out");
}
