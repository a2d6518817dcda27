//! What people look at and decide, at the front door: cases, and how a merchant stands.

use super::answers::{case, merchant};
use super::{Engine, Made};
use crate::domain::case::Case;
use crate::domain::command::{Asked, Command, RaiseCase, ResolveCase, Stand};
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

    /// Decides about a case. The same decision again is a success.
    pub async fn resolve_case(
        &self,
        of: MerchantId,
        resolve: ResolveCase,
        asked: impl Into<Asked>,
    ) -> Result<Case, EngineError> {
        Ok(case(self.ask(of, Command::ResolveCase(resolve), asked).await?)?.thing)
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
