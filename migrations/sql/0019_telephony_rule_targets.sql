-- What rules and numbers of the telephone network lead to: every action that there is, and only what can be called.
set local role sambung_owner;

-- 0015 left out what 0012 had added. Whatever else there is by now stays.
do $$
declare
    allowed text := (
        select pg_get_expr(conbin, conrelid) from pg_constraint
        where conrelid = 'telephony.extension_rules'::regclass and conname = 'extension_rules_action_check');
begin
    if allowed not like '%''queue''%' then
        execute format(
            'alter table telephony.extension_rules drop constraint extension_rules_action_check,
             add constraint extension_rules_action_check check (%s or action = ''queue'')', allowed);
    end if;
end $$;

-- Whoever is led to has a number, or no plan can be made of all the rows. At the end of the transaction, in which a number may
-- go and another one come.
alter table telephony.extension_rules
    drop constraint extension_rules_target_extension_fkey,
    add constraint extension_rules_target_extension_fkey foreign key (org_id, live_extension_id)
        references telephony.numbers (org_id, extension_id) deferrable initially deferred,
    drop constraint extension_rules_target_staff_fkey,
    add constraint extension_rules_target_staff_fkey foreign key (org_id, live_user_id)
        references telephony.numbers (org_id, user_id) deferrable initially deferred;
alter table telephony.did_numbers
    drop constraint did_numbers_extension_fkey,
    add constraint did_numbers_extension_fkey foreign key (org_id, extension_id)
        references telephony.numbers (org_id, extension_id) deferrable initially deferred,
    drop constraint did_numbers_staff_fkey,
    add constraint did_numbers_staff_fkey foreign key (org_id, user_id)
        references telephony.numbers (org_id, user_id) deferrable initially deferred;

reset role;
