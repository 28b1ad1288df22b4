use super::*;

fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("omniprice.toml");
    std::fs::write(&file, text).unwrap();
    let environment: Vec<_> = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    match Config::load(Some(&file), &environment) {
        Ok(_) => vec![],
        Err(ConfigError(problems)) => problems.into_iter().map(|p| p.path).collect(),
    }
}

#[test]
fn the_embedded_defaults_are_valid() {
    let config = Config::load(None, &[]).unwrap();
    assert_eq!(config.mode, Mode::Review, "the first run is a safe look");
    assert!(config.channels.is_empty());
}

#[test]
fn all_problems_are_reported_at_once_with_their_paths() {
    let text =
        "mode = \"loud\"\n[fetch]\ntimout = \"5s\"\ndelay = 5\n[publish]\nlease = \"eternity\"\n[web]\nlisten = 1\n";
    let mut found = problems(text, &[]);
    found.sort();
    assert_eq!(found, ["fetch.delay", "fetch.timout", "mode", "publish.lease", "web.listen"]);
    let text = "[publish]\nlease = \"10s\"\n[fetch]\nrobots = \"ignore\"\n[channels.x]\nkind = \"shopify9\"\n[report]\ndigest = \"0 7 * * 1\"\n";
    let mut found = problems(text, &[]);
    found.sort();
    assert_eq!(found, ["channels.x.kind", "fetch.robots_reason", "publish.lease", "report.digest"]);
}

#[test]
fn secrets_come_from_the_environment_or_a_file_and_are_masked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "s3cret\n").unwrap();
    let file = folder.path().join("omniprice.toml");
    std::fs::write(&file, "[mail]\npassword_file = \"key\"\n[channels.x]\nkind = \"vendure\"\nurl = \"https://x/\"\napi_key = \"${KEY}\"\ncurrency = \"DKK\"\ntax = \"gross\"\n").unwrap();
    let environment = [("KEY".to_owned(), "t0ken".to_owned())];
    let (table, _) = merged(Some(&file), &environment).unwrap();
    let shown = masked(&table);
    assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    let config = Config::load(Some(&file), &environment).unwrap();
    assert_eq!(config.mail.password.expose_secret(), "s3cret");
    assert!(Config::load(Some(&file), &[]).unwrap_err().to_string().contains("export KEY="));
}

#[test]
fn the_environment_wins_and_variables_that_are_no_settings_are_left_alone() {
    assert_eq!(problems("", &[("OMNIPRICE_CONFIG", "x.toml"), ("OMNIPRICE_TEST_STRICT", "1")]), Vec::<String>::new());
    assert_eq!(problems("", &[("OMNIPRICE_FETCH__TIMOUT", "5s")]), ["fetch.timout"]);
    let environment =
        [("OMNIPRICE_FETCH__CONCURRENCY".to_owned(), "3".to_owned()), ("OMNIPRICE_MODE".to_owned(), "auto".to_owned())];
    let config = Config::load(None, &environment).unwrap();
    assert_eq!((config.fetch.concurrency, config.mode), (3, Mode::Auto));
}
