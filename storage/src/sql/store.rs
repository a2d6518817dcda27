//! The reads of the [`Store`] port that are the same wherever tables are: lookups, lists, single things and the past.
//!
//! [`Store`]: tally_actors::ports::Store

/// The methods of `impl Store` that read by a store's `read` and `rounds` pools, each let through by its `reads`. A macro, as a trait of another
/// crate can't be implemented for every store at once. It needs the names of [`port`].
macro_rules! reads {
    () => {
        fn lookup(
            &self,
            keys: Vec<(MerchantId, Key)>,
        ) -> Answering<'_, Result<Vec<RecordRead>, ReadError>> {
            self.reads($crate::sql::lookup::lookup(&self.rounds, keys))
        }

        fn merchants(&self, page: Page) -> Answering<'_, Result<Part<Head>, ReadError>> {
            self.reads($crate::sql::lists::merchants(&self.read, page))
        }

        fn order(
            &self,
            of: MerchantId,
            order_no: OrderNo,
        ) -> Answering<'_, Result<Option<ListedOrder>, ReadError>> {
            self.reads($crate::sql::lists::order(&self.read, of, order_no))
        }

        fn orders(
            &self,
            of: MerchantId,
            filter: OrderFilter,
            page: Page,
        ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>> {
            self.reads($crate::sql::lists::orders(&self.read, of, filter, page))
        }

        fn settlements(
            &self,
            of: MerchantId,
            page: Page,
        ) -> Answering<'_, Result<Part<Settlement>, ReadError>> {
            self.reads($crate::sql::lists::settlements(&self.read, of, page))
        }

        fn settlement_orders(
            &self,
            of: MerchantId,
            settlement: Settlement,
            page: Page,
        ) -> Answering<'_, Result<Part<ListedOrder>, ReadError>> {
            self.reads($crate::sql::lists::settlement_orders(&self.read, of, settlement, page))
        }

        fn withdrawals(
            &self,
            of: MerchantId,
            status: Option<WithdrawalStatus>,
            page: Page,
        ) -> Answering<'_, Result<Part<Withdrawal>, ReadError>> {
            self.reads($crate::sql::lists::withdrawals(&self.read, of, status, page))
        }

        fn adjustments(
            &self,
            of: MerchantId,
            status: Option<AdjustmentStatus>,
            page: Page,
        ) -> Answering<'_, Result<Part<Adjustment>, ReadError>> {
            self.reads($crate::sql::adjustments::adjustments(&self.read, of, status, page))
        }

        fn open_orders(
            &self,
            from: At,
            to: At,
            page: Page,
        ) -> Answering<'_, Result<Part<Result<OpenOrder, Damaged>>, ReadError>> {
            self.reads($crate::sql::waiting::open_orders(&self.read, from, to, page))
        }

        fn withdrawals_under_way(
            &self,
            page: Page,
        ) -> Answering<'_, Result<Part<Result<WithdrawalUnderWay, Damaged>>, ReadError>> {
            self.reads($crate::sql::waiting::withdrawals_under_way(&self.read, page))
        }

        fn refunds(
            &self,
            of: MerchantId,
            filter: RefundFilter,
            page: Page,
        ) -> Answering<'_, Result<Part<Refund>, ReadError>> {
            self.reads($crate::sql::refund_lists::refunds(&self.read, of, filter, page))
        }

        fn refunds_under_way(
            &self,
            page: Page,
        ) -> Answering<'_, Result<Part<Result<RefundUnderWay, Damaged>>, ReadError>> {
            self.reads($crate::sql::refund_lists::refunds_under_way(&self.read, page))
        }

        fn cases(
            &self,
            filter: CaseFilter,
            page: Page,
        ) -> Answering<'_, Result<Part<ListedCase>, ReadError>> {
            self.reads($crate::sql::lists::cases(&self.read, filter, page))
        }

        fn events(
            &self,
            of: MerchantId,
            from: Seq,
            limit: u32,
        ) -> Answering<'_, Result<Vec<Recorded>, ReadError>> {
            self.reads($crate::sql::lists::events(&self.read, of, from, limit))
        }

        fn checkpoint(
            &self,
            of: MerchantId,
            upto: Point,
        ) -> Answering<'_, Result<Option<Head>, ReadError>> {
            self.reads($crate::sql::checkpoints::newest(&self.read, of, upto))
        }
    };
}

pub(crate) use reads;

/// The words of the port in which those methods are written.
pub(crate) mod port {
    pub(crate) use tally_actors::domain::adjustment::{Adjustment, AdjustmentStatus};
    pub(crate) use tally_actors::domain::books::Key;
    pub(crate) use tally_actors::domain::chain::Seq;
    pub(crate) use tally_actors::domain::head::Head;
    pub(crate) use tally_actors::domain::ids::{MerchantId, OrderNo};
    pub(crate) use tally_actors::domain::refund::Refund;
    pub(crate) use tally_actors::domain::replay::Point;
    pub(crate) use tally_actors::domain::settlement::Settlement;
    pub(crate) use tally_actors::domain::time::At;
    pub(crate) use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};
    pub(crate) use tally_actors::ports::{
        Answering, CaseFilter, Damaged, ListedCase, ListedOrder, OpenOrder, OrderFilter, Page,
        Part, ReadError, RecordRead, Recorded, RefundFilter, RefundUnderWay, WithdrawalUnderWay,
    };
}
