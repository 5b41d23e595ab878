//! The parties of one family of worlds, and their partner files.
//!
//! Two manufacturers that share packer and stores, a chain of buyers, and somebody who has to do with none of it. Families of one house
//! have nothing in common.

use std::fmt::Write as _;
use std::path::Path;

/// A party of a family, by its place in [`NAMES`].
pub type Who = usize;

pub const MAKER: Who = 0;
pub const RIVAL: Who = 1;
pub const PACKER: Who = 2;
pub const STORE: Who = 3;
pub const OTHER_STORE: Who = 4;
pub const BUYER: Who = 5;
pub const SECOND: Who = 6;
pub const THIRD: Who = 7;
pub const STRANGER: Who = 8;

const NAMES: [&str; 9] = [
    "maker", "rival", "packer", "store", "depot", "buyer", "second", "third", "stranger",
];
const ROLES: [&str; 9] = [
    "manufacturer",
    "manufacturer",
    "cmo",
    "logistics",
    "logistics",
    "wholesaler",
    "wholesaler",
    "dispenser",
    "wholesaler",
];
/// Both stores are of one country: where a hop has only role and country, they are the same.
const COUNTRIES: [&str; 9] = ["CH", "AT", "DE", "NL", "NL", "FR", "BE", "BE", "SE"];
/// Products of a manufacturer that are packed, each with a case; there is one more.
pub const PRODUCTS: usize = 3;

/// The parties of one family.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    /// Which family of its house.
    pub family: usize,
}

impl Cast {
    pub fn party(self, who: Who) -> String {
        format!("f{}-{}", self.family, NAMES[who])
    }

    fn prefix(self, who: Who) -> String {
        (9_520_000 + self.family * 16 + who).to_string()
    }

    /// The legal entity.
    pub fn gln(self, who: Who) -> String {
        with_check_digit(&format!("{}00001", self.prefix(who)))
    }

    /// One of two sites.
    pub fn site(self, who: Who, second: bool) -> String {
        with_check_digit(&format!("{}0001{}", self.prefix(who), 1 + usize::from(second)))
    }

    /// GTIN-14 of a unit.
    pub fn gtin(self, maker: Who, product: usize) -> String {
        with_check_digit(&format!("0{}{:05}", self.prefix(maker), 100 + product))
    }

    /// GTIN-14 of its case.
    pub fn case_gtin(self, maker: Who, product: usize) -> String {
        with_check_digit(&format!("5{}{:05}", self.prefix(maker), 100 + product))
    }

    /// A logistic unit of a party.
    pub fn sscc(self, who: Who, number: usize) -> String {
        let digits = with_check_digit(&format!("0{}{number:09}", self.prefix(who)));
        format!("https://id.gs1.org/00/{digits}")
    }

    /// Writes the partner files; `webhook` is where the asker may be delivered to.
    pub fn write(self, folder: &Path, asker: Who, webhook: &str) {
        for who in 0..NAMES.len() {
            let mut file = format!(
                "legal_name = \"{}\"\nroles = [\"{}\"]\ngln = \"{}\"\ncountry = \"{}\"\nprefixes = [\"{}\"]\n",
                self.party(who),
                ROLES[who],
                self.gln(who),
                COUNTRIES[who],
                self.prefix(who)
            );
            for second in [false, true] {
                let (gln, country) = (self.site(who, second), COUNTRIES[who]);
                write!(
                    file,
                    "\n[[sites]]\ngln = \"{gln}\"\nname = \"Site {gln}\"\ncountry = \"{country}\"\n"
                )
                .expect("a String grows");
            }
            if who == MAKER || who == RIVAL {
                file.push_str(&self.of_maker(who));
            }
            if who == asker {
                write!(file, "\n[[webhooks]]\norigin = \"{webhook}\"\n").expect("a String grows");
            }
            std::fs::write(folder.join(format!("{}.toml", self.party(who))), file).expect("a partner file");
        }
    }

    fn of_maker(self, maker: Who) -> String {
        let gtins: Vec<String> = (0..PRODUCTS)
            .flat_map(|product| [self.gtin(maker, product), self.case_gtin(maker, product)])
            .collect();
        let mut file = String::new();
        // One more, that nobody has an agreement about.
        for gtin in gtins.iter().chain([&self.gtin(maker, PRODUCTS)]) {
            write!(file, "\n[[products]]\ngtin = \"{gtin}\"\nname = \"Product {gtin}\"\n").expect("a String grows");
        }
        let products = gtins.iter().map(|gtin| format!("\"{gtin}\"")).collect::<Vec<_>>().join(", ");
        for (delegate, powers) in [
            (PACKER, "\"request_serials\", \"commission\", \"ship\""),
            (STORE, "\"receive\", \"ship\", \"see_stock\""),
            (OTHER_STORE, "\"request_serials\", \"receive\", \"ship\", \"see_stock\""),
        ] {
            let delegate = self.party(delegate);
            write!(
                file,
                "\n[[agreements]]\nid = \"{}-{delegate}\"\ndelegate = \"{delegate}\"\nproducts = [{products}]\npowers = [{powers}]\n\
                 valid_from = 2024-01-01\nvalid_until = 2034-01-01\n",
                self.party(maker)
            )
            .expect("a String grows");
        }
        file
    }
}

/// GS1 check digit of any length.
fn with_check_digit(digits: &str) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
