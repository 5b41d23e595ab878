//! A short ASCII text on the stack: the parts of an identifier while it is parsed, so that parsing allocates
//! nothing but its result.

use super::Fault;

/// No part of a GS1 identifier is longer than 30 characters (GIAI, GINC, CPID; GDTI and GRAI with their serials).
pub(super) const MAX: usize = 30;

/// At most [`MAX`] ASCII characters. INVARIANT: `bytes[..len]` is ASCII.
#[derive(Clone, Copy)]
pub(super) struct Token {
    len: u8,
    bytes: [u8; MAX],
}

impl Token {
    pub(super) const EMPTY: Self = Self { len: 0, bytes: [0; MAX] };

    pub(super) fn push(&mut self, byte: u8) -> Result<(), Fault> {
        let at = usize::from(self.len);
        match self.bytes.get_mut(at) {
            Some(slot) if byte.is_ascii() => {
                *slot = byte;
                self.len += 1;
                Ok(())
            }
            Some(_) => Err(not_ascii()),
            None => Err(too_long()),
        }
    }

    pub(super) fn push_all(&mut self, text: &[u8]) -> Result<(), Fault> {
        let from = usize::from(self.len);
        let slots = self.bytes.get_mut(from..from + text.len()).ok_or_else(too_long)?;
        if !text.is_ascii() {
            return Err(not_ascii());
        }
        slots.copy_from_slice(text);
        // At most MAX, so it fits.
        self.len += text.len() as u8;
        Ok(())
    }

    pub(super) fn from_bytes(text: &[u8]) -> Result<Self, Fault> {
        let mut token = Self::EMPTY;
        token.push_all(text)?;
        Ok(token)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }
}

fn too_long() -> Fault {
    Fault::epc(format!("a part of it is longer than {MAX} characters"))
}

fn not_ascii() -> Fault {
    Fault::epc("it has a character that is not ASCII")
}
