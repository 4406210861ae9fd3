//! Who asks: Signature Version 4, in headers or in the query string.

use std::future::ready;

use axum::http::request::Parts;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use pintle_core::model::{AccessKey, AccessKeyId, AccountId, Policy};
use pintle_core::txn::Revision;
use pintle_dialect::ec2::{Ec2Error, Service};
use scratchstack_aws_signature::canonical::CanonicalRequest;
use scratchstack_aws_signature::{
    GetSigningKeyRequest, GetSigningKeyResponse, KSecretKey, KSigningKey, NO_ADDITIONAL_SIGNED_HEADERS, SignatureError,
    SignatureOptions,
};
use tower::{BoxError, service_fn};

use super::super::app::App;

/// The longest that a presigned request may be good (AWS's limit), in seconds.
const LONGEST: i64 = 7 * 24 * 3600;
/// How far a client's clock may be off (AWS's limit).
const SKEW: TimeDelta = TimeDelta::minutes(15);

/// What a request's signature says.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    pub(super) key: AccessKeyId,
    pub(super) account: AccountId,
    pub(super) region: String,
    pub(super) service: Service,
    /// What the key may do; `None`: all that its account may.
    pub(super) policies: Option<Vec<Policy>>,
    /// The revision of the key's record.
    pub(super) revision: Revision,
}

/// The credential scope: `AKID/date/region/service/aws4_request`.
struct Credential {
    key: String,
    date: String,
    region: String,
    service: Service,
}

/// Parameters of the query that belong to the signature, not to the operation.
pub(super) fn is_signature(name: &str) -> bool {
    name.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("X-Amz-"))
}

/// Which service a request means, as far as that can be told: it decides how an error looks.
pub(super) fn service(parts: &Parts) -> Service {
    credential(parts).map_or(Service::Ec2, |credential| credential.service)
}

/// Verifies a request.
///
/// # Errors
/// The codes that the service has for each way in which a signature can be missing or wrong.
pub(super) async fn verify(app: &App, parts: &Parts, body: Bytes) -> Result<Signed, Ec2Error> {
    let Some(credential) = credential(parts) else { return Err(missing()) };
    if let Some(field) = repeated(parts) {
        let message = format!("Authorization header has more than one '{field}' parameter.");
        return Err(incomplete(message));
    }
    if !app.regions().await.map_err(super::run::engine_error)?.iter().any(|region| region.name == credential.region) {
        let message = format!("Credential should be scoped to a valid region, not '{}'.", short(&credential.region));
        return Err(refused(credential.service, Wrong::Signature(message)));
    }
    // Nobody is given temporary credentials here, so a session token can only be another's.
    if parts.headers.contains_key("x-amz-security-token") || parameter(parts, "X-Amz-Security-Token").is_some() {
        return Err(refused(credential.service, Wrong::Key));
    }
    let (record, revision, signing_key) = signing_key(app, &credential)?;
    let now = Utc::now();
    let at = match expiry(parts) {
        None => now,
        Some((signed, seconds)) => {
            let (Some(seconds), Some(signed)) = (seconds, signed) else {
                return Err(Ec2Error::new("AuthFailure", "X-Amz-Expires and X-Amz-Date are not valid"));
            };
            if now > signed + TimeDelta::seconds(seconds) {
                return Err(refused(credential.service, Wrong::Expired("Request has expired.".to_owned())));
            }
            // Within its own time a presigned request is judged as at the moment of its signature, unless that is yet to come.
            now.min(signed)
        }
    };
    let mut lookup = service_fn(move |_: GetSigningKeyRequest| {
        ready(GetSigningKeyResponse::builder().signing_key(signing_key).build().map_err(BoxError::from))
    });
    let (region, service) = (&credential.region, credential.service);
    let valid = async {
        let (canonical, _, _) = CanonicalRequest::from_request_parts(parts.clone(), body, SignatureOptions::default())?;
        let mut given = canonical.get_auth_parameters(&NO_ADDITIONAL_SIGNED_HEADERS)?;
        if let (None, Some(credential)) = (authorization(parts), parameter(parts, "X-Amz-Credential")) {
            // The library leaves it as it stands in the query string, with its slashes escaped.
            given.builder.credential(credential);
        }
        let authenticator = canonical.get_authenticator_from_auth_parameters(given)?;
        authenticator.validate_signature(region, service.name(), at, SKEW, &mut lookup).await
    };
    valid.await.map_err(|error| worded(service, &error))?;
    let AccessKey { id: key, account, policies, .. } = record;
    Ok(Signed { key, account, region: credential.region, service, policies, revision })
}

fn signing_key(app: &App, credential: &Credential) -> Result<(AccessKey, Revision, KSigningKey), Ec2Error> {
    let unknown = || refused(credential.service, Wrong::Key);
    let id: AccessKeyId = credential.key.parse().map_err(|_| unknown())?;
    let found = app.engine.find::<AccessKey>(id);
    let (record, revision) = found.map_err(super::run::engine_error)?.ok_or_else(unknown)?;
    let Credential { date, region, service, .. } = credential;
    let scope = format!("{id}/{date}/{region}/{}", service.name());
    let key = app.signing_keys.get(&scope, revision, || {
        let secret = app.vault.unseal(id, &record.sealed);
        let secret: Option<KSecretKey> = secret.and_then(|secret| secret.parse().ok());
        let date = chrono::NaiveDate::parse_from_str(date, "%Y%m%d").ok();
        match (secret, date) {
            (Some(secret), Some(date)) => Ok(secret.to_ksigning(date, region, service.name())),
            (None, _) => Err(Ec2Error::from(pintle_dialect::Problem::Internal {
                detail: format!("the secret of access key {id} can't be unsealed: its key file was replaced"),
            })),
            (_, None) => Err(refused(*service, Wrong::Signature("The date of the credential is not valid".to_owned()))),
        }
    })?;
    Ok((record, revision, key))
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// A parameter of the query, as it is.
fn parameter(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query()?;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The header that carries a signature, if it is not in the query.
fn authorization(parts: &Parts) -> Option<&str> {
    Some(parts.headers.get(axum::http::header::AUTHORIZATION)?.to_str().unwrap_or_default())
}

/// The fields of such a header, each `Name=value`.
fn fields(header: &str) -> Option<impl Iterator<Item = &str>> {
    Some(header.strip_prefix("AWS4-HMAC-SHA256")?.split(',').map(str::trim))
}

/// A field that the header has more than once. The library takes the last of them and the key is looked up by the first: a
/// signature of one day would be judged with the key of another.
fn repeated(parts: &Parts) -> Option<&'static str> {
    let header = authorization(parts)?;
    ["Credential", "SignedHeaders", "Signature"].into_iter().find(|name| {
        let same = |field: &&str| field.split_once('=').is_some_and(|(own, _)| own == *name);
        fields(header).is_some_and(|fields| fields.filter(same).nth(1).is_some())
    })
}

fn credential(parts: &Parts) -> Option<Credential> {
    let text = match authorization(parts) {
        Some(header) => fields(header)?.find_map(|field| field.strip_prefix("Credential="))?.to_owned(),
        None => parameter(parts, "X-Amz-Credential")?,
    };
    let mut parts = text.split('/');
    let (key, date, region) = (parts.next()?, parts.next()?, parts.next()?);
    let service = match parts.next()? {
        "ec2" => Service::Ec2,
        "sts" => Service::Sts,
        _ => return None,
    };
    let field = str::to_owned;
    Some(Credential { key: field(key), date: field(date), region: field(region), service })
}

/// When a presigned request was signed, and for how many seconds.
fn expiry(parts: &Parts) -> Option<(Option<DateTime<Utc>>, Option<i64>)> {
    if authorization(parts).is_some() {
        return None;
    }
    let seconds = parameter(parts, "X-Amz-Expires")?.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
    let date = parameter(parts, "X-Amz-Date").unwrap_or_default();
    let signed = NaiveDateTime::parse_from_str(&date, "%Y%m%dT%H%M%SZ").ok().map(|date| date.and_utc());
    Some((signed, seconds))
}

/// What is wrong with a request's credentials.
enum Wrong {
    Key,
    Signature(String),
    Expired(String),
}

/// EC2 tells nobody which part of the credentials was wrong; STS does.
fn refused(service: Service, wrong: Wrong) -> Ec2Error {
    let failure = "AWS was not able to validate the provided access credentials";
    match (service, wrong) {
        (Service::Ec2, Wrong::Key | Wrong::Signature(_)) => Ec2Error::with_status(401, "AuthFailure", failure),
        (Service::Ec2, Wrong::Expired(message)) => Ec2Error::new("RequestExpired", message),
        (Service::Sts, Wrong::Key) => {
            let message = "The security token included in the request is invalid.";
            Ec2Error::with_status(403, "InvalidClientTokenId", message)
        }
        (Service::Sts, Wrong::Signature(message) | Wrong::Expired(message)) => {
            Ec2Error::with_status(403, "SignatureDoesNotMatch", message)
        }
    }
}

fn missing() -> Ec2Error {
    Ec2Error::with_status(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
}

fn incomplete(message: String) -> Ec2Error {
    Ec2Error::with_status(403, "IncompleteSignature", message)
}

fn worded(service: Service, error: &SignatureError) -> Ec2Error {
    let message = error.to_string();
    match error {
        SignatureError::InvalidClientTokenId(_) | SignatureError::ExpiredToken(_) => refused(service, Wrong::Key),
        SignatureError::MissingAuthenticationToken(_) => missing(),
        SignatureError::IncompleteSignature(_) => incomplete(message),
        SignatureError::MalformedQueryString(_) | SignatureError::InvalidURIPath(_) => {
            Ec2Error::new("MalformedQueryString", message)
        }
        SignatureError::SignatureDoesNotMatch(_) if message.starts_with("Signature expired") => {
            refused(service, Wrong::Expired(message))
        }
        SignatureError::SignatureDoesNotMatch(_) if message.starts_with("Signature not yet current") => {
            refused(service, Wrong::Expired(message))
        }
        _ => refused(service, Wrong::Signature(message)),
    }
}
