//! What a letter says, in Indonesian or English. What people have written goes into it as one line of its text. No I/O.

use contract::language::Language;
use lettre::{
    Message,
    message::{
        Mailbox, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use uuid::Uuid;

/// A letter that is being sent.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) address: String,
    pub(super) language: Language,
    pub(super) name: Option<String>,
    /// With this one.
    pub(super) attempts: i32,
    /// Its token is good no more.
    pub(super) is_over: bool,
}

impl Letter {
    fn words<'a>(&self, indonesian: &'a str, english: &'a str) -> &'a str {
        match self.language {
            Language::Id => indonesian,
            Language::En => english,
        }
    }

    /// What is done with its token, in the console.
    fn page(&self) -> &'static str {
        match self.kind.as_str() {
            "confirm" => "confirm",
            "reset" => "reset-password",
            "invite" => "invitation",
            _ => "sign-in",
        }
    }

    fn subject(&self) -> &str {
        match self.kind.as_str() {
            "confirm" => self.words("Konfirmasi alamat e-mail Anda", "Confirm your e-mail address"),
            "reset" => self.words("Atur ulang kata sandi", "Set another password"),
            "invite" => self.words("Undangan menjadi anggota", "An invitation to become a member"),
            "approved" => self.words("Organisasi Anda telah disetujui", "Your organisation was approved"),
            "rejected" => self.words("Organisasi Anda tidak disetujui", "Your organisation was not approved"),
            "suspended" => self.words("Organisasi Anda ditangguhkan", "Your organisation was suspended"),
            "reactivated" => self.words("Organisasi Anda diaktifkan kembali", "Your organisation goes on"),
            "second_factor.on" => self.words("Verifikasi dua langkah aktif", "Two-step sign-in is on"),
            "second_factor.off" | "second_factor.reset" => {
                self.words("Verifikasi dua langkah nonaktif", "Two-step sign-in is off")
            }
            "google.linked" => self.words("Masuk dengan Google aktif", "Sign-in with Google is on"),
            "google.unlinked" => self.words("Masuk dengan Google nonaktif", "Sign-in with Google is off"),
            _ => self.words("Anda sudah mempunyai akun", "You already have an account"),
        }
    }

    fn body(&self) -> &str {
        match self.kind.as_str() {
            "confirm" => self.words(
                "Seseorang mendaftar dengan alamat e-mail ini. Bila itu Anda, buka tautan ini dalam 24 jam:",
                "Somebody has registered with this e-mail address. If it was you, open this link within 24 hours:",
            ),
            "reset" => self.words(
                "Seseorang ingin mengatur ulang kata sandi akun Anda. Bila itu Anda, buka tautan ini dalam 60 menit:",
                "Somebody wants to set another password for your account. If it was you, open this link within 60 minutes:",
            ),
            "invite" => self.words(
                "Anda diundang menjadi anggota organisasi ini. Untuk menerima atau menolaknya, buka tautan ini dalam 7 hari:",
                "You are invited to become a member of this organisation. To accept or reject, open this link within 7 days:",
            ),
            "approved" => self.words(
                "Organisasi ini telah disetujui dan dapat digunakan. Untuk masuk:",
                "This organisation was approved and can be used. To sign in:",
            ),
            "rejected" => self.words(
                "Organisasi ini tidak disetujui. Alasannya terlihat setelah masuk:",
                "This organisation was not approved. Sign in to see why:",
            ),
            "suspended" => self.words(
                "Organisasi ini ditangguhkan: tidak ada yang dapat dilakukan di dalamnya, dan teleponnya tidak terdaftar lagi. Alasannya, bila dinyatakan, terlihat setelah masuk:",
                "This organisation was suspended: nothing can be done in it, and its phones are not registered any more. The reason, if one was given, is shown after signing in:",
            ),
            "reactivated" => self.words(
                "Organisasi ini diaktifkan kembali sebagaimana sebelumnya. Untuk masuk:",
                "This organisation goes on as what it was before. To sign in:",
            ),
            "second_factor.on" => self.words(
                "Mulai sekarang, masuk ke akun Anda memerlukan kode dari ponsel Anda selain kata sandi:",
                "From now on, signing in to your account takes a code of your phone beside the password:",
            ),
            "second_factor.off" => self.words(
                "Masuk ke akun Anda tidak lagi memerlukan kode dari ponsel Anda:",
                "Signing in to your account takes no code of your phone any more:",
            ),
            "second_factor.reset" => self.words(
                "Pengelola layanan telah menonaktifkan kode dari ponsel untuk akun Anda. Masuk dan aktifkan kembali:",
                "The platform's staff have turned off the codes of your phone. Sign in and turn them on again:",
            ),
            "google.linked" => self.words(
                "Mulai sekarang, akun Anda dapat dimasuki dengan Google:",
                "From now on, your account can be signed in to with Google:",
            ),
            "google.unlinked" => self.words(
                "Akun Anda tidak dapat lagi dimasuki dengan Google:",
                "Your account cannot be signed in to with Google any more:",
            ),
            _ => self.words(
                "Seseorang mendaftar dengan alamat e-mail ini, yang sudah mempunyai akun. Untuk masuk:",
                "Somebody has registered with this e-mail address, which has an account already. To sign in:",
            ),
        }
    }

    /// For whoever it was not.
    fn otherwise(&self) -> &str {
        if self.kind.contains('.') {
            let indonesian = "Bila bukan atas permintaan Anda, segera ganti kata sandi Anda.";
            return self.words(indonesian, "If you did not want that, set another password at once.");
        }
        self.words("Bila bukan Anda, abaikan surat ini.", "If it was not you, do nothing.")
    }
}

/// The whole mail; `None` where the address is none. The token stands behind `#`, where no server's log gets to see it.
pub(super) fn compose(letter: &Letter, url: &str, token: Option<&str>, from: &Mailbox) -> Option<Message> {
    let to = Mailbox::new(None, letter.address.parse().ok()?);
    let automatic =
        HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let greeting = match &letter.name {
        Some(name) => {
            let name: String = name.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
            // Of all others it is the organisation's.
            match letter.kind.as_str() {
                "confirm" => format!("{} {name},\n\n", letter.words("Halo", "Hello")),
                _ => format!("{name}\n\n"),
            }
        }
        None => String::new(),
    };
    let token = token.map(|token| format!("#token={token}")).unwrap_or_default();
    let otherwise = letter.otherwise();
    let body = format!("{greeting}{}\n\n{url}/{}{token}\n\n{otherwise}\n", letter.body(), letter.page());
    Message::builder()
        .from(from.clone())
        .to(to)
        .subject(letter.subject())
        .message_id(Some(format!("<{}@{}>", letter.id, from.email.domain())))
        .raw_header(automatic)
        .singlepart(SinglePart::plain(body))
        .ok()
}
