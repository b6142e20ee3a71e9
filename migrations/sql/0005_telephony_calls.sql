-- What happened (H-057 … H-060, DESIGN D2, D3). Facts only: the switch adds rows and nobody changes one.
-- Every table has the journal's natural key, so that delivering an entry twice adds it once.
set local role sambung_owner;

-- H-057
create table telephony.calls (
    id uuid not null,
    org_id uuid not null,
    -- contract::join_code. Unique among all organisations, because a guest enters with nothing else.
    join_code text not null,
    direction text not null,
    dialled text not null,
    created_at timestamptz not null,
    constraint calls_pkey primary key (id),
    constraint calls_org_id_key unique (org_id, id),
    constraint calls_join_code_key unique (join_code),
    constraint calls_org_fkey foreign key (org_id) references identity.organisations (id),
    constraint calls_join_code_check check (join_code ~ '^[a-z]{10}$'),
    constraint calls_direction_check check (direction in ('inbound', 'outbound', 'internal')),
    constraint calls_dialled_check check (length(dialled) <= 64)
);
create index calls_org_created_idx on telephony.calls (org_id, created_at desc, id desc);

-- H-058
create table telephony.call_participants (
    id bigint generated always as identity,
    org_id uuid not null,
    call_id uuid not null,
    -- Position in the call, from 1, in order of joining.
    no integer not null,
    role text not null,
    kind text not null,
    -- A user's, guest's, extension's or bare SIP account's id, by kind.
    ref_id uuid not null,
    created_at timestamptz not null,
    constraint call_participants_pkey primary key (id),
    constraint call_participants_call_no_key unique (call_id, no),
    constraint call_participants_org_call_no_key unique (org_id, call_id, no),
    constraint call_participants_call_fkey foreign key (org_id, call_id)
        references telephony.calls (org_id, id),
    constraint call_participants_no_check check (no >= 1),
    constraint call_participants_role_check check (role in ('host', 'caller', 'recipient')),
    constraint call_participants_kind_check check (kind in ('user', 'guest', 'extension'))
);

-- H-059, H-060. The identity column is the cursor over all calls of the installation.
create table telephony.call_events (
    id bigint generated always as identity,
    org_id uuid not null,
    call_id uuid not null,
    -- Position among the call's events, from 1, without holes.
    seq integer not null,
    event_type text not null,
    participant_no integer,
    attempt_count integer not null default 0,
    queue_count integer not null default 0,
    -- contract::journal::Detail
    detail jsonb not null default '{}',
    created_at timestamptz not null,
    constraint call_events_pkey primary key (id),
    constraint call_events_call_seq_key unique (call_id, seq),
    constraint call_events_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint call_events_participant_fkey foreign key (org_id, call_id, participant_no)
        references telephony.call_participants (org_id, call_id, no),
    constraint call_events_seq_check check (seq >= 1),
    constraint call_events_attempt_count_check check (attempt_count >= 0),
    constraint call_events_queue_count_check check (queue_count >= 0),
    constraint call_events_detail_check check (jsonb_typeof(detail) = 'object'),
    constraint call_events_event_type_check check (event_type in (
        'created', 'queued', 'queue_updated', 'dial_attempt', 'ringing', 'answered', 'hold', 'unhold',
        'forward', 'forward_ringing', 'forward_answered', 'forward_no_answer', 'forward_busy',
        'transfer', 'transfer_ringing', 'transfer_answered', 'transfer_no_answer', 'transfer_busy',
        'transfer_consulting', 'transfer_connecting', 'transfer_completed', 'transfer_failed',
        'transfer_canceled', 'transfer_attended',
        'rejected', 'busy', 'timeout', 'missed', 'canceled', 'failed', 'ended'))
);
-- One side of a call, written when it is over.
create table telephony.call_legs (
    org_id uuid not null,
    call_id uuid not null,
    -- From 1; the caller's leg is 1.
    no integer not null,
    participant_no integer,
    transport text not null,
    created_at timestamptz not null,
    answered_at timestamptz,
    ended_at timestamptz not null,
    -- The final status of its INVITE (RFC 3261 §21); null when none came.
    sip_status integer,
    constraint call_legs_pkey primary key (call_id, no),
    constraint call_legs_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint call_legs_participant_fkey foreign key (org_id, call_id, participant_no)
        references telephony.call_participants (org_id, call_id, no),
    constraint call_legs_no_check check (no >= 1),
    constraint call_legs_transport_check check (transport in ('udp', 'tcp', 'tls', 'ws', 'wss')),
    constraint call_legs_sip_status_check check (sip_status between 100 and 699)
);

-- What one leg's media was like. Not tied to call_legs: its media may be closed before the leg is over.
create table telephony.quality_reports (
    org_id uuid not null,
    call_id uuid not null,
    leg_no integer not null,
    packets_received bigint not null,
    bytes_received bigint not null,
    packets_sent bigint not null,
    bytes_sent bigint not null,
    -- RFC 3550 A.3; duplicates can make it negative.
    packets_lost bigint not null,
    -- RFC 3550 §6.4.1, at its last value.
    jitter_micros bigint not null,
    -- Dropped because their source was not proven (DESIGN D6).
    packets_foreign bigint not null,
    rtcp_received bigint not null,
    created_at timestamptz not null,
    constraint quality_reports_pkey primary key (call_id, leg_no),
    constraint quality_reports_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint quality_reports_leg_no_check check (leg_no >= 1)
);

call platform.protect('telephony.calls');
call platform.protect('telephony.call_participants');
call platform.protect('telephony.call_events');
call platform.protect('telephony.call_legs');
call platform.protect('telephony.quality_reports');

create policy switch_read on telephony.calls for select to sambung_switch using (true);
create policy switch_add on telephony.calls for insert to sambung_switch with check (true);
create policy switch_read on telephony.call_participants for select to sambung_switch using (true);
create policy switch_add on telephony.call_participants for insert to sambung_switch with check (true);
create policy switch_read on telephony.call_events for select to sambung_switch using (true);
create policy switch_add on telephony.call_events for insert to sambung_switch with check (true);
create policy switch_read on telephony.call_legs for select to sambung_switch using (true);
create policy switch_add on telephony.call_legs for insert to sambung_switch with check (true);
create policy switch_read on telephony.quality_reports for select to sambung_switch using (true);
create policy switch_add on telephony.quality_reports for insert to sambung_switch with check (true);

grant select, insert on telephony.calls, telephony.call_participants, telephony.call_events,
    telephony.call_legs, telephony.quality_reports to sambung_switch;
grant select on telephony.calls, telephony.call_participants, telephony.call_events,
    telephony.call_legs, telephony.quality_reports to sambung_api;

reset role;
