//! Writes JSON text, minding the commas.

use std::io::{self, Write};

/// Where JSON goes.
pub(super) struct Printer<W> {
    out: W,
    /// For each open object or array, whether it has something in it.
    filled: Vec<bool>,
    /// A key was just written; its value needs no comma.
    keyed: bool,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            filled: Vec::new(),
            keyed: false,
        }
    }

    fn separate(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.keyed) {
            return Ok(());
        }
        let needs_comma = self.filled.last_mut().is_some_and(|filled| std::mem::replace(filled, true));
        if needs_comma { self.out.write_all(b",") } else { Ok(()) }
    }

    /// Opens an object (`{`) or array (`[`).
    pub(super) fn open(&mut self, bracket: u8) -> io::Result<()> {
        self.separate()?;
        self.filled.push(false);
        self.out.write_all(&[bracket])
    }

    /// Closes with `}` or `]`.
    pub(super) fn close(&mut self, bracket: u8) -> io::Result<()> {
        self.filled.pop();
        self.out.write_all(&[bracket])
    }

    pub(super) fn key(&mut self, key: &str) -> io::Result<()> {
        self.separate()?;
        serde_json::to_writer(&mut self.out, key)?;
        self.keyed = true;
        self.out.write_all(b":")
    }

    pub(super) fn string(&mut self, text: &str) -> io::Result<()> {
        self.separate()?;
        Ok(serde_json::to_writer(&mut self.out, text)?)
    }

    /// A number or word as it stands.
    pub(super) fn raw(&mut self, text: &str) -> io::Result<()> {
        self.separate()?;
        self.out.write_all(text.as_bytes())
    }

    pub(super) fn member(&mut self, key: &str, text: &str) -> io::Result<()> {
        self.key(key)?;
        self.string(text)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
