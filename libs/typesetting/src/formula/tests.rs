//! Formulas from the `MathML` of LaTeX.

use super::latex::{MAX_LENGTH, parse_latex};

fn parse_to_debug_text(latex: &str) -> String {
    parse_latex(latex, false).unwrap().to_value()["tree"].to_string()
}

#[test]
fn latex_becomes_a_tree() {
    assert_eq!(parse_to_debug_text("x"), r#"["symbol","x"]"#);
    assert_eq!(parse_to_debug_text(r"\frac{a}{2}"), r#"["fraction",["symbol","a"],["text","2"]]"#);
    assert_eq!(
        parse_to_debug_text(r"\sqrt[3]{x_1^2}"),
        r#"["root",["scripts",["symbol","x"],["text","1"],["text","2"]],["text","3"]]"#
    );
    assert!(parse_to_debug_text(r"\int_0^\infty e^{-x}\,dx").contains('∞'));
    assert!(parse_to_debug_text(r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}").contains("matrix"));
    assert!(parse_to_debug_text(r"\hat{x} \vec{v} \overline{ab}").matches("accent").count() == 3);
    assert!(parse_to_debug_text(r"\sin x + \alpha").contains("operator"));
    assert_eq!(parse_to_debug_text("a<b"), r#"["group",[["symbol","a"],["symbol","<"],["symbol","b"]]]"#);
}

#[test]
fn what_is_no_formula_is_refused() {
    for wrong in [r"\frac{", r"\nosuchcommand", "}", "", "^", &"{".repeat(40), &"x".repeat(3000)] {
        assert_eq!(parse_latex(wrong, false), None, "{wrong}");
    }
}

#[test]
fn long_and_deep_latex_is_read_on_a_small_stack() {
    let sources = ["{}", "\\relax", "\\,", "x^", "{", "\\sqrt{", "%\n", "\\def\\a{b}\\a "];
    let read = move || {
        for part in sources {
            drop(parse_latex(&part.repeat(MAX_LENGTH / part.len()), false));
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(read).unwrap().join().unwrap();
}
