//! Commands about what lies beside things: their tags.

use crate::model::Tags;

/// Changes the tags of things, all of them or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeTags {
    /// Their ids' texts.
    pub resources: Vec<String>,
    /// Tags that they all get; where there is one with the same key, its value is replaced.
    pub put: Tags,
    /// Tags that they all lose, before they get those.
    pub remove: TagRemoval,
}

/// Which tags go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagRemoval {
    /// All of them.
    All,
    /// Those with these keys and, where one is given, with this value; a thing that does not have one stays as it is.
    These(Vec<(String, Option<String>)>),
}

impl Default for TagRemoval {
    /// None.
    fn default() -> Self {
        TagRemoval::These(Vec::new())
    }
}
