//! TLS as it is spoken to WeChat: the ring provider, the roots that come with the binary, a certificate where there is one.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::client::ConfigFault;
use crate::config::Certificate;

/// Makes ring the process's provider of TLS, unless it has one. The protocol's own clients do not need that; any other
/// `reqwest::Client` in the process does, since the crate is built without a provider of its own and panics for want of one.
pub fn install_provider() {
    // An error means that there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A builder of clients that trust the roots that come with the binary, as the protocol's own do.
pub fn client_builder() -> reqwest::ClientBuilder {
    let config = config(None).expect("without a certificate there is none to be wrong");
    reqwest::Client::builder().tls_backend_preconfigured(config)
}

pub(crate) fn config(certificate: Option<&Certificate>) -> Result<ClientConfig, ConfigFault> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the safe protocol versions")
        .with_root_certificates(roots);
    let Some(certificate) = certificate else {
        return Ok(builder.with_no_client_auth());
    };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| ConfigFault::Certificate)?;
    if chain.is_empty() {
        return Err(ConfigFault::Certificate);
    }
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.expose().as_bytes())
        .map_err(|_| ConfigFault::CertificateKey)?;
    builder.with_client_auth_cert(chain, key).map_err(|_| ConfigFault::CertificateKey)
}
