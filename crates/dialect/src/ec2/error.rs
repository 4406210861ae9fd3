//! An error as EC2's clients know it: a code that scripts branch on, a message that people read, a status.

use std::borrow::Cow;

use super::xml::Xml;

/// Why a request is not answered as it asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Ec2Error {
    /// HTTP status: 400 for what the client can mend, 401 and 403 for who it is, 412 for a dry run, 503 for a later time.
    pub status: u16,
    /// The code, such as `InvalidSubnetID.NotFound`.
    pub code: Cow<'static, str>,
    /// In words.
    pub message: String,
}

impl Ec2Error {
    /// An error that the client can mend: status 400.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Ec2Error::with_status(400, code, message)
    }

    /// An error with this status.
    pub fn with_status(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Ec2Error { status, code: code.into(), message: message.into() }
    }

    /// A parameter that must be there is not.
    pub fn missing(name: &str) -> Self {
        Ec2Error::new("MissingParameter", format!("The request must contain the parameter {name}"))
    }

    /// A parameter's value breaks a rule.
    pub fn value(name: &str, value: &str, rule: impl std::fmt::Display) -> Self {
        let value = short(value);
        Ec2Error::new("InvalidParameterValue", format!("Value ({value}) for parameter {name} is invalid. {rule}"))
    }

    /// Parameters that don't go together.
    pub fn combination(message: impl Into<String>) -> Self {
        Ec2Error::new("InvalidParameterCombination", message)
    }

    /// EC2 has this, and Pintle does not.
    pub fn unsupported(name: &str, why: impl std::fmt::Display) -> Self {
        Ec2Error::new("UnsupportedOperation", format!("The parameter {name} is not supported: {why}"))
    }

    /// The operation does not have this parameter.
    pub fn unknown_parameter(name: &str) -> Self {
        Ec2Error::new("UnknownParameter", format!("The parameter {} is not recognized", short(name)))
    }

    /// No operation of this service has this name.
    pub fn unknown_action(action: &str) -> Self {
        Ec2Error::new("InvalidAction", format!("The action {} is not valid for this web service.", short(action)))
    }

    /// A dry run that would have succeeded.
    pub fn dry_run() -> Self {
        let message = "Request would have succeeded, but DryRun flag is set.";
        Ec2Error::with_status(412, "DryRunOperation", message)
    }

    /// The error document of EC2.
    pub fn encode(&self, request_id: &str) -> Vec<u8> {
        Xml::document("Response", None, |xml| {
            xml.nest("Errors", |xml| {
                xml.nest("Error", |xml| {
                    xml.text("Code", &self.code);
                    xml.text("Message", &self.message);
                });
            });
            xml.text("RequestID", request_id);
        })
    }

    /// The error document of STS, which is of another make.
    pub fn encode_sts(&self, request_id: &str) -> Vec<u8> {
        Xml::document("ErrorResponse", Some(super::STS_NAMESPACE), |xml| {
            xml.nest("Error", |xml| {
                xml.text("Type", if self.status < 500 { "Sender" } else { "Receiver" });
                xml.text("Code", &self.code);
                xml.text("Message", &self.message);
            });
            xml.text("RequestId", request_id);
        })
    }
}

/// What came from outside, cut to a length that a message can bear.
pub(super) fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
