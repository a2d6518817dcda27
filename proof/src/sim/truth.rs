//! What clients know before they ask: what customers and people did at the channel, and what others said.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Attest, Command, FirstWord};
use tally_actors::domain::event::{Event, Stamped};
use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::standing::Change;
use tally_actors::ports::Store;

use super::client::Asking;
use super::store::ready;
use super::workload::{Ask, Op};
use super::world::World;
use crate::history::Request;
use crate::translate;

impl World {
    /// The command of an operation, and whose key asks; `None`: it names a number that nobody was told of, or nothing certain
    /// can be seen of what it is about.
    pub(super) fn command(&mut self, op: &Op) -> Option<(Command, Option<KeyId>)> {
        let mut with = Asking {
            merchant: &self.plan.merchants[op.merchant],
            now: self.stage.true_time(),
            random: &mut self.numbers,
            transfers_open: self.plan.transfers_open,
        };
        let of = with.merchant.id;
        let (mut command, by) = self.notebook.command(op, &mut with)?;
        if let (Command::Attest(attest), Ask::Attest { alone, .. }) = (&mut command, &op.ask)
            && !self.see(of, attest, *alone)
        {
            return None;
        }
        if let Command::NoticeRefund(notice) = &mut command {
            let made = self.stage.payment_of_refund((of, notice.refund_no));
            let only = || Some(self.stage.one_payment((of, notice.order_no))?.0);
            notice.transaction_id = made.or_else(only);
        }
        if let Command::Stand(stand) = &mut command
            && stand.change == Change::Close
        {
            stand.seen = self.newest(of);
        }
        Some((command, by))
    }

    /// The newest place of a merchant's journal, as it can be read now.
    fn newest(&self, of: MerchantId) -> Option<Seq> {
        let heads = ready(self.stage.store.inner.heads(vec![of])).ok()?;
        Some(heads.into_iter().next()?.ok()??.link.seq)
    }

    /// What the channel tells of, it knows.
    pub(super) fn tell_channel(&mut self, op: &Op, of: MerchantId, command: &Command) {
        if let Command::Pay(pay) = command
            && self.notebook.is_new_payment(op.merchant, pay)
            && let Request::Pay { order_no, transaction_id, amount, .. } =
                translate::request(command)
        {
            let payment = (of.to_string(), order_no, transaction_id, amount);
            self.stage.history.channel.payments.push(payment);
        }
        // What a notice tells of that a person did at the channel, was done there before.
        if let Command::NoticeRefund(notice) = command
            && matches!(op.ask, Ask::RefundByHand { forged: false, .. })
            && self.notebook.is_new_refund(op.merchant, notice.refund_no)
        {
            let number = (of, notice.refund_no);
            self.stage.refund_by_hand(number, notice.order_no, notice.amount);
        }
    }

    /// Has an admin say what can be seen at the channel, and name the word of another who said the same; else, if asked to, the
    /// admin's own. `false`: nothing certain can be seen there.
    fn see(&self, of: MerchantId, attest: &mut Attest, alone: bool) -> bool {
        let Some(paid) = self.stage.was_paid((of, attest.withdrawal_no)) else { return false };
        attest.succeeded = paid;
        attest.reference = if paid { "seen" } else { "" }.into();
        let events = ready(self.stage.store.inner.events(of, Seq(1), u32::MAX));
        for recorded in events.unwrap_or_default() {
            let Ok(stamped) = Stamped::decode(&recorded.bytes) else { continue };
            let Some(by) = says_the_same(&stamped.event, attest) else { continue };
            let other = by != attest.by;
            if other || (alone && attest.first.is_none()) {
                attest.first = Some(FirstWord { seq: recorded.seq, by });
            }
        }
        true
    }
}

/// Whose word an event is, if it says the same.
fn says_the_same(event: &Event, attest: &Attest) -> Option<KeyId> {
    let Event::WithdrawalAttested { withdrawal_no, succeeded, reference, by, .. } = event else {
        return None;
    };
    let same = (withdrawal_no, succeeded, reference)
        == (&attest.withdrawal_no, &attest.succeeded, &attest.reference);
    same.then_some(*by)
}
