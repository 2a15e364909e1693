//! What is wrong with arguments, in sentences.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What to say, or `None` for help and versions, which are no errors.
pub fn sentence(error: &clap::Error) -> Option<String> {
    let found = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(ContextValue::StyledStr(text)) => Some(text.to_string()),
        Some(ContextValue::StyledStrs(texts)) => texts.first().map(ToString::to_string),
        _ => None,
    };
    let text = |kind| found(kind).unwrap_or_default();
    let argument = text(ContextKind::InvalidArg);
    // `--threads <N>`, of which people type the first word.
    let name = argument.split(" <").next().unwrap_or_default();
    let value = text(ContextKind::InvalidValue);
    let sentence = match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::InvalidValue if value.is_empty() => match found(ContextKind::ValidValue) {
            Some(known) => format!("{name} needs a value: there is {known}"),
            None => format!("{name} needs a value: write it as {argument}"),
        },
        ErrorKind::InvalidValue => {
            let known = text(ContextKind::ValidValue);
            format!("{name} can't be {value:?}: there is {known}")
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(ToString::to_string);
            format!("{name} {value}: {}", why.unwrap_or_default())
        }
        ErrorKind::UnknownArgument => match found(ContextKind::SuggestedArg) {
            Some(meant) => format!("there is no {name}; is {meant} meant?"),
            None => format!("there is no {name} here"),
        },
        ErrorKind::InvalidSubcommand => {
            let name = text(ContextKind::InvalidSubcommand);
            match found(ContextKind::SuggestedSubcommand) {
                Some(meant) => format!("there is no command {name:?}; is {meant:?} meant?"),
                None => format!("there is no command {name:?}"),
            }
        }
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            other if other == argument => format!("{name} is there twice: once is enough"),
            other => format!("{argument} and {other} can't go together: choose one"),
        },
        ErrorKind::MissingRequiredArgument => format!("{argument} is missing"),
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            format!("{argument} has too many values, or too few")
        }
        ErrorKind::InvalidUtf8 => "an argument is no text".to_owned(),
        _ => "the arguments can't be understood".to_owned(),
    };
    Some(format!(
        "{sentence} (more is told by --help, also behind a command)"
    ))
}
