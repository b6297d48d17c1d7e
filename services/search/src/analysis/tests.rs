use proptest::prelude::*;

use super::porter_stemmer::stem_word;
use super::{analyze, normalize_term};

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
        ("Bragg's O’BRIEN’S cats'", "bragg o’brien cat"),
        ("a:b foo:bar 12:30", "a:b foo:bar 12 30"),
        ("__ -- ()", ""),
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
