//! Numbers against a receipt: the whole list, or one number with its path.
//!
//! A path tells its reader the hash of the number's neighbour. Where a product has so few possible numbers that hashes of all of them can be
//! computed, that is the neighbour itself: a proof is for those who may see a number of the block anyway.

use serde::{Deserialize, Serialize};

use crate::domain::ids::AllocationId;
use crate::domain::serial::merkle::{Hash, PathBuilder, Tree, leaf_hash, root_by_path};
use crate::domain::serial::numbered::Numbered;

use super::{Receipt, bytes, text};

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Numbers are missing, or there are more.
    #[error("the receipt is for {expected} serial numbers, the list has {found}")]
    Count {
        /// By the receipt.
        expected: u64,
        /// In the list.
        found: u64,
    },
    /// As many, and others or in another order.
    #[error("the list has as many serial numbers as the receipt says, but not the same ones in the same order")]
    Numbers,
    /// Of another product.
    #[error("the receipt is for `{expected}`, and `{found}` is something else")]
    Product {
        /// By the receipt.
        expected: Numbered,
        /// In the list or proof.
        found: String,
    },
    /// The proof is of another allocation.
    #[error("the proof belongs to {found}, the receipt to {expected}")]
    Allocation {
        /// Of the receipt.
        expected: AllocationId,
        /// Of the proof.
        found: AllocationId,
    },
    /// The proof is of another number.
    #[error("the proof is one of another serial number")]
    Serial,
    /// The path does not lead to the root.
    #[error("the path of the proof does not lead to the root in the receipt: the number is not one of this block at this place")]
    Path,
}

/// A list of numbers while it is read.
#[derive(Debug, Clone)]
pub struct Numbers {
    numbered: Numbered,
    tree: Tree,
}

impl Numbers {
    /// No number of this product yet.
    #[must_use]
    pub fn of(numbered: Numbered) -> Self {
        Self {
            numbered,
            tree: Tree::default(),
        }
    }

    /// The next one.
    pub fn push(&mut self, serial: &str) {
        self.tree.push(leaf(self.numbered, serial));
    }

    /// What the receipt must have.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Whether they are the receipt's.
    pub fn check(&self, receipt: &Receipt) -> Result<(), Mismatch> {
        if self.numbered != receipt.numbered {
            return Err(Mismatch::Product {
                expected: receipt.numbered,
                found: self.numbered.to_string(),
            });
        }
        if self.tree.size() != receipt.quantity {
            return Err(Mismatch::Count {
                expected: receipt.quantity,
                found: self.tree.size(),
            });
        }
        (text(&self.root()) == receipt.root).then_some(()).ok_or(Mismatch::Numbers)
    }
}

/// That one number is one of a block: what leads from it to the root in the receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Of which allocation.
    pub allocation: AllocationId,
    /// What the number is for.
    #[serde(rename = "gtin")]
    pub numbered: Numbered,
    /// The number.
    pub serial: String,
    /// The how many-th of the block, from 0.
    pub index: u64,
    /// How many numbers the block has.
    pub size: u64,
    /// Hashes from the number up, base64url.
    pub path: Vec<String>,
}

/// A proof while the numbers of its block pass by.
#[derive(Debug)]
pub struct ProofBuilder {
    path: PathBuilder,
    proof: Proof,
}

impl Proof {
    /// For the number at `index` of a block of `size`; none if there is no such place.
    #[must_use]
    pub fn builder(
        allocation: AllocationId,
        numbered: Numbered,
        serial: &str,
        (index, size): (u64, u64),
    ) -> Option<ProofBuilder> {
        Some(ProofBuilder {
            path: PathBuilder::new(index, size)?,
            proof: Self {
                allocation,
                numbered,
                serial: serial.to_owned(),
                index,
                size,
                path: Vec::new(),
            },
        })
    }

    /// Whether it proves that `serial` is one of the receipt's numbers.
    pub fn check(&self, receipt: &Receipt, serial: &str) -> Result<(), Mismatch> {
        if self.allocation != receipt.allocation {
            return Err(Mismatch::Allocation {
                expected: receipt.allocation,
                found: self.allocation,
            });
        }
        if self.numbered != receipt.numbered {
            return Err(Mismatch::Product {
                expected: receipt.numbered,
                found: self.numbered.to_string(),
            });
        }
        if self.serial != serial {
            return Err(Mismatch::Serial);
        }
        let path: Option<Vec<Hash>> = self.path.iter().map(|hash| bytes(hash)?.try_into().ok()).collect();
        // The count is the receipt's: with another one the same path could lead from another place.
        let root = path.filter(|_| self.size == receipt.quantity);
        root.and_then(|path| root_by_path(leaf(self.numbered, serial), self.index, self.size, &path))
            .filter(|root| text(root) == receipt.root)
            .map(drop)
            .ok_or(Mismatch::Path)
    }
}

impl ProofBuilder {
    /// The next number of the block.
    pub fn push(&mut self, serial: &str) {
        self.path.push(leaf(self.proof.numbered, serial));
    }

    /// After the last one.
    #[must_use]
    pub fn finish(self) -> Proof {
        Proof {
            path: self.path.finish().iter().map(|hash| text(hash)).collect(),
            ..self.proof
        }
    }
}

/// A leaf is the number's GS1 element string, so that it says what it numbers.
fn leaf(numbered: Numbered, serial: &str) -> Hash {
    let element = match numbered {
        Numbered::Trade(gtin) => format!("01{gtin}21{serial}"),
        Numbered::Logistic(_) => format!("00{serial}"),
    };
    leaf_hash(element.as_bytes())
}
