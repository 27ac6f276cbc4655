use anyhow::anyhow;
use clap::CommandFactory as _;

use super::*;
use crate::args::Arguments;

/// The help of a command and of those under it.
fn helps(command: &mut clap::Command, texts: &mut Vec<(String, String)>) {
    let help = command.render_long_help().to_string();
    texts.push((format!("help of {}", command.get_name()), help));
    for command in command.get_subcommands_mut() {
        helps(command, texts);
    }
}

fn pages(texts: &mut Vec<(String, String)>) {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    for page in std::fs::read_dir(docs).expect("the documentation") {
        let path = page.expect("a page").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = std::fs::read_to_string(&path).expect("a text");
            texts.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn each_error_has_its_code_and_the_help_lists_it() {
    let help = Arguments::command().render_long_help().to_string();
    for (error, expected) in [
        (anyhow!("anything"), 1),
        (Usage(String::new()).into(), 2),
        (NotHeld(String::new()).into(), 5),
        (Missed(String::new()).into(), 7),
        (Interrupted(String::new()).into(), 130),
    ] {
        assert_eq!(code(&error), Some(expected), "{error:?}");
        let line = format!("\n  {expected}  ");
        assert!(help.contains(&line), "{line:?}\n{help}");
    }
    let gone = io::Error::from(io::ErrorKind::BrokenPipe);
    assert_eq!(code(&gone.into()), None);
}

/// `exit code 7 if a promise was broken`: whoever names a code names the right one.
#[test]
fn help_and_documentation_name_the_codes_that_commands_end_with() {
    let mut texts = Vec::new();
    helps(&mut Arguments::command(), &mut texts);
    pages(&mut texts);
    let mut held = 0;
    for (place, text) in texts {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.to_lowercase();
        for said in text.split("exit code").skip(1) {
            let said = said.split([',', ';', '.', '|']).next().unwrap_or_default();
            let expected = match said {
                said if said.contains("promise") => "7",
                said if said.contains("threshold") => "7",
                said if said.contains("worse") => "7",
                said if said.contains("interrupted") => "130",
                said if said.contains("no such") => "5",
                _ => continue,
            };
            let found = said.trim_start_matches([' ', 'i', 's', ':']);
            let found: String = found.chars().take_while(char::is_ascii_digit).collect();
            assert_eq!(found, expected, "{place}: exit code{said}");
            held += 1;
        }
    }
    // Of `audit` twice, of `bench run`, of `compare`, and of two pages.
    assert!(held >= 5, "{held}");
}
