-- People are suspended by the platform's staff, and with an owner what is theirs (H-014 … H-016, HX-4, HX-5).
set local role sambung_owner;

alter table identity.users
    add column judged_at timestamptz,
    add column judged_by uuid,
    add column judged_for text,
    add constraint users_judged_by_fkey foreign key (judged_by) references identity.users (id),
    add constraint users_judged_for_check check (length(judged_for) between 1 and 1000);
create index users_created_idx on identity.users (created_at, id);
create index users_judged_by_idx on identity.users (judged_by);

-- Who is suspended, by whatever way, is signed in nowhere, and when they go on they sign in again (HX-4).
create function identity.end_sign_ins_of_suspended() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update identity.sign_ins set revoked_at = now(), revoked_for = 'suspended'
     where user_id = new.id and revoked_at is null;
    return null;
end $$;
create trigger users_end_sign_ins after update of status on identity.users for each row
    when (old.status is distinct from new.status and new.status = 'suspended')
    execute function identity.end_sign_ins_of_suspended();
revoke all on function identity.end_sign_ins_of_suspended() from public;

-- With an owner what is theirs; with the last suspended one of its owners it goes on as what it was, unless it was suspended for itself.
create function identity.follow_owner() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.status = 'suspended' then
        update identity.organisations o set status = 'suspended', reason = null, is_suspended_with_owner = true
         where o.status <> 'suspended'
           and exists (select from identity.memberships m where m.org_id = o.id and m.user_id = new.id
                       and m.role = 'owner' and m.status = 'active' and m.removed_at is null);
    else
        update identity.organisations o set status = o.suspended_from, reason = null
         where o.status = 'suspended' and o.is_suspended_with_owner
           and exists (select from identity.memberships m where m.org_id = o.id and m.user_id = new.id
                       and m.role = 'owner' and m.status = 'active' and m.removed_at is null)
           and not exists (select from identity.memberships m join identity.users u on u.id = m.user_id
                           where m.org_id = o.id and m.role = 'owner' and m.status = 'active'
                             and m.removed_at is null and u.status = 'suspended');
    end if;
    return null;
end $$;
create trigger users_follow_owner after update of status on identity.users for each row
    when (old.status is distinct from new.status) execute function identity.follow_owner();
revoke all on function identity.follow_owner() from public;

-- The only way by which the control plane's role suspends anybody; false: it is so already, or it would be oneself.
create function identity.judge_person(person uuid, verdict text, why text) returns boolean
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not identity.is_staff() then
        raise insufficient_privilege using message = 'not one of the staff';
    end if;
    update identity.users
       set status = verdict, judged_for = why, judged_at = now(), judged_by = platform.presented('app.staff')
     where id = person and id <> platform.presented('app.staff') and status <> verdict;
    return found;
end $$;
revoke all on function identity.judge_person(uuid, text, text) from public;
grant execute on function identity.judge_person(uuid, text, text) to sambung_api;

reset role;
