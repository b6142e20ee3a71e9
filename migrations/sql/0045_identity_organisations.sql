-- Organisations as people register them and the platform's staff judge them (H-013, H-017 … H-019, H-042 … H-046, HX-2, HX-23, HX-24).
set local role sambung_owner;

alter table identity.organisations
    add column description text,
    add column address text,
    add column latitude numeric(9, 6),
    add column longitude numeric(9, 6),
    add column contact_name text,
    add column contact_phone text,
    -- Of the letters about it.
    add column language text not null default 'id',
    -- Who has registered it.
    add column created_by uuid,
    -- Why it stands as it does, for its people.
    add column reason text,
    -- What a suspended one was before, and why it was that.
    add column suspended_from text,
    add column reason_before text,
    -- Suspended because an owner is; it goes on when they do.
    add column is_suspended_with_owner boolean not null default false,
    add constraint organisations_created_by_fkey foreign key (created_by) references identity.users (id),
    add constraint organisations_description_check check (length(description) between 1 and 2000),
    add constraint organisations_address_check check (length(address) between 1 and 500),
    add constraint organisations_latitude_check check (latitude between -90 and 90),
    add constraint organisations_longitude_check check (longitude between -180 and 180),
    add constraint organisations_place_check check ((latitude is null) = (longitude is null)),
    add constraint organisations_contact_name_check check (length(contact_name) between 1 and 100),
    add constraint organisations_contact_phone_check check (length(contact_phone) between 1 and 50),
    add constraint organisations_language_check check (language in ('id', 'en')),
    add constraint organisations_reason_check check (length(reason) between 1 and 1000),
    add constraint organisations_suspended_from_check check (suspended_from in ('pending', 'approved', 'rejected'));
create index organisations_created_by_idx on identity.organisations (created_by);
create index organisations_created_idx on identity.organisations (created_at, id);

-- Whoever suspends it and by whatever way.
create function identity.remember_status() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.status = 'suspended' then
        new.suspended_from := old.status;
        new.reason_before := old.reason;
    else
        -- A rejected one that was suspended and goes on is rejected for what it was rejected for.
        new.reason := coalesce(new.reason, old.reason_before);
        new.suspended_from := null;
        new.reason_before := null;
        new.is_suspended_with_owner := false;
    end if;
    return new;
end $$;
create trigger organisations_remember before update of status on identity.organisations for each row
    when (old.status is distinct from new.status) execute function identity.remember_status();
revoke all on function identity.remember_status() from public;

-- Where people act for an organisation that is approved no more, they are signed in no more. They may sign in again (H-019).
create function identity.end_sign_ins() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    update identity.sign_ins set revoked_at = now(), revoked_for = 'organisation'
     where org_id = new.id and revoked_at is null;
    return null;
end $$;
create trigger organisations_end_sign_ins after update of status on identity.organisations for each row
    when (old.status = 'approved' and new.status <> 'approved') execute function identity.end_sign_ins();
revoke all on function identity.end_sign_ins() from public;
create policy owner_all on identity.sign_ins to sambung_owner using (true) with check (true);
create index sign_ins_org_idx on identity.sign_ins (org_id) where revoked_at is null;
alter table identity.sign_ins
    drop constraint sign_ins_revoked_for_check,
    add constraint sign_ins_revoked_for_check
        check (revoked_for in ('signed_out', 'refresh_reused', 'too_many', 'password_reset', 'organisation', 'suspended'));

-- The cascades, and what looks up staff, find what they are about by themselves, whoever sets them off.
create policy owner_all on identity.organisations to sambung_owner using (true) with check (true);
create policy owner_all on identity.users to sambung_owner using (true) with check (true);
create policy owner_read on identity.memberships for select to sambung_owner using (true);

-- The person whom a unit of work names as one of the platform's staff (app.staff) is looked up here, by the database itself.
create function identity.is_staff() returns boolean
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
    return exists (select from identity.users
                   where id = platform.presented('app.staff') and platform_role = 'super_admin' and status = 'active');
revoke all on function identity.is_staff() from public;
grant execute on function identity.is_staff() to sambung_api;

-- What staff see: organisations, who belongs to them and who that is. Nothing of their telephony.
create policy api_staff on identity.organisations for select to sambung_api using ((select identity.is_staff()));
create policy api_staff on identity.memberships for select to sambung_api using ((select identity.is_staff()));
create policy api_staff on identity.users for select to sambung_api using ((select identity.is_staff()));

-- The only way by which the control plane's role changes how an organisation stands; false: somebody else has changed it.
create function identity.judge_organisation(org uuid, expected integer, verdict text, why text) returns boolean
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not identity.is_staff() then
        raise insufficient_privilege using message = 'not one of the staff';
    end if;
    update identity.organisations set status = verdict, reason = why, is_suspended_with_owner = false
     where id = org and version = expected;
    return found;
end $$;
revoke all on function identity.judge_organisation(uuid, integer, text, text) from public;
grant execute on function identity.judge_organisation(uuid, integer, text, text) to sambung_api;

grant insert (id, name, description, address, latitude, longitude, contact_name, contact_phone, language, created_by),
    update (name, description, address, latitude, longitude, contact_name, contact_phone, language)
    on identity.organisations to sambung_api;
-- Whoever registers it is its owner.
grant insert (user_id, status) on identity.memberships to sambung_api;

alter table identity.letters
    drop constraint letters_kind_check,
    add constraint letters_kind_check check (kind in ('confirm', 'known', 'reset', 'nobody', 'invite',
        'approved', 'rejected', 'suspended', 'reactivated'));

reset role;
