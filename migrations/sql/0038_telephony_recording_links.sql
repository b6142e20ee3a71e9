-- Links by which a recording is heard without a key, for some minutes (decision 0057).
set local role sambung_owner;

create table telephony.recording_links (
    -- SHA-256 of what stands in the link.
    hash bytea not null,
    org_id uuid not null,
    recording_id uuid not null,
    -- Who has made it, as in the record.
    actor_kind text not null,
    actor_id uuid not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint recording_links_pkey primary key (org_id, hash),
    constraint recording_links_recording_fkey foreign key (org_id, recording_id)
        references telephony.recordings (org_id, id),
    constraint recording_links_hash_check check (length(hash) = 32),
    constraint recording_links_expires_check check (expires_at <= created_at + interval '15 minutes')
);
create index recording_links_recording_idx on telephony.recording_links (org_id, recording_id);
create index recording_links_expires_idx on telephony.recording_links (org_id, expires_at);

call platform.protect('telephony.recording_links');
grant select, insert, delete on telephony.recording_links to sambung_api;

reset role;
