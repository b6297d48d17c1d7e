//! The questions that `undulator setup` asks on a terminal.

use std::io;

use console::Term;
use service_kit::cli::Failure;

use super::answers::{Answers, InstrumentAnswers};

/// Asks the essential questions; Enter accepts the proposal in brackets. Other answers are those of `before`.
pub fn ask_answers(before: Answers) -> Result<Answers, Failure> {
    let terminal = Term::stderr();
    if !terminal.is_term() || !io::IsTerminal::is_terminal(&io::stdin()) {
        let text = "there is no terminal to ask on: write the answers into a file, such as docs/facility.toml, and run \
                    `undulator setup --file FILE`";
        return Err(Failure::Usage(text.to_owned()));
    }
    let questions = Questions(terminal);
    questions.ask_all(before).map_err(|e| Failure::Failed(format!("cannot read the answer: {e}")))
}

struct Questions(Term);

impl Questions {
    fn ask_all(&self, before: Answers) -> io::Result<Answers> {
        self.0.write_line("Setting up a facility. Press Enter to accept the value in brackets.")?;
        let mut answers = before;
        answers.facility.name = self.ask_text("Short name of the facility", &answers.facility.name)?;
        let full_name = answers.facility.full_name.take().unwrap_or_else(|| answers.facility.name.clone());
        answers.facility.full_name = Some(self.ask_text("Its full name", &full_name)?);
        let storage = self.ask_text("Directory of the data files", &answers.storage.to_string_lossy())?;
        answers.storage = storage.into();
        let names: Vec<String> = answers.instruments.iter().map(|instrument| instrument.name.clone()).collect();
        let names = self.ask_list("Instruments, separated by commas", &names)?;
        answers.instruments =
            names.into_iter().map(|name| find_or_create_instrument(&answers.instruments, name)).collect();
        answers.investigation_types = self.ask_list("Types of investigations", &answers.investigation_types)?;
        answers.dataset_types = self.ask_list("Types of datasets", &answers.dataset_types)?;
        answers.administrator.account =
            self.ask_text("Account of the administrator", &answers.administrator.account)?;
        Ok(answers)
    }

    fn ask_text(&self, question: &str, proposed: &str) -> io::Result<String> {
        self.0.write_str(&format!("{question} [{proposed}]: "))?;
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        let answer = line.trim();
        Ok(if answer.is_empty() { proposed } else { answer }.to_owned())
    }

    fn ask_list(&self, question: &str, proposed: &[String]) -> io::Result<Vec<String>> {
        let answer = self.ask_text(question, &proposed.join(", "))?;
        Ok(answer.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }
}

/// The known answers about an instrument, or an instrument with nothing but a name.
fn find_or_create_instrument(known: &[InstrumentAnswers], name: String) -> InstrumentAnswers {
    known.iter().find(|instrument| instrument.name == name).cloned().unwrap_or_else(|| InstrumentAnswers::new(name))
}
