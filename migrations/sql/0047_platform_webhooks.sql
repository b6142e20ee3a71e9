-- Where an organisation's events are sent (Standard Webhooks). A delivery is a job of kind `webhook.deliver` whose payload names webhook and event.
set local role sambung_owner;

create table platform.webhooks (
    id uuid not null,
    org_id uuid not null,
    url text not null,
    description text not null,
    -- `call.ended`, or `call.*`.
    kinds text[] not null,
    is_active boolean not null,
    -- What deliveries are signed with; the one before too, until its time is up.
    secret bytea not null,
    previous_secret bytea,
    previous_expires_at timestamptz,
    -- Since when nothing was taken; null: the latest was, or there was none.
    failing_since timestamptz,
    -- When it was turned off because nothing came of it, and why, as a word for programs.
    disabled_at timestamptz,
    disabled_reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint webhooks_pkey primary key (id),
    constraint webhooks_org_id_key unique (org_id, id),
    constraint webhooks_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint webhooks_url_check check (length(url) between 1 and 2048),
    constraint webhooks_description_check check (length(description) <= 200),
    constraint webhooks_kinds_check check (cardinality(kinds) between 1 and 50),
    constraint webhooks_secret_check check (octet_length(secret) between 24 and 64),
    constraint webhooks_previous_check check ((previous_secret is null) = (previous_expires_at is null)),
    constraint webhooks_disabled_check
        check ((disabled_at is null) = (disabled_reason is null) and not (is_active and disabled_at is not null))
);
create trigger webhooks_touch before update on platform.webhooks for each row execute function platform.touch();

-- Deliveries to one webhook, and those of them that are on their way. A column: under row-level security no index on `payload ->> …` is used,
-- because that operator might tell what it saw.
alter table platform.jobs add column webhook_id uuid
    generated always as (case kind when 'webhook.deliver' then (payload ->> 'webhook_id')::uuid end) stored;
create index jobs_webhook_idx on platform.jobs (org_id, webhook_id, created_at, id) where webhook_id is not null;
create index jobs_webhook_waiting_idx on platform.jobs (org_id, webhook_id, created_at)
    where webhook_id is not null and done_at is null and dead_at is null;

-- Most events are wanted by nobody: what adds no row announces nothing.
create or replace function platform.announce_jobs() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if exists (select from added) then
        perform pg_notify('platform_jobs', '');
    end if;
    return null;
end $$;
drop trigger jobs_announce on platform.jobs;
create trigger jobs_announce after insert on platform.jobs
    referencing new table as added
    for each statement execute function platform.announce_jobs();

call platform.protect('platform.webhooks');
grant select, delete, insert (id, org_id, url, description, kinds, is_active, secret),
    update (url, description, kinds, is_active, secret, previous_secret, previous_expires_at, failing_since, disabled_at, disabled_reason)
    on platform.webhooks to sambung_api;

reset role;
