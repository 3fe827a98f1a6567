//! Finds out what form a check file has, from its first lines on, and reads it.
//!
//! It is given bytes and gives what they list; it opens nothing.

use crate::manifest::form::{Column, Form, Listed, columns};
use crate::manifest::kinds::Candidates;
use crate::manifest::names::{Names, shown};
use crate::model::checksum::Algorithm;

/// What is known of the algorithm before the first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// Nothing.
    #[default]
    Nothing,
    /// The name of the file speaks of this one: it decides where a digest leaves it open.
    Hinted(Algorithm),
    /// The user said that it is this one.
    Said(Algorithm),
}

/// Reads a check file, line by line.
#[derive(Clone, Debug)]
pub struct Reader {
    told: Told,
    names: Names,
    form: Option<Form>,
    /// hashdeep's first line was read, and not its second.
    awaits_columns: bool,
    /// True once something was listed.
    has_listed: bool,
}

/// How to read any line of a check file that was read once.
#[derive(Clone, Debug)]
pub struct Settled {
    /// What its lines look like.
    pub form: Form,
    /// What its names lead to.
    pub names: Names,
}

impl Reader {
    /// To read a file of which the form is not known.
    pub fn new(told: Told, names: Names) -> Self {
        Self { told, names, form: None, awaits_columns: false, has_listed: false }
    }

    /// To read a file of this form.
    pub fn of(form: Form, names: Names) -> Self {
        Self { form: Some(form), ..Self::new(Told::Nothing, names) }
    }

    /// What the next line lists; `None`: nothing.
    ///
    /// # Errors
    /// Why it is no line of a check file, or none of this one.
    pub fn take(&mut self, line: &[u8]) -> Result<Option<Listed>, String> {
        let Some(form) = &self.form else { return self.first(line) };
        if let Form::Hashdeep { columns } = form
            && !self.has_listed
        {
            self.prepare(line, columns.len());
        }
        let listed = self.form.as_ref().map_or(Ok(None), |form| form.parse(line, &self.names))?;
        self.has_listed |= listed.is_some();
        Ok(listed)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// It lists nothing.
    pub fn settled(self) -> Result<Settled, String> {
        let is_bag = matches!(self.form, Some(Form::Bag { .. }));
        match self.form {
            // A bag may be empty.
            Some(form) if self.has_listed || is_bag => Ok(Settled { form, names: self.names }),
            _ => Err("it lists nothing".to_owned()),
        }
    }

    /// A line before the form is known.
    fn first(&mut self, line: &[u8]) -> Result<Option<Listed>, String> {
        if self.awaits_columns {
            self.form = Some(Form::Hashdeep { columns: self.chosen(columns(line)?)? });
            self.awaits_columns = false;
            return Ok(None);
        }
        if line.starts_with(b"%%%% HASHDEEP-") {
            self.awaits_columns = true;
            return Ok(None);
        }
        if line.is_empty() || line.starts_with(b"#") {
            return Ok(None);
        }
        let form = Form::of_line(line).ok_or_else(|| why_not(line))?;
        self.form = Some(self.narrowed(form)?);
        self.take(line)
    }

    /// A line of hashdeep before the first one that lists something.
    fn prepare(&mut self, line: &[u8], columns: usize) {
        if let Some(dir) = line.strip_prefix(b"## Invoked from: ") {
            self.names.invoked_from(dir);
        } else if !line.is_empty() && !line.starts_with(b"#") {
            let name = line.splitn(columns + 1, |byte| *byte == b',').nth(columns);
            self.names.settle(name.unwrap_or_default());
        }
    }

    /// The form with what is known of the algorithm.
    fn narrowed(&self, form: Form) -> Result<Form, String> {
        match (form, self.told) {
            (Form::Plain { digits, .. }, Told::Said(only)) if digits != 2 * only.bytes() => {
                let (name, right) = (only.name(), 2 * only.bytes());
                Err(format!("the digest has {digits} digits, and one of {name} has {right}"))
            }
            (Form::Plain { digits, gap, .. }, Told::Said(only)) => {
                Ok(Form::Plain { by: Candidates::only(only), digits, gap })
            }
            (Form::Plain { by, digits, gap }, Told::Hinted(hint)) => {
                Ok(Form::Plain { by: by.narrowed(Some(hint)), digits, gap })
            }
            (Form::Tagged { .. }, Told::Said(only)) => Ok(Form::Tagged { only: Some(only) }),
            (form, _) => Ok(form),
        }
    }

    /// hashdeep's columns, of which the user may have chosen one.
    fn chosen(&self, columns: Vec<Column>) -> Result<Vec<Column>, String> {
        let Told::Said(only) = self.told else { return Ok(columns) };
        if !columns.contains(&Column::Digest(only)) {
            return Err(format!("it has no digests of {}", only.name()));
        }
        let is_kept =
            |column: &Column| matches!(column, Column::Size) || *column == Column::Digest(only);
        let kept = columns.into_iter();
        Ok(kept.map(|column| if is_kept(&column) { column } else { Column::Other }).collect())
    }
}

/// Why a first line is none of a check file.
fn why_not(line: &[u8]) -> String {
    const MOST_SHOWN: usize = 40;
    let text = shown(&line[..line.len().min(MOST_SHOWN)]);
    let dots = if line.len() > MOST_SHOWN { ".." } else { "" };
    format!(
        "\"{text}{dots}\" is no line of a check file (those of b3sum, sha256sum and its kin, hashdeep and \
         rclone are known)"
    )
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
