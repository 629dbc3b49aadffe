//! The server of a request, as errors describe it.

use super::{provider::Provider, secrets::Secrets};

/// The server, and what is known about it.
#[derive(Clone, Copy)]
pub(super) struct Peer<'p> {
    /// Its address, its key and the model.
    pub(super) provider: &'p Provider,
    /// What the server may repeat, and no output may contain.
    pub(super) secrets: &'p Secrets,
    /// Whether it answered a request before, so that address, key and model are right.
    pub(super) has_answered: bool,
    /// The proxy in between, if there is one that may be the cause.
    pub(super) proxy: Option<&'p str>,
}

impl Peer<'_> {
    /// Origin and path of the server, which are safe to show.
    pub(super) fn place(&self) -> String {
        self.provider.place()
    }

    /// What to check if the server cannot be reached: the proxy if there is one, otherwise the server or the
    /// network.
    pub(super) fn reachable(&self) -> String {
        match self.proxy {
            Some(proxy) => format!(
                "requests go through the proxy {proxy} (set by HTTP_PROXY, HTTPS_PROXY or ALL_PROXY): is it \
                 running? NO_PROXY lists hosts to reach without it"
            ),
            None if self.provider.is_here() => {
                "is the server running on this machine, at this address?".to_owned()
            }
            None => "check the address and the network".to_owned(),
        }
    }
}
