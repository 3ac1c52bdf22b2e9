//! Where clients connect: at addresses, and at a file that only some may open.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::connection::Peer;

/// Somebody who listens at the file already has so long to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Owner and group may open the file. Whoever may, may command.
const MODE: u32 = 0o660;

/// A place where clients connect.
#[derive(Debug)]
pub enum Listener {
    /// At an address.
    Net(TcpListener),
    /// At the control socket.
    Control(Control),
}

/// A connection before anything was said.
#[derive(Debug)]
pub(super) enum Stream {
    Net(TcpStream),
    Control(UnixStream),
}

impl Listener {
    pub(super) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Net(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Without it a short answer only waits longer.
                let _only_slower = stream.set_nodelay(true);
                Ok((Stream::Net(stream), {
                    let address = peer;
                    let is_known = false;
                    Peer::Net { address, is_known }
                }))
            }
            Self::Control(control) => {
                let (stream, _nameless) = control.listener.accept().await?;
                Ok((Stream::Control(stream), Peer::Control))
            }
        }
    }
}

/// The control socket: a file in the file system. It goes with this value, unless somebody else has put
/// another in its place.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    file: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl Control {
    /// Listens at a file, whose directory is made if need be. What a dead process has left there is
    /// replaced.
    ///
    /// # Errors
    /// A sentence, where that is not possible, or where somebody answers there already.
    pub async fn bind(file: &Path) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{}: {error}", file.display());
        let directory = file.parent().unwrap_or(Path::new("/"));
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(directory)
            .map_err(failed)?;
        make_room(file).await?;
        // Nobody else may look into a directory of our own, so that the mode is right before anybody can
        // connect.
        let private = directory.join(format!(".{:08x}", rand::random::<u32>()));
        DirBuilder::new()
            .mode(0o700)
            .create(&private)
            .map_err(failed)?;
        let bound = bind_within(&private, file);
        // It is empty now, or we have just failed to say so.
        let _left = fs::remove_dir(&private);
        let (listener, identity) = bound.map_err(failed)?;
        Ok(Self {
            listener,
            file: file.to_owned(),
            identity,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

fn bind_within(private: &Path, file: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    let first = private.join("s");
    let listener = UnixListener::bind(&first)?;
    let place = || -> io::Result<(u64, u64)> {
        fs::set_permissions(&first, Permissions::from_mode(MODE))?;
        let identity = identity(&first)?;
        fs::rename(&first, file)?;
        Ok(identity)
    };
    let placed = place();
    if placed.is_err() {
        let _left = fs::remove_file(&first);
    }
    Ok((listener, placed?))
}

fn identity(file: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(file)?;
    Ok((found.dev(), found.ino()))
}

/// Makes sure that nothing of value is at `file`: only the socket of a dead process may be replaced.
async fn make_room(file: &Path) -> Result<(), String> {
    let found = match fs::symlink_metadata(file) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", file.display())),
    };
    if !found.file_type().is_socket() {
        return Err(format!("{} is there and is no socket", file.display()));
    }
    match tokio::time::timeout(PATIENCE, UnixStream::connect(file)).await {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(Ok(_)) | Err(_) => Err(format!(
            "another sightline listens at {} already",
            file.display()
        )),
        Ok(Err(error)) => Err(format!(
            "whether another sightline listens at {} cannot be told: {error}",
            file.display()
        )),
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if identity(&self.file).is_ok_and(|identity| identity == self.identity) {
            // At worst the next one finds it without a listener.
            let _left = fs::remove_file(&self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_is_for_owner_and_group_and_goes_at_the_end() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("made/control.sock");
        let control = Control::bind(&file).await.expect("it listens");
        let mode = fs::metadata(&file).expect("it is there").mode();
        assert_eq!(mode & 0o777, MODE);
        let beside = fs::read_dir(directory.path().join("made")).expect("a directory");
        assert_eq!(beside.count(), 1, "something is left over");
        drop(control);
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn what_a_dead_process_left_is_replaced_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let file = directory.path().join("control.sock");
        drop(std::os::unix::net::UnixListener::bind(&file).expect("a socket"));
        assert!(file.exists());
        let first = Control::bind(&file).await.expect("nobody answers");

        let refused = Control::bind(&file).await.expect_err("somebody answers");
        assert!(refused.contains("another sightline"), "{refused}");
        UnixStream::connect(&file).await.expect("the first listens");

        fs::remove_file(&file).expect("removed");
        let second = Control::bind(&file).await.expect("it is free");
        drop(first);
        assert!(file.exists(), "the file of another went");
        drop(second);

        fs::write(&file, "a diary").expect("written");
        let refused = Control::bind(&file).await.expect_err("it is no socket");
        assert!(refused.contains("is no socket"), "{refused}");
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "a diary");
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_had_is_an_error() {
        let refused = Control::bind(Path::new("/proc/sightline/control.sock")).await;
        assert!(refused.expect_err("not there").contains("/proc/sightline"));
    }
}
