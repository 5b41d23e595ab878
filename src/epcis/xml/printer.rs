//! Writes XML text: escaping, and nothing that could be ill-formed.

use std::io::{self, Write};

use super::super::escape;

/// Where XML goes.
pub(super) struct Printer<W> {
    out: W,
}

impl<W: Write> Printer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }

    /// Markup as it stands.
    pub(super) fn raw(&mut self, markup: &str) -> io::Result<()> {
        self.out.write_all(markup.as_bytes())
    }

    /// Opens an element without attributes.
    pub(super) fn open(&mut self, name: &str) -> io::Result<()> {
        write!(self.out, "<{name}>")
    }

    pub(super) fn close(&mut self, name: &str) -> io::Result<()> {
        write!(self.out, "</{name}>")
    }

    /// An element that holds only text.
    pub(super) fn element(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.open(name)?;
        self.text(text)?;
        self.close(name)
    }

    pub(super) fn attribute(&mut self, name: &str, value: &str) -> io::Result<()> {
        write!(self.out, " {name}=\"")?;
        self.escaped(&escape::xml_text(value), true)?;
        self.out.write_all(b"\"")
    }

    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.escaped(&escape::xml_text(text), false)
    }

    fn escaped(&mut self, text: &str, in_attribute: bool) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) =
            rest.find(|next: char| matches!(next, '&' | '<' | '>' | '"') || (next < ' ' && (in_attribute || next != '\n')))
        {
            self.out.write_all(&rest.as_bytes()[..at])?;
            match rest.as_bytes()[at] {
                b'&' => self.out.write_all(b"&amp;")?,
                b'<' => self.out.write_all(b"&lt;")?,
                b'>' => self.out.write_all(b"&gt;")?,
                b'"' => self.out.write_all(b"&quot;")?,
                // White space that a parser would change.
                found => write!(self.out, "&#{found};")?,
            }
            rest = &rest[at + 1..];
        }
        self.out.write_all(rest.as_bytes())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
