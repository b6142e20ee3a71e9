-- People are suspended by the platform's staff, and with an owner what is theirs (H-014 … H-016, HX-4, HX-5).
set local role sambung_owner;

alter table identity.users
    add column suspended_at timestamptz,
    add column suspended_by uuid,
    add column suspended_for text,
    add constraint users_suspended_by_fkey foreign key (suspended_by) references identity.users (id),
    add constraint users_suspended_for_check check (length(suspended_for) between 1 and 1000);
create index users_created_idx on identity.users (created_at, id);
create index users_suspended_by_idx on identity.users (suspended_by);

-- Suspended because an owner is; it goes on when they do.
alter table identity.organisations add column is_suspended_with_owner boolean not null default false;

create or replace function identity.remember_status() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.status = 'suspended' then
        new.suspended_from := old.status;
    else
        new.suspended_from := null;
        new.is_suspended_with_owner := false;
    end if;
    return new;
end $$;

-- The cascades find what they are about by themselves, whoever sets them off.
drop policy owner_staff on identity.organisations;
drop policy owner_staff on identity.users;
create policy owner_all on identity.organisations to sambung_owner using (true) with check (true);
create policy owner_all on identity.users to sambung_owner using (true) with check (true);
create policy owner_read on identity.memberships for select to sambung_owner using (true);

-- With an owner what is theirs; with the last suspended one of its owners it goes on as what it was, unless it was suspended for itself.
create function identity.follow_owner() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.status = 'suspended' then
        update identity.organisations o set status = 'suspended', is_suspended_with_owner = true
         where o.status <> 'suspended'
           and exists (select from identity.memberships m where m.org_id = o.id and m.user_id = new.id
                       and m.role = 'owner' and m.status = 'active' and m.removed_at is null);
    else
        update identity.organisations o set status = o.suspended_from
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
       set status = verdict, suspended_for = case verdict when 'suspended' then why end,
           suspended_at = case verdict when 'suspended' then now() end,
           suspended_by = case verdict when 'suspended' then platform.presented('app.staff') end
     where id = person and id <> platform.presented('app.staff') and status <> verdict;
    return found;
end $$;
revoke all on function identity.judge_person(uuid, text, text) from public;
grant execute on function identity.judge_person(uuid, text, text) to sambung_api;

reset role;
