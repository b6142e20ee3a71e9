-- Where callers of an extension wait while its people are busy (H-065), as dialplan::compile takes it.
set local role sambung_owner;

create table telephony.queues (
    id uuid not null default gen_random_uuid(),
    org_id uuid not null,
    extension_id uuid not null,
    strategy text not null default 'longest_idle',
    -- How long one of its people rings before the next one is asked.
    ring_seconds integer not null default 20,
    -- Callers who may wait at once.
    capacity integer not null default 20,
    wait_max_seconds integer not null default 600,
    -- How long somebody is left alone after a call of it.
    wrap_up_seconds integer not null default 5,
    -- Calls in a row that somebody may leave unanswered before they are paused; 0: any number.
    misses_max integer not null default 3,
    -- Between two announcements of a caller's place; 0: none.
    announce_seconds integer not null default 60,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint queues_pkey primary key (id),
    constraint queues_org_id_key unique (org_id, id),
    constraint queues_extension_key unique (org_id, extension_id),
    constraint queues_extension_fkey foreign key (org_id, extension_id)
        references telephony.extensions (org_id, id) on delete cascade,
    constraint queues_strategy_check check (strategy in
        ('ring_all', 'longest_idle', 'round_robin', 'fewest_calls', 'linear', 'random', 'weighted')),
    constraint queues_ring_seconds_check check (ring_seconds between 5 and 600),
    constraint queues_capacity_check check (capacity between 1 and 1000),
    constraint queues_wait_max_seconds_check check (wait_max_seconds between 10 and 14400),
    constraint queues_wrap_up_seconds_check check (wrap_up_seconds between 0 and 3600),
    constraint queues_misses_max_check check (misses_max between 0 and 100),
    constraint queues_announce_seconds_check check (announce_seconds = 0 or announce_seconds between 15 and 3600)
);

-- People of the extension in the order in which `linear` asks them, and how much more often than others `weighted` does. Who
-- is not here comes after them.
create table telephony.queue_agents (
    org_id uuid not null,
    queue_id uuid not null,
    extension_id uuid not null,
    user_id uuid not null,
    position integer not null,
    weight integer not null default 1,
    created_at timestamptz not null default now(),
    constraint queue_agents_pkey primary key (org_id, queue_id, user_id),
    constraint queue_agents_position_key unique (org_id, queue_id, position),
    constraint queue_agents_queue_fkey foreign key (org_id, queue_id)
        references telephony.queues (org_id, id) on delete cascade,
    -- Whoever leaves the extension leaves its queue.
    constraint queue_agents_staff_fkey foreign key (org_id, extension_id, user_id)
        references telephony.extension_assigned_staffs (org_id, extension_id, user_id) on delete cascade,
    constraint queue_agents_position_check check (position between 1 and 1000),
    constraint queue_agents_weight_check check (weight between 1 and 100)
);

-- A rule that sends callers into a queue.
alter table telephony.extension_rules
    add column target_queue_id uuid,
    add column priority integer not null default 0,
    add column live_queue_id uuid generated always as (case when deleted_at is null then target_queue_id end) stored,
    add constraint extension_rules_target_queue_fkey foreign key (org_id, live_queue_id)
        references telephony.queues (org_id, id),
    add constraint extension_rules_queue_check check ((action = 'queue') = (target_queue_id is not null)),
    add constraint extension_rules_priority_check check (priority between 0 and 9),
    drop constraint extension_rules_action_check,
    add constraint extension_rules_action_check
        check (action in ('ring', 'forward_extension', 'forward_staff', 'announce_hangup', 'queue'));
create index extension_rules_target_queue_idx on telephony.extension_rules (org_id, live_queue_id);

create trigger queues_touch before update on telephony.queues
    for each row execute function platform.touch();
create trigger queues_revision after insert or update or delete on telephony.queues
    for each statement execute function telephony.bump_revision();
create trigger queue_agents_revision after insert or update or delete on telephony.queue_agents
    for each statement execute function telephony.bump_revision();

call platform.protect('telephony.queues');
call platform.protect('telephony.queue_agents');

create policy switch_read on telephony.queues for select to sambung_switch using (true);
create policy switch_read on telephony.queue_agents for select to sambung_switch using (true);

grant select on telephony.queues, telephony.queue_agents to sambung_switch;
grant select, insert, update, delete on telephony.queues to sambung_api;
grant select, insert, delete on telephony.queue_agents to sambung_api;

reset role;
