-- Messages in mailboxes by e-mail (decision 0051): where to, and those that are due. A mail that is due is a row that is
-- written together with its message; the control plane sends it and says what came of it.
set local role sambung_owner;

alter table telephony.voicemail_boxes
    -- Null: nothing is mailed.
    add column mail_address text,
    -- Mails have the sound with them; else they say only that there is a message.
    add column has_mail_sound boolean not null default true,
    -- A message is deleted when a mail has taken its sound away.
    add column is_deleted_when_mailed boolean not null default false,
    -- Null: the organisation's.
    add column mail_language text,
    -- What RFC 5321 calls a Mailbox, without quoted parts and literals.
    add constraint voicemail_boxes_mail_address_check check (length(mail_address) <= 254
        and mail_address ~ '^[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&''*+/=?^_`{|}~-]+)*@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$'
        and position('@' in mail_address) <= 65),
    add constraint voicemail_boxes_mail_language_check check (mail_language in ('id', 'en')),
    add constraint voicemail_boxes_mail_deleted_check check (has_mail_sound or not is_deleted_when_mailed);

alter table telephony.voicemail_messages
    add constraint voicemail_messages_org_id_key unique (org_id, id);

create table telephony.voicemail_mails (
    -- The message's.
    id uuid not null,
    org_id uuid not null,
    created_at timestamptz not null default now(),
    -- Not before. Of one that is being sent: when it is taken up again, unless somebody has said what came of it.
    due_at timestamptz not null default now(),
    attempts integer not null default 0,
    -- What came of the last attempt, or why there is none any more, as a word for programs.
    reason text,
    sent_at timestamptz,
    -- It is not sent any more.
    dropped_at timestamptz,
    constraint voicemail_mails_pkey primary key (id),
    constraint voicemail_mails_message_fkey foreign key (org_id, id)
        references telephony.voicemail_messages (org_id, id),
    constraint voicemail_mails_attempts_check check (attempts >= 0),
    constraint voicemail_mails_reason_check check (length(reason) between 1 and 64),
    constraint voicemail_mails_end_check check (num_nonnulls(sent_at, dropped_at) <= 1),
    constraint voicemail_mails_dropped_check check (dropped_at is null or reason is not null)
);
create index voicemail_mails_due_idx on telephony.voicemail_mails (due_at)
    where sent_at is null and dropped_at is null;

call platform.protect('telephony.voicemail_mails');
create policy switch_read on telephony.voicemail_mails for select to sambung_switch using (true);
create policy switch_add on telephony.voicemail_mails for insert to sambung_switch with check (true);
create policy owner_due on telephony.voicemail_mails for select to sambung_owner
    using (sent_at is null and dropped_at is null);
grant select, insert on telephony.voicemail_mails to sambung_switch;
grant select, update (due_at, attempts, reason, sent_at, dropped_at) on telephony.voicemail_mails to sambung_api;

-- All that the control plane learns beyond the organisation it works for: which ones there is something to do for.
create function telephony.organisations_with_mails_due(most integer) returns setof uuid
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select org_id from telephony.voicemail_mails
    where sent_at is null and dropped_at is null and due_at <= now()
    group by org_id order by min(due_at) limit most
$$;
revoke all on function telephony.organisations_with_mails_due(integer) from public;
grant execute on function telephony.organisations_with_mails_due(integer) to sambung_api;

reset role;
