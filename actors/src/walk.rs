//! One look at everything of a kind that is under way, a part at a time: of those merchants whose work is this process's.

use crate::claims::Claims;
use crate::damage::whole;
use crate::domain::ids::MerchantId;
use crate::ports::{Damaged, Part, ReadError};

/// What of a part is ours; what is damaged in it is put to the rest. `None`: it could not be read or claimed, and is looked at again.
pub(crate) async fn ours<T>(
    what: &'static str,
    listed: Result<Part<Result<T, Damaged>>, ReadError>,
    claims: &Claims,
    damaged: &mut Vec<Damaged>,
    of: fn(&T) -> MerchantId,
) -> Option<Part<T>> {
    let part = listed.inspect_err(|error| {
        tracing::error!(%error, "{what} could not be read; they are looked at again");
    });
    let Part { items, next } = part.ok()?;
    let mut items = whole(items, damaged);
    let ours = claims.ours(items.iter().map(of)).await.inspect_err(|error| {
        tracing::error!(%error, "{what} could not be claimed; they are looked at again");
    });
    let ours = ours.ok()?;
    items.retain(|item| ours.contains(&of(item)));
    Some(Part { items, next })
}
