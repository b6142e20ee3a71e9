-- Bounds that the rows of trunks lacked, words that a rule had lost, and messages whose sound is gone from the store.
set local role sambung_owner;

-- `sip:host[:port][;transport=udp|tcp|tls]`, as dialplan reads them.
create or replace function telephony.are_targets(targets text[]) returns boolean
    language sql
    immutable
    set search_path = pg_catalog, pg_temp
    return (select coalesce(bool_and(octet_length(one) <= 255 and one !~ '\.\.'
                and one ~ '^sip:([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]*:[0-9a-f:.]*\])(:[1-9][0-9]{0,4})?(;transport=(udp|tcp|tls))?$'
                and coalesce(substring(one from '[a-z0-9\]]:([0-9]+)(;|$)')::integer, 5060) <= 65535
                and (one !~ '\[' or family(substring(one from '\[([^]]*)\]')::inet) = 6)), true)
            from unnest(targets) as one);

alter table telephony.trunks
    drop constraint trunks_auth_username_check,
    add constraint trunks_auth_username_check
        check (octet_length(auth_username) between 1 and 255 and auth_username !~ '[[:cntrl:]]'),
    drop constraint trunks_auth_password_check,
    add constraint trunks_auth_password_check
        check (octet_length(auth_password) between 1 and 255 and auth_password !~ '[[:cntrl:]]'),
    drop constraint trunks_auth_realm_check,
    add constraint trunks_auth_realm_check check (auth_realm is null
        or (octet_length(auth_realm) between 1 and 255 and auth_realm !~ '[[:cntrl:]]' and auth_username is not null));

-- Every action that there is, whatever order a database has come by the others in.
alter table telephony.extension_rules
    drop constraint extension_rules_action_check,
    add constraint extension_rules_action_check check (action in
        ('ring', 'forward_extension', 'forward_staff', 'forward_number', 'announce_hangup', 'queue', 'voicemail', 'ivr'));

-- When the sound of a deleted message had gone from the store, so that nobody looks for it again.
alter table telephony.voicemail_messages
    add column erased_at timestamptz,
    add constraint voicemail_messages_erased_check check (erased_at is null or deleted_at is not null);
drop index telephony.voicemail_messages_deleted_idx;
create index voicemail_messages_deleted_idx on telephony.voicemail_messages (deleted_at)
    where deleted_at is not null and erased_at is null;
-- It is no news for a mailbox.
drop trigger voicemail_messages_changed on telephony.voicemail_messages;
create trigger voicemail_messages_changed
    after insert or update of heard_at, deleted_at or delete on telephony.voicemail_messages
    for each statement execute function telephony.voicemail_changed();
grant update (erased_at) on telephony.voicemail_messages to sambung_switch;

reset role;
