//! A campaign that waits for a second person stands where the digest asks for something.

use std::collections::BTreeSet;

use omniprice::config::{Language, Part};
use omniprice::report::lang::Words;
use omniprice::report::{digest_for, people, tracks};

use super::*;

#[tokio::test]
async fn it_is_asked_for_where_people_are_needed_in_every_language() {
    let (world, _) = planned().await;
    let app = &world.app;
    let (now, from) = (app.now(), app.now().plus(-Millis::DAY));
    let mut reader = people::readers(app).await.unwrap().remove(0);
    let tracks = tracks(app, from).await.unwrap();
    for language in Language::ALL {
        reader.voice.language = language;
        reader.voice.words = Words::of(language);
        let words = reader.voice.words;
        reader.person.sections = BTreeSet::new();
        let digest = digest_for(app, &tracks, &reader, from, now).await.unwrap().unwrap();
        let needs = format!("\n{}\n", words.needs_you.to_uppercase());
        let (_, rest) = digest.text.split_once(&needs).unwrap_or_else(|| panic!("{language:?}: {}", digest.text));
        let (needs, rest) = rest.split_once(&format!("\n{}\n", words.campaigns.to_uppercase())).unwrap();
        let command = "omniprice approve campaign/black-week --why";
        assert!(needs.contains("* black-week ") && needs.contains(command), "{language:?}: {needs}");
        assert!(rest.contains("* black-week ") && !rest.contains(command), "asked for once: {rest}");
        // Somebody who reads nothing of campaigns is needed all the same.
        reader.person.sections = BTreeSet::from([Part::NeedsYou]);
        let digest = digest_for(app, &tracks, &reader, from, now).await.unwrap().unwrap();
        assert!(digest.text.contains(command) && digest.subject.contains('1'), "{}: {}", digest.subject, digest.text);
        reader.person.sections = BTreeSet::from([Part::Campaigns]);
        let digest = digest_for(app, &tracks, &reader, from, now).await.unwrap().unwrap();
        assert!(digest.text.contains(command), "{}", digest.text);
    }
}
