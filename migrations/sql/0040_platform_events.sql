-- What has happened in an organisation, for whoever follows it: an append-only list that can be read on from a number without a hole.
set local role sambung_owner;

-- The latest number of each organisation. Its row is locked from when a number is taken until that transaction ends, so numbers are
-- committed in their order: who sees number n sees every one before it, and one that comes to nothing is given again.
create table platform.event_heads (
    org_id uuid not null,
    seq bigint not null,
    constraint event_heads_pkey primary key (org_id),
    constraint event_heads_org_fkey foreign key (org_id) references identity.organisations (id)
);

create table platform.events (
    org_id uuid not null,
    -- From 1 in each organisation, without gaps.
    seq bigint not null,
    -- `extension.changed`, `call.ringing`
    kind text not null,
    subject_id uuid not null,
    -- When it became true.
    occurred_at timestamptz not null,
    -- When it was written.
    created_at timestamptz not null default now(),
    data jsonb,
    -- Extensions and people whom it is about: they may see it without being permitted to see all of its kind.
    audience uuid[] not null default '{}',
    constraint events_pkey primary key (org_id, seq),
    constraint events_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint events_seq_check check (seq > 0),
    constraint events_kind_check check (kind ~ '^[a-z_]+\.[a-z_]+$' and length(kind) <= 64),
    constraint events_data_check check (length(data::text) <= 65536)
);
create index events_created_idx on platform.events (org_id, created_at);
create index events_subject_idx on platform.events (org_id, subject_id, seq);

-- Up to where the journal of the switch has become events. One row.
create table platform.switch_position (
    is_only_row boolean not null default true,
    position text,
    constraint switch_position_pkey primary key (is_only_row),
    constraint switch_position_only_row_check check (is_only_row),
    constraint switch_position_position_check check (length(position) <= 64)
);

call platform.protect('platform.event_heads');
call platform.protect('platform.events');
alter table platform.switch_position enable row level security;
alter table platform.switch_position force row level security;
create policy owner_all on platform.switch_position to sambung_owner using (true) with check (true);
create policy api_all on platform.switch_position to sambung_api using (true) with check (true);
insert into platform.switch_position default values;

-- Says for whom there is something new, not what: a notification is outside row-level security.
create function platform.announce_events() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    org uuid;
begin
    for org in select distinct org_id from added loop
        perform pg_notify('platform_events', org::text);
    end loop;
    return null;
end $$;
revoke all on function platform.announce_events() from public;
create trigger events_announce after insert on platform.events
    referencing new table as added
    for each statement execute function platform.announce_events();

grant select, insert, update (seq) on platform.event_heads to sambung_api;
grant select, insert (org_id, seq, kind, subject_id, occurred_at, data, audience), delete on platform.events to sambung_api;
grant select, update (position) on platform.switch_position to sambung_api;

reset role;
