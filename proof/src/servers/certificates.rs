//! An authority of a test's own, and the certificate that it gives a private server.

use std::fs;
use std::path::{Path, PathBuf};

use super::{find, must};

/// The program that makes them.
pub(super) struct Certificates {
    openssl: PathBuf,
}

impl Certificates {
    /// `None`: it is not installed, and the test is left out.
    pub(super) fn find() -> Option<Self> {
        Some(Self { openssl: find("openssl", &[])? })
    }

    /// Makes `ca.pem`, and `server.pem` and `server.key` for 127.0.0.1 alone.
    pub(super) fn make(&self, folder: &Path) {
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let openssl = |args: &[&str]| must(folder, &self.openssl, args);
        let subject = ["-subj", "/CN=an authority of a test"];
        let files = ["-keyout", "ca.key", "-out", "ca.pem"];
        openssl(&[&["req", "-x509", "-days", "2"], &key[..], &subject, &files].concat());
        let files = ["-subj", "/CN=a server", "-keyout", "server.key", "-out", "server.csr"];
        openssl(&[&["req"], &key[..], &files].concat());
        fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
        let by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
        let files = ["-in", "server.csr", "-extfile", "names", "-out", "server.pem"];
        openssl(&[&["x509", "-req"], &by[..], &files].concat());
    }
}
