//! A web server that says who it is, a client, and a [`Watch`] which asks again and again: the demo's visible traffic.
//!
//! As much of HTTP/1.1 (RFC 9112) as these need: requests without bodies, answers with a length.

mod client;
mod server;
mod watch;

pub use client::get;
pub use server::Server;
pub use watch::{Attempt, MAX_ATTEMPTS, Success, Turn, Watch};

/// The largest head of a request or an answer, and the largest body, in bytes.
const MAX_PART: usize = 16 * 1024;

/// The length of the head at the beginning of `bytes`, its empty line included; `None` if it is not complete yet.
fn head_len(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of a field, by its name without regard to case, in a head.
fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_fields_are_found() {
        let text = "GET / HTTP/1.1\r\nHost: a:80\r\nCONNECTION:  close \r\n\r\nrest";
        assert_eq!(head_len(text.as_bytes()), Some(text.len() - 4));
        assert_eq!(head_len(&text.as_bytes()[..20]), None);
        assert_eq!(field(text, "connection"), Some("close"));
        assert_eq!(field(text, "host"), Some("a:80"));
        assert_eq!(field(text, "GET / HTTP/1.1"), None);
    }
}
