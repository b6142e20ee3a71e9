-- What people say of a call (H-021, H-061, HX-14): of those who took part, each once, also later and again.
set local role sambung_owner;

create table telephony.call_feedback (
    id uuid not null,
    org_id uuid not null,
    call_id uuid not null,
    -- A guest's or a user's id, by kind, as in call_participants.
    kind text not null,
    ref_id uuid not null,
    score smallint not null,
    text text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version integer not null default 1,
    constraint call_feedback_pkey primary key (id),
    constraint call_feedback_org_id_key unique (org_id, id),
    constraint call_feedback_call_ref_key unique (call_id, kind, ref_id),
    constraint call_feedback_call_fkey foreign key (org_id, call_id) references telephony.calls (org_id, id),
    constraint call_feedback_kind_check check (kind in ('user', 'guest')),
    constraint call_feedback_score_check check (score between 1 and 5),
    constraint call_feedback_text_check check (length(text) between 1 and 500)
);
create index call_feedback_created_idx on telephony.call_feedback (org_id, created_at, id);
create index call_feedback_call_idx on telephony.call_feedback (org_id, call_id);
create index call_participants_ref_idx on telephony.call_participants (org_id, ref_id, created_at);

create trigger call_feedback_touch before update on telephony.call_feedback
    for each row execute function platform.touch();
call platform.protect('telephony.call_feedback');
grant select, insert (id, org_id, call_id, kind, ref_id, score, text), update (score, text)
    on telephony.call_feedback to sambung_api;

reset role;
