//! The rules of refresh tokens over random histories: an honest browser never loses its login, and two holders of one login do not
//! go on side by side.

use std::time::Duration;

use auth::domain::client_id::ClientId;
use auth::domain::renewal::{RenewableLogin, Renewal, RetiredTokens};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use service_kit::Micros;

const GRACE: Duration = Duration::from_secs(20);
const GRACE_MS: i64 = 20_000;
const CASES: u32 = 10_000;
const SEED: u64 = 7;

fn from_milliseconds(milliseconds: i64) -> Micros {
    Micros::from_i64(milliseconds * 1000)
}

#[derive(Clone, Copy)]
struct Token {
    issued_at: Micros,
    consumed_at: Option<Micros>,
}

/// The refresh tokens of a login as the store keeps them. A token is its place in the list.
struct Family {
    tokens: Vec<Token>,
    is_dead: bool,
}

impl Family {
    fn start() -> Self {
        Self { tokens: vec![Token { issued_at: from_milliseconds(0), consumed_at: None }], is_dead: false }
    }

    /// Uses a token: the next one, unless it is refused.
    fn use_token(&mut self, token: usize, now: Micros) -> Option<usize> {
        let client = ClientId::unnamed();
        let login = RenewableLogin {
            client: client.as_str().to_owned(),
            ends_at: Micros::MAX,
            idle_ends_at: Micros::MAX,
            is_ended: self.is_dead,
            is_other_login: false,
            consumed_at: self.tokens[token].consumed_at,
        };
        let renewal = Renewal::judge(&login, &client, now, GRACE);
        self.is_dead |= renewal == Renewal::Reused;
        if renewal != Renewal::Allowed {
            return None;
        }
        let retired = RetiredTokens::from_use_at(now, GRACE);
        for (other, row) in self.tokens.iter_mut().enumerate() {
            if row.consumed_at.is_none() && (other == token || retired.contains(row.issued_at)) {
                row.consumed_at = Some(now);
            }
        }
        self.tokens.push(Token { issued_at: now, consumed_at: None });
        Some(self.tokens.len() - 1)
    }
}

fn check_histories<S: Strategy>(strategy: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config { cases: CASES, rng_seed: RngSeed::Fixed(SEED), ..Config::default() };
    TestRunner::new(config).run(strategy, check).unwrap();
    println!("{CASES} histories, seed {SEED}");
}

/// A tab sends what the browser keeps after a pause; the request and the answer take their time.
#[derive(Debug, Clone, Copy)]
struct Renewing {
    pause: i64,
    request_takes: i64,
    answer_takes: i64,
}

fn renewings() -> impl Strategy<Value = Vec<Renewing>> {
    let pause = prop_oneof![3 => 0..500_i64, 2 => 0..GRACE_MS, 1 => 0..40 * GRACE_MS];
    let way = || prop_oneof![2 => 0..500_i64, 1 => 0..=GRACE_MS / 2];
    let renewing = (pause, way(), way()).prop_map(|(pause, request_takes, answer_takes)| Renewing {
        pause,
        request_takes,
        answer_takes,
    });
    proptest::collection::vec(renewing, 1..40)
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Answered { token: usize },
    Received { token: usize, answer_takes: i64 },
    Sent { request_takes: i64, answer_takes: i64 },
}

/// All tabs of a browser share the cookie, and the answer that comes last sets it.
#[test]
fn a_browser_with_any_number_of_tabs_never_loses_its_login() {
    check_histories(&renewings(), |renewings| {
        let (mut family, mut kept) = (Family::start(), 0);
        let mut time = 0;
        let mut steps: Vec<(i64, Step)> = Vec::new();
        for Renewing { pause, request_takes, answer_takes } in renewings {
            time += pause;
            steps.push((time, Step::Sent { request_takes, answer_takes }));
        }
        while let Some(first) = (0..steps.len()).min_by_key(|place| steps[*place].0) {
            let (now, step) = steps.remove(first);
            match step {
                Step::Sent { request_takes, answer_takes } => {
                    steps.push((now + request_takes, Step::Received { token: kept, answer_takes }));
                }
                Step::Received { token, answer_takes } => {
                    let next = family.use_token(token, from_milliseconds(now));
                    prop_assert!(next.is_some(), "refused at {now} ms");
                    if let Some(token) = next {
                        steps.push((now + answer_takes, Step::Answered { token }));
                    }
                }
                Step::Answered { token } => kept = token,
            }
        }
        Ok(())
    });
}

/// Which of two holders of one login renews, and how long after the renewal before.
fn turns() -> impl Strategy<Value = Vec<(bool, i64)>> {
    let pause = prop_oneof![1 => 0..GRACE_MS, 3 => GRACE_MS + 1..40 * GRACE_MS];
    proptest::collection::vec((any::<bool>(), pause), 2..30)
}

/// Both begin with a copy of the same token. A holder is found out exactly when the other has renewed the login since then, and the
/// grace after that is over.
#[test]
fn of_two_holders_one_is_found_out_at_the_next_renewal_after_the_grace() {
    check_histories(&turns(), |turns| {
        let mut family = Family::start();
        let mut kept = [0, 0];
        let mut renewals: [Vec<i64>; 2] = [Vec::new(), Vec::new()];
        let mut now = 0;
        for (is_thief, pause) in turns {
            now += pause;
            let (mine, other) = (usize::from(is_thief), usize::from(!is_thief));
            let issued_at = renewals[mine].last().copied();
            let is_overtaken = renewals[other].iter().any(|renewed_at| {
                let is_old = issued_at.is_none_or(|issued_at| issued_at < renewed_at - GRACE_MS);
                is_old && now > renewed_at + GRACE_MS
            });
            let next = family.use_token(kept[mine], from_milliseconds(now));
            prop_assert_eq!(next.is_none(), is_overtaken, "at {} ms", now);
            let Some(next) = next else { break };
            kept[mine] = next;
            renewals[mine].push(now);
        }
        Ok(())
    });
}

/// Whoever holds whatever token: after a renewal, those that were given out longer than the grace before it are accepted for one grace
/// more, and never again.
#[test]
fn no_other_line_outlives_a_renewal_by_more_than_the_grace() {
    let uses = proptest::collection::vec((any::<prop::sample::Index>(), 0..2 * GRACE_MS), 1..40);
    check_histories(&uses, |uses| {
        let (mut family, mut now) = (Family::start(), 0);
        let mut renewed_at: Vec<i64> = Vec::new();
        for (token, pause) in uses {
            now += pause;
            let token = token.index(family.tokens.len());
            let issued_at = family.tokens[token].issued_at;
            let is_old = renewed_at
                .iter()
                .any(|at_ms| issued_at < from_milliseconds(at_ms - GRACE_MS) && now > at_ms + GRACE_MS);
            let accepted = family.use_token(token, from_milliseconds(now)).is_some();
            prop_assert!(!(accepted && is_old), "accepted at {now} ms");
            prop_assert!(accepted || family.is_dead);
            if family.is_dead {
                return Ok(());
            }
            renewed_at.push(now);
        }
        Ok(())
    });
}
