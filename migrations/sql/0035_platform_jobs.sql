-- Work that is to be done once and not while somebody waits (D13): a row that is written together with what it follows from.
set local role sambung_owner;

create table platform.jobs (
    id uuid not null default gen_random_uuid(),
    org_id uuid not null,
    -- What is to be done: `webhook.deliver`.
    kind text not null,
    -- Which one of that kind: there is no second one of the same key while the first is remembered.
    key text not null,
    -- What is needed to do it; for the program alone.
    payload jsonb not null default '{}',
    created_at timestamptz not null default now(),
    -- Not before. Of one that is being done: when it is taken up again, unless somebody has said what came of it.
    due_at timestamptz not null default now(),
    attempts integer not null default 0,
    -- What came of the last attempt, or why there is none any more, as a word for programs.
    reason text,
    done_at timestamptz,
    -- It is given up until somebody asks for another try.
    dead_at timestamptz,
    constraint jobs_pkey primary key (id),
    constraint jobs_key_key unique (org_id, kind, key),
    constraint jobs_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint jobs_kind_check check (kind ~ '^[a-z_]+\.[a-z_]+$' and length(kind) <= 64),
    constraint jobs_key_check check (length(key) between 1 and 128),
    constraint jobs_payload_check check (length(payload::text) <= 65536),
    constraint jobs_attempts_check check (attempts >= 0),
    constraint jobs_reason_check check (length(reason) between 1 and 64),
    constraint jobs_end_check check (num_nonnulls(done_at, dead_at) <= 1),
    constraint jobs_dead_check check (dead_at is null or reason is not null)
);
create index jobs_due_idx on platform.jobs (due_at) where done_at is null and dead_at is null;
create index jobs_done_idx on platform.jobs (org_id, done_at) where done_at is not null;
create index jobs_created_idx on platform.jobs (org_id, created_at, id);

call platform.protect('platform.jobs');
create policy owner_due on platform.jobs for select to sambung_owner using (done_at is null and dead_at is null);
grant select, insert (org_id, kind, key, payload, due_at), update (due_at, attempts, reason, done_at, dead_at), delete
    on platform.jobs to sambung_api;

-- Says that there is something to do, not what: a notification is outside row-level security.
create function platform.announce_jobs() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('platform_jobs', '');
    return null;
end $$;
create trigger jobs_announce after insert on platform.jobs
    for each statement execute function platform.announce_jobs();

-- All that the control plane learns beyond the organisation it works for: which ones there is something to do for.
create function platform.organisations_with_jobs_due(kinds text[], most integer) returns setof uuid
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select org_id from platform.jobs
    where done_at is null and dead_at is null and due_at <= now() and kind = any (kinds)
    group by org_id order by min(due_at) limit most
$$;
revoke all on function platform.announce_jobs() from public;
revoke all on function platform.organisations_with_jobs_due(text[], integer) from public;
grant execute on function platform.organisations_with_jobs_due(text[], integer) to sambung_api;

reset role;
