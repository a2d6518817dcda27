//! The actor of one merchant: a shell around its [`Pipeline`] that carries inputs and effects.

use std::collections::HashMap;
use std::sync::Arc;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient};

use crate::batcher::Incarnation;
use crate::domain::ids::MerchantId;
use crate::inbox::{Ask, FromStore, Waiter};
use crate::limits::MERCHANT_CALLS_MAX;
use crate::pipeline::{Effect, Fence, Input, Pipeline, Ticket};
use crate::reader::Reader;
use crate::registry::Registry;
use crate::writer::Writer;

/// One incarnation of one merchant. It decides without awaiting, so messages are taken one at a time; answers leave when
/// what they rest on is durable.
pub(crate) struct Merchant {
    id: MerchantId,
    incarnation: Incarnation,
    pipeline: Pipeline,
    waiters: HashMap<Ticket, Waiter>,
    tickets: u64,
    was_busy: bool,
    writer: Writer,
    reader: Reader,
    registry: Arc<Registry>,
}

impl Merchant {
    pub(crate) fn new(id: MerchantId, incarnation: Incarnation, registry: Arc<Registry>) -> Self {
        Self {
            id,
            incarnation,
            pipeline: Pipeline::new(id, Fence::Always),
            waiters: HashMap::new(),
            tickets: 0,
            was_busy: true,
            writer: registry.writer().clone(),
            reader: registry.reader().clone(),
            registry,
        }
    }

    fn take(&mut self, input: Input, ctx: &mut Context<Self>) {
        self.was_busy = true;
        for effect in self.pipeline.take(input) {
            self.perform(effect, ctx);
        }
        if self.pipeline.is_unknown() && self.pipeline.is_idle() {
            self.leave_if_nobody_calls(ctx);
        }
    }

    fn perform(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::Lookup(keys) => self.reader.lookup(self.id, keys, inbox(ctx)),
            Effect::Append(rows, head) => self.writer.append(self.id, self.incarnation, rows, head),
            Effect::Confirm => self.reader.confirm(self.id, inbox(ctx)),
            Effect::Answer(ticket, outcome) => {
                if let Some(waiter) = self.waiters.remove(&ticket) {
                    waiter.answer(outcome);
                }
            }
            Effect::Over => {
                self.registry.over(&self.id, self.incarnation);
                ctx.stop();
            }
        }
    }

    fn leave_if_nobody_calls(&mut self, ctx: &mut Context<Self>) {
        if self.registry.leave(&self.id, self.incarnation) {
            ctx.stop();
        }
    }

    fn leave_if_idle(&mut self, ctx: &mut Context<Self>) {
        if !self.was_busy && self.pipeline.is_idle() {
            self.leave_if_nobody_calls(ctx);
        }
        self.was_busy = false;
    }
}

fn inbox(ctx: &mut Context<Merchant>) -> Recipient<FromStore> {
    ctx.address().recipient()
}

impl Actor for Merchant {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MERCHANT_CALLS_MAX);
        self.writer.open(self.id, self.incarnation, inbox(ctx));
        ctx.run_interval(self.registry.terms().leave_after, Self::leave_if_idle);
    }
}

impl Handler<Ask> for Merchant {
    type Result = ();

    fn handle(&mut self, Ask { command, asked, mut waiter }: Ask, ctx: &mut Self::Context) {
        waiter.accept();
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiters.insert(ticket, waiter);
        self.take(Input::Ask(ticket, command, asked), ctx);
    }
}

impl Handler<FromStore> for Merchant {
    type Result = ();

    fn handle(&mut self, told: FromStore, ctx: &mut Self::Context) {
        match told {
            FromStore::Opened => {
                self.pipeline.let_in(self.registry.fence(&self.id));
                self.reader.head(self.id, inbox(ctx));
            }
            FromStore::Told(input) => self.take(input, ctx),
        }
    }
}

/// However an incarnation ends, stopped or in a panic, the writer hears of it: what it still has queued is dropped, and the
/// next one is let in when nothing of this one is in flight.
impl Drop for Merchant {
    fn drop(&mut self) {
        self.writer.close(self.id, self.incarnation);
    }
}
