//! Pools: the numbers for ever, epochs that leave out what older ones issued, what a stored pool is opened by.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::key::OwnerKey;
use super::super::rule::DIGITS;
use super::*;

fn key() -> PoolKey {
    OwnerKey::new([5; 32].into())
        .pool_key("09521234000013".parse().unwrap(), 1)
        .unwrap()
}

fn pool(rule: &SerialRule) -> Pool {
    let id = PoolId::new(uuid::Uuid::from_u128(1));
    Pool::create(
        id,
        "aurora".parse().unwrap(),
        "09521234000013".parse().unwrap(),
        1,
        rule,
        &key(),
    )
    .unwrap()
}

fn digits() -> SerialRule {
    SerialRule {
        alphabet: "0123456789".to_owned(),
        length: 6,
        density: 1,
        ..SerialRule::default()
    }
}

#[test]
fn a_whole_space_is_a_permutation() {
    let pool = pool(&digits());
    let seen: HashSet<String> = (0..20_000).filter_map(|index| pool.serial(index)).collect();
    assert_eq!(seen.len(), 20_000);
    assert!(
        seen.iter()
            .all(|serial| pool.index_of(serial).is_some_and(|index| index < 20_000))
    );
}

#[test]
fn these_are_the_numbers_for_ever() {
    // A change here means that every database in the field would repeat numbers: make a new algorithm id instead.
    let pool = pool(&SerialRule::default());
    let serials: Vec<_> = (0..3).filter_map(|index| pool.serial(index)).collect();
    assert_eq!(serials, ["GWWF4L9KMCCX", "M4RRQYGCKUU2", "NJEX698YEFY4"]);
}

#[test]
fn a_stored_pool_opens_only_if_it_answers_as_it_did() {
    let record = pool(&SerialRule::default()).record().clone();
    assert!(Pool::open(record.clone(), &key()).is_ok());
    let refuse = |change: &dyn Fn(&mut PoolRecord)| {
        let mut record = record.clone();
        change(&mut record);
        Pool::open(record, &key()).unwrap_err()
    };
    let differ = SerialError::KnownAnswers { pool: record.id };
    assert_eq!(refuse(&|record| record.samples[0].1 = "ABCDEFGHJKLM".to_owned()), differ);
    assert_eq!(refuse(&|record| record.samples.clear()), differ);
    assert_eq!(
        refuse(&|record| record.alphabet = record.alphabet.chars().rev().collect()),
        differ
    );
    assert!(matches!(
        refuse(&|record| record.algorithm = "ff1-v0".to_owned()),
        SerialError::Algorithm { .. }
    ));
    let other = OwnerKey::new([6; 32].into()).pool_key(record.numbered, record.epoch).unwrap();
    assert_eq!(Pool::open(record.clone(), &other).unwrap_err(), differ);
}

#[test]
fn made_up_numbers_are_not_found() {
    let pool = pool(&SerialRule {
        density: 10_000,
        ..digits()
    });
    for foreign in ["", "12345", "1234567", "12345A", "12345٣", "ABCDEF"] {
        assert_eq!(pool.index_of(foreign), None, "{foreign}");
    }
    // Of the whole space exactly the cap is issuable.
    let found = (0..1_000_000_u32)
        .step_by(50)
        .filter(|number| pool.index_of(&format!("{number:06}")).is_some())
        .count();
    assert!(found <= 12, "{found} of 20,000 guesses");
}

proptest! {
    #[test]
    fn there_and_back(index in 0..5_000_000_000_u64) {
        let pool = pool(&SerialRule::default());
        prop_assert_eq!(pool.index_of(&pool.serial(index).unwrap()), Some(index));
    }

    #[test]
    fn blocks_are_disjoint_in_whatever_order_they_are_taken(sizes in proptest::collection::vec(1..60_u64, 1..20), order: u64) {
        let pool = pool(&digits());
        let mut next = 0;
        let mut blocks: Vec<_> = sizes.iter().map(|size| { let first = next; next += size; first..next }).collect();
        // Callers write out their blocks in any order.
        for i in (1..blocks.len()).rev() {
            blocks.swap(i, (order.rotate_left(i as u32) % (i as u64 + 1)) as usize);
        }
        let serials: HashSet<String> = blocks.into_iter().flatten().filter_map(|index| pool.serial(index)).collect();
        prop_assert_eq!(serials.len() as u64, next);
    }
}

fn numbered() -> Numbered {
    "09521234000013".parse().unwrap()
}

fn key_of(epoch: i64) -> PoolKey {
    OwnerKey::new([5; 32].into()).pool_key(numbered(), epoch).unwrap()
}

/// The next epoch behind these pools.
fn next_epoch(rule: &SerialRule, older: &[Arc<Pool>]) -> Result<Pool, SerialError> {
    let epoch = older.len() as i64 + 1;
    let new = NewPool {
        id: PoolId::new(uuid::Uuid::from_u128(epoch as u128)),
        owner: "aurora".parse().unwrap(),
        numbered: numbered(),
        epoch,
        rule,
        listed: 0,
    };
    Pool::succeed(new, &key_of(epoch), older)
}

/// The same pool after it was retired at a counter value.
fn retired(pool: &Pool, high_water: u64, older: &[Arc<Pool>]) -> Arc<Pool> {
    let mut record = pool.record().clone();
    record.retired = Some(Retirement {
        at: Micros(1),
        high_water,
    });
    let epoch = record.epoch;
    Arc::new(Pool::open(record, &key_of(epoch)).unwrap().behind(older))
}

/// What the pool gives out for `first..first + span`.
fn issued(pool: &Pool, first: u64, span: u32) -> Vec<String> {
    let holes = pool.holes(first, span);
    let offsets = (0..span).filter(|offset| !holes.contains(*offset));
    offsets.filter_map(|offset| pool.serial(first + u64::from(offset))).collect()
}

#[test]
fn restrictions_permute_what_they_leave() {
    let check = |rule: SerialRule, upto: u64, good: &dyn Fn(&str) -> bool| {
        let pool = pool(&rule);
        assert_eq!(pool.record().cap, 900_000);
        assert_eq!(pool.record().algorithm, "ff1-aes256-walk-v1");
        let mut seen = HashSet::new();
        for index in 0..upto {
            let serial = pool.serial(index).unwrap();
            assert!(good(&serial), "{serial}");
            if index % 41 == 0 {
                assert_eq!(pool.index_of(&serial), Some(index));
            }
            assert!(seen.insert(serial));
        }
        assert!(Pool::open(pool.record().clone(), &key()).is_ok());
    };
    let no_zero = SerialRule {
        no_leading_zero: true,
        ..digits()
    };
    check(no_zero.clone(), 900_000, &|serial| !serial.starts_with('0'));
    let letters = SerialRule {
        alphabet: "X0Y123456789".to_owned(),
        exclude: "89".to_owned(),
        ..no_zero
    };
    check(letters, 20_000, &|serial| {
        !serial.contains(['8', '9']) && !serial.starts_with('0')
    });
}

#[test]
fn what_is_made_for_a_tag_fits_it() {
    let tag = |variable_length| SerialRule {
        alphabet: DIGITS.to_owned(),
        length: 12,
        sgtin_96: true,
        variable_length,
        density: 10_000,
        ..SerialRule::default()
    };
    let (fixed, variable) = (pool(&tag(false)), pool(&tag(true)));
    assert_eq!((fixed.record().cap, variable.record().cap), (17_487_790, 27_487_790));
    for index in (0..17_000_000).step_by(30_011) {
        for pool in [&fixed, &variable] {
            let serial = pool.serial(index).unwrap();
            let value: u64 = serial.parse().unwrap();
            assert!(
                value <= super::super::rule::SGTIN_96_MAX && value.to_string() == serial,
                "{serial}"
            );
            assert_eq!(pool.index_of(&serial), Some(index));
        }
        assert_eq!(fixed.serial(index).unwrap().len(), 12);
    }
}

#[test]
fn a_sequence_is_counted_and_a_series_has_check_digits() {
    let range = NumberRange { first: 98, last: 1_000 };
    let counted = pool(&SerialRule {
        length: 5,
        ..SerialRule::counted(range)
    });
    assert_eq!(issued(&counted, 0, 3), ["00098", "00099", "00100"]);
    assert_eq!(counted.record().cap, 903);
    let series: Numbered = "9521002:3".parse().unwrap();
    let numbers = super::super::rule::SsccNumbers {
        series: *series.sscc_series().unwrap(),
        range: NumberRange {
            first: 7,
            last: 999_999_999,
        },
    };
    let new = NewPool {
        id: PoolId::new(uuid::Uuid::from_u128(1)),
        owner: "packwell".parse().unwrap(),
        numbered: series,
        epoch: 1,
        rule: &SerialRule::of_series(&numbers),
        listed: 0,
    };
    let pool = Pool::succeed(new, &key(), &[]).unwrap();
    for index in 0..1_000 {
        let sscc = pool.serial(index).unwrap();
        assert!(sscc.parse::<crate::domain::gs1::Sscc>().is_ok(), "{sscc}");
        assert_eq!(pool.index_of(&sscc), Some(index));
    }
    let mut record = pool.record().clone();
    assert!(Pool::open(record.clone(), &key()).is_ok());
    record.samples[3].1 = "395210020000000071".to_owned();
    assert!(matches!(Pool::open(record, &key()), Err(SerialError::KnownAnswers { .. })));
}

#[test]
fn each_computed_source_is_refused_if_it_answers_otherwise() {
    let tag = SerialRule {
        alphabet: DIGITS.to_owned(),
        sgtin_96: true,
        ..SerialRule::default()
    };
    let counted = SerialRule::counted(NumberRange { first: 1, last: 99 });
    for rule in [SerialRule::default(), tag, counted] {
        let record = pool(&rule).record().clone();
        let differ = SerialError::KnownAnswers { pool: record.id };
        let refuse = |change: &dyn Fn(&mut PoolRecord)| {
            let mut record = record.clone();
            change(&mut record);
            Pool::open(record, &key()).unwrap_err()
        };
        assert_eq!(refuse(&|record| record.samples[0].1.push('0')), differ);
        assert_eq!(refuse(&|record| record.samples.clear()), differ);
        assert_eq!(refuse(&|record| record.length -= 1), differ);
        assert_eq!(refuse(&|record| record.alphabet.push('Z')), differ);
        assert!(matches!(
            refuse(&|record| record.algorithm.push('0')),
            SerialError::Algorithm { .. }
        ));
    }
}

#[test]
fn what_others_make_is_not_computed() {
    for source in [Source::Imported, Source::Brokered, Source::Delegate] {
        let listed = pool(&SerialRule {
            source,
            ..SerialRule::default()
        });
        assert_eq!((listed.serial(0), listed.index_of("GWWF4L9KMCCX")), (None, None));
        assert!(listed.holes(0, 1_000).is_empty() && listed.record().samples.is_empty());
        assert!(Pool::open(listed.record().clone(), &key()).is_ok());
    }
}

#[test]
fn banned_words_are_holes() {
    let rule = SerialRule {
        banned_words: vec!["66".to_owned(), "x1".to_owned()],
        ..digits()
    };
    let with = pool(&rule);
    let plain = pool(&digits());
    let holes = with.holes(0, 20_000);
    assert!(holes.len() > 500, "{}", holes.len());
    for offset in 0..20_000 {
        let serial = plain.serial(u64::from(offset)).unwrap();
        assert_eq!(with.serial(u64::from(offset)).as_ref(), Some(&serial));
        assert_eq!(holes.contains(offset), serial.contains("66"), "{serial}");
        // It may have been given out before the word was banned.
        assert_eq!(with.index_of(&serial), Some(u64::from(offset)));
    }
    assert!(with.record().goes_on_under(&digits()) && !with.record().follows(&digits()));
}

#[test]
fn a_newer_epoch_leaves_out_what_the_older_issued() {
    let first = Arc::new(pool(&digits()));
    let first = retired(&first, 30_000, &[]);
    let second = next_epoch(&digits(), std::slice::from_ref(&first)).unwrap();
    assert_eq!(second.record().cap, 970_000);
    let mut seen: HashSet<String> = issued(&first, 0, 30_000).into_iter().collect();
    let holes = second.holes(0, 20_000);
    assert!((500..700).contains(&holes.len()), "{}", holes.len());
    let second = retired(&second, 20_000, std::slice::from_ref(&first));
    let older = [Arc::clone(&second), Arc::clone(&first)];
    let third = next_epoch(&digits(), &older).unwrap();
    assert_eq!(third.record().cap, 950_000);
    for serial in issued(&second, 0, 20_000).into_iter().chain(issued(&third, 0, 40_000)) {
        let of = [&third, &*second, &*first].map(|pool| pool.index_of(&serial).is_some());
        assert_eq!(of.iter().filter(|found| **found).count(), 1, "{serial} {of:?}");
        assert!(seen.insert(serial));
    }
}

#[test]
fn without_its_older_epochs_a_pool_would_repeat_numbers() {
    // The control of the test above: it can fail.
    let first = retired(&pool(&digits()), 30_000, &[]);
    let second = next_epoch(&digits(), std::slice::from_ref(&first)).unwrap();
    let alone = Pool::open(second.record().clone(), &key_of(2)).unwrap();
    let seen: HashSet<String> = issued(&first, 0, 30_000).into_iter().collect();
    assert!(issued(&alone, 0, 1_000).iter().any(|serial| seen.contains(serial)));
}

#[test]
fn an_epoch_of_another_length_leaves_nothing_out() {
    let first = retired(&pool(&digits()), 300_000, &[]);
    let longer = SerialRule { length: 7, ..digits() };
    let second = next_epoch(&longer, std::slice::from_ref(&first)).unwrap();
    assert_eq!((second.record().cap, second.older().len()), (10_000_000, 0));
    let letters = SerialRule {
        alphabet: "0123456789ABCDEF".to_owned(),
        ..digits()
    };
    let met = next_epoch(&letters, std::slice::from_ref(&first)).unwrap();
    assert_eq!(met.older().len(), 1);
    let taken = SerialRule { density: 4, ..digits() };
    assert_eq!(
        next_epoch(&taken, std::slice::from_ref(&first)).unwrap_err(),
        SerialError::Exhausted { numbered: numbered() }
    );
}

#[test]
fn a_range_goes_on_where_the_older_ended() {
    let counted = |first, last| SerialRule::counted(NumberRange { first, last });
    let first = retired(&pool(&counted(1, 100)), 40, &[]);
    let second = next_epoch(&counted(1, 500), std::slice::from_ref(&first)).unwrap();
    assert_eq!(second.serial(0).as_deref(), Some("000000000041"));
    assert_eq!(second.record().cap, 460);
    assert!(second.record().follows(&counted(1, 500)) && !second.record().follows(&counted(1, 400)));
    // One that begins before takes what is free, and leaves out the rest.
    let third = next_epoch(&counted(0, 500), &[retired(&second, 10, std::slice::from_ref(&first)), first]).unwrap();
    assert_eq!(third.serial(0).as_deref(), Some("000000000000"));
    assert_eq!(third.holes(0, 100).iter().collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
    let all = retired(&pool(&counted(1, 100)), 100, &[]);
    assert!(matches!(
        next_epoch(&counted(1, 100), &[all]),
        Err(SerialError::Exhausted { .. })
    ));
}

#[test]
fn old_rows_and_documents_are_read() {
    let rule: SerialRule = serde_json::from_str(r#"{"alphabet":"0123456789","length":14,"density":10000}"#).unwrap();
    assert_eq!((rule.source, rule.range, rule.markets.len()), (Source::Permutation, None, 0));
    assert_eq!(
        serde_json::json!(rule).to_string(),
        r#"{"alphabet":"0123456789","density":10000,"length":14}"#
    );
    // A row of the first version has no rule: it is that of the same alphabet and length.
    let record = pool(&rule).record().clone();
    assert_eq!((record.rule.as_ref(), record.algorithm.as_str()), (None, ALGORITHM));
    assert!(record.follows(&rule));
    assert!(!record.follows(&SerialRule {
        no_leading_zero: true,
        ..rule
    }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_number_comes_from_two_epochs(shapes in proptest::collection::vec((0..4_usize, 0..4_000_u64), 2..6)) {
        let rules = [
            digits(),
            SerialRule { no_leading_zero: true, ..digits() },
            SerialRule { alphabet: "9876543210".to_owned(), ..digits() },
            SerialRule { length: 6, ..SerialRule::counted(NumberRange { first: 100_000, last: 110_000 }) },
        ];
        let (mut seen, mut older) = (HashSet::new(), Vec::<Arc<Pool>>::new());
        for (shape, count) in shapes {
            let pool = match next_epoch(&rules[shape], &older) {
                Ok(pool) => pool,
                Err(SerialError::Exhausted { .. }) => break,
                Err(other) => panic!("{other}"),
            };
            let count = count.min(pool.record().cap);
            for serial in issued(&pool, 0, count as u32) {
                prop_assert!(pool.index_of(&serial).is_some());
                prop_assert!(older.iter().all(|older| older.index_of(&serial).is_none()));
                prop_assert!(seen.insert(serial));
            }
            let done = retired(&pool, count, &older);
            older.insert(0, done);
        }
    }

    #[test]
    fn walked_there_and_back(index in 0..27_000_000_u64, variable_length: bool) {
        let tag = pool(&SerialRule {
            alphabet: DIGITS.to_owned(),
            sgtin_96: true,
            variable_length,
            ..SerialRule::default()
        });
        let index = index.min(tag.record().cap - 1);
        prop_assert_eq!(tag.index_of(&tag.serial(index).unwrap()), Some(index));
    }
}
