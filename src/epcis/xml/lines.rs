//! Counts lines while a document goes by, so that a syntax error can say where it stopped.

use std::io::{self, BufRead, Read};

/// A reader that knows on which line and column it is.
#[derive(Debug)]
pub(super) struct Lines<R> {
    inner: R,
    line: u64,
    /// Bytes consumed since the last line feed.
    column: u64,
    /// A byte order mark may stand before the first byte and is skipped.
    started: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, line: 1, column: 0, started: false }
    }

    /// `line:column` of the last byte consumed, both from 1.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.line, self.column.max(1))
    }

    fn count(&mut self, amount: usize) -> io::Result<()> {
        let bytes = self.inner.fill_buf()?;
        let mut column = self.column;
        let mut lines = 0;
        let mut rest = &bytes[..amount];
        while let Some(at) = rest.iter().position(|&byte| byte == b'\n') {
            lines += 1;
            column = 0;
            rest = &rest[at + 1..];
        }
        self.line += lines;
        self.column = column + rest.len() as u64;
        Ok(())
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(out)?;
        self.consume(amount);
        Ok(amount)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if !self.started {
            self.started = true;
            if self.inner.fill_buf()?.starts_with(b"\xEF\xBB\xBF") {
                self.inner.consume(3);
            }
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // `fill_buf` has just succeeded for these bytes; were it to fail now, only the position would be off.
        let counted = self.count(amount);
        debug_assert!(counted.is_ok());
        self.inner.consume(amount);
    }
}
