-- A key of a menu may lead to a number in the telephone network, as a rule may (0018).
set local role sambung_owner;

alter table telephony.menu_choices
    add column target_number text,
    drop constraint menu_choices_action_check,
    add constraint menu_choices_action_check check (action in ('ring', 'forward_extension', 'forward_staff',
        'forward_number', 'announce_hangup', 'queue', 'voicemail', 'ivr')),
    add constraint menu_choices_target_number_check
        check ((action = 'forward_number') = (target_number is not null)),
    add constraint menu_choices_target_number_e164_check check (target_number ~ '^\+[1-9][0-9]{6,14}$');

reset role;
