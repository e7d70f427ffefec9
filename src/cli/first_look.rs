//! The look at a tenant before it is served: what is set up wrongly is refused, what is only down may come up later.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::error::Elapsed;

use crate::directory::admin::{AdminDirectory, NotReady};

use super::gateway::GatewayError;

/// A tenant that is to be served otherwise.
pub(super) struct Look {
    pub directory: AdminDirectory,
    /// Who has served it until now.
    pub before: Option<AdminDirectory>,
    /// Is Keycloak to be reached another way than until now?
    pub moved: bool,
}

/// Looks at all of them at once; at each no longer than `patience`, where that is given.
///
/// # Errors
/// Why the new configuration is no good. Where a tenant can't be served by the old one either, it is no fault of the new
/// one, which must not wait, since it may take somebody's token away.
pub(super) async fn look_at_all(looks: &[Look], patience: Option<Duration>) -> Result<(), GatewayError> {
    try_join_all(looks.iter().map(|look| look.take(patience))).await.map(|_| ())
}

/// What a look has shown.
enum Seen {
    Ready,
    NotReady(NotReady),
    /// There was no answer in time.
    Nothing,
}

impl Look {
    async fn take(&self, patience: Option<Duration>) -> Result<(), GatewayError> {
        let now = look(&self.directory, patience);
        // Where the old way may be asked for, it is at once: two that don't answer are not to be waited for in turns.
        let (seen, mut old) = match &self.before {
            Some(before) if self.moved => {
                let (seen, old) = tokio::join!(now, look(before, patience));
                (seen, Some(old))
            }
            _ => (now.await, None),
        };
        let name = self.directory.name();
        let error = match seen {
            Seen::Ready => return Ok(()),
            Seen::NotReady(error) => GatewayError::Realm(error),
            Seen::Nothing => GatewayError::Silent { tenant: name.clone() },
        };
        let is_final = matches!(&error, GatewayError::Realm(error) if error.is_final());
        let is_cut_off = self.moved && !matches!(error, GatewayError::Realm(NotReady::Organization(_)));
        if let (true, None, Some(before)) = (is_final, &old, &self.before) {
            old = Some(look(before, patience).await);
        }
        match old {
            None if is_final => return Err(error),
            Some(Seen::Ready) if is_final => return Err(error),
            Some(Seen::Ready) if is_cut_off => {
                return Err(GatewayError::CutOff { tenant: name, source: Box::new(error) });
            }
            _ => {}
        }
        tracing::warn!(realm = name, %error, "not ready yet; it is tried again until it is");
        Ok(())
    }
}

async fn look(directory: &AdminDirectory, patience: Option<Duration>) -> Seen {
    let inspected = match patience {
        Some(patience) => tokio::time::timeout(patience, directory.inspect()).await,
        None => Ok(directory.inspect().await),
    };
    match inspected {
        Ok(Ok(())) => Seen::Ready,
        Ok(Err(error)) => Seen::NotReady(error),
        Err(Elapsed { .. }) => Seen::Nothing,
    }
}
