//! What people look at and decide, at the front door: cases, and how a merchant stands.

use super::answers::{adjustment, case, merchant};
use super::{Engine, Made, NewAdjustment, filled};
use crate::domain::adjustment::Adjustment;
use crate::domain::case::{Case, Remedy};
use crate::domain::command::{
    Asked, Command, DecideAdjustment, RaiseCase, RequestAdjustment, ResolveCase, Stand,
};
use crate::domain::head::Head;
use crate::domain::ids::MerchantId;
use crate::domain::refusal::Refusal;
use crate::domain::reserved;
use crate::domain::standing::Change;
use crate::error::EngineError;

impl Engine {
    /// Opens a case of a merchant, or, where none is known, of the platform. What was found before opens no second one.
    pub async fn raise_case(
        &self,
        of: Option<MerchantId>,
        raise: RaiseCase,
        asked: impl Into<Asked>,
    ) -> Result<Made<Case>, EngineError> {
        let asked = asked.into();
        let command = Command::RaiseCase(raise);
        match (self.ask(of.unwrap_or_else(reserved::id), command.clone(), asked).await, of) {
            (Err(EngineError::Refused(Refusal::MerchantUnknown)), None) => {
                self.open_platform(asked).await?;
                case(self.ask(reserved::id(), command, asked).await?)
            }
            (answer, _) => case(answer?),
        }
    }

    /// Makes the platform's own journal. A repeat is a success; a merchant that had its id before it was reserved keeps it,
    /// and is told of what belongs to nobody.
    async fn open_platform(&self, asked: Asked) -> Result<(), EngineError> {
        match self.ask(reserved::id(), Command::Register(reserved::rules()), asked).await {
            Ok(answer) => merchant(answer).map(drop),
            Err(EngineError::Refused(Refusal::MerchantExists)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Decides about a case. The same decision again is a success. A refund that it makes goes out at once.
    pub async fn resolve_case(
        &self,
        of: MerchantId,
        resolve: ResolveCase,
        asked: impl Into<Asked>,
    ) -> Result<Case, EngineError> {
        let (case_id, remedy) = (resolve.case_id, resolve.remedy);
        let resolved = case(self.ask(of, Command::ResolveCase(resolve), asked).await?)?.thing;
        if let (Some(Remedy::Refund), Some(refund_no)) = (remedy, Case::refund_no(&case_id)) {
            self.refunds.hint(of, refund_no);
        }
        Ok(resolved)
    }

    /// Whether WeChat refunds can be made at all: a certificate is configured.
    pub fn refunds_open(&self) -> bool {
        self.transfers_open
    }

    /// Asks for an adjustment of a merchant's balance. A repeat with the same content gives it as it now is.
    pub async fn request_adjustment(
        &self,
        of: MerchantId,
        new: NewAdjustment,
        asked: impl Into<Asked>,
    ) -> Result<Made<Adjustment>, EngineError> {
        let asked = asked.into();
        let (adjustment_no, idempotency_key) = filled(new.number, asked.at)?;
        let NewAdjustment { amount, reason, asked_by, .. } = new;
        let request =
            RequestAdjustment { adjustment_no, idempotency_key, amount, reason, asked_by };
        adjustment(self.ask(of, Command::RequestAdjustment(request), asked).await?)
    }

    /// Decides about an adjustment. The same word by the same key is a success.
    pub async fn decide_adjustment(
        &self,
        of: MerchantId,
        decide: DecideAdjustment,
        asked: impl Into<Asked>,
    ) -> Result<Adjustment, EngineError> {
        Ok(adjustment(self.ask(of, Command::DecideAdjustment(decide), asked).await?)?.thing)
    }

    /// Freezes, suspends or closes a merchant, or takes that back. A repeat changes nothing, and is a success.
    pub async fn stand(
        &self,
        of: MerchantId,
        stand: Stand,
        asked: impl Into<Asked>,
    ) -> Result<Head, EngineError> {
        let thaws = stand.change == Change::Unfreeze;
        let head = merchant(self.ask(of, Command::Stand(stand), asked).await?)?.thing;
        if thaws {
            self.payouts.notify_one();
        }
        Ok(head)
    }
}
