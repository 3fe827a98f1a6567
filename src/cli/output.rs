//! Standard output (or what stands in for it): buffered, whole lines, never a reason to stop a copy.

use std::io::{self, BufWriter, Write};

use crate::cli::display::Sink;
use crate::cli::names::Reader;

/// Where all that is no error is written to.
pub struct Output {
    writer: BufWriter<Box<dyn Write + Send>>,
    pace: Pace,
    open_line: bool,
    error: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    EachLine,
    WhenFull,
}

impl Output {
    /// Opens what `sink` says; a terminal, and the stream of the errors, get each line at once.
    pub fn open(sink: Sink, reader: Reader) -> Self {
        let at_once = sink == Sink::Stderr || reader == Reader::Terminal;
        let writer: Box<dyn Write + Send> = match sink {
            Sink::Stdout => Box::new(io::stdout()),
            Sink::Stderr => Box::new(io::stderr()),
        };
        Self::to(writer, if at_once { Pace::EachLine } else { Pace::WhenFull })
    }

    fn to(writer: Box<dyn Write + Send>, pace: Pace) -> Self {
        let writer = BufWriter::with_capacity(1 << 16, writer);
        Self { writer, pace, open_line: false, error: None }
    }

    /// Writes a line, after ending one that is still open.
    pub fn line(&mut self, line: &[u8]) {
        self.end_line();
        self.write(line);
        self.write(b"\n");
        if self.pace == Pace::EachLine {
            self.flush();
        }
    }

    /// Writes text that ends its own lines.
    pub fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.end_line();
            self.write(text.as_bytes());
            if self.pace == Pace::EachLine {
                self.flush();
            }
        }
    }

    /// Writes a line that the next carriage return overwrites.
    pub fn open_line(&mut self, line: &str) {
        self.write(line.as_bytes());
        self.open_line = true;
        self.flush();
    }

    /// Ends a line that is still open.
    pub fn end_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            self.write(b"\n");
        }
    }

    /// Writes out what is kept back.
    pub fn flush(&mut self) {
        if self.error.is_none() {
            self.error = self.writer.flush().err();
        }
    }

    /// Ends the output. A reader that went away (EPIPE) is no error: filters end that way.
    ///
    /// # Errors
    /// Something could not be written, now or before.
    pub fn close(&mut self) -> io::Result<()> {
        self.end_line();
        self.flush();
        match self.error.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.writer.write_all(bytes).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::{Output, Pace};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_line_that_is_still_open_is_ended_first() {
        let written = Written::default();
        let mut output = Output::to(Box::new(written.clone()), Pace::WhenFull);
        output.open_line("\r1%");
        output.open_line("\r2%");
        output.line(b"name");
        output.open_line("\r3%");
        output.close().unwrap();
        assert_eq!(*written.0.lock().unwrap(), b"\r1%\r2%\nname\n\r3%\n");
    }

    #[test]
    fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
        for (kind, is_fine) in
            [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)]
        {
            let mut output = Output::to(Box::new(Broken(kind)), Pace::EachLine);
            output.line(b"a");
            output.text("b\n");
            assert_eq!(output.close().is_ok(), is_fine, "{kind}");
        }
    }
}
