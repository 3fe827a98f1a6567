//! What was typed, in the order in which it was typed. Makes no sense of it: that is for `resolve`.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};

use clap::builder::OsStringValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::options::{Group, Row};
use crate::cli::problem::Problem;
use crate::cli::table::OPTIONS;

/// Stands for "no argument": no word of a command line can hold it.
const NOTHING: &str = "\0";
const OPERANDS: &str = "operands";

/// One option as typed.
#[derive(Clone, Debug)]
pub struct Given {
    /// Which.
    pub row: &'static Row,
    /// Its argument, empty if it takes none.
    pub value: OsString,
}

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// Options, in order.
    pub given: Vec<Given>,
    /// Sources and destination.
    pub operands: Vec<OsString>,
    /// How many words there were, the program's name not counted.
    pub words: usize,
}

/// Where options may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Anywhere before `--`.
    Anywhere,
    /// Before the first operand (`POSIXLY_CORRECT`).
    First,
}

/// Reads the words after the program's name.
///
/// # Errors
/// An option that nobody knows, a missing argument, or one too many.
pub fn parse(words: &[OsString], placement: Placement) -> Result<Args, Problem> {
    let argv = std::iter::once(OsStr::new("twosync")).chain(words.iter().map(OsString::as_os_str));
    let matches = parser(placement).try_get_matches_from(argv).map_err(|error| explain(&error))?;
    let operands = matches.get_many::<OsString>(OPERANDS).into_iter().flatten().cloned().collect();
    Ok(Args { given: in_order(&matches)?, operands, words: words.len() })
}

/// The command as help and manual page show it.
pub fn shown() -> Command {
    let mut command = Command::new("twosync")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Copy a tree in two phases: write it in parallel and in place, then read it back and repair what differs")
        .override_usage("twosync [OPTION]... SRC... DEST")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .max_term_width(100);
    for group in Group::LISTED {
        let rows = OPTIONS.iter().filter(|row| row.group == group);
        command = command.next_help_heading(group.heading()).args(rows.map(shown_arg));
    }
    command
}

fn shown_arg(row: &'static Row) -> Arg {
    let mut arg = Arg::new(row.name).help(row.help);
    if row.has_long() {
        arg = arg.long(row.name).visible_aliases(row.aliases);
    }
    if let Some(letter) = row.letter {
        arg = arg.short(letter);
    }
    match row.argument {
        Some(name) => arg.action(ArgAction::Set).value_name(name),
        None => arg.action(ArgAction::SetTrue),
    }
}

fn parser(placement: Placement) -> Command {
    let operands = Arg::new(OPERANDS)
        .num_args(0..)
        .value_parser(OsStringValueParser::new())
        .trailing_var_arg(placement == Placement::First)
        .allow_hyphen_values(placement == Placement::First);
    Command::new("twosync")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(OPTIONS.iter().map(parsed_arg))
        .arg(operands)
}

/// Every option appends, so that the place of each occurrence is known. One without argument takes
/// an optional `=value` in the parser's eyes, which `in_order` refuses.
fn parsed_arg(row: &'static Row) -> Arg {
    let mut arg =
        Arg::new(row.name).action(ArgAction::Append).value_parser(OsStringValueParser::new());
    if row.has_long() {
        arg = arg.long(row.name).aliases(row.aliases);
    }
    if let Some(letter) = row.letter {
        arg = arg.short(letter);
    }
    if row.argument.is_some() {
        arg.num_args(1).allow_hyphen_values(true)
    } else {
        arg.num_args(0..=1).require_equals(true).default_missing_value(NOTHING)
    }
}

fn in_order(matches: &ArgMatches) -> Result<Vec<Given>, Problem> {
    let rows: HashMap<&str, &'static Row> = OPTIONS.iter().map(|row| (row.name, row)).collect();
    let mut placed = Vec::new();
    for id in matches.ids() {
        let Some(row) = rows.get(id.as_str()) else { continue };
        let values = matches.get_many::<OsString>(row.name).into_iter().flatten();
        let indices = matches.indices_of(row.name).into_iter().flatten();
        placed.extend(indices.zip(values).map(|(index, value)| (index, *row, value)));
    }
    placed.sort_by_key(|(index, ..)| *index);
    placed.into_iter().map(|(_, row, value)| given(row, value)).collect()
}

fn given(row: &'static Row, value: &OsString) -> Result<Given, Problem> {
    match (row.argument, value) {
        (None, value) if value == NOTHING => Ok(Given { row, value: OsString::new() }),
        (None, value) => Err(Problem::usage(format!(
            "{}={}: the option does not take an argument",
            row.spelling(),
            value.to_string_lossy()
        ))),
        (Some(_), value) => Ok(Given { row, value: value.clone() }),
    }
}

fn explain(error: &clap::Error) -> Problem {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let option = word(ContextKind::InvalidArg).unwrap_or_default();
    // clap names an option with its argument: `--max-size <SIZE>`.
    let option = option.split(' ').next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let hint = word(ContextKind::SuggestedArg)
                .map(|known| format!(" (there is {known})"))
                .unwrap_or_default();
            Problem::usage(format!("{option}: unknown option{hint}"))
        }
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            Problem::usage(format!("{option}: missing argument"))
        }
        _ => Problem::usage(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Args, Placement, parse, shown};
    use crate::cli::problem::Problem;

    fn args(line: &str, placement: Placement) -> Result<Args, Problem> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        parse(&words, placement)
    }

    fn typed(line: &str) -> String {
        let args = args(line, Placement::Anywhere).unwrap();
        let options = args.given.iter().map(|given| {
            let value = given.value.to_string_lossy();
            if value.is_empty() {
                given.row.name.to_owned()
            } else {
                format!("{}={value}", given.row.name)
            }
        });
        let operands = args.operands.iter().map(|operand| operand.to_string_lossy().into_owned());
        options.chain(["|".to_owned()]).chain(operands).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_order_of_options_is_kept() {
        for (line, expected) in [
            ("-avzh s d", "archive verbose compress human-readable | s d"),
            ("-azh@1 s d", "archive compress human-readable modify-window=1 | s d"),
            ("-a@=1 s d", "archive modify-window=1 | s d"),
            ("-a -@ -1 s d", "archive modify-window=-1 | s d"),
            ("s --no-o -a d --no-p", "no-owner archive no-perms | s d"),
            ("-vv --no-v -v", "verbose verbose no-verbose verbose |"),
            ("--max-size 5 --min-size=2 --max-size=7", "max-size=5 min-size=2 max-size=7 |"),
            ("--filter --weird -f -x", "filter=--weird filter=-x |"),
            ("--del --delete-during", "delete-during delete-during |"),
            ("-a -- -v --bogus", "archive | -v --bogus"),
            ("-DPj4 -", "D P jobs=4 | -"),
            ("-048 -6", "from0 ipv4 8-bit-output ipv6 |"),
        ] {
            assert_eq!(typed(line), expected, "{line}");
        }
    }

    #[test]
    fn words_that_are_no_options_are_named() {
        for (line, expected) in [
            ("--bogus", "--bogus: unknown option"),
            ("--recurs s d", "--recurs: unknown option (there is --recursive)"),
            ("-a%", "-%: unknown option"),
            ("--max-size", "--max-size: missing argument"),
            ("-ae", "--rsh: missing argument"),
            ("--verbose=3", "--verbose=3: the option does not take an argument"),
            ("--verbose=", "--verbose=: the option does not take an argument"),
            ("-av=3", "--verbose=3: the option does not take an argument"),
        ] {
            assert_eq!(args(line, Placement::Anywhere).unwrap_err(), Problem::usage(expected));
        }
    }

    #[test]
    fn posixly_correct_ends_the_options_at_the_first_operand() {
        let args = args("-a s -v d", Placement::First).unwrap();
        assert_eq!(args.given.len(), 1);
        assert_eq!(args.operands, ["s", "-v", "d"]);
    }

    #[test]
    fn what_is_shown_is_a_valid_command() {
        shown().debug_assert();
    }
}
