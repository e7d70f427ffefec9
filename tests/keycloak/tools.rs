//! Finds the JDK and the Maven that a real Keycloak needs, or says what to install.

use std::path::{Path, PathBuf};
use std::process::Command;

const JDK: u32 = 17;
const MAVEN: (u32, u32) = (3, 8);

const NO_JDK: &str = "These tests need a JDK of 17 or newer: install one \
    (Debian: apt-get install openjdk-17-jdk-headless) or set JAVA_HOME.";
const NO_MAVEN: &str = "These tests need Maven 3.8 or newer, which fetches Keycloak: install it \
    (Debian: apt-get install maven) and have mvn in PATH.";

/// Where to look: the process' environment, or a test's own.
pub struct Places {
    pub java_home: Option<PathBuf>,
    pub path: Vec<PathBuf>,
    /// Directories of JDKs that need not be in PATH.
    pub jdks: Vec<PathBuf>,
}

impl Places {
    pub fn of_this_machine() -> Self {
        let mut jdks: Vec<PathBuf> = std::fs::read_dir("/usr/lib/jvm")
            .map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
            .unwrap_or_default();
        jdks.sort();
        Self {
            java_home: std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from),
            path: std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            jdks,
        }
    }

    /// The home of a JDK of 17 or newer: JAVA_HOME, then PATH, then what Linux distributions install.
    /// It has to be a JDK, since its `jar` unpacks Keycloak.
    pub fn java_home(&self) -> Result<PathBuf, String> {
        let from_path = self.path.iter().filter_map(|dir| {
            // /usr/bin/java is a link to a link into the JDK.
            let java = dir.join("java").canonicalize().ok()?;
            Some(java.parent()?.parent()?.to_path_buf())
        });
        let mut rejected = Vec::new();
        let mut homes: Vec<PathBuf> = self.java_home.iter().cloned().collect();
        homes.extend(from_path);
        homes.extend(self.jdks.iter().cloned());
        for home in homes {
            match jdk_version(&home) {
                Ok(version) if version >= JDK && home.join("bin/jar").is_file() => return Ok(home),
                Ok(version) if version >= JDK => {
                    rejected.push(format!("{} is a Java runtime, without jar", home.display()));
                }
                Ok(version) => rejected.push(format!("{} is Java {version}", home.display())),
                Err(reason) => rejected.push(reason),
            }
        }
        Err(with_reasons(NO_JDK, &rejected))
    }

    /// `mvn` of 3.8 or newer.
    pub fn maven(&self, java_home: &Path) -> Result<PathBuf, String> {
        let mut rejected = Vec::new();
        for mvn in self.path.iter().map(|dir| dir.join("mvn")) {
            if !mvn.is_file() {
                continue;
            }
            let said = output(Command::new(&mvn).arg("-version").env("JAVA_HOME", java_home));
            match said.as_deref().ok().and_then(maven_version) {
                Some(version) if version >= MAVEN => return Ok(mvn),
                Some((major, minor)) => {
                    rejected.push(format!("{} is Maven {major}.{minor}", mvn.display()));
                }
                None => rejected.push(format!(
                    "{} -version says {:?}",
                    mvn.display(),
                    said.unwrap_or_else(|error| error)
                )),
            }
        }
        Err(with_reasons(NO_MAVEN, &rejected))
    }
}

fn with_reasons(sentence: &str, reasons: &[String]) -> String {
    if reasons.is_empty() {
        sentence.to_owned()
    } else {
        format!("{sentence} (Looked at: {}.)", reasons.join("; "))
    }
}

fn jdk_version(home: &Path) -> Result<u32, String> {
    let java = home.join("bin/java");
    if !java.is_file() {
        return Err(format!("{} is missing", java.display()));
    }
    let said = output(Command::new(&java).arg("-version"))?;
    java_version(&said).ok_or_else(|| format!("{} -version says {said:?}", java.display()))
}

/// The major version in `java -version`'s `version "17.0.15" …`, or `version "1.8.0_402"` of the old scheme.
pub fn java_version(said: &str) -> Option<u32> {
    let version = said.split("version \"").nth(1)?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    let first: u32 = numbers.next()?.parse().ok()?;
    if first == 1 { numbers.next()?.parse().ok() } else { Some(first) }
}

/// Major and minor of `mvn -version`'s `Apache Maven 3.8.7 …`.
pub fn maven_version(said: &str) -> Option<(u32, u32)> {
    let version = said.split("Apache Maven ").nth(1)?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// What a command writes to either output; Java tells its version on standard error.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{} can't be run: {error}", command.get_program().display()))?;
    Ok([output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}
