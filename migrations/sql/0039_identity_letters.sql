-- Mails to people about their accounts, each with a token that is good once (H-003, H-005, H-006). No token is stored: it is made
-- of the letter's id and a key that the database does not have.
set local role sambung_owner;

create table identity.letters (
    id uuid not null,
    -- What its token is good for: to confirm a registration, nothing ("known": somebody has registered who is known), to set
    -- another password, nothing and it goes nowhere ("nobody": somebody who is not known has forgotten a password).
    kind text not null,
    address text not null,
    language text not null default 'id',
    -- Whose account it is about, when there is one.
    user_id uuid,
    -- Of a registration that is not confirmed yet.
    name text,
    password_hash text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    -- Not before. Of one that is being sent: when it is taken up again, unless somebody has said what came of it.
    due_at timestamptz not null default now(),
    attempts integer not null default 0,
    reason text,
    sent_at timestamptz,
    -- It is not sent any more.
    dropped_at timestamptz,
    constraint letters_pkey primary key (id),
    constraint letters_user_fkey foreign key (user_id) references identity.users (id),
    constraint letters_kind_check check (kind in ('confirm', 'known', 'reset', 'nobody')),
    constraint letters_address_check check (length(address) between 3 and 254 and address = lower(address)),
    constraint letters_language_check check (language in ('id', 'en')),
    constraint letters_name_check check (length(name) between 1 and 100),
    constraint letters_password_hash_check
        check ((kind = 'confirm') = (password_hash is not null) and password_hash like '$argon2id$%'),
    constraint letters_user_check check ((kind in ('known', 'reset')) = (user_id is not null)),
    constraint letters_attempts_check check (attempts >= 0),
    constraint letters_reason_check check (length(reason) between 1 and 64),
    constraint letters_end_check check (num_nonnulls(sent_at, dropped_at) <= 1)
);
create index letters_due_idx on identity.letters (due_at) where sent_at is null and dropped_at is null;
create index letters_address_idx on identity.letters (address, created_at);
create index letters_user_idx on identity.letters (user_id);

alter table identity.letters enable row level security;
alter table identity.letters force row level security;
create policy api_letter on identity.letters to sambung_api
    using (id = platform.presented('app.letter')) with check (id = platform.presented('app.letter'));
create policy api_person on identity.letters to sambung_api
    using (user_id = platform.presented('app.person')) with check (user_id = platform.presented('app.person'));
create policy api_login on identity.letters to sambung_api
    using (address = nullif(current_setting('app.login', true), ''));
create policy owner_due on identity.letters for select to sambung_owner
    using (sent_at is null and dropped_at is null);
create policy platform_all on identity.letters to sambung_platform using (true) with check (true);
grant select, insert, delete on identity.letters to sambung_api;
grant update (used_at, due_at, attempts, reason, sent_at, dropped_at, password_hash) on identity.letters to sambung_api;
grant select, insert, update on identity.letters to sambung_platform;

-- All that the control plane learns beyond the letter it holds: which ones are due.
create function identity.letters_due(most integer) returns setof uuid
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select id from identity.letters
    where sent_at is null and dropped_at is null and due_at <= now()
    order by due_at limit most
$$;
revoke all on function identity.letters_due(integer) from public;
grant execute on function identity.letters_due(integer) to sambung_api;

-- A person may come of a registration that was confirmed, and may have another password.
grant insert (id, name, email, email_verified_at) on identity.users to sambung_api;
grant insert (provider, provider_user_id, user_id, password_hash), update (password_hash) on identity.auth_methods
    to sambung_api;

reset role;
