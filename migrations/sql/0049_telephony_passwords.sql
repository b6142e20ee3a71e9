-- Of which key a phone's password was made and which one of it (decision 0061): with the key it can be made again, without it these say
-- nothing. Null: made elsewhere, and known to nobody here.
set local role sambung_owner;

alter table telephony.sip_accounts
    add column password_key text,
    add column password_no integer,
    add constraint sip_accounts_password_check check ((password_key is null) = (password_no is null)),
    add constraint sip_accounts_password_key_check check (length(password_key) between 1 and 255);

-- Digests that somebody else writes are of another password.
create function telephony.forget_password() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.ha1_sha256 is distinct from old.ha1_sha256
        and (new.password_key, new.password_no) is not distinct from (old.password_key, old.password_no) then
        new.password_key := null;
        new.password_no := null;
    end if;
    return new;
end $$;
revoke all on function telephony.forget_password() from public;
create trigger sip_accounts_forget_password before update of ha1_md5, ha1_sha256 on telephony.sip_accounts
    for each row execute function telephony.forget_password();

grant select (password_key, password_no), update (password_key, password_no) on telephony.sip_accounts to sambung_api;

reset role;
