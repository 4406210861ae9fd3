//! What the certificates say.

use pintle_core::host_protocol::SERVER_NAME;
use pintle_core::id::HostId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;

/// There is no renewal in the protocol, so certificates outlive the hosts. One is taken back by removing the authority.
const YEARS: i32 = 30;

/// A fixed span that does not depend on clocks: the hosts' clocks may be wrong when they join.
fn params(name: &str, alternative: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(alternative)?;
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2024 + YEARS, 1, 1);
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

/// The authority's own certificate in PEM.
pub(super) fn self_signed(key: &KeyPair) -> Result<String, rcgen::Error> {
    let mut params = params("Pintle authority", Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    Ok(params.self_signed(key)?.pem())
}

/// Whether certificate and key belong together.
///
/// # Errors
/// What is wrong and what to do.
pub(super) fn check_pair(ca: &CertificateDer<'_>, key: &KeyPair) -> Result<(), String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(ca)
        .map_err(|error| format!("it can't be read: {error}; restore it from a backup"))?;
    if parsed.public_key().raw == key.subject_public_key_info() {
        return Ok(());
    }
    Err("it does not belong to the key in ca.key.pem: restore both from the same backup".to_owned())
}

/// The server's certificate and its key.
pub(super) fn server(issuer: &Issuer<'_, KeyPair>) -> Result<(CertificateDer<'static>, KeyPair), rcgen::Error> {
    let mut params = params(SERVER_NAME, vec![SERVER_NAME.to_owned()])?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.der().clone(), key))
}

/// A host's certificate in PEM, for the key of its request.
pub(super) fn host(issuer: &Issuer<'_, KeyPair>, csr_pem: &str, host: HostId) -> Result<String, rcgen::Error> {
    let request = CertificateSigningRequestParams::from_pem(csr_pem)?;
    let name = host.to_string();
    let mut params = params(&name, vec![name.clone()])?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params.signed_by(&request.public_key, issuer)?.pem())
}

/// The host that a certificate names, in its subject and in its alternative name alike. The certificate must have been
/// verified.
pub fn host_of(certificate: &CertificateDer<'_>) -> Option<HostId> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let subject: HostId = parsed.subject().iter_common_name().next()?.as_str().ok()?.parse().ok()?;
    let names = &parsed.subject_alternative_name().ok()??.value.general_names;
    let same = |name: &GeneralName<'_>| matches!(name, GeneralName::DNSName(name) if name.parse() == Ok(subject));
    names.iter().any(same).then_some(subject)
}
