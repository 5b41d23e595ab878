//! Binary tag encodings of serial numbers: SGTIN-96, SGTIN-198 and SSCC-96, and their tag URIs.
//!
//! GS1 EPC Tag Data Standard 1.13 clause 14 (the same bits in 2.0): header, filter, partition, company prefix, reference, serial. Only
//! the direction that a printer needs: reading tags is not asked of the hub.
//!
//! INVARIANT: a head holds only digits that were verified, so that every field fits the bits its partition gives it.

use super::{CompanyPrefix, Gtin};

/// Serial numbers below it fit the 38 bits of an SGTIN-96.
const SGTIN_96_SERIALS: u64 = 1 << 38;
/// The highest filter value: three bits.
pub const MAX_FILTER: u8 = 7;

/// One of the binary encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagScheme {
    /// 96 bits; the serial is a whole number below 2^38 without leading zeros.
    Sgtin96,
    /// 198 bits; the serial has up to 20 characters of 7 bits.
    Sgtin198,
    /// 96 bits.
    Sscc96,
}

impl TagScheme {
    /// Its name in tag URIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sgtin96 => "sgtin-96",
            Self::Sgtin198 => "sgtin-198",
            Self::Sscc96 => "sscc-96",
        }
    }

    /// The first eight bits.
    const fn header(self) -> u64 {
        match self {
            Self::Sgtin96 => 0x30,
            Self::Sgtin198 => 0x36,
            Self::Sscc96 => 0x31,
        }
    }
}

/// Why something has no such encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Tags split a key behind its company prefix, and hold 6 to 12 digits of it.
    #[error("a tag holds a company prefix of 6 to 12 digits")]
    Prefix,
    /// Three bits.
    #[error("a filter value is 0 to {MAX_FILTER}")]
    Filter,
    /// Not a number, or too great, or with leading zeros.
    #[error("an SGTIN-96 holds serial numbers that are whole numbers from 0 to 274877906943 without leading zeros")]
    Serial96,
    /// Not 1 to 20 characters.
    #[error("an SGTIN-198 holds serial numbers of 1 to 20 characters")]
    Serial198,
    /// Not an SSCC of the prefix.
    #[error("it is no SSCC of the company prefix")]
    Sscc,
}

/// Everything of an encoding but the serial number: made once for many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagHead {
    scheme: TagScheme,
    /// Right-aligned: 58 bits for an SGTIN, 34 to 54 for an SSCC.
    bits: u64,
    /// Digits of the company prefix.
    prefix_len: usize,
}

impl TagHead {
    /// Of a product's serial numbers; `prefix_len` digits of the GTIN, behind its first, are the company prefix.
    ///
    /// # Errors
    /// [`TagError::Prefix`], [`TagError::Filter`].
    pub fn sgtin(scheme: TagScheme, gtin: Gtin, prefix_len: usize, filter: u8) -> Result<Self, TagError> {
        let prefix_bits = prefix_bits(prefix_len)?;
        let digits = gtin.as_str();
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).ok_or(TagError::Prefix);
        let prefix = number(digits.get(1..=prefix_len))?;
        // The indicator, and what stands between company prefix and check digit.
        let reference = [digits.get(..1), digits.get(1 + prefix_len..13)]
            .map(Option::unwrap_or_default)
            .concat();
        let reference = number(Some(&reference))?;
        let start = start(scheme, prefix_len, filter)?;
        Ok(Self {
            scheme,
            bits: (start << prefix_bits | prefix) << (44 - prefix_bits) | reference,
            prefix_len,
        })
    }

    /// Of the SSCCs of a company prefix.
    ///
    /// # Errors
    /// [`TagError::Prefix`], [`TagError::Filter`].
    pub fn sscc(prefix: &CompanyPrefix, filter: u8) -> Result<Self, TagError> {
        let prefix_len = prefix.as_str().len();
        let prefix_bits = prefix_bits(prefix_len)?;
        let number: u64 = prefix.as_str().parse().map_err(|_| TagError::Prefix)?;
        Ok(Self {
            scheme: TagScheme::Sscc96,
            bits: start(TagScheme::Sscc96, prefix_len, filter)? << prefix_bits | number,
            prefix_len,
        })
    }

    /// The tag of a serial number (of an 18-digit SSCC), in hexadecimal digits: 24 of them, or 52 for the 198 bits.
    ///
    /// # Errors
    /// [`TagError::Serial96`], [`TagError::Serial198`], [`TagError::Sscc`].
    pub fn hex(&self, serial: &str) -> Result<String, TagError> {
        match self.scheme {
            TagScheme::Sgtin96 => {
                let bits = u128::from(self.bits) << 38 | u128::from(serial_96(serial)?);
                Ok(format!("{bits:024X}"))
            }
            TagScheme::Sgtin198 => self.hex_198(serial),
            TagScheme::Sscc96 => {
                let reference: u64 = self.reference(serial)?.concat().parse().map_err(|_| TagError::Sscc)?;
                let bits = u128::from(self.bits) << (58 - prefix_bits(self.prefix_len)?) | u128::from(reference);
                Ok(format!("{:024X}", bits << 24))
            }
        }
    }

    /// Whether a serial number (an 18-digit SSCC) has a tag of this kind.
    ///
    /// # Errors
    /// As [`Self::hex`].
    pub fn verify(&self, serial: &str) -> Result<(), TagError> {
        match self.scheme {
            TagScheme::Sgtin96 => serial_96(serial).map(drop),
            TagScheme::Sgtin198 => serial_198(serial),
            TagScheme::Sscc96 => self.reference(serial).map(drop),
        }
    }

    /// The extension digit and the serial reference of an 18-digit SSCC.
    fn reference<'s>(&self, sscc: &'s str) -> Result<[&'s str; 2], TagError> {
        let digits = sscc.len() == 18 && sscc.bytes().all(|byte| byte.is_ascii_digit());
        let parts = (sscc.get(..1), sscc.get(1 + self.prefix_len..17));
        match parts {
            (Some(extension), Some(reference)) if digits => Ok([extension, reference]),
            (_, _) => Err(TagError::Sscc),
        }
    }

    /// 58 bits, twenty times seven bits padded with zeros on the right, and ten more to whole 16-bit words.
    fn hex_198(&self, serial: &str) -> Result<String, TagError> {
        serial_198(serial)?;
        let mut bytes = [0_u8; 26];
        let mut at = 0;
        let mut push = |value: u64, count: usize| {
            for bit in (0..count).rev() {
                if value >> bit & 1 == 1
                    && let Some(byte) = bytes.get_mut(at / 8)
                {
                    *byte |= 0x80 >> (at % 8);
                }
                at += 1;
            }
        };
        push(self.bits, 58);
        for character in serial.bytes() {
            push(u64::from(character), 7);
        }
        Ok(bytes.iter().map(|byte| format!("{byte:02X}")).collect())
    }
}

/// Bits of a company prefix by its digits; the partition value is 12 less the digits (tables 14-2 and 14-5).
fn prefix_bits(prefix_len: usize) -> Result<u32, TagError> {
    match prefix_len {
        12 => Ok(40),
        11 => Ok(37),
        10 => Ok(34),
        9 => Ok(30),
        8 => Ok(27),
        7 => Ok(24),
        6 => Ok(20),
        _ => Err(TagError::Prefix),
    }
}

/// Header, filter and partition: 14 bits.
fn start(scheme: TagScheme, prefix_len: usize, filter: u8) -> Result<u64, TagError> {
    if filter > MAX_FILTER {
        return Err(TagError::Filter);
    }
    let partition = 12_usize.checked_sub(prefix_len).ok_or(TagError::Prefix)? as u64;
    Ok(scheme.header() << 6 | u64::from(filter) << 3 | partition)
}

fn serial_96(serial: &str) -> Result<u64, TagError> {
    let canonical = serial == "0" || !serial.starts_with('0');
    let digits = serial.bytes().all(|byte| byte.is_ascii_digit());
    match serial.parse::<u64>() {
        Ok(number) if canonical && digits && number < SGTIN_96_SERIALS => Ok(number),
        Ok(_) | Err(_) => Err(TagError::Serial96),
    }
}

fn serial_198(serial: &str) -> Result<(), TagError> {
    if (1..=20).contains(&serial.len()) && serial.is_ascii() {
        Ok(())
    } else {
        Err(TagError::Serial198)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of our own, reckoned by hand from the tables of clause 14.
    #[test]
    fn fields_stand_where_the_tables_put_them() {
        let gtin: Gtin = "80614141123458".parse().unwrap();
        let head = |scheme, filter| TagHead::sgtin(scheme, gtin, 7, filter).unwrap();
        // 00110000 011 101 000010010101111011111101 (0614141) 11000110010101111001 (812345) and 38 bits of 6789.
        assert_eq!(head(TagScheme::Sgtin96, 3).hex("6789").unwrap(), "3074257BF7194E4000001A85");
        assert_eq!(
            head(TagScheme::Sgtin198, 3).hex("32a/b").unwrap(),
            "3674257BF7194E59B2C2BF100000000000000000000000000000"
        );
        let prefix: CompanyPrefix = "0614141".parse().unwrap();
        let sscc = TagHead::sscc(&prefix, 3).unwrap();
        assert_eq!(sscc.hex("106141412345678908").unwrap(), "3174257BF4499602D2000000");
    }

    #[test]
    fn an_sgtin_96_holds_38_bits_and_no_leading_zeros() {
        let gtin: Gtin = "09521001001014".parse().unwrap();
        let head = TagHead::sgtin(TagScheme::Sgtin96, gtin, 7, 0).unwrap();
        for good in ["0", "1", "274877906943"] {
            assert!(head.hex(good).is_ok() && head.verify(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "01",
            "00",
            "274877906944",
            "99999999999999999999",
            "A1",
            "+1",
            "-1",
            "1 ",
            "٣",
        ] {
            assert_eq!(head.hex(bad), Err(TagError::Serial96), "{bad}");
            assert_eq!(head.verify(bad), Err(TagError::Serial96), "{bad}");
        }
    }

    #[test]
    fn what_no_tag_holds_is_refused() {
        let gtin: Gtin = "09521001001014".parse().unwrap();
        let head = |prefix_len, filter| TagHead::sgtin(TagScheme::Sgtin198, gtin, prefix_len, filter).map(drop);
        assert_eq!(head(12, 7), Ok(()));
        assert_eq!(head(5, 0), Err(TagError::Prefix));
        assert_eq!(head(13, 0), Err(TagError::Prefix));
        assert_eq!(head(7, 8), Err(TagError::Filter));
        let head = TagHead::sgtin(TagScheme::Sgtin198, gtin, 7, 0).unwrap();
        assert_eq!(head.hex(""), Err(TagError::Serial198));
        assert_eq!(head.hex(&"A".repeat(21)), Err(TagError::Serial198));
        let sscc = TagHead::sscc(&"9521002".parse().unwrap(), 0).unwrap();
        assert_eq!(sscc.hex("10614141234567890"), Err(TagError::Sscc));
        assert_eq!(TagHead::sscc(&"0614".parse().unwrap(), 0), Err(TagError::Prefix));
    }

    #[test]
    fn every_partition_uses_all_its_bits() {
        for prefix_len in 6..=12 {
            let gtin = Gtin::with_check_digit("9999999999999").unwrap();
            let highest = TagHead::sgtin(TagScheme::Sgtin96, gtin, prefix_len, 7).unwrap();
            assert!(highest.bits < 1 << 58, "{prefix_len}");
            assert_eq!(highest.hex("274877906943").unwrap().len(), 24);
            let prefix: CompanyPrefix = "9".repeat(prefix_len).parse().unwrap();
            let sscc = TagHead::sscc(&prefix, 7).unwrap();
            assert_eq!(sscc.hex("999999999999999990").unwrap().len(), 24, "{prefix_len}");
        }
    }
}
