//! What happens without anyone asking.

use std::sync::Arc;
use std::time::Duration;

use tally_actors::payer::{Desk, Payer};
use tally_actors::refunder::Refunder;
use tally_actors::settler::{Settler, TrustedNow};
use tally_actors::sweeper::{Ladder, Sweeper};

use crate::reconcile::Daily;
use crate::restores::Watch;
use crate::service::Service;
use crate::settings::Settings;
use crate::webhooks::Deliverer;

/// Those who do it.
pub(crate) struct Workers {
    sweeper: Sweeper,
    payer: Payer,
    refunder: Refunder,
    settler: Settler,
    watch: Watch,
    deliverer: Deliverer,
    reconciling: Option<Daily>,
}

impl Workers {
    /// Starts them for a service; the desk is the payer's and the refunder's.
    pub(crate) fn start(settings: &Settings, service: &Service, desk: Desk) -> Self {
        let order_life = Duration::from_secs(settings.order_minutes.unsigned_abs() * 60);
        let ladder = Ladder { steps: settings.query_seconds.0.clone(), order_life };
        let store = Arc::clone(service.engine.store());
        let sweeper = Sweeper::start(service.cashier.clone(), store, ladder);
        let payer = Payer::start(desk.clone(), &service.runtime);
        let refunder = Refunder::start(desk, &service.runtime);
        let clock = service.clock.clone();
        let now: TrustedNow = Arc::new(move || clock.check().map(|()| clock.now()));
        let settler =
            Settler::start(service.engine.clone(), now, settings.settle_at.0, &service.runtime);
        let (restores, recovery) = (Arc::clone(&service.restores), service.recovery.clone());
        let watch = Watch::start(restores, recovery, service.clock.clone(), &service.runtime);
        let news = Arc::clone(service.engine.news());
        let deliverer = Deliverer::start(&service.webhooks, news, &service.clock, &service.runtime);
        // The sandbox's clock is its own: what it trades today may have been paid in another week.
        let daily = settings.reconcile_at.0.filter(|_| !service.sandbox);
        let reconciling = daily.map(|at| Daily::start(Arc::clone(&service.reconciler), at.0));
        Self { sweeper, payer, refunder, settler, watch, deliverer, reconciling }
    }

    /// Stops them; what they have in hand is finished.
    pub(crate) async fn stop(self) {
        if let Some(reconciling) = self.reconciling {
            reconciling.stop().await;
        }
        self.watch.stop().await;
        self.settler.stop().await;
        self.sweeper.stop().await;
        self.payer.stop().await;
        self.refunder.stop().await;
        self.deliverer.stop().await;
    }
}
