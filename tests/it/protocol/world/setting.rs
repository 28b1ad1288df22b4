//! How a schedule begins: channels with their vendors' ways, and the decisions and faults that will come.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use omniprice::publish::constraint::NeverBelow;
use omniprice::publish::daily::Cap;

use super::{Act, CAP_WINDOW, FAULTS_UNTIL, SETTLE_WITHIN, Shop, World};
use crate::protocol::dice::Dice;
use crate::protocol::table::{Broken, Table, row};

impl World {
    pub(super) fn new(seed: u64, broken: Broken) -> Self {
        let mut dice = Dice::new(seed);
        let (channels, products) = (2 + dice.below(2), 1 + dice.below(2));
        let names = ["feed", "webshop", "market"];
        let foreign = dice.percent(40);
        let mut shops = Vec::new();
        let mut rows = Vec::new();
        for (index, name) in names.iter().take(usize::try_from(channels).unwrap_or(2)).enumerate() {
            // The first two can always be read: what cannot be read may stay unproved for ever.
            let readable = index < 2 || dice.percent(50);
            let ordered = dice.percent(25);
            let mut shown = BTreeMap::new();
            for product in 0..products {
                let id = product * 10 + i64::try_from(index).unwrap_or(0) + 1;
                // Somebody else may have left prices there that break the order.
                let live = if foreign { 30_000 + dice.below(40) * 1_000 } else { 50_000 };
                shown.insert(id, vec![(0, 0, live)]);
                rows.push(row(id, name, product, live));
            }
            // One that counts updates may also take longer to show one than is waited for.
            let cap = dice.percent(25).then(|| Cap { updates: 1 + dice.below(3), window_ms: CAP_WINDOW });
            let slow = cap.is_some() && dice.percent(50);
            let lag = if dice.percent(30) { dice.below(150) } else { 0 };
            shops.push(Shop {
                cap,
                pushes: BTreeMap::new(),
                rewrites: readable && dice.percent(25),
                absent: BTreeSet::new(),
                rejected: BTreeMap::new(),
                beside: None,
                name: (*name).to_owned(),
                readable,
                idempotent: ordered || (!readable && dice.percent(70)),
                ordered,
                max_batch: usize::try_from(1 + dice.below(3)).unwrap_or(1),
                lag: if slow { SETTLE_WITHIN + dice.below(1_000) } else { lag },
                shown,
                refuses_until: 0,
                by_right: false,
                forbids: None,
                lies_until: 0,
                refused_us: false,
            });
        }
        rows.sort_by_key(|row| row.id);
        if dice.percent(25) {
            let first = usize::try_from(dice.below(channels - 1)).unwrap_or(0);
            let pair = [first, first + 1];
            for (own, other) in pair.into_iter().zip(pair.into_iter().rev()) {
                let shop: &mut Shop = &mut shops[own];
                // A document has no number of its own, is written whole, and each on its own.
                (shop.beside, shop.ordered, shop.rewrites, shop.max_batch) = (Some(other), false, false, 1);
                shop.idempotent &= !shop.readable;
            }
        }
        let single = dice.percent(40);
        let pair = |above: &str, below: &str| NeverBelow {
            above: above.to_owned(),
            below: below.to_owned(),
            best_effort_after_ms: None,
        };
        let readable = |name: &str| shops.iter().any(|shop| shop.name == name && shop.readable);
        let mut constraints = vec![pair("feed", "webshop")];
        if readable("market") {
            constraints.push(pair("webshop", "market"));
        }
        Self {
            table: Table { rows, broken },
            now: 0,
            dice,
            shops,
            constraints,
            queue: BinaryHeap::new(),
            acts: BTreeMap::new(),
            next: 0,
            lanes: BTreeMap::new(),
            lives: vec![0; if single { 1 } else { 2 }],
            single,
            sent: BTreeMap::new(),
            unread: BTreeMap::new(),
            forbidden: BTreeMap::new(),
            alone: BTreeSet::new(),
            taken: BTreeMap::new(),
            closed_for: BTreeMap::new(),
            turns: BTreeMap::new(),
            decisions: BTreeMap::new(),
            trace: 0xCBF2_9CE4_8422_2325,
            events: 0,
            faults: 0,
            story: None,
        }
    }

    pub(super) fn start(&mut self) {
        for worker in 0..self.lives.len() {
            self.spawn(worker);
            let at = 1_000 + self.dice.below(6_000);
            self.plan(at, Act::Kill { worker });
        }
        let mut at = 0;
        for _ in 0..2 + self.dice.below(5) {
            at += self.dice.below(6_000);
            self.plan(at, Act::Decide);
        }
        for shop in 0..self.shops.len() {
            if self.dice.percent(20) {
                let from = self.dice.below(FAULTS_UNTIL);
                self.shops[shop].refuses_until = from + self.dice.below(4_000);
            }
            self.shops[shop].by_right = self.dice.percent(50);
            if self.dice.percent(15) {
                // One of two products, so that there are others to tell.
                self.shops[shop].forbids = self.shops[shop].shown.keys().next_back().copied();
            }
            if self.dice.percent(20) {
                self.shops[shop].lies_until = self.dice.below(8_000);
            }
        }
    }
}
