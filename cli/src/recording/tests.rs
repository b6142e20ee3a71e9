//! Files of keys and of fetched recordings: nothing of anybody else's is touched, and nothing half stays behind.

use std::future::Future;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    what: What,
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// `sambung recording …`, and the mistakes that it tells.
fn recording(arguments: &[&str]) -> Vec<String> {
    let line = Line::try_parse_from([&["recording"], arguments].concat()).unwrap();
    match block_on(run(&line.what)) {
        Ok(()) => vec![],
        Err(Failure::Mistakes(mistakes)) => mistakes,
        Err(other) => panic!("{other:?}"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort_unstable();
    names
}

#[test]
fn a_public_key_is_only_where_its_private_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let new_key = || recording(&["new-key", file.to_str().unwrap()]);
    // Either name is taken.
    for (name, other) in [("key", "key.public"), ("key.public", "key")] {
        let taken = folder.path().join(name);
        fs::write(&taken, b"somebody's").unwrap();
        let mistakes = new_key();
        assert!(mistakes.len() == 1 && mistakes[0].contains(name), "{mistakes:?}");
        assert_eq!(fs::read(&taken).unwrap(), b"somebody's");
        assert_eq!(names(folder.path()), [name], "and no {other}");
        fs::remove_file(taken).unwrap();
    }
    assert_eq!(new_key(), [""; 0]);
    let (private, public) = (fs::read(&file).unwrap(), folder.path().join("key.public"));
    assert_eq!(fs::read_to_string(public).unwrap(), PrivateKey::read(&file).unwrap().public().to_text());
    assert_eq!(new_key().len(), 1);
    assert_eq!(fs::read(&file).unwrap(), private, "the key that is there opens what it opened");
}

#[test]
fn a_fetched_recording_takes_no_file_of_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (output, locked) = (folder.path().join("call.wav"), folder.path().join("call.wav.locked"));
    fs::write(&output, b"somebody's").unwrap();
    // There is neither a key nor a database nor a switch; all of them would come later.
    let mistakes = recording(&["fetch", "0193", "-o", output.to_str().unwrap()]);
    assert!(mistakes.len() == 1 && mistakes[0].contains("call.wav: there is"), "{mistakes:?}");
    assert_eq!(names(folder.path()), ["call.wav"]);
    fs::remove_file(&output).unwrap();

    let fetch = || {
        let arguments =
            ["recording", "fetch", "0193", "-o", "-", "--switch", folder.path().to_str().unwrap()];
        let What::Fetch(arguments) = Line::try_parse_from(arguments).unwrap().what else { panic!("fetch") };
        block_on(from_store(&arguments.place, "name", &[], &output)).unwrap_err()
    };
    fs::write(&locked, b"somebody's").unwrap();
    let refused = format!("{:#}", fetch());
    assert!(refused.contains("call.wav.locked: File exists"), "{refused}");
    assert_eq!(fs::read(&locked).unwrap(), b"somebody's");
    fs::remove_file(&locked).unwrap();
    // What it has made itself it takes away.
    let refused = format!("{:#}", fetch());
    assert!(refused.contains("switch_api.url"), "{refused}");
    assert_eq!(names(folder.path()), [""; 0]);
}
