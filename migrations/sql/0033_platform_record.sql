-- What was done by whom, and answers to requests that may come again.
set local role sambung_owner;

-- Appended in the unit of work of what each event tells of (S-009, H-044, H-049).
create table platform.audit_events (
    org_id uuid not null,
    -- From 1 in each organisation, without gaps.
    seq bigint not null,
    created_at timestamptz not null,
    actor_kind text not null,
    actor_id uuid not null,
    action text not null,
    subject_id uuid not null,
    before jsonb,
    after jsonb,
    -- SHA-256 over the hash of the event before and everything of this one.
    hash bytea not null,
    constraint audit_events_pkey primary key (org_id, seq),
    constraint audit_events_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint audit_events_seq_check check (seq > 0),
    constraint audit_events_actor_kind_check check (actor_kind in ('api_key')),
    constraint audit_events_action_check check (action ~ '^[a-z_]+\.[a-z_]+$' and length(action) <= 64)
);
create index audit_events_subject_idx on platform.audit_events (org_id, subject_id, seq);

create function platform.audit_hash(previous bytea, event platform.audit_events) returns bytea
    language sql immutable parallel safe
    set search_path = pg_catalog, pg_temp
    return sha256(coalesce(previous, '') || convert_to(jsonb_build_array(event.org_id, event.seq,
        extract(epoch from event.created_at), event.actor_kind, event.actor_id, event.action, event.subject_id,
        event.before, event.after)::text, 'UTF8'));

-- Whoever appends says neither the number nor the instant nor the hash.
create function platform.chain_audit_event() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
declare
    latest platform.audit_events;
begin
    -- One at a time in an organisation, until the transaction ends.
    perform pg_advisory_xact_lock(hashtextextended('audit ' || new.org_id, 0));
    select * into latest from platform.audit_events where org_id = new.org_id order by seq desc limit 1;
    new.seq := coalesce(latest.seq, 0) + 1;
    new.created_at := clock_timestamp();
    new.hash := platform.audit_hash(latest.hash, new);
    return new;
end $$;
create trigger audit_events_chain before insert on platform.audit_events
    for each row execute function platform.chain_audit_event();

-- The first number in each visible organisation at which the record is not as it was written: an event that was altered, or the
-- first behind one that was taken out.
create view platform.audit_breaks with (security_invoker = true) as
    select org_id, min(seq) as seq
    from (select org_id, seq, hash, platform.audit_hash(lag(hash) over chain, e) as expected_hash,
                 row_number() over chain as expected_seq
          from platform.audit_events e
          window chain as (partition by org_id order by seq)) chained
    where hash <> expected_hash or seq <> expected_seq
    group by org_id;

-- The answer to a request that its client has named, for the client that asks again.
create table platform.idempotency_keys (
    org_id uuid not null,
    actor_id uuid not null,
    key text not null,
    request_hash bytea not null,
    answer text not null,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (org_id, actor_id, key),
    constraint idempotency_keys_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint idempotency_keys_key_check check (length(key) between 1 and 255),
    constraint idempotency_keys_request_hash_check check (length(request_hash) = 32)
);
create index idempotency_keys_created_idx on platform.idempotency_keys (org_id, created_at);

call platform.protect('platform.audit_events');
call platform.protect('platform.idempotency_keys');

revoke all on all functions in schema platform from public;
grant execute on function platform.current_org() to sambung_api, sambung_switch, sambung_platform;
grant execute on function platform.audit_hash(bytea, platform.audit_events) to sambung_api;
grant select, insert (org_id, actor_kind, actor_id, action, subject_id, before, after) on platform.audit_events
    to sambung_api;
grant select on platform.audit_breaks to sambung_api;
grant select, insert, delete on platform.idempotency_keys to sambung_api;

reset role;
