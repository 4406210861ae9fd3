//! A record's format as EC2 writes it: `${field}` with spaces between.

use pintle_core::model::{FlowField, UnknownField};

use crate::ec2::error::{Ec2Error, short};

/// The fields of a format.
///
/// # Errors
/// `InvalidParameter` for what is no format, or names a field that there is not.
pub(super) fn parse(text: &str) -> Result<Vec<FlowField>, Ec2Error> {
    let wrong = |message: String| Ec2Error::new("InvalidParameter", message);
    let field = |word: &str| {
        let name = word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let name = name.ok_or_else(|| {
            let rule = "fields are written ${field-id}, with spaces between";
            wrong(format!("LogFormat is invalid at '{}': {rule}", short(word)))
        })?;
        name.parse().map_err(|UnknownField(name)| wrong(format!("LogFormat has an unknown field: {name}")))
    };
    let fields = text.split_whitespace().map(field).collect::<Result<Vec<_>, Ec2Error>>()?;
    if fields.is_empty() {
        return Err(wrong("LogFormat must contain at least one field".to_owned()));
    }
    Ok(fields)
}

/// The format with these fields.
pub(super) fn write(fields: &[FlowField]) -> String {
    fields.iter().map(|field| format!("${{{}}}", field.name())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_format_is_that_of_ec2() {
        let text = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} \
                    ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";
        assert_eq!(write(&FlowField::default_format()), text);
        assert_eq!(parse(text).unwrap(), FlowField::default_format());
        assert_eq!(parse(&write(FlowField::ALL)).unwrap(), FlowField::ALL);
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for text in ["", "  ", "version", "${version}${start}", "${colour}", "${}", "$version", "${version} ${"] {
            assert_eq!(parse(text).unwrap_err().code, "InvalidParameter", "{text}");
        }
    }
}
