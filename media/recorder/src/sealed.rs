//! The file of a recording: locked from its first octet on, appended to piece by piece, good up to its last whole piece
//! whatever happens to the process that writes it (decision 0026).
//!
//! ```text
//! file    = magic (8) | version (1) | length of about (4) | about | segment …          version 2: a message (voicemail)
//! segment = 'K' | name of the public key (8) | encapsulated key (32) | piece …
//! piece   = 'D' | length (4) | frames so far (4) | pages so far (4) | that many octets, sealed
//! last    = 'E' | as a piece; the segment ends here on purpose
//! ```
//!
//! Numbers are little-endian. Every process that writes begins a segment of its own with a new key, because it cannot open
//! what another has locked: HPKE (RFC 9180) in base mode, X25519, HKDF-SHA256, AES-256-GCM, which also numbers the
//! pieces. The head of a piece is authenticated with it, the beginning of the file with the key. What is not secret,
//! for whom and how long it is, can thus be read without a key.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use hpke::{Deserializable, OpModeR, OpModeS, Serializable as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    form::{Format, Progress},
    key::{KEY_NAME_BYTES, Kem, Keys, PrivateKey, PublicKey, text_of},
    wav,
};

type Aead = hpke::aead::AesGcm256;
type Kdf = hpke::kdf::HkdfSha256;
type Sealer = hpke::aead::AeadCtxS<Aead, Kdf, Kem>;
type Opener = hpke::aead::AeadCtxR<Aead, Kdf, Kem>;

const MAGIC: &[u8; 8] = b"SBRECORD";
const VERSION: u8 = 1;
/// Behind what it is of stands whose mailbox it is for.
const VERSION_OF_MESSAGES: u8 = 2;
const KEY: u8 = b'K';
const PIECE: u8 = b'D';
const LAST: u8 = b'E';
const HEAD_BYTES: usize = 13;
const ENCAPSULATED_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// Octets of a file's beginning, at most.
const ABOUT_BYTES_MAX: u32 = 1_024;
/// Octets of one sealed piece, at most: a minute of silence that stands for a gap.
const PIECE_BYTES_MAX: u32 = 4 * 1_024 * 1_024;
/// How many octets a process that dies in the middle of a piece leaves at most is no more than that; so is what is read.
const READ_BYTES: usize = 64 * 1_024;

/// What a recording is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its number among those that are being made, for [`streams::media::Tap`] and as the serial number of an Ogg stream.
    pub number: u32,
    /// Its own id.
    pub recording: Uuid,
    /// The call.
    pub call: Uuid,
    /// The organisation.
    pub org: Uuid,
    /// When it began, microseconds since 1970.
    pub began_at: i64,
    /// The same on the media thread's time line.
    pub began_micros: u64,
    /// What is in it.
    pub format: Format,
    /// Whose mailbox it is for, if it is a message.
    #[serde(skip)]
    pub message: Option<Box<Message>>,
}

/// What makes a recording a message that was left for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// For whom.
    pub user: Uuid,
    /// The caller's number, if it wanted it shown; at most [`CALLER_BYTES_MAX`].
    pub caller: Option<String>,
}

/// Octets of a number.
pub const CALLER_BYTES_MAX: usize = 64;

/// Something is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no recording, or not one of a version that is known.
    #[error("is no recording of sambung, or of a newer release")]
    NotOurs,
    /// It was locked for another key.
    #[error("is locked for the key {wanted}; given was {given}")]
    OtherKey {
        /// [`PublicKey::name_text`] of the key that it was locked with.
        wanted: String,
        /// Those of the keys that were to open it.
        given: String,
    },
    /// It was changed, or damaged.
    #[error("was changed or damaged after {0} ms of sound")]
    Damaged(u64),
    /// The library refused.
    #[error("could not be locked")]
    Locking,
}

/// How a file stands, as far as that can be told without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What it is of.
    pub about: About,
    /// How far it has come.
    pub progress: Progress,
    /// Processes that have written it.
    pub segments: u32,
    /// It was brought to its end.
    pub is_ended: bool,
    /// Octets up to the last whole piece.
    pub good_bytes: u64,
}

/// A file that is being written.
pub struct Writer {
    file: File,
    bytes: u64,
    sealer: Sealer,
    room: Vec<u8>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Writer {
    /// A new file, or none.
    pub fn create(path: &Path, about: &About, key: &PublicKey) -> Result<Self, SealedError> {
        let beginning = beginning(about)?;
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        // A full disk takes names, not octets: each call would leave an empty file.
        Self::segment(file, 0, &beginning, &beginning, key).inspect_err(|_| drop(fs::remove_file(path)))
    }

    /// Goes on with a file that a former process has left, after its last whole piece.
    pub fn go_on(path: &Path, keys: &Keys) -> Result<(Self, Standing), SealedError> {
        let standing = Standing::read(&mut File::open(path)?)?;
        let key = keys.of(&standing.about);
        let file = OpenOptions::new().append(true).open(path)?;
        file.set_len(standing.good_bytes)?;
        let beginning = beginning(&standing.about)?;
        Ok((Self::segment(file, standing.good_bytes, &beginning, &[], key)?, standing))
    }

    fn segment(
        mut file: File,
        bytes: u64,
        info: &[u8],
        before: &[u8],
        key: &PublicKey,
    ) -> Result<Self, SealedError> {
        let (encapsulated, sealer) = hpke::setup_sender::<Aead, Kdf, Kem>(&OpModeS::Base, &key.0, info)
            .map_err(|_| SealedError::Locking)?;
        let mut room = before.to_vec();
        room.push(KEY);
        room.extend_from_slice(&key.name());
        room.extend_from_slice(&encapsulated.to_bytes());
        write_or_take_back(&mut file, bytes, &room)?;
        Ok(Self { file, bytes: bytes + room.len() as u64, sealer, room })
    }

    /// Appends octets of the recording. After an error the file is as it was before, and takes no more: the numbers of
    /// its pieces would not fit.
    pub fn append(&mut self, octets: &[u8], progress: Progress) -> Result<(), SealedError> {
        self.piece(PIECE, octets, progress)
    }

    /// Says that this was all.
    pub fn end(mut self, progress: Progress) -> Result<u64, SealedError> {
        self.piece(LAST, &[], progress)?;
        Ok(self.bytes)
    }

    /// Octets written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn piece(&mut self, kind: u8, octets: &[u8], progress: Progress) -> Result<(), SealedError> {
        let length = u32::try_from(octets.len() + TAG_BYTES).ok().filter(|length| *length <= PIECE_BYTES_MAX);
        let head = head(kind, length.ok_or(SealedError::Locking)?, progress);
        let sealed = self.sealer.seal(octets, &head).map_err(|_| SealedError::Locking)?;
        self.room.clear();
        self.room.extend_from_slice(&head);
        self.room.extend_from_slice(&sealed);
        write_or_take_back(&mut self.file, self.bytes, &self.room)?;
        self.bytes += self.room.len() as u64;
        Ok(())
    }
}

/// One `write` where the disk has room. A part that found none is taken back.
fn write_or_take_back(file: &mut File, bytes: u64, octets: &[u8]) -> io::Result<()> {
    file.write_all(octets).inspect_err(|_| drop(file.set_len(bytes)))
}

fn beginning(about: &About) -> Result<Vec<u8>, SealedError> {
    let (version, about) = match &about.message {
        None => (VERSION, postcard::to_allocvec(about)),
        Some(message) => (VERSION_OF_MESSAGES, postcard::to_allocvec(&(about, message))),
    };
    let about = about.map_err(|_| SealedError::Locking)?;
    let length = u32::try_from(about.len()).map_err(|_| SealedError::Locking)?;
    let mut beginning = MAGIC.to_vec();
    beginning.push(version);
    beginning.extend_from_slice(&length.to_le_bytes());
    beginning.extend_from_slice(&about);
    Ok(beginning)
}

fn head(kind: u8, length: u32, progress: Progress) -> [u8; HEAD_BYTES] {
    let mut head = [kind; HEAD_BYTES];
    let numbers = [length, progress.frames, progress.pages];
    let octets = numbers.into_iter().flat_map(u32::to_le_bytes);
    head.iter_mut().skip(1).zip(octets).for_each(|(place, octet)| *place = octet);
    head
}

/// What is read next; `None` at the end of the file, and where a piece is not whole.
enum Part {
    Key { name: [u8; KEY_NAME_BYTES], encapsulated: [u8; ENCAPSULATED_BYTES] },
    Piece { head: [u8; HEAD_BYTES], is_last: bool, length: u32, progress: Progress },
}

fn read_beginning(file: &mut impl Read) -> Result<(About, Vec<u8>), SealedError> {
    let mut fixed = [0; 13];
    read_whole(file, &mut fixed)?.ok_or(SealedError::NotOurs)?;
    let [magic @ .., version, l0, l1, l2, l3] = fixed;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    if magic != *MAGIC || length > ABOUT_BYTES_MAX {
        return Err(SealedError::NotOurs);
    }
    let mut about = vec![0; length as usize];
    read_whole(file, &mut about)?.ok_or(SealedError::NotOurs)?;
    let read = match version {
        VERSION => postcard::from_bytes(&about).ok(),
        VERSION_OF_MESSAGES => {
            let read = postcard::from_bytes::<(About, Box<Message>)>(&about).ok();
            read.map(|(about, message)| About { message: Some(message), ..about })
        }
        _ => None,
    };
    Ok((read.ok_or(SealedError::NotOurs)?, [&fixed[..], &about].concat()))
}

fn read_part(file: &mut impl Read) -> io::Result<Option<Part>> {
    let mut kind = [0];
    if read_whole(file, &mut kind)?.is_none() {
        return Ok(None);
    }
    match kind {
        [KEY] => {
            let (mut name, mut encapsulated) = ([0; KEY_NAME_BYTES], [0; ENCAPSULATED_BYTES]);
            let is_whole =
                read_whole(file, &mut name)?.is_some() && read_whole(file, &mut encapsulated)?.is_some();
            Ok(is_whole.then_some(Part::Key { name, encapsulated }))
        }
        [kind @ (PIECE | LAST)] => {
            let mut numbers = [0; HEAD_BYTES - 1];
            if read_whole(file, &mut numbers)?.is_none() {
                return Ok(None);
            }
            let [l0, l1, l2, l3, f0, f1, f2, f3, p0, p1, p2, p3] = numbers;
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            let frames = u32::from_le_bytes([f0, f1, f2, f3]);
            let progress = Progress { frames, pages: u32::from_le_bytes([p0, p1, p2, p3]) };
            let head = head(kind, length, progress);
            let is_sane = length <= PIECE_BYTES_MAX;
            Ok(is_sane.then_some(Part::Piece { head, is_last: kind == LAST, length, progress }))
        }
        _ => Ok(None),
    }
}

/// `None` when the file ends before.
fn read_whole(file: &mut impl Read, room: &mut [u8]) -> io::Result<Option<()>> {
    match file.read_exact(room) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

impl Standing {
    /// Looks through a file. What comes after the last whole piece does not count.
    pub fn read(file: &mut File) -> Result<Self, SealedError> {
        let file_bytes = file.metadata()?.len();
        let mut file = io::BufReader::with_capacity(READ_BYTES, file);
        let (about, beginning) = read_beginning(&mut file)?;
        let mut standing = Self {
            about,
            progress: Progress::default(),
            segments: 0,
            is_ended: false,
            good_bytes: beginning.len() as u64,
        };
        while let Some(part) = read_part(&mut file)? {
            match part {
                Part::Key { .. } => {
                    standing.good_bytes += (1 + KEY_NAME_BYTES + ENCAPSULATED_BYTES) as u64;
                    standing.segments += 1;
                    standing.is_ended = false;
                }
                Part::Piece { is_last, length, progress, .. } => {
                    let end = standing.good_bytes + HEAD_BYTES as u64 + u64::from(length);
                    if end > file_bytes {
                        break;
                    }
                    file.seek_relative(i64::from(length))?;
                    standing.good_bytes = end;
                    standing.progress = progress;
                    standing.is_ended = is_last;
                }
            }
        }
        Ok(standing)
    }
}

/// What came out of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it is of.
    pub about: About,
    /// How far it goes.
    pub progress: Progress,
    /// It was brought to its end; else the process that wrote it died, or the file was cut.
    pub is_ended: bool,
    /// Octets that came out.
    pub bytes: u64,
}

/// Unlocks a file into another one that players understand.
pub fn open(
    sealed: impl Read,
    keys: &[PrivateKey],
    out: &mut (impl Write + Seek),
) -> Result<Opened, SealedError> {
    let mut sealed = io::BufReader::with_capacity(READ_BYTES, sealed);
    let (about, info) = read_beginning(&mut sealed)?;
    let mut opened = Opened { about, progress: Progress::default(), is_ended: false, bytes: 0 };
    let mut opener: Option<Opener> = None;
    let (mut octets, mut beginning) = (Vec::new(), Vec::new());
    while let Some(part) = read_part(&mut sealed)? {
        let damaged = || SealedError::Damaged(u64::from(opened.progress.frames) * 20);
        match part {
            Part::Key { name, encapsulated } => {
                let key = keys.iter().find(|key| key.public().name() == name).ok_or_else(|| {
                    let given: Vec<String> = keys.iter().map(|key| key.public().name_text()).collect();
                    SealedError::OtherKey { wanted: text_of(name), given: given.join(" and ") }
                })?;
                let encapsulated = Deserializable::from_bytes(&encapsulated).map_err(|_| damaged())?;
                let next = hpke::setup_receiver(&OpModeR::Base, &key.0, &encapsulated, &info);
                opener = Some(next.map_err(|_| damaged())?);
            }
            Part::Piece { head, is_last, length, progress } => {
                octets.resize(length as usize, 0);
                if read_whole(&mut sealed, &mut octets)?.is_none() {
                    break;
                }
                let opener = opener.as_mut().ok_or_else(damaged)?;
                let sound = opener.open(&octets, &head).map_err(|_| damaged())?;
                out.write_all(&sound)?;
                if beginning.len() < wav::HEADER_BYTES {
                    beginning.extend_from_slice(&sound);
                }
                opened.bytes += sound.len() as u64;
                (opened.progress, opened.is_ended) = (progress, is_last);
            }
        }
    }
    for (at, octets) in wav::state_length(&beginning, opened.bytes) {
        out.seek(SeekFrom::Start(at))?;
        out.write_all(&octets)?;
    }
    out.flush()?;
    Ok(opened)
}
