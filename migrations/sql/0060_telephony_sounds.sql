-- Sounds of an organisation's own, in place of those that the switch brings along and beside them (decision 0068). Switches fetch each
-- file once, when its version is new to them.
set local role sambung_owner;

create table telephony.sounds (
    id uuid not null,
    org_id uuid not null,
    -- `id/goodbye`, `en/digits/20`, `music/default`.
    name text not null,
    media_type text not null,
    file bytea not null,
    length_ms integer not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint sounds_pkey primary key (id),
    constraint sounds_name_key unique (org_id, name),
    constraint sounds_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint sounds_name_check check (name ~ '^(id|en|music)/(digits/)?[a-z0-9_-]{1,40}$'),
    constraint sounds_media_type_check check (media_type in ('audio/ogg', 'audio/wav')),
    constraint sounds_file_check check (octet_length(file) between 1 and 8388608),
    constraint sounds_length_check check (length_ms between 1 and 610000)
);
-- It is compressed already, or sound, which hardly can be.
alter table telephony.sounds alter column file set storage external;

create trigger sounds_touch before update on telephony.sounds
    for each row execute function platform.touch();
create trigger sounds_divisions before insert or update or delete on telephony.sounds
    for each row execute function telephony.keep_to_divisions();
call telephony.decides_calls('telephony.sounds');

call platform.protect('telephony.sounds');
create policy switch_read on telephony.sounds for select to sambung_switch using (true);
grant select on telephony.sounds to sambung_switch;
grant select, insert, delete, update (file, media_type, length_ms) on telephony.sounds to sambung_api;

reset role;
