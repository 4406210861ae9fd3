//! IBM's IAM as far as its SDKs need it: an API key is exchanged for an access token (`POST /identity/token`).
//!
//! The errors are IAM's own, which are worded differently from those of the VPC API.

use serde_json::{Value, json};

/// What an API key is exchanged with.
const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";
/// What kinds of tokens there are.
const CLOUD: &str = "cloud_iam";

/// Why no token is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamError {
    /// The HTTP status.
    pub status: u16,
    code: &'static str,
    message: String,
    details: Option<String>,
}

impl IamError {
    fn new(code: &'static str, message: impl Into<String>, details: Option<String>) -> Self {
        IamError { status: 400, code, message: message.into(), details }
    }

    /// No key has this secret.
    pub fn unknown_key() -> Self {
        IamError::new("BXNIM0415E", "Provided API key could not be found.", None)
    }

    /// The server could not tell.
    pub fn unavailable() -> Self {
        let message = "Unable to process the request; the server's log has the reason under the request id.";
        IamError { status: 503, ..IamError::new("internal_error", message, None) }
    }

    /// The body; `request` is the request's id, `url` what this server calls itself.
    pub fn encode(&self, request: &str, url: &str) -> Value {
        let mut body = json!({ "errorCode": self.code, "errorMessage": self.message });
        if let Some(details) = &self.details {
            body["errorDetails"] = json!(details);
        }
        body["context"] =
            json!({ "requestId": request, "requestType": "incoming.Identity_Token", "url": url, "locale": "en_US" });
        body
    }
}

/// The secret of the API key that a form wants exchanged.
///
/// # Errors
/// [`IamError`] for a property that is missing or has a value that it may not have.
pub fn decode(form: &[u8]) -> Result<String, IamError> {
    let pairs: Vec<_> = form_urlencoded::parse(form).collect();
    let find = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref());
    let given = |name: &str| {
        find(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let details = format!("Property '{name}' either missing or empty.");
            IamError::new("BXNIM0109E", "Property missing or empty.", Some(details))
        })
    };
    let valid = |name: &str, value: &str, wanted: &str| {
        if value == wanted {
            return Ok(());
        }
        let value: String = value.chars().take(80).collect();
        let details = format!("Validation of property '{name}' with value '{value}' failed. Valid values: '{wanted}'");
        Err(IamError::new("BXNIM0106E", "Property validation failed.", Some(details)))
    };
    valid("grant_type", given("grant_type")?, GRANT)?;
    find("response_type").map_or(Ok(()), |kind| valid("response_type", kind, CLOUD))?;
    Ok(given("apikey")?.to_owned())
}

/// The answer with a token that is good from one moment to another, in seconds since 1970.
pub fn encode(token: &str, from: u64, until: u64) -> Value {
    json!({
        "access_token": token,
        // What IAM says where there is none: the key itself is exchanged again.
        "refresh_token": "not_supported",
        "token_type": "Bearer",
        "expires_in": until - from,
        "expiration": until,
        "scope": "ibm openid",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p11_what_is_missing_or_wrong_is_named_as_iam_names_it() {
        let grant = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey";
        let good = format!("{grant}&apikey=a%2Bb&response_type=cloud_iam");
        assert_eq!(decode(good.as_bytes()), Ok("a+b".to_owned()));
        assert_eq!(decode(format!("{grant}&apikey=x").as_bytes()), Ok("x".to_owned()));
        for (form, code, text) in [
            (String::new(), "BXNIM0109E", "'grant_type' either missing"),
            (grant.to_owned(), "BXNIM0109E", "'apikey' either missing"),
            (format!("{grant}&apikey="), "BXNIM0109E", "'apikey' either missing"),
            ("grant_type=password&apikey=x".to_owned(), "BXNIM0106E", "'password' failed"),
            (format!("{grant}&apikey=x&response_type=uaa"), "BXNIM0106E", "Valid values: 'cloud_iam'"),
        ] {
            let error = decode(form.as_bytes()).unwrap_err();
            let body = error.encode("id-1", "http://h").to_string();
            assert!(error.code == code && error.status == 400 && body.contains(text), "{form}: {body}");
            assert!(body.contains("\"requestId\":\"id-1\""), "{body}");
        }
    }
}
