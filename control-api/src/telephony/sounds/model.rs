//! Sounds and prompts as clients see them, and what can be uploaded.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{
        error::{ApiError, FieldError},
        fields::Fields,
    },
    instant::Instant,
};

/// Characters of what stands behind the language, or behind `music`.
const WORD_CHARS_MAX: usize = 40;

/// A sound of the organisation's own.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Sound {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// What it is played as: a language and the name of a prompt or of one's own, or music.
    #[schema(example = "id/goodbye")]
    pub name: String,
    /// `audio/ogg` (Opus) or `audio/wav`.
    #[schema(example = "audio/wav")]
    pub media_type: String,
    /// How large its file is.
    pub octets: i32,
    /// How long it is.
    pub length_ms: i32,
    /// When it was made.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

/// What a new one is to be played as.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NameQuery {
    /// `id/…` or `en/…` with the name of a prompt or one of your own, `music/default` for who waits
    #[param(example = "id/goodbye", pattern = "^(id|en|music)/(digits/)?[a-z0-9_-]{1,40}$")]
    name: String,
}

impl NameQuery {
    /// The name, or what is wrong with it.
    pub fn check(self) -> Result<String, ApiError> {
        let mut fields = Fields::default();
        let words = "must be id/…, en/… or music/… with 1 … 40 small letters, digits, - and _";
        fields.must(is_name(&self.name), "name", words);
        fields.done().map(|()| self.name)
    }
}

fn is_name(name: &str) -> bool {
    let word = ["id/", "en/", "music/"].iter().find_map(|kind| name.strip_prefix(kind));
    word.map(|word| word.strip_prefix("digits/").unwrap_or(word)).is_some_and(|word| {
        (1..=WORD_CHARS_MAX).contains(&word.len())
            && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    })
}

/// A file that is a sound.
#[derive(Clone, Debug)]
pub struct File {
    pub(super) octets: Vec<u8>,
    pub(super) media_type: &'static str,
    pub(super) length_ms: i32,
}

impl File {
    /// Decodes it as the switch will. Takes up to some tenths of a second.
    pub(super) fn read(octets: Vec<u8>) -> Result<Self, ApiError> {
        let refused = |error: sounds::SoundError| {
            ApiError::Unprocessable(vec![FieldError::new("body", error.to_string())])
        };
        let clip = sounds::decode(&octets).map_err(refused)?;
        let length_ms = i32::try_from(clip.samples().len() / clip.rate().per_ms()).unwrap_or(i32::MAX);
        if length_ms == 0 {
            return Err(refused(sounds::SoundError::Empty));
        }
        let media_type = if octets.starts_with(b"OggS") { "audio/ogg" } else { "audio/wav" };
        Ok(Self { octets, media_type, length_ms })
    }
}

/// All that the switch says and plays by itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Prompts {
    /// By name.
    pub items: Vec<Prompt>,
}

/// Something that the switch says or plays by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Prompt {
    /// What a sound in its place is called.
    #[schema(example = "id/goodbye")]
    pub name: String,
    /// The words; null: it is music.
    #[schema(example = "Terima kasih. Sampai jumpa.")]
    pub text: Option<String>,
    /// The organisation's own sound in its place; null: there is none.
    pub sound_id: Option<Uuid>,
}

/// A row of the texts: one, or many that are numbered from 0.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    One(String),
    Many(Vec<String>),
}

/// The texts by the names of their sounds.
static TEXTS: LazyLock<BTreeMap<String, Option<String>>> = LazyLock::new(|| {
    // That they can be read is tested.
    let rows: BTreeMap<String, BTreeMap<String, Text>> = toml::from_str(sounds::PROMPTS).unwrap_or_default();
    let mut all = BTreeMap::from([("music/default".to_owned(), None)]);
    for (name, languages) in rows {
        for (language, text) in languages {
            match text {
                Text::One(text) => drop(all.insert(format!("{language}/{name}"), Some(text))),
                Text::Many(texts) => all.extend(
                    texts
                        .into_iter()
                        .enumerate()
                        .map(|(no, text)| (format!("{language}/{name}/{no}"), Some(text))),
                ),
            }
        }
    }
    all
});

impl Prompts {
    /// With those of the organisation in their places.
    pub(super) fn of(own: &BTreeMap<String, Uuid>) -> Self {
        let prompt = |(name, text): (&String, &Option<String>)| Prompt {
            name: name.clone(),
            text: text.clone(),
            sound_id: own.get(name).copied(),
        };
        Self { items: TEXTS.iter().map(prompt).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_prompt_is_a_sound_that_the_switch_brings_along_and_each_of_those_is_told() {
        let shipped: Vec<String> = sounds::shipped().into_iter().map(|sound| sound.name).collect();
        let told = Prompts::of(&BTreeMap::new()).items;
        for Prompt { name, .. } in &told {
            assert!(shipped.contains(name) && is_name(name), "{name}");
        }
        assert_eq!(told.len(), shipped.len(), "{shipped:?}");
    }

    #[test]
    fn a_name_is_no_path() {
        for (name, is) in [
            ("id/goodbye", true),
            ("en/digits/20", true),
            ("music/default", true),
            ("fr/goodbye", false),
            ("id/", false),
            ("id/../x", false),
            ("id/a/b", false),
            ("goodbye", false),
            ("id/Goodbye", false),
        ] {
            assert_eq!(is_name(name), is, "{name}");
        }
        assert!(!is_name(&format!("id/{}", "a".repeat(41))));
    }
}
