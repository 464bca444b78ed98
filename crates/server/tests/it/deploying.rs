//! The files of `deploy/` hold together: every setting and option in them is known to the binary, and the programs that
//! read them find nothing wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Map, Value, json};

use crate::installation::{TIDINGS, printed};

/// What the settings of brokers begin with: their names are the operator's.
const BROKERS: &str = "TIDINGS__BROKERS__";

/// Variables of ours that are no settings.
const VARIABLES: [&str; 4] =
    ["TIDINGS_SECRET_KEY", "TIDINGS_BOOTSTRAP_TOKEN", "TIDINGS_URL", "TIDINGS_TOKEN"];

/// Above it, `systemd-analyze security` calls a service more than a little exposed (out of 10).
const EXPOSURE_MAX: &str = "20";

/// What the image may hold beside the binary: it is to stay under 60 MB, and the binary has 52.
const IMAGE_REST_BYTES_MAX: u64 = 5_000_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

fn deploy(name: &str) -> PathBuf {
    root().join("deploy").join(name)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The documents of a YAML file.
fn yaml(path: impl AsRef<Path>) -> Vec<Value> {
    let path = path.as_ref();
    serde_saphyr::from_multiple(&read(path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("not an object: {value}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}")).iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

fn tidings(arguments: &[&str]) -> String {
    printed(&Command::new(TIDINGS).args(arguments).output().expect("tidings starts"))
}

/// Words that begin so, as they stand in a text.
fn words<'a>(of: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    of.split(|each: char| !each.is_ascii_alphanumeric() && each != '_')
        .filter(move |word| word.starts_with(start))
        .map(|word| word.trim_end_matches('_'))
}

/// The variables of all settings, as the binary prints them.
fn settings() -> BTreeSet<String> {
    let (mut known, mut topic) = (BTreeSet::new(), String::new());
    for line in tidings(&["settings"]).lines() {
        if let Some(name) = line.strip_prefix('[') {
            topic = name.trim_end_matches(']').to_uppercase();
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" =")
            && key.chars().all(|each| each.is_ascii_lowercase() || each == '_')
        {
            known.insert(format!("TIDINGS__{topic}__{}", key.to_uppercase()));
        }
    }
    known
}

#[test]
fn every_setting_that_is_named_is_known() {
    let known = settings();
    assert!(known.contains("TIDINGS__HTTP__LISTEN") && known.len() > 30, "{known:?}");
    let guides = [root().join("docs/how-to"), root().join("deploy")];
    let mut named = 0;
    for path in guides.iter().flat_map(|folder| files(folder)) {
        let text = read(&path);
        for word in words(&text, "TIDINGS_") {
            let is_known =
                known.contains(word) || VARIABLES.contains(&word) || word.starts_with(BROKERS);
            assert!(is_known, "{} names {word}, which nobody knows", path.display());
            named += 1;
        }
    }
    assert!(named > 30, "only {named} are named");
}

/// What the nodes are started with, wherever that is said.
#[test]
fn every_option_is_one_of_the_command() {
    let help = tidings(&["serve", "--help"]);
    let dockerfile = read(deploy("Dockerfile"));
    let command = dockerfile.lines().find_map(|line| line.strip_prefix("CMD ")).expect("a command");
    let command: Vec<String> = serde_json::from_str(command).expect("a list");
    let unit = read(deploy("tidings.service"));
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    let pods = yaml(deploy("kubernetes/nodes.yaml"));
    let pod = list(&pods[0]["spec"]["template"]["spec"]["containers"][0]["args"]);
    let starts = [
        command,
        start.split(' ').skip(1).map(str::to_owned).collect(),
        pod.map(|each| text(each).to_owned()).collect(),
    ];
    for start in starts {
        assert_eq!(start[0], "serve", "{start:?}");
        for option in start.iter().filter(|each| each.starts_with("--")) {
            assert!(help.contains(&format!("{option} ")), "{option} is no option of serve");
        }
    }
}

#[test]
fn the_image_is_built_from_what_is_here() {
    let dockerfile = read(deploy("Dockerfile"));
    let manifest: toml::Table = read(root().join("Cargo.toml")).parse().expect("TOML");
    let rust = manifest["workspace"]["package"]["rust-version"].as_str().expect("a version");
    assert!(dockerfile.contains(&format!("FROM rust:{rust}-")), "it is built with Rust {rust}");
    let unit = read(deploy("tidings.service"));
    for line in ["ENTRYPOINT [\"/usr/local/bin/tidings\"]", "USER 65532:65532"] {
        assert!(dockerfile.lines().any(|each| each == line), "{line}");
    }
    assert!(unit.contains("ExecStart=/usr/local/bin/tidings serve --data /var/lib/tidings\n"));
}

/// The binary runs with nothing but what lies in the image.
#[test]
fn the_image_holds_all_that_the_binary_needs() {
    let folder = tempfile::tempdir().expect("a folder");
    let image = folder.path().join("image");
    let script = deploy("rootfs.sh");
    let laid = checked(
        script.to_str().expect("a plain path"),
        &[TIDINGS, image.to_str().expect("a plain path")],
    );
    assert!(laid.status.success(), "{laid:?}");
    let there = files(&image);
    let loader = there.iter().find(|path| path.to_string_lossy().contains("/ld-linux"));
    let libc = there.iter().find(|path| path.ends_with("libc.so.6")).expect("a libc");
    let libraries = libc.parent().expect("it is in a folder");
    let binary = image.join("usr/local/bin/tidings");
    let arguments = [
        Path::new("--inhibit-cache"),
        Path::new("--library-path"),
        libraries,
        &binary,
        Path::new("--version"),
    ];
    let ran = Command::new(loader.expect("a loader")).args(arguments).output().expect("it starts");
    assert!(printed(&ran).starts_with("tidings "), "{ran:?}");
    assert!(image.join("etc/ssl/certs/ca-certificates.crt").is_file(), "{there:?}");
    let rest: u64 = there
        .iter()
        .filter(|path| **path != binary)
        .map(|path| path.metadata().expect("it is there").len())
        .sum();
    assert!(rest < IMAGE_REST_BYTES_MAX, "{rest} bytes beside the binary");
}

#[test]
fn the_services_of_compose_fit_together() {
    let compose = yaml(deploy("compose.yaml")).swap_remove(0);
    let services = object(&compose["services"]);
    let names = |value: &Value| -> Vec<String> {
        match value.as_object() {
            Some(map) => map.keys().cloned().collect(),
            None => list(value).map(|each| text(each).to_owned()).collect(),
        }
    };
    for (name, service) in services {
        assert!(service["image"].is_string(), "{name} has an image");
        for other in service.get("depends_on").map(names).unwrap_or_default() {
            assert!(services.contains_key(&other), "{name} waits for {other}, which is nowhere");
        }
        for volume in service.get("volumes").map(names).unwrap_or_default() {
            let from = volume.split(':').next().unwrap_or_default();
            let there = match from.strip_prefix("./") {
                Some(file) => deploy(file).exists(),
                None => object(&compose["volumes"]).contains_key(from),
            };
            assert!(there, "{name} mounts {from}, which is nowhere");
        }
    }
    let nodes: Vec<&String> = services.keys().filter(|name| name.starts_with("node")).collect();
    assert_eq!(nodes.len(), 3);
    for name in &nodes {
        let environment = object(&services[*name]["environment"]);
        assert_eq!(environment["TIDINGS__NODE__NAME"], json!(name), "settings are merged in");
        assert!(environment.contains_key("TIDINGS__DATABASE__URL"));
        let balanced = read(deploy("haproxy.cfg"));
        assert!(balanced.contains(&format!("server {name} {name}:8080")), "{name} is balanced");
    }
    let example = read(deploy("env.example"));
    let asked = read(deploy("compose.yaml"));
    for variable in asked.split("${").skip(1) {
        let name = variable.split([':', '}', '-']).next().unwrap_or_default();
        let is_said = example.lines().any(|line| line.split('=').next() == Some(name));
        assert!(is_said, "env.example does not say {name}");
    }
}

/// The data folder of what a pod or a service refers to by name.
#[test]
fn the_kubernetes_manifests_fit_together() {
    let folder = deploy("kubernetes");
    let index = yaml(folder.join("kustomization.yaml")).swap_remove(0);
    let listed: BTreeSet<String> =
        list(&index["resources"]).map(|each| text(each).to_owned()).collect();
    let there: BTreeSet<String> = files(&folder)
        .into_iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .filter(|name| name != "kustomization.yaml")
        .collect();
    assert_eq!(listed, there, "all files are listed");
    let all: Vec<Value> = there.iter().flat_map(|name| yaml(folder.join(name))).collect();
    let named = |kind: &str, name: &Value| {
        all.iter().any(|each| each["kind"] == kind && each["metadata"]["name"] == *name)
    };
    let mut labels = Vec::new();
    let mut ports = BTreeSet::new();
    for each in &all {
        assert!(each["apiVersion"].is_string() && each["kind"].is_string(), "{each}");
        assert!(each["metadata"]["name"].is_string(), "{each}");
        let spec = &each["spec"];
        let Some(pod) = spec.get("template") else { continue };
        assert_eq!(spec["selector"]["matchLabels"], pod["metadata"]["labels"], "{each}");
        labels.push(pod["metadata"]["labels"].clone());
        if let Some(service) = spec.get("serviceName") {
            assert!(named("Service", service), "{service} is nowhere");
        }
        for container in list(&pod["spec"]["containers"]) {
            for port in list(&container["ports"]) {
                ports.insert(text(&port["name"]).to_owned());
            }
            for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
                let Some(probe) = container.get(probe) else { continue };
                assert!(ports.contains(text(&probe["httpGet"]["port"])), "{probe}");
            }
            for from in container.get("envFrom").into_iter().flat_map(list) {
                let Some(map) = from.get("configMapRef") else { continue };
                assert!(named("ConfigMap", &map["name"]), "{map}");
            }
            let volumes = spec.get("volumeClaimTemplates").into_iter().flat_map(list);
            let volumes: Vec<&Value> = volumes.map(|each| &each["metadata"]["name"]).collect();
            for mount in container.get("volumeMounts").into_iter().flat_map(list) {
                assert!(volumes.contains(&&mount["name"]), "{mount}");
            }
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true, "{container}");
        }
    }
    for service in all.iter().filter(|each| each["kind"] == "Service") {
        assert!(labels.contains(&service["spec"]["selector"]), "nobody is behind {service}");
        for port in list(&service["spec"]["ports"]) {
            assert!(ports.contains(text(&port["targetPort"])), "{port}");
        }
    }
    let ingress = all.iter().find(|each| each["kind"] == "Ingress").expect("a way in");
    let path = &ingress["spec"]["rules"][0]["http"]["paths"][0];
    assert!(named("Service", &path["backend"]["service"]["name"]), "{path}");
}

/// Runs a program that `cargo xtask test` installs.
fn checked(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    output.unwrap_or_else(|error| panic!("{program}: {error}; cargo xtask test installs it"))
}

#[test]
fn the_balancer_takes_its_configuration() {
    let path = deploy("haproxy.cfg");
    let looked = checked("haproxy", &["-c", "-f", path.to_str().expect("a plain path")]);
    assert!(looked.status.success(), "{looked:?}");
}

#[test]
fn the_service_is_sound_and_confined() {
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("tidings.service");
    // systemd wants the program to be there.
    let said = read(deploy("tidings.service")).replace("/usr/local/bin/tidings", TIDINGS);
    std::fs::write(&unit, said).expect("written");
    let unit = unit.to_str().expect("a plain path");
    let verified = checked("systemd-analyze", &["verify", unit]);
    assert!(verified.status.success(), "{verified:?}");
    assert_eq!(String::from_utf8_lossy(&verified.stderr), "", "nothing to complain of");
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let confined = checked("systemd-analyze", &["security", "--offline=true", &threshold, unit]);
    assert!(confined.status.success(), "{}", printed(&confined));
}
