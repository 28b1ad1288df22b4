//! A channel's side: what becomes of a request that arrives, and the order of prices that must hold at every instant.

use omniprice::channel::Class;
use omniprice::publish::constraint::NeverBelow;

use super::{Act, Answer, Batch, FAULTS_UNTIL, Kept, Violation, World, violation};

impl World {
    pub(super) fn answer(&mut self, shop: usize) -> Answer {
        let this = &self.shops[shop];
        if this.refuses_until > self.now && this.refuses_until - self.now < 4_000 {
            return Answer::Refuse;
        }
        if this.lies_until > self.now {
            return Answer::Lie;
        }
        if !self.faulty(25) {
            return Answer::Ok;
        }
        let all = [Answer::Lost, Answer::Busy, Answer::Broken, Answer::Partial, Answer::Reject];
        // A price that is not taken is rarer than a request that goes wrong.
        let pick = self.dice.below(17).min(16) / 4;
        all[usize::try_from(pick).unwrap_or(0)]
    }

    /// A request reaches the channel, whoever may still be waiting for its answer.
    pub(super) fn arrive(
        &mut self,
        ticket: u64,
        (worker, shop, life): (usize, usize, u64),
        batch: &Batch,
        beside: Kept,
        answer: Answer,
    ) -> Result<(), Violation> {
        let applies = !matches!(answer, Answer::Busy | Answer::Lie | Answer::Refuse);
        let forbids = self.shops[shop].forbids.filter(|_| self.now < FAULTS_UNTIL);
        for (index, &(id, seq, minor)) in batch.iter().enumerate() {
            if forbids == Some(id) && (applies || answer == Answer::Refuse) {
                self.shops[shop].rejected.insert(id, seq);
                continue;
            }
            if answer == Answer::Reject && index == 0 {
                self.shops[shop].rejected.insert(id, seq);
                continue;
            }
            // It breaks off between taking the listing away and putting it back.
            if answer == Answer::Broken && self.shops[shop].rewrites && self.newest(shop, id) <= seq {
                self.shops[shop].absent.insert(id);
                self.say(|| format!("channel loses {id}"));
                continue;
            }
            if applies && !(answer == Answer::Partial && index == 0) {
                self.apply(shop, id, seq, minor)?;
                // The whole document, so that the other channel's price is what it was when the document was read.
                if let Some((other, kept, seq, minor)) = beside
                    && self.newest(other, kept) != seq
                {
                    self.apply(other, kept, seq, minor)?;
                }
            }
        }
        let by_right = self.shops[shop].by_right;
        let results: Vec<Result<(), Class>> = (0..batch.len())
            .map(|index| match answer {
                Answer::Busy => Err(Class::Retry { after_ms: Some(120) }),
                Answer::Broken => Err(Class::Unknown),
                Answer::Refuse if by_right => Err(Class::Forbidden),
                Answer::Refuse => Err(Class::Refused),
                _ if applies && forbids == Some(batch[index].0) => Err(Class::Forbidden),
                Answer::Reject if index == 0 => Err(Class::Rejected),
                Answer::Partial if index == 0 => Err(Class::Retry { after_ms: None }),
                _ => Ok(()),
            })
            .collect();
        if answer != Answer::Lost {
            let back = self.now + 1 + self.dice.below(20);
            self.plan(back, Act::Answered { ticket, worker, shop, life, results: results.clone() });
            if self.faulty(3) {
                self.plan(back + 50, Act::Answered { ticket, worker, shop, life, results });
            }
        }
        Ok(())
    }

    pub(super) fn newest(&self, shop: usize, id: i64) -> i64 {
        self.shops[shop].shown[&id].last().map_or(0, |(_, seq, _)| *seq)
    }

    pub(super) fn apply(&mut self, shop: usize, id: i64, seq: i64, minor: i64) -> Result<(), Violation> {
        let now = self.now;
        self.shops[shop].absent.remove(&id);
        let ordered = self.shops[shop].ordered;
        let history = self.shops[shop].shown.entry(id).or_default();
        let (_, newest, before) = history.last().copied().unwrap_or((0, 0, 0));
        if seq < newest {
            if ordered {
                return Ok(());
            }
            return Err(violation("P2", format!("listing {id}: {seq} takes effect after {newest}"), now));
        }
        history.push((now, seq, minor));
        self.note(&[4, id, seq, minor, now]);
        self.say(|| format!("channel shows {id} #{seq} {minor}"));
        let product = self.table.rows.iter().find(|row| row.id == id).map_or(0, |row| row.product_id);
        let live = |name: &str| {
            let row = self.table.rows.iter().find(|row| row.product_id == product && row.channel == name)?;
            let shop = self.shops.iter().find(|shop| shop.name == name)?;
            Some(shop.live(row.id, now))
        };
        let own = &self.shops[shop].name;
        for NeverBelow { above, below, .. } in &self.constraints {
            // A pair that somebody else broke may stay so for a while, and must not be broken further.
            let was = |name: &str| if name == own { Some(before) } else { live(name) };
            let gap = was(below).zip(was(above)).map_or(0, |(b, a)| (b - a).max(0));
            if let (Some(a), Some(b)) = (live(above), live(below))
                && b - a > gap
            {
                let what = format!("product {product}: {above} shows {a} while {below} shows {b}");
                return Err(violation("P6", what, now));
            }
        }
        Ok(())
    }
}
