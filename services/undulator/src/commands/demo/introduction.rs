//! The introduction of the demo, printed on stdout so that the log does not hide it.

use std::path::Path;

use super::beamline;
use super::facility::USERS;

/// The name of the facility, unless the settings have one.
pub const SITE: &str = "Sunrise Light Source";

pub struct Introduction<'a> {
    dir: &'a Path,
    /// Lines of account and password.
    passwords: &'a str,
}

impl<'a> Introduction<'a> {
    pub fn new(dir: &'a Path, passwords: &'a str) -> Self {
        Self { dir, passwords }
    }

    /// Empty if there is no such account.
    pub fn get_password(&self, account: &str) -> &str {
        self.list_accounts().find_map(|(name, password)| (name == account).then_some(password)).unwrap_or_default()
    }

    fn list_accounts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.passwords.lines().map(|line| line.split_once(' ').unwrap_or((line, "")))
    }

    pub fn print_introduction(&self, url: &str) {
        println!("\nThe {SITE} is open at {url}\n");
        println!("  {:<14} {:<18} who", "login", "password");
        for (name, password) in self.list_accounts() {
            let who = USERS.iter().find(|(user, _)| *user == name).map_or("", |(_, who)| who);
            println!("  {name:<14} {password:<18} {who}");
        }
        println!("\nThe logbook of {}, which the beamline writes: {url}/logbook/app", beamline::PROPOSAL);
        print!("{}", self.render_commands(url));
    }

    fn render_commands(&self, url: &str) -> String {
        let (dir, alice) = (self.dir.display(), self.get_password("db/alice"));
        let (proposal, instrument) = (beamline::PROPOSAL, beamline::INSTRUMENT);
        let entry = r#"{"type":"notification","category":"info","content":[{"format":"plainText","text":"Hello"}]}"#;
        let search = r#"{"sort":"newest","limit":3}"#;
        format!(
            "\nTry it:\n\
             \n  SID=$(curl -s {url}/icat/session --data-urlencode \\\n\
             \x20     'json={{\"plugin\":\"db\",\"credentials\":[{{\"username\":\"alice\"}},{{\"password\":\"{alice}\"}}]}}' | cut -d'\"' -f4)\n\
             \n  curl -sG {url}/icat/entityManager -d sessionId=$SID \\\n\
             \x20     --data-urlencode 'query=SELECT f.id, f.name, f.fileSize FROM Datafile f ORDER BY f.id'\n\
             \n  curl -sG {url}/ids/getData -d sessionId=$SID -d datafileIds=ID -o file\n\
             \nSearch for files that alice may read:\n\
             \n  curl -s {url}/search/v1/datafiles -H \"Authorization: Bearer $SID\" -H 'Content-Type: application/json' \\\n\
             \x20     -d '{search}'\n\
             \nRead the newest entries of the logbook, and write one as a program of the beamline does:\n\
             \n  MX=$(curl -sG {url}/icat/entityManager -d sessionId=$SID \\\n\
             \x20     --data-urlencode \"query=SELECT i.id FROM Investigation i WHERE i.name = '{proposal}'\" | tr -d '[]')\n\
             \n  curl -s \"{url}/logbook/$SID/event?investigationId=$MX&sortBy=creationDate&limit=5&format=txt\"\n\
             \n  curl -s \"{url}/dataacquisition/$(cat \
             {dir}/{key})/notification?investigationName={proposal}&instrumentName={instrument}\" \\\n\
             \x20     -H 'Content-Type: application/json' -d '{entry}'\n\
             \nStop with Ctrl-C.\n",
            key = beamline::KEY,
        )
    }
}
