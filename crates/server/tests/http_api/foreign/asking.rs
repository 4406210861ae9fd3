//! Asking for the same thing twice, once by a foreign name and once by an unknown one, and what must be the same.

use axum::body::Body;
use axum::http::{Method, header};
use pintle_core::txn::Stored;
use pintle_dialect::ibm::openapi::Operation;
use serde_json::{Value, json};

use super::fill::{Whose, choices, compared, places};
use super::traces::{Pairs, dump, request_of};
use crate::client::{Answer, Api};

/// A request with places for names.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<String>,
}

impl Case {
    pub(super) fn new(operation: &Operation, path: String, body: Option<&Value>) -> Case {
        let method = operation.method.to_ascii_uppercase().parse().unwrap();
        Case { method, path, body: body.map(Value::to_string) }
    }

    /// Whether it has a place for a name.
    pub(super) fn names_something(&self) -> bool {
        !places(&self.template()).is_empty()
    }

    fn template(&self) -> String {
        format!("{} {}", self.path, self.body.as_deref().unwrap_or_default())
    }
}

/// What is asked, and what was found by it.
pub(super) struct Asking<'a> {
    api: &'a Api,
    whose: Whose,
    before: Vec<Stored>,
    pairs: Pairs,
    /// What was found, all of it: one difference often comes with others.
    found: Vec<String>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(api: &'a Api, whose: Whose) -> Asking<'a> {
        Asking { api, whose, before: dump(api), pairs: Pairs::default(), found: Vec::new() }
    }

    /// Asks a case by foreign names and by unknown ones, for each of its places alone and together. Who `may_all` must be told
    /// that what was named does not exist: another refusal could hide a difference.
    pub(super) async fn compare(&mut self, asker: &Api, case: &Case, may_all: bool, if_match: bool) {
        let keys = places(&case.template());
        for strangers in choices(&keys) {
            let mut answers = Vec::new();
            for theirs in [&self.whose.foreign, &self.whose.unknown] {
                let path = self.whose.fill(&case.path, &strangers, theirs);
                let body = case.body.as_ref().map(|body| self.whose.fill(body, &strangers, theirs));
                answers.push(send(asker, case.method.clone(), &path, body, if_match).await);
            }
            let what =
                format!("{} {} with {strangers:?} of a stranger, If-Match {if_match}", case.method, case.template());
            self.pairs.add(&what, [request_of(&answers[0]), request_of(&answers[1])], &strangers);
            self.judge(&what, &answers, &strangers, may_all);
        }
    }

    /// Asks a case in another region of the same account, where nothing of all that it names exists.
    pub(super) async fn compare_in(&mut self, region: &str, asker: &Api, case: &Case) {
        let keys = places(&case.template());
        let strangers: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut answers = Vec::new();
        for theirs in [&self.whose.foreign, &self.whose.unknown] {
            let path = format!("/regions/{region}{}", self.whose.fill(&case.path, &strangers, theirs));
            let body = case.body.as_ref().map(|body| self.whose.fill(body, &strangers, theirs));
            answers.push(send(asker, case.method.clone(), &path, body, false).await);
        }
        let what = format!("{} {} in {region}", case.method, case.template());
        self.pairs.add(&what, [request_of(&answers[0]), request_of(&answers[1])], &strangers);
        let [foreign, unknown] = [0, 1].map(|at| compared(&self.whose, &answers[at], &strangers));
        if foreign != unknown {
            self.found.push(format!("{what}:\n  foreign {foreign:?}\n  unknown {unknown:?}"));
        }
    }

    fn judge(&mut self, what: &str, answers: &[Answer], strangers: &[&str], may_all: bool) {
        let [foreign, unknown] = [0, 1].map(|at| compared(&self.whose, &answers[at], strangers));
        if foreign != unknown {
            self.found.push(format!("{what}:\n  foreign {foreign:?}\n  unknown {unknown:?}"));
        } else if !refused(&answers[0], may_all) && !what.contains("?start=") {
            self.found.push(format!("{what}: not refused as what does not exist: {foreign:?}"));
        }
    }

    /// Checks that all were the same, that nothing was done, and that the records of it are the same.
    pub(super) async fn finish(self) {
        assert!(self.found.is_empty(), "{} findings\n{}", self.found.len(), self.found.join("\n"));
        assert_eq!(dump(self.api), self.before, "something was changed");
        self.pairs.left_the_same(self.api, &self.whose).await;
    }
}

/// Whether nothing was found: not found, or nothing listed, or, for who may little, that they may not. What one's own server can
/// not have at all is said before it is looked whether what was named exists.
fn refused(answer: &Answer, may_all: bool) -> bool {
    let status = answer.status.as_u16();
    let empty = |body: &Value| {
        let lists = body.as_object().into_iter().flatten().filter_map(|(_, field)| field.as_array());
        lists.map(Vec::len).sum::<usize>() == 0
    };
    let other_style = status == 409 && answer.body["errors"][0]["code"] == "interface_style_conflict";
    status == 404 || other_style || status == 200 && empty(&answer.body) || status == 403 && !may_all
}

async fn send(asker: &Api, method: Method, path: &str, body: Option<String>, if_match: bool) -> Answer {
    let body = body.map(|body| serde_json::from_str::<Value>(&body).unwrap());
    if !if_match {
        return asker.call(method, path, body).await;
    }
    let request = Api::request(method, path).header(header::IF_MATCH, "W/\"1\"");
    let request = request.header(header::CONTENT_TYPE, "application/merge-patch+json");
    let mut request = request.body(Body::from(body.unwrap_or(json!({})).to_string())).unwrap();
    let bearer = format!("Bearer {}", asker.bearer).parse().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    asker.send(request).await
}
