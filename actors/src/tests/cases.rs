//! Cases at the front door: whose they are, and where those are kept that are nobody's.

use super::support::{fen, id, now, run};
use super::world::World;
use crate::domain::case::CaseKind;
use crate::domain::command::RaiseCase;
use crate::domain::ids::MerchantId;
use crate::domain::refusal::Refusal;
use crate::domain::reserved;
use crate::error::EngineError;
use crate::ports::{CaseFilter, Page, Store};

fn bill_only(subject: &str) -> RaiseCase {
    RaiseCase {
        kind: CaseKind::BillOnly,
        subject: subject.into(),
        order_no: None,
        transaction_id: None,
        amount: Some(fen(500)),
        expected: None,
        facts: vec![],
    }
}

#[test]
fn what_is_nobodys_is_kept_by_the_platform_and_each_is_opened_once() {
    run(async |runtime| {
        let mut world = World::new(runtime).await;
        for fresh in [true, false] {
            let mut made = vec![];
            for (of, subject) in [(None, "T1"), (None, "T2"), (Some(world.m), "T1")] {
                let raised = world.engine.raise_case(of, bill_only(subject), now()).await.unwrap();
                made.push(raised.fresh);
            }
            assert_eq!(made, [fresh; 3]);
            world.restart().await;
        }
        let unknown = world.engine.raise_case(Some(id("m9")), bill_only("T1"), now()).await;
        assert_eq!(unknown, Err(EngineError::Refused(Refusal::MerchantUnknown)));
        let filter = CaseFilter { merchant: Some(reserved::id()), kind: None, open: None };
        let page = Page { limit: 9, cursor: None };
        let kept = world.store.cases(filter, page.clone()).await.unwrap().items;
        assert_eq!(kept.len(), 2);
        let all = world.store.cases(CaseFilter::default(), page).await.unwrap().items;
        let of: Vec<MerchantId> = all.iter().map(|listed| listed.merchant).collect();
        assert_eq!(of.len(), 3, "{of:?}");
        world.engine.stop().await;
    });
}
