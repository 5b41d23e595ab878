//! What must hold between the files of all parties: claims stand once, references lead somewhere.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use crate::domain::gs1::{CompanyPrefix, Gtin};
use crate::domain::serial::numbered::SsccSeries;

use super::ConfigError;
use super::draft::{AgreementDraft, Draft};
use super::reader::Located;

/// Every contradiction between the drafts.
pub(super) fn check(drafts: &[Draft]) -> Vec<ConfigError> {
    let mut found = Vec::new();
    glns(drafts, &mut found);
    prefixes(drafts, &mut found);
    products(drafts, &mut found);
    series(drafts, &mut found);
    let ids = drafts
        .iter()
        .flat_map(|draft| draft.agreements.iter().filter_map(move |one| Some((draft, one.id.as_ref()?))));
    claimed_once("agreement", ids, "give each agreement an id of its own", &mut found);
    for draft in drafts {
        for agreement in &draft.agreements {
            references(drafts, draft, agreement, &mut found);
        }
        let grants = draft.grants.iter().filter_map(|grant| Some((draft, grant.name.as_ref()?)));
        claimed_once("grant", grants, "give each grant of the file a name of its own", &mut found);
        let caps = draft.caps.iter().filter_map(|cap| Some((draft, cap.name.as_ref()?)));
        claimed_once("cap", caps, "give each cap of the file a name of its own", &mut found);
        let grantees = draft.grants.iter().filter_map(|grant| grant.grantee.as_ref());
        for party in grantees.chain(draft.caps.iter().flat_map(|cap| &cap.grantees)) {
            if !drafts.iter().any(|draft| draft.id == party.value) {
                let cause = format!("grantee `{}` has no file", party.value);
                let fix = format!("add `{}.toml`, or name the id of a party that has one", party.value);
                found.push(problem(draft, party.line, cause, fix));
            }
        }
    }
    found
}

fn problem(draft: &Draft, line: usize, cause: String, fix: impl Into<String>) -> ConfigError {
    ConfigError {
        file: draft.file.clone(),
        line,
        cause,
        fix: fix.into(),
    }
}

/// Where something stands, as people look for it.
fn place(draft: &Draft, line: usize) -> String {
    format!("{}:{line}", draft.file.file_name().unwrap_or_default().display())
}

/// Reports each claim after the first, with the place of the first.
fn claimed_once<'d, T>(
    noun: &str,
    claims: impl Iterator<Item = (&'d Draft, &'d Located<T>)>,
    fix: &str,
    found: &mut Vec<ConfigError>,
) where
    T: Eq + Hash + Display + 'd,
{
    let mut first: HashMap<&T, (&Draft, usize)> = HashMap::new();
    for (draft, claim) in claims {
        match first.get(&claim.value) {
            None => {
                first.insert(&claim.value, (draft, claim.line));
            }
            Some((other, line)) => {
                let cause = format!(
                    "{noun} `{}` is claimed a second time: first in {}",
                    claim.value,
                    place(other, *line)
                );
                found.push(problem(draft, claim.line, cause, fix));
            }
        }
    }
}

fn glns(drafts: &[Draft], found: &mut Vec<ConfigError>) {
    // A legal entity and one of its own sites may share a GLN.
    let claims = drafts.iter().flat_map(|draft| {
        let sites = || draft.sites.iter().filter_map(|site| site.gln.as_ref());
        let entity = draft
            .gln
            .iter()
            .filter(move |gln| !sites().any(|site| site.value == gln.value));
        entity.chain(sites()).map(move |gln| (draft, gln))
    });
    claimed_once("GLN", claims, "a GLN belongs to one party: correct it here or there", found);
}

fn prefixes(drafts: &[Draft], found: &mut Vec<ConfigError>) {
    let claims = || {
        drafts
            .iter()
            .flat_map(|draft| draft.prefixes.iter().map(move |prefix| (draft, prefix)))
    };
    // In order of the digits a prefix stands directly before those it is the beginning of.
    let mut sorted: Vec<_> = claims().collect();
    sorted.sort_by(|a, b| a.1.value.as_str().cmp(b.1.value.as_str()).then_with(|| a.0.id.cmp(&b.0.id)));
    let mut open: Option<(&Draft, &Located<CompanyPrefix>)> = None;
    for (draft, prefix) in sorted {
        match open {
            Some((other, shorter)) if prefix.value.as_str().starts_with(shorter.value.as_str()) => {
                let cause = if prefix.value == shorter.value {
                    format!(
                        "company prefix `{}` is claimed a second time: first in {}",
                        prefix.value.as_str(),
                        place(other, shorter.line)
                    )
                } else {
                    let (long, short) = (prefix.value.as_str(), shorter.value.as_str());
                    format!(
                        "company prefix `{long}` begins with company prefix `{short}` of {}",
                        place(other, shorter.line)
                    )
                };
                found.push(problem(
                    draft,
                    prefix.line,
                    cause,
                    "GS1 licenses no number range twice: correct the prefix here or there",
                ));
            }
            _ => open = Some((draft, prefix)),
        }
    }
}

fn products(drafts: &[Draft], found: &mut Vec<ConfigError>) {
    let gtins = || {
        drafts.iter().flat_map(|draft| {
            draft
                .products
                .iter()
                .filter_map(move |product| Some((draft, product.gtin.as_ref()?)))
        })
    };
    claimed_once(
        "GTIN",
        gtins(),
        "a product has one brand owner: correct it here or there",
        found,
    );
    for draft in drafts {
        for product in &draft.products {
            let Some(gtin) = &product.gtin else { continue };
            match product.ntin {
                None => under_its_prefix(draft, gtin, found),
                Some(line) => under_no_prefix(drafts, draft, gtin, line, found),
            }
        }
    }
}

/// Whether a product lies under a company prefix of a party.
fn covers(draft: &Draft, gtin: &Gtin) -> bool {
    // Behind the indicator digit stands the company prefix.
    let digits = &gtin.as_str()[1..];
    draft.prefixes.iter().any(|prefix| digits.starts_with(prefix.value.as_str()))
}

fn under_its_prefix(draft: &Draft, gtin: &Located<Gtin>, found: &mut Vec<ConfigError>) {
    // The product may lie under a prefix that could not be read, which is reported already.
    if !covers(draft, &gtin.value) && draft.whole.prefixes {
        let cause = format!("GTIN `{}` lies under none of this party's company prefixes", gtin.value);
        let fix =
            "add the prefix to `prefixes`, move the product to the party that holds it, or, if it is an NTIN, add `ntin = true`";
        found.push(problem(draft, gtin.line, cause, fix));
    }
}

/// An NTIN lies under the prefix of a national numbering agency, which is no party's.
fn under_no_prefix(drafts: &[Draft], draft: &Draft, gtin: &Located<Gtin>, line: usize, found: &mut Vec<ConfigError>) {
    if let Some(holder) = drafts.iter().find(|draft| covers(draft, &gtin.value)) {
        let cause = format!(
            "`{}` lies under a company prefix of `{}`: it is a GTIN, and no NTIN",
            gtin.value, holder.id
        );
        found.push(problem(draft, line, cause, "remove `ntin`, or correct the number"));
    }
}

/// The series of SSCCs of all parties: each once, and under a prefix of who gives them out.
fn series(drafts: &[Draft], found: &mut Vec<ConfigError>) {
    let all = || {
        drafts
            .iter()
            .flat_map(|draft| draft.series.iter().map(move |series| (draft, series)))
    };
    let named: Vec<(&Draft, Located<SsccSeries>)> = all()
        .map(|(draft, series)| {
            let Located { value, line } = &series.numbers;
            let value = value.series;
            (draft, Located { value, line: *line })
        })
        .collect();
    let claims = named.iter().map(|(draft, series)| (*draft, series));
    claimed_once("SSCC series", claims, "name each extension digit of a prefix once", found);
    for (draft, series) in all() {
        let own = draft.prefixes.iter().any(|prefix| prefix.value == series.prefix.value);
        if !own && draft.whole.prefixes {
            let cause = format!("`{}` is none of this party's company prefixes", series.prefix.value.as_str());
            found.push(problem(
                draft,
                series.prefix.line,
                cause,
                "name one of `prefixes`: only who holds a prefix gives out its SSCCs",
            ));
        }
    }
}

fn references(drafts: &[Draft], principal: &Draft, agreement: &AgreementDraft, found: &mut Vec<ConfigError>) {
    for gtin in &agreement.products {
        let own = principal
            .products
            .iter()
            .any(|product| product.gtin.as_ref().is_some_and(|own| own.value == gtin.value));
        if !own && principal.whole.products {
            let cause = format!("product `{}` is none of this party's", gtin.value);
            found.push(problem(
                principal,
                gtin.line,
                cause,
                "name a GTIN of a `[[products]]` of this file",
            ));
        }
    }
    for prefix in &agreement.sscc_prefixes {
        let own = principal.series.iter().any(|series| series.prefix.value == prefix.value);
        if !own && principal.whole.series {
            let cause = format!("no `[[sscc]]` of this file is for prefix `{}`", prefix.value.as_str());
            let fix = "add a `[[sscc]]` with this prefix, or name the prefix of one";
            found.push(problem(principal, prefix.line, cause, fix));
        }
    }
    let Some(name) = &agreement.delegate else { return };
    if name.value == principal.id {
        let cause = "`delegate` is the principal itself".to_owned();
        found.push(problem(
            principal,
            name.line,
            cause,
            "name another party; for its own products a party needs no agreement",
        ));
        return;
    }
    let Some(delegate) = drafts.iter().find(|draft| draft.id == name.value) else {
        let cause = format!("delegate `{}` has no file", name.value);
        let fix = format!("add `{}.toml`, or name the id of a party that has one", name.value);
        found.push(problem(principal, name.line, cause, fix));
        return;
    };
    for gln in &agreement.sites {
        let known = delegate
            .sites
            .iter()
            .any(|site| site.gln.as_ref().is_some_and(|site| site.value == gln.value));
        if !known && delegate.whole.sites {
            let cause = format!("site `{}` is none of `{}`'s", gln.value, delegate.id);
            let fix = format!(
                "name the GLN of a `[[sites]]` of `{}.toml`, or leave `sites` out for all of them",
                delegate.id
            );
            found.push(problem(principal, gln.line, cause, fix));
        }
    }
}
