//! The unpacked Keycloak that tests run: fetched by Maven, checked, unpacked once, built once.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::process::{guarded, run_to_end};
use crate::runner::say;
use crate::tools::Places;

pub const VERSION: &str = "26.7.4";
/// SHA-256 of `keycloak-quarkus-dist-26.7.4.zip`, as Maven Central serves it.
const SHA256: &str = "a286e98b4296d4e75ee88d8527c7cd463b307caa022f088c9f22cffccc741fa1";
/// Pinned, since an unpinned plugin is whatever is newest on the day of the run.
const MAVEN_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";

/// Marks a copy whose unpacking and first start both came to their end.
const READY: &str = ".scimgate-ready";

/// `<target>/keycloak`: all that the harness leaves on disk.
pub fn root() -> PathBuf {
    let target = match option_env!("CARGO_TARGET_TMPDIR") {
        Some(tmp) => Path::new(tmp).parent().map(Path::to_path_buf),
        // Examples are built without it: they run as <target>/<profile>/examples/<name>.
        None => std::env::current_exe().ok().and_then(|exe| Some(exe.ancestors().nth(3)?.to_path_buf())),
    };
    target.expect("a target directory").join("keycloak")
}

/// One unpacked copy. Keycloak bakes its features into `lib/quarkus` at its first start, so there is one per feature set.
#[derive(Debug)]
pub struct Distribution {
    pub home: PathBuf,
    pub java_home: PathBuf,
    /// Held until the copy has been started once: two first starts at the same time would build into the same files.
    lock: Option<File>,
}

impl Distribution {
    /// The copy for these features, fetched and unpacked if need be. Blocks while another test run does the same.
    pub fn obtain(features: &[&str]) -> Result<Self, String> {
        let java_home = Places::of_this_machine().java_home()?;
        let root = root();
        fs::create_dir_all(&root).map_err(because(&root, "create"))?;
        let lock = lock(&root.join("lock"))?;
        let name = std::iter::once(VERSION).chain(features.iter().copied()).collect::<Vec<_>>().join("-");
        let home = root.join(name);
        if home.join(READY).is_file() {
            return Ok(Self { home, java_home, lock: None });
        }
        remove_unfinished(&root)?;
        // Without the mark it is the remains of an interrupted run.
        if home.exists() {
            fs::remove_dir_all(&home).map_err(because(&home, "remove"))?;
        }
        let zip = fetch(&root, &java_home)?;
        unpack(&zip, &home, &java_home)?;
        Ok(Self { home, java_home, lock: Some(lock) })
    }

    /// Whether the next start is the first one, which builds and takes longer.
    pub fn is_new(&self) -> bool {
        self.lock.is_some()
    }

    /// To be called once the copy has served: from now on others may start it as well.
    pub fn has_served(&mut self) -> Result<(), String> {
        if let Some(_lock) = self.lock.take() {
            let mark = self.home.join(READY);
            fs::write(&mark, SHA256).map_err(because(&mark, "write"))?;
        }
        Ok(())
    }
}

fn fetch(root: &Path, java_home: &Path) -> Result<PathBuf, String> {
    let zip = root.join(format!("keycloak-quarkus-dist-{VERSION}.zip"));
    if zip.is_file() && sha256(&zip)? == SHA256 {
        return Ok(zip);
    }
    let mvn = Places::of_this_machine().maven(java_home)?;
    let parent = temporary(root)?;
    let start = Instant::now();
    say(&format!("fetching Keycloak {VERSION} with Maven (177 MB, once)"));
    let mut command = guarded(&mvn);
    command
        .args(["-B", "-q", MAVEN_PLUGIN])
        .arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"))
        .arg(format!("-DoutputDirectory={}", parent.path().display()))
        .env("JAVA_HOME", java_home)
        // Away from any project whose .mvn or pom.xml would have a say.
        .current_dir(parent.path());
    let (status, said) = run_to_end(command, &parent.path().join("log")).map_err(because(&mvn, "run"))?;
    if !status.success() {
        return Err(format!(
            "Maven could not fetch Keycloak {VERSION} ({status}); it needs Maven Central, \
             or a mirror in ~/.m2/settings.xml. It said:\n{said}"
        ));
    }
    let fetched = parent.path().join(zip.file_name().expect("a name"));
    let found = sha256(&fetched)?;
    if found != SHA256 {
        return Err(format!(
            "Maven fetched a Keycloak {VERSION} whose SHA-256 is {found}, not {SHA256}: don't trust it. \
             A broken download is mended by removing ~/.m2/repository/org/keycloak/keycloak-quarkus-dist."
        ));
    }
    fs::rename(&fetched, &zip).map_err(because(&zip, "write"))?;
    say(&format!("fetched in {:.1?}", start.elapsed()));
    Ok(zip)
}

fn unpack(zip: &Path, home: &Path, java_home: &Path) -> Result<(), String> {
    let parent = temporary(home.parent().expect("a parent"))?;
    let jar = java_home.join("bin/jar");
    let mut command = guarded(&jar);
    command.arg("xf").arg(zip).current_dir(parent.path());
    let (status, said) = run_to_end(command, &parent.path().join("log")).map_err(because(&jar, "run"))?;
    if !status.success() {
        return Err(format!("{} xf {} failed ({status}): {said}", jar.display(), zip.display(),));
    }
    let unpacked = parent.path().join(format!("keycloak-{VERSION}"));
    // jar sets no modes.
    let script = unpacked.join("bin/kc.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
        .map_err(because(&script, "make executable"))?;
    // In one step, so that an interrupted run leaves no half copy under this name.
    fs::rename(&unpacked, home).map_err(because(home, "write"))
}

const UNFINISHED: &str = "unfinished-";

/// Removes the temporary directories of runs that were killed; called under the lock, so nobody works in one.
fn remove_unfinished(root: &Path) -> Result<(), String> {
    for entry in fs::read_dir(root).map_err(because(root, "read"))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_dir_all(entry.path()).map_err(because(&entry.path(), "remove"))?;
        }
    }
    Ok(())
}

/// A directory on the target's own file system, since a rename can't cross into it from elsewhere.
fn temporary(parent: &Path) -> Result<tempfile::TempDir, String> {
    tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(parent)
        .map_err(because(parent, "create a directory in"))
}

/// Waits for the lock of all test runs that share this target directory.
pub fn lock(path: &Path) -> Result<File, String> {
    let file =
        File::options().create(true).truncate(false).write(true).open(path).map_err(because(path, "open"))?;
    if file.try_lock().is_err() {
        say("waiting for another test run to prepare Keycloak");
        file.lock().map_err(because(path, "lock"))?;
    }
    Ok(file)
}

fn sha256(path: &Path) -> Result<String, String> {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut file = File::open(path).map_err(because(path, "open"))?;
    std::io::copy(&mut file, &mut Digesting(&mut context)).map_err(because(path, "read"))?;
    Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct Digesting<'a>(&'a mut aws_lc_rs::digest::Context);

impl Write for Digesting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Turns an I/O error into a sentence.
pub fn because<'a>(path: &'a Path, what: &'a str) -> impl FnOnce(std::io::Error) -> String + 'a {
    move |error| format!("can't {what} {}: {error}", path.display())
}
