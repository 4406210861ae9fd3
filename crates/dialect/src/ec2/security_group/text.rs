//! What EC2 lets names and descriptions of groups and rules be made of.

use pintle_core::name;
use pintle_core::refusal::Noun;

use crate::ec2::error::{Ec2Error, short};

/// The name of a new group: without the spaces at its end, which EC2 drops.
///
/// # Errors
/// `InvalidParameterValue` when it breaks the rule of names, `InvalidGroup.Reserved` for the default group's.
pub(super) fn group_name(text: &str) -> Result<String, Ec2Error> {
    let name = text.trim_end();
    if !name.is_ascii() {
        return Err(Ec2Error::value("GroupName", name, "Character sets beyond ASCII are not supported."));
    }
    if name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("sg-")) {
        return Err(Ec2Error::value("GroupName", name, "Group names may not be in the format sg-*."));
    }
    if name.eq_ignore_ascii_case("default") {
        let message = format!("The security group '{}' is reserved", short(name));
        return Err(Ec2Error::new("InvalidGroup.Reserved", message));
    }
    match name::check(Noun::SecurityGroup, name) {
        Ok(()) => Ok(name.to_owned()),
        Err(pintle_core::Refusal::Invalid { rule, .. }) => {
            Err(Ec2Error::value("GroupName", name, format!("A name has these properties: {rule}.")))
        }
        Err(other) => Err(other.into()),
    }
}

/// The description of a new group.
///
/// # Errors
/// `InvalidParameterValue` when EC2 would not take it.
pub(super) fn group_description(text: String) -> Result<String, Ec2Error> {
    if !text.is_ascii() {
        return Err(Ec2Error::value("GroupDescription", &text, "Character sets beyond ASCII are not supported."));
    }
    if !fits(&text) {
        let rule = "A description has up to 255 characters: a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*";
        return Err(Ec2Error::value("GroupDescription", &text, rule));
    }
    Ok(text)
}

/// The description of a rule.
///
/// # Errors
/// `InvalidParameterValue` when EC2 would not take it.
pub(super) fn rule_description(text: String) -> Result<String, Ec2Error> {
    if !fits(&text) {
        let message = "Invalid rule description. Valid descriptions are strings less than 256 characters from the \
                       following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*";
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    Ok(text)
}

fn fits(text: &str) -> bool {
    text.len() <= 255 && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c))
}
